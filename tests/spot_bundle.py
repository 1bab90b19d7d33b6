"""A bundle that needs no training and no torch: light spots on dark parts are defects.

Its network is a few ONNX operations. How far gray values are over 0.6, averaged over cells of 4 px, is the
evidence; each cell adds 3 × its evidence to the logit, and the bias is −2. So regions lie on spots, and
contributions and bias sum to the logit. With `part`'s usual size a spot of radius 6 makes a part NG, one of 4
REVIEW.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gainspect.data.framing import PADDING
from gainspect.inspection.bundle import (
    SCHEMA_VERSION,
    Bundle,
    Description,
    Graph,
    Preprocessing,
    write_bundle,
)
from gainspect.policy import HeatScale, InputPolicy, Policy, ReasonPolicy, UsualRange

SIZE, CELL = 64, 4
_LEVEL, _WEIGHT, BIAS = 0.6, 3.0, -2.0
OUTPUTS = ("logit", "score", "evidence", "contributions")


def spot_bundle(
    path: Path,
    *,
    size: int = SIZE,
    threshold: float = 0.5,
    review_from: float | None = 0.3,
    reason: ReasonPolicy | None = None,
    inputs: bool = True,
) -> Bundle:
    """Write it.

    Args:
        path: NAME.gain.
        size: side of its input, pixels.
        threshold: of its policy.
        review_from: of its policy.
        reason: how reasons are checked; None: repairing the evidence has to halve P(NG).
        inputs: whether images are looked at, all being usual.
    """
    checked = reason or ReasonPolicy(min_drop=0.5, split="val", verdicts=20, marked=20)
    usual = {"brightness": UsualRange(), "contrast": UsualRange(), "sharpness": UsualRange()}
    policy = Policy(
        threshold=threshold,
        review_from=review_from,
        split="val",
        ng=20,
        ok=40,
        region_threshold=0.1,
        heat=HeatScale(cold=0.02, hot=0.4),
        reason=checked,
        inputs=InputPolicy(ranges=usual, share=0.01, split="val", images=40) if inputs else None,
    )
    description = Description(
        schema_version=SCHEMA_VERSION,
        name=path.stem,
        created="1980-01-01T00:00:00+00:00",
        gainspect="by hand",
        strategy="S9",
        preprocessing=Preprocessing(size=size, padding=PADDING),
        graph=Graph(outputs=OUTPUTS, evidence_bias=BIAS),
        policy=policy,
        formats={"onnx": ("model.onnx",)},
        training={},
        data={},
        files={},
    )
    return write_bundle(path, description, {"model.onnx": _network(size)})


def part(*spots: tuple[int, int, int], size: int = 96, gray: int = 90, seed: int = 0) -> np.ndarray:
    """A picture of a dark part with a little grain and light spots.

    Args:
        spots: x, y and radius, pixels.
        size: side of the picture, pixels.
        gray: of the part.
        seed: of the grain.

    Returns:
        (size, size, 3) uint8.
    """
    rows, columns = np.mgrid[:size, :size]
    picture = gray + np.random.default_rng(seed).normal(0, 4, (size, size))
    for x, y, radius in spots:
        picture[(columns - x) ** 2 + (rows - y) ** 2 <= radius**2] = 250
    return np.repeat(np.clip(picture, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def _network(size: int) -> bytes:
    def constant(name: str, value: object, kind: type = np.float32) -> onnx.TensorProto:
        return numpy_helper.from_array(np.array(value, kind), name)

    cells = size // CELL
    node = helper.make_node
    nodes = [
        node("Cast", ["images"], ["values"], to=TensorProto.FLOAT),
        node("ReduceMean", ["values", "channels"], ["gray"], keepdims=0),
        node("Div", ["gray", "white"], ["relative"]),
        node("Sub", ["relative", "level"], ["over"]),
        node("Relu", ["over"], ["light"]),
        node("Unsqueeze", ["light", "one"], ["image"]),
        node("AveragePool", ["image"], ["pooled"], kernel_shape=[CELL, CELL], strides=[CELL, CELL]),
        node("Squeeze", ["pooled", "one"], ["evidence"]),
        node("Mul", ["evidence", "weight"], ["contributions"]),
        node("ReduceSum", ["contributions", "places"], ["sum"], keepdims=0),
        node("Add", ["sum", "bias"], ["logit"]),
        node("Sigmoid", ["logit"], ["score"]),
    ]
    initializers = [
        constant("channels", [3], np.int64),
        constant("one", [1], np.int64),
        constant("places", [1, 2], np.int64),
        constant("white", 255),
        constant("level", _LEVEL),
        constant("weight", _WEIGHT),
        constant("bias", BIAS),
    ]
    floats = {
        "logit": ["n"],
        "score": ["n"],
        "evidence": ["n", cells, cells],
        "contributions": ["n", cells, cells],
    }
    graph = helper.make_graph(
        nodes,
        "spots",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["n", size, size, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in floats.items()],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())

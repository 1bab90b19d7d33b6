"""The ONNX graph as OpenVINO IR, in float32 or quantized to INT8."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError


def to_openvino(onnx: bytes, prefix: str) -> dict[str, bytes]:
    """Convert the graph; weights stay float32.

    Returns:
        The content of `prefix`.xml and `prefix`.bin.
    """
    return _save(_read(onnx), prefix)


def to_int8(onnx: bytes, prefix: str, frames: NDArray[np.uint8]) -> dict[str, bytes]:
    """Quantize weights and activations to 8 bits by post-training calibration (NNCF).

    Args:
        onnx: the graph.
        prefix: the name of the files, without suffix.
        frames: (N, S, S, 3) frames of the validation part to calibrate on.
    """
    try:
        import nncf
    except ImportError as error:
        raise _missing("nncf") from error
    calibration = nncf.Dataset([frame[np.newaxis] for frame in frames])
    model = _read(onnx)
    # Divisions stay exact: the divisor can be a sum near 0 (in S9), which 8 bits would round to 0. So does
    # the distance to the training: it weighs figures by their inverse spread, which 8 bits would blur.
    names = names_only_for(model, "distance")
    exact = nncf.IgnoredScope(types=["Divide"], names=names, validate=False)
    quantized = nncf.quantize(model, calibration, subset_size=len(frames), ignored_scope=exact)
    return _save(quantized, prefix)


def names_only_for(model: Any, output: str) -> list[str]:
    """The names of the operations of a model that no other of its outputs needs; none without this output."""
    own: set[str] = set()
    found = []
    for operation in reversed(model.get_ordered_ops()):  # what reads a value comes before what gives it
        kind, name = operation.get_type_name(), operation.get_friendly_name()
        readers = {
            place.get_node().get_friendly_name()
            for value in operation.outputs()
            for place in value.get_target_inputs()
        }
        if kind == "Result":
            mine = output in operation.input_value(0).get_names()
        else:
            mine = bool(readers) and readers <= own
        if mine:
            own.add(name)
            if kind not in ("Result", "Constant"):
                found.append(name)
    return sorted(found)


def _read(onnx: bytes) -> Any:
    return _openvino().Core().read_model(onnx)


def _save(model: Any, prefix: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{prefix}.xml"
        _openvino().save_model(model, path, compress_to_fp16=False)
        return {file.name: file.read_bytes() for file in (path, path.with_suffix(".bin"))}


def _openvino() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise _missing("openvino") from error
    return openvino


def _missing(package: str) -> GainspectError:
    return GainspectError(
        f"this format needs the package {package}", hint="Install it: pip install 'gainspect[openvino]'."
    )

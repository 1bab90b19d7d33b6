"""The available formats, and the files of each."""

from collections.abc import Callable, Sequence
from typing import get_args

import numpy as np
from numpy.typing import NDArray
from safetensors.torch import save as safetensors
from torch import Tensor

from gainspect.errors import GainspectError
from gainspect.inspection.backends.torch import WEIGHTS
from gainspect.inspection.bundle import Format
from gainspect.models.graph import InspectionGraph
from gainspect.release.formats.onnx import to_onnx
from gainspect.release.formats.openvino_ir import to_int8, to_openvino

FORMATS: tuple[Format, ...] = get_args(Format)
FILES: dict[Format, tuple[str, ...]] = {
    "onnx": ("model.onnx",),
    "openvino": ("model.xml", "model.bin"),
    "openvino-int8": ("model-int8.xml", "model-int8.bin"),
    "torch": (WEIGHTS,),
}


def chosen_formats(names: Sequence[str]) -> tuple[Format, ...]:
    """The formats with these names in their usual order; ONNX is always included.

    Raises:
        GainspectError: there is no such format.
    """
    if unknown := [name for name in names if name not in FORMATS]:
        raise GainspectError(f"there is no format {unknown[0]!r}", hint=f"Choose from {', '.join(FORMATS)}.")
    return tuple(name for name in FORMATS if name == "onnx" or name in names)


def graph_files(
    graph: InspectionGraph,
    formats: Sequence[Format],
    size: int,
    calibration: Callable[[], NDArray[np.uint8]],
) -> dict[str, bytes]:
    """The content of the files of every format, by name, as listed in `FILES`.

    Args:
        graph: the graph to export.
        formats: the formats to export it to.
        size: side of its input, pixels.
        calibration: gives (N, size, size, 3) frames for INT8; called only if INT8 is exported.
    """
    onnx = to_onnx(graph, size)
    contents = {"model.onnx": onnx}
    if "openvino" in formats:
        contents |= to_openvino(onnx, "model")
    if "openvino-int8" in formats:
        contents |= to_int8(onnx, "model-int8", calibration())
    if "torch" in formats:
        contents[WEIGHTS] = safetensors(_tensors(graph))
    return contents


def _tensors(graph: InspectionGraph) -> dict[str, Tensor]:
    """Those of the model by their own names, and what else the graph has."""
    return {name.removeprefix("model."): tensor for name, tensor in graph.state_dict().items()}

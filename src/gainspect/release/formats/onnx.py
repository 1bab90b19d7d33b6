"""The inspection graph as ONNX."""

import logging
import warnings

import onnx
import torch

from gainspect.errors import GainspectError
from gainspect.models.graph import InspectionGraph

INPUT = "images"


def to_onnx(graph: InspectionGraph, size: int) -> bytes:
    """Export a graph: (B, size, size, 3) uint8 in, `graph.outputs` out, any batch size.

    Source: torch's own exporter (dynamo). The graph is traced with two images, because the exporter would
    treat a batch size of one as a constant.

    Raises:
        GainspectError: the exporter cannot express this model.
    """
    graph.eval()
    images = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        # Some modules are computed in another way where they learn, and the exporter would trace that.
        with torch.no_grad(), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the exporter itself uses deprecated parts of torch
            program = torch.onnx.export(
                graph.cpu(),
                (images,),
                dynamo=True,
                input_names=[INPUT],
                output_names=list(graph.outputs),
                dynamic_shapes=({0: torch.export.Dim("batch")},),
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        raise GainspectError(
            f"this model cannot be exported to ONNX ({str(error).splitlines()[0]})",
            hint="Choose another backbone, e.g. an EfficientNet or ResNet.",
        ) from error
    finally:
        logger.setLevel(level)
    assert program is not None  # guaranteed with dynamo=True
    return bytes(without_sources(program.model_proto).SerializeToString())


def without_sources(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph without the exporter's metadata, which name source files of the exporting machine."""
    for holder in (model, model.graph, *model.functions):
        del holder.metadata_props[:]
    nodes = (node for holder in (model.graph, *model.functions) for node in holder.node)
    values = (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer)
    for item in (*nodes, *values):
        del item.metadata_props[:]
    return model

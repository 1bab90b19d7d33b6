"""The exported graph computes what it must, in the ordinary way."""

import onnx
import torch
from torch import nn

from gainspect.config import ModelConfig
from gainspect.models.gain_mtl import GainMTL
from gainspect.models.graph import InspectionGraph
from gainspect.release.formats.onnx import to_onnx
from gainspect.strategies import strategy


def test_dilated_convolutions_are_exported_as_such_and_not_as_they_learn() -> None:
    torch.manual_seed(0)
    model = GainMTL(ModelConfig(backbone="mobilenetv2_035", output_stride=16), strategy("S1"))
    dilated = [m for m in model.modules() if isinstance(m, nn.Conv2d) and m.dilation != (1, 1)]
    assert dilated
    graph = onnx.load_from_string(to_onnx(InspectionGraph(model), 64)).graph
    found = [
        attribute.ints
        for node in graph.node
        if node.op_type == "Conv"
        for attribute in node.attribute
        if attribute.name == "dilations" and list(attribute.ints) != [1, 1]
    ]
    assert [list(dilations) for dilations in found] == [list(m.dilation) for m in dilated]
    assert "Reshape" not in {node.op_type for node in graph.node}

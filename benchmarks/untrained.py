"""Bundles with random weights: as fast and as large as trained ones, but created in seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch import Tensor, nn

from gainspect.config import RunConfig
from gainspect.data.framing import PADDING
from gainspect.data.synthetic import probe_frames
from gainspect.inspection.backends.torch import TorchBackend
from gainspect.inspection.bundle import (
    SCHEMA_VERSION,
    Bundle,
    Description,
    Format,
    Graph,
    Preprocessing,
    write_bundle,
)
from gainspect.models.backbone import Backbone
from gainspect.models.familiarity import Familiarity, pooled
from gainspect.models.gain_mtl import model_of
from gainspect.models.graph import InspectionGraph
from gainspect.policy import InputPolicy, Policy, UsualRange
from gainspect.release.formats.graph_files import FILES, graph_files
from gainspect.types import StatisticName

_ANY_INPUT = InputPolicy(
    ranges={name: UsualRange() for name in get_args(StatisticName)}, share=0.5, split="none", images=0
)


class BareGraph(nn.Module):
    """The timm model alone, including the normalization, with the interface of an `InspectionGraph`."""

    outputs = ("features",)

    def __init__(self, config: RunConfig) -> None:
        super().__init__()
        self.backbone = Backbone(config.model.backbone)

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """(B, S, S, 3) uint8 → its pooled features (B, C)."""
        pixels = (images.permute(0, 3, 1, 2).float() - self.backbone.mean) / self.backbone.std
        return (self.backbone.net(pixels),)


def untrained_bundle(
    path: Path,
    *,
    backbone: str,
    size: int,
    strategy_name: str = "S9",
    formats: tuple[Format, ...] = ("onnx",),
    alone: Callable[[RunConfig], nn.Module] | None = None,
    familiar: bool = False,
) -> Bundle:
    """Write a bundle of a model with random weights from a fixed seed, with which scores of parts differ.

    The region threshold is the 95th percentile of the evidence on synthetic parts, so that there are regions
    of about the size of a defect.

    Args:
        path: the bundle to write.
        backbone: timm model name.
        size: side of its input, pixels.
        strategy_name: S1 … S9.
        formats: the formats that the bundle contains.
        alone: makes a network with the interface of an `InspectionGraph`, which the bundle contains in the
            place of the inspector: it is timed, and cannot judge.
        familiar: the network also gives the distance to the training, and the policy limits all figures.
    """
    torch.manual_seed(5)
    settings = {"strategy": strategy_name, "model": {"backbone": backbone, "weights": "none"}}
    config = RunConfig.model_validate(settings).resolved()
    model = model_of(config).eval()
    with torch.no_grad():  # maps begin where a defect is rare; there scores would hardly differ
        for module in model.modules():
            if isinstance(module, nn.Conv2d) and module.out_channels == 1 and module.bias is not None:
                module.bias.zero_()
    frames = probe_frames(size)
    known = None
    if familiar:
        with torch.inference_mode():
            figures = pooled(model.backbone(torch.from_numpy(frames)).pyramid).numpy()
        known = Familiarity.of(figures)
    graph = InspectionGraph(model, known) if alone is None else alone(config).eval()
    evidence = TorchBackend(model, size)(frames)["evidence"]
    contents = graph_files(graph, formats, size, lambda: frames)
    description = Description(
        schema_version=SCHEMA_VERSION,
        name=path.stem,
        created="1980-01-01T00:00:00+00:00",
        gainspect="untrained",
        strategy=strategy_name,
        preprocessing=Preprocessing(size=size, padding=PADDING),
        graph=Graph(outputs=graph.outputs, evidence_bias=model.bias_margin().item()),
        policy=Policy(
            threshold=0.5,
            split="none",
            ng=0,
            ok=0,
            region_threshold=max(0.0, float(np.percentile(evidence, 95))),
            inputs=_ANY_INPUT if familiar else None,
        ),
        formats={name: FILES[name] for name in formats},
        training={"config": config.model_dump(mode="json")},
        data={},
        files={},
    )
    return write_bundle(path, description, contents)

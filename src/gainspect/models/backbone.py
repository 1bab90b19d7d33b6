"""The feature extractor: any timm model with features at strides 4, 8, 16 and 32."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import timm
import torch
from timm.models import group_modules
from torch import Tensor, nn

from gainspect.errors import GainspectError
from gainspect.models.dilated import learn_quickly

PYRAMID_STRIDES = (4, 8, 16, 32)
_PROBE = 2 * PYRAMID_STRIDES[-1]
"""Side of a small image, pixels."""


class Features(NamedTuple):
    """The features that the backbone extracts."""

    deep: Tensor
    """F: (B, C, h, w) at the output stride; conv_head features if the backbone has them."""
    pyramid: list[Tensor]
    """C2 … C5: stage outputs at strides 4, 8, 16, 32 (C5 at 16 with output stride 16)."""
    finest: Tensor | None
    """C1: those at stride 2; None: the model has none, as where its stem reduces by 4."""


@dataclass(frozen=True)
class _Taps:
    indices: list[int]
    channels: list[int]
    finest_index: int | None
    """Index of the features at stride 2."""
    finest_channels: int | None


class Backbone(nn.Module):
    """A timm model without its classifier; it includes the normalization of the images.

    Args:
        name: timm model name.
        output_stride: stride of the deepest features, 16 or 32.

    Raises:
        GainspectError: timm has no such model, or the model lacks the required features.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, name: str, output_stride: int = 32) -> None:
        super().__init__()
        self.net = _create(name, output_stride)
        learn_quickly(self.net)
        taps = _taps(self.net, name, output_stride)
        self.indices = taps.indices
        self.pyramid_channels = taps.channels
        self.finest_index = taps.finest_index
        self.finest_channels = taps.finest_channels
        self._frozen_names: list[str] = []
        config = self.net.pretrained_cfg
        self.register_buffer("mean", 255.0 * torch.tensor(config["mean"]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", 255.0 * torch.tensor(config["std"]).view(1, 3, 1, 1), persistent=False)
        self.out_channels = int(self.net.num_features)
        self._probe(name, output_stride)

    def forward(self, images: Tensor) -> Features:
        """Extract features.

        Args:
            images: (B, H, W, 3) RGB, uint8 or float in 0…255; H and W multiples of 32.
        """
        # Permuting NHWC gives channels_last memory, the layout in which convolutions are fastest.
        pixels = (images.permute(0, 3, 1, 2).float() - self.mean) / self.std
        finest = [] if self.finest_index is None else [self.finest_index]
        deep, levels = self.net.forward_intermediates(pixels, indices=[*finest, *self.indices])
        return Features(deep, levels[len(finest) :], levels[0] if finest else None)

    def freeze(self, stages: int) -> None:
        """Freeze weights and BatchNorm statistics of the first `stages` stages (the stem is stage 1).

        Raises:
            GainspectError: the backbone does not have that many stages.
        """
        groups = self._stages() if stages else []
        if stages > len(groups):
            raise GainspectError(
                f"cannot freeze {stages} stages: this backbone has {len(groups)}",
                where="training.frozen_stages",
                hint=f"Choose 0 to {len(groups)}." if groups else "Choose 0.",
            )
        self._frozen_names = [name for names in groups[:stages] for name in names]
        for module in self._frozen():
            module.requires_grad_(False)
        self.train(self.training)

    def stages_to(self, stride: int) -> int:
        """The fewest stages behind the features of a stride (4, 8 or 16), for `freeze`; none stays frozen.

        0: they cannot be told apart from those behind the next stride, or timm defines no stages.
        """
        level, found = PYRAMID_STRIDES.index(stride), 0
        training = self.training
        black = torch.zeros(1, _PROBE, _PROBE, 3, device=self.mean.device)
        for count in range(1, len(self._stages()) + 1):
            self.freeze(count)
            with torch.enable_grad():
                learns = [features.requires_grad for features in self.eval()(black).pyramid]
            if not learns[level]:
                found = count if learns[level + 1] else 0
                break
        for module in self._frozen():
            module.requires_grad_(True)
        self.freeze(0)
        self.train(training)
        return found

    def train(self, mode: bool = True) -> "Backbone":
        """Like `nn.Module.train`, but frozen stages stay in evaluation mode."""
        super().train(mode)
        for module in self._frozen():
            module.eval()
        return self

    def _frozen(self) -> list[nn.Module]:
        return [self.net.get_submodule(name) for name in self._frozen_names]

    def _stages(self) -> list[list[str]]:
        """Names of the modules in timm's own layer groups, in forward order (stem first)."""
        try:
            matcher = self.net.group_matcher(coarse=True)
        except (AttributeError, AssertionError):
            return []  # timm does not define the stages of this model
        return list(group_modules(self.net, matcher).values())

    def _probe(self, name: str, output_stride: int) -> None:
        """Run a black image, because what timm declares about a model's features is not always true."""
        side = _PROBE
        sizes = [side // min(stride, output_stride) for stride in PYRAMID_STRIDES]
        wanted = [(1, c, s, s) for c, s in zip(self.pyramid_channels, sizes, strict=True)]
        wanted.append((1, self.out_channels, sizes[-1], sizes[-1]))
        training = self.training
        try:
            with torch.no_grad():
                deep, pyramid, finest = self.eval()(torch.zeros(1, side, side, 3))
            found = [tuple(level.shape) for level in [*pyramid, deep]]
            if finest is not None and finest.shape != (1, self.finest_channels, side // 2, side // 2):
                self.finest_index = self.finest_channels = None
        except (RuntimeError, AssertionError):  # the model accepts only one image size
            found = []
        self.train(training)
        if found != wanted:
            raise _unfit(name, [4, 8, 16, output_stride])


def _create(name: str, output_stride: int) -> Any:
    base, _, tag = name.partition(".")
    tagged = timm.list_pretrained(f"{base}.*")
    if not timm.is_model(base) or (tag and name not in tagged):
        near = ", ".join((tagged or timm.list_models(f"*{base.split('_')[-1]}*"))[:5])
        raise GainspectError(
            f"timm has no model {name!r}",
            where="model.backbone",
            hint=f"Similar names: {near}." if near else "`timm.list_models()` lists the names.",
        )
    options: dict[str, Any] = {} if output_stride == 32 else {"output_stride": output_stride}
    try:
        return timm.create_model(name, pretrained=False, num_classes=0, **options)
    except (TypeError, AssertionError, RuntimeError) as error:
        raise GainspectError(
            f"timm cannot build {name!r} with output stride {output_stride} ({error})",
            where="model.backbone",
            hint="Choose output_stride 32, or a backbone that timm can dilate (EfficientNet, ResNet).",
        ) from error


def _taps(net: Any, name: str, output_stride: int) -> _Taps:
    info = getattr(net, "feature_info", None)
    stages = [] if info is None else [info[i] for i in range(len(info))]
    wanted = [stride for stride in PYRAMID_STRIDES if stride <= output_stride]
    last_of = {stage["reduction"]: index for index, stage in enumerate(stages)}
    if not hasattr(net, "forward_intermediates") or any(stride not in last_of for stride in wanted):
        raise _unfit(name, wanted)
    # With output stride 16 the last two stages share stride 16: the pyramid keeps four levels.
    indices = [last_of[stride] for stride in wanted]
    if len(indices) < len(PYRAMID_STRIDES):
        before = max(i for i, stage in enumerate(stages) if i < indices[-1] and stage["reduction"] == 16)
        indices.insert(-1, before)
    finest = last_of.get(2)
    channels = [stages[i]["num_chs"] for i in indices]
    return _Taps(indices, channels, finest, None if finest is None else stages[finest]["num_chs"])


def _unfit(name: str, strides: list[int]) -> GainspectError:
    return GainspectError(
        f"{name!r} does not give features (B, C, h, w) at strides {strides} for images of any size",
        where="model.backbone",
        hint="Choose a convolutional backbone, e.g. an EfficientNet, ResNet or ConvNeXt.",
    )

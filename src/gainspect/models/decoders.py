"""Localization: the backbone's features are combined top-down and read at the finest stride."""

from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import FeaturePyramidNetwork

from gainspect.models.attention import conv_bn_relu, to_logits
from gainspect.strategies import PyramidKind


class Pyramid(nn.Module):
    """Top-down feature pyramid: [C2 … C5] → [P2 … P5] (with C1, also P1), all with as many channels.

    Source: Lin et al., Feature Pyramid Networks (CVPR 2017).
    """

    def __init__(self, in_channels: list[int], channels: int) -> None:
        super().__init__()
        self.fpn = FeaturePyramidNetwork(in_channels, channels)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Features at strides (2,) 4, 8, 16, 32 → (B, channels, h, w) at the same strides."""
        return list(self.fpn(OrderedDict((str(i), level) for i, level in enumerate(features))).values())


class UNetDecoder(nn.Module):
    """Top-down decoder: [C2 … C5] → [D2 … D5] (with C1, also D1), with fewer channels at finer strides.

    At each stride, a convolution combines the features of the backbone with those of the coarser stride. A
    `Pyramid` is linear up to its head; here each stride learns what it takes from the coarser one.

    Source: Ronneberger et al., U-Net (MICCAI 2015), section 2, the expansive path.
    """

    def __init__(self, in_channels: list[int], channels: int) -> None:
        super().__init__()
        widths = pyramid_widths("unet", channels, len(in_channels))
        self.top = conv_bn_relu(in_channels[-1], widths[-1], 1)
        self.joins = nn.ModuleList(
            conv_bn_relu(below + above, width, 3)
            for below, above, width in zip(in_channels[:-1], widths[1:], widths[:-1], strict=True)
        )

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Features at strides (2,) 4, 8, 16, 32 → (B, `pyramid_widths`, h, w) at the same strides."""
        levels = [self.top(features[-1])]
        for feature, join in zip(features[-2::-1], reversed(list(self.joins)), strict=True):
            above = F.interpolate(levels[0], size=feature.shape[-2:], mode="bilinear")
            levels.insert(0, join(torch.cat([above, feature], dim=1)))
        return levels


def pyramid_widths(kind: PyramidKind, channels: int, levels: int) -> list[int]:
    """Channels at strides 4, 8, 16 and 32; with five levels also at stride 2, before them.

    >>> pyramid_widths("fpn", 32, 4), pyramid_widths("unet", 32, 4), pyramid_widths("unet", 32, 5)
    ([32, 32, 32, 32], [32, 48, 64, 64], [16, 32, 48, 64, 64])
    """
    if kind == "fpn":
        return [channels] * levels
    return [channels // 2, channels, channels * 3 // 2, channels * 2, channels * 2][-levels:]


class LocalizationHead(nn.Module):
    """Localization logits: levels summed at the finest, conv-BN-ReLU `depth` times, then a 1×1 convolution.

    Source: Kirillov et al., Panoptic Feature Pyramid Networks (CVPR 2019), section 3, the sum.
    """

    def __init__(self, channels: int, depth: int = 2) -> None:
        super().__init__()
        self.refine = nn.Sequential(*(conv_bn_relu(channels, channels, 3) for _ in range(depth)))
        self.logits = to_logits(channels, prior=0.02)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """The levels, the finest first → (B, 1, h, w) logits of the finest's size, float32."""
        finest = levels[0]
        for level in levels[1:]:
            finest = finest + F.interpolate(level, size=finest.shape[-2:], mode="bilinear")
        logits: Tensor = self.logits(self.refine(finest))
        return logits.float()


class FinestHead(LocalizationHead):
    """A `LocalizationHead` of the finest level alone, into which a `UNetDecoder` has combined the others."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, depth=1)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """The levels, the finest first → (B, 1, h, w) logits of the finest's size, float32."""
        return super().forward(levels[:1])


PYRAMIDS: dict[PyramidKind, tuple[type[Pyramid | UNetDecoder], type[LocalizationHead]]] = {
    "fpn": (Pyramid, LocalizationHead),
    "unet": (UNetDecoder, FinestHead),
}
"""The module that combines the strides, and the head that reads its result."""

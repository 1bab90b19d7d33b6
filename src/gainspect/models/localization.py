"""Localization: a feature pyramid fused at stride 4."""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import FeaturePyramidNetwork

from gainspect.models.attention import conv_bn_relu, to_logits


class Pyramid(nn.Module):
    """Top-down feature pyramid: [C2 … C5] → [P2 … P5], all of one width.

    Source: Lin et al., Feature Pyramid Networks (CVPR 2017).
    """

    def __init__(self, in_channels: list[int], channels: int) -> None:
        super().__init__()
        self.fpn = FeaturePyramidNetwork(in_channels, channels)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        """Features at strides 4, 8, 16, 32 → (B, channels, h, w) at the same strides."""
        return list(self.fpn(OrderedDict((str(i), level) for i, level in enumerate(features))).values())


class LocalizationHead(nn.Module):
    """P2 … P5 summed at stride 4, conv-BN-ReLU twice, 1×1 → localization logits.

    Source: Kirillov et al., Panoptic Feature Pyramid Networks (CVPR 2019), section 3, the sum.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.refine = nn.Sequential(conv_bn_relu(channels, channels, 3), conv_bn_relu(channels, channels, 3))
        self.logits = to_logits(channels, prior=0.02)

    def forward(self, levels: list[Tensor]) -> Tensor:
        """[P2 … P5] → (B, 1, H/4, W/4) logits, float32."""
        finest = levels[0]
        for level in levels[1:]:
            finest = finest + F.interpolate(level, size=finest.shape[-2:], mode="bilinear")
        logits: Tensor = self.logits(self.refine(finest))
        return logits.float()

"""Localization: a feature pyramid fused at stride 4."""

from collections import OrderedDict

from torch import Tensor, nn
from torch.nn import functional as F
from torchvision.ops import FeaturePyramidNetwork

from gainspect.models.attention import conv_bn_relu


class LocalizationHead(nn.Module):
    """FPN over C2 … C5, summed at stride 4, conv-BN-ReLU twice, 1×1 → localization logits.

    Source: Lin et al., Feature Pyramid Networks (CVPR 2017); the sum as in Kirillov et al.,
    Panoptic Feature Pyramid Networks (CVPR 2019), section 3.
    """

    def __init__(self, pyramid_channels: list[int], channels: int) -> None:
        super().__init__()
        self.fpn = FeaturePyramidNetwork(pyramid_channels, channels)
        self.refine = nn.Sequential(conv_bn_relu(channels, channels, 3), conv_bn_relu(channels, channels, 3))
        self.logits = nn.Conv2d(channels, 1, 1)

    def forward(self, pyramid: list[Tensor]) -> Tensor:
        """[C2 … C5] → (B, 1, H/4, W/4) logits, float32."""
        levels = list(self.fpn(OrderedDict((str(i), level) for i, level in enumerate(pyramid))).values())
        finest = levels[0]
        for level in levels[1:]:
            finest = finest + F.interpolate(level, size=finest.shape[-2:], mode="bilinear")
        logits: Tensor = self.logits(self.refine(finest))
        return logits.float()

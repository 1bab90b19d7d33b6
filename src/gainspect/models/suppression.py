"""Suppression (training only): removes the defect from the features."""

from torch import Tensor, nn
from torch.nn import functional as F

from gainspect.models.attention import conv_bn_relu


class FeatureSuppression(nn.Module):
    """F·(1−s) + replace(F)·s, refined by a residual, with a suppression mask s learned from the defect mask.

    s is 0 outside the mask and its neighbors. The rest of the image must then give OK, which forces the
    classifier to use no NG evidence in the background.
    """

    def __init__(self, channels: int, hidden: int = 64) -> None:
        super().__init__()
        self.strength = nn.Sequential(
            conv_bn_relu(1, hidden, 3), nn.Conv2d(hidden, channels, 1), nn.Sigmoid()
        )
        self.replace = nn.Sequential(conv_bn_relu(channels, hidden, 1), nn.Conv2d(hidden, channels, 1))
        self.refine = nn.Sequential(conv_bn_relu(channels, hidden, 3), nn.Conv2d(hidden, channels, 1))

    def forward(self, deep: Tensor, mask: Tensor) -> Tensor:
        """Features with the defect suppressed.

        Args:
            deep: (B, C, h, w) features F.
            mask: (B, 1, h, w) defect mask at F's size, 0 or 1.
        """
        near = F.max_pool2d(mask, 3, stride=1, padding=1)
        s = self.strength(mask) * near
        replaced = deep * (1 - s) + self.replace(deep) * s
        refined: Tensor = replaced + self.refine(replaced) * near
        return refined

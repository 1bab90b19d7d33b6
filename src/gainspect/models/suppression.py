"""Suppression (training only): takes the defect out of the features."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gainspect.models.attention import conv_bn_relu


class FeatureSuppression(nn.Module):
    """F·(1−s) + surroundings(F)·s, with a suppression mask s that is learned from the defect mask.

    s is 0 outside the mask and its neighbors. What is left must then give OK, which forces the classifier to
    use no NG evidence in the background. Only s is learned; what replaces a suppressed cell is an average of
    the cells around the defect, so suppression cannot write OK where they say NG.
    """

    def __init__(self, channels: int, hidden: int = 64) -> None:
        super().__init__()
        self.strength = nn.Sequential(
            conv_bn_relu(1, hidden, 3), nn.Conv2d(hidden, channels, 1), nn.Sigmoid()
        )

    def forward(self, deep: Tensor, mask: Tensor) -> Tensor:
        """Features with the defect suppressed; float32 where it changes them.

        Args:
            deep: (B, C, h, w) features F.
            mask: (B, 1, h, w) defect mask at F's size, 0 or 1; where `is_surrounded` says no, F stays.
        """
        near = suppressed_at(mask)
        s = self.strength(mask) * near * is_surrounded(mask).view(-1, 1, 1, 1)
        return torch.lerp(deep, surroundings(deep, 1 - near).to(deep.dtype), s.to(deep.dtype))


def suppressed_at(mask: Tensor) -> Tensor:
    """(B, 1, h, w), 1 in the mask and its eight neighbors."""
    return F.max_pool2d(mask, 3, stride=1, padding=1)


def is_surrounded(mask: Tensor) -> Tensor:
    """(B,) whether any cell is left that defects do not reach."""
    return (suppressed_at(mask) == 0).flatten(1).any(dim=1)


def surroundings(deep: Tensor, known: Tensor) -> Tensor:
    """What the known cells say of the unknown ones: averages of ever larger neighborhoods; float32.

    Every value is a convex combination of known ones. Known cells stay as they are.

    Source: pull–push after Gortler et al., The Lumigraph (SIGGRAPH 1996), section 3.4; as `data.repair` does
    it in images.

    Args:
        deep: (B, C, h, w).
        known: (B, 1, h, w), 1 where a cell is known, else 0; in each image at least one.
    """
    with torch.autocast(deep.device.type, enabled=False):
        return _diffused(deep.float() * known, known.float())


def _diffused(values: Tensor, known: Tensor) -> Tensor:
    """(B, C, h, w) with unknown cells filled; values are multiplied by how much of each cell is known."""
    average = values / known.clamp_min(1e-6)
    if max(known.shape[-2:]) == 1:
        return average
    coarse = _diffused(*(F.avg_pool2d(level, 2, ceil_mode=True) for level in (values, known)))
    below = F.interpolate(coarse, size=known.shape[-2:], mode="bilinear")
    enough = (known > 0).flatten(1).all(dim=1).view(-1, 1, 1, 1)
    return torch.where(enough, average, below + known * (average - below))

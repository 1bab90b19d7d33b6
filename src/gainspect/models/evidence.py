"""The evidence head: its logit is the sum of its evidence."""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class EvidenceHead(nn.Module):
    """Pools a gate g in 0…1 into a margin that is exactly a bias plus the sum of a non-negative map.

    contribution(x, y) = gain · g^(p+1) / (Σ g^p + ε). The margin is therefore bias + gain · the mean of g
    weighted by g^p, which lies between the mean (p = 0) and the maximum (p → ∞). A single cell of a small
    defect counts as much as a thousand cells of a large one, many faint cells do not add up to an NG verdict,
    and a cell where the gate is closed contributes nothing.

    Args:
        power: p, at least 0.
    """

    epsilon = 1e-3

    def __init__(self, power: float = 3.0) -> None:
        super().__init__()
        self.power = power
        # At the start, P(NG) is 0.5 if the gate is half open, and 0.02 if it is closed.
        self.log_gain = nn.Parameter(torch.tensor(8.0).log())
        self.bias = nn.Parameter(torch.tensor(-4.0))

    def forward(self, gate: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, h, w) gate → margin (B,) and contributions (B, 1, h, w) at least 0; float32.

        bias + the sum of the contributions = margin.
        """
        with torch.autocast(gate.device.type, enabled=False):
            gate = gate.float()
            weight = gate**self.power
            total = weight.sum(dim=(2, 3), keepdim=True) + self.epsilon
            contributions = self.log_gain.exp() * gate * weight / total
            margin = contributions.sum(dim=(1, 2, 3)) + self.bias
        return margin, contributions


class ContextEvidenceHead(nn.Module):
    """The same sum, of a gate whose cells count by what is around them.

    contribution(x, y) = g^p / (Σ g^p + ε) · g · softplus(5×5 convolution over [features, g]), at stride 4,
    and the same at stride 16, where g is the largest of its cells; what a cell of stride 16 contributes is
    divided among its cells of stride 4 by their gates. So it is still a bias plus the sum of a non-negative
    map, and a closed cell contributes nothing; but how much an open one is worth depends on a neighborhood of
    20 and 80 pixels.

    Source: the segmentation–detection module of Rolih et al., SuperSimpleNet (ICPR 2024), section 3.4, whose
    score has context; there it is no sum.

    Args:
        power: p, at least 0.
        fine: channels of the features at stride 4.
        coarse: channels of those at stride 16.
    """

    def __init__(self, power: float, fine: int, coarse: int) -> None:
        super().__init__()
        self.power = power
        self.fine, self.coarse = _worth(fine), _worth(coarse)
        self.bias = nn.Parameter(torch.tensor(-4.0))

    def forward(self, gate: Tensor, fine: Tensor, coarse: Tensor) -> tuple[Tensor, Tensor]:
        """Gate (B, 1, h, w) and features at strides 4 and 16 → margin (B,), contributions (B, 1, h, w).

        float32, at least 0; bias + the sum of the contributions = margin.
        """
        with torch.autocast(gate.device.type, enabled=False):
            gate = gate.float()
            contributions = self._pooled(gate, self.fine, fine.float())
            larger = self._pooled(F.max_pool2d(gate, 4), self.coarse, coarse.float())
            share = gate / (_four_times(16 * F.avg_pool2d(gate, 4)) + 1e-12)
            contributions = contributions + _four_times(larger) * share
            margin = contributions.sum(dim=(1, 2, 3)) + self.bias
        return margin, contributions

    def _pooled(self, gate: Tensor, worth: nn.Module, features: Tensor) -> Tensor:
        weight = gate**self.power
        weight = weight / (weight.sum(dim=(2, 3), keepdim=True) + EvidenceHead.epsilon)
        return weight * gate * F.softplus(worth(torch.cat([features, gate], dim=1)))


def _worth(channels: int) -> nn.Conv2d:
    """A convolution that at first says of every cell that it is worth 4, half of `EvidenceHead`'s gain."""
    convolution = nn.Conv2d(channels + 1, 1, 5, padding=2)
    assert convolution.bias is not None
    nn.init.zeros_(convolution.weight)
    nn.init.constant_(convolution.bias, math.log(math.expm1(4.0)))
    return convolution


def _four_times(cells: Tensor) -> Tensor:
    """(B, 1, h, w) → (B, 1, 4h, 4w), each cell repeated."""
    return F.interpolate(cells, scale_factor=4.0, mode="nearest")

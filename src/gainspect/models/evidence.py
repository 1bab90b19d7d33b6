"""The evidence head: its logit is the sum of its evidence."""

import torch
from torch import Tensor, nn


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

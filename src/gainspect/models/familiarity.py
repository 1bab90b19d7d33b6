"""How far the features of an image lie from those of the OK images of the training."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

_LEVEL = 1
"""C3, at stride 8: texture, light and sharpness still show there (benchmarks/inputs.py)."""
_LEAST_SPREAD = 0.1
"""A figure that hardly changes in the training counts as spread by this share of what is usual."""


class Familiarity(nn.Module):
    """A Mahalanobis distance over the root of the number of figures: about 1 for an OK image of the training.

    Args:
        width: number of figures, twice the channels of C3.
    """

    center: Tensor
    whitening: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        self.register_buffer("center", torch.zeros(width))
        self.register_buffer("whitening", torch.eye(width))

    def forward(self, pyramid: Sequence[Tensor]) -> Tensor:
        """C2 … C5 of (B, …) images → (B,) distances, float32 even under autocast."""
        with torch.autocast(pyramid[0].device.type, enabled=False):
            away = (pooled(pyramid) - self.center) @ self.whitening
            return away.square().mean(dim=1).sqrt()

    @classmethod
    def of(cls, figures: NDArray[np.floating]) -> "Familiarity":
        """Fit center and whitening, with the covariance shrunk, since there are few images for many figures.

        Source: Ledoit and Wolf, A well-conditioned estimator for large-dimensional covariance matrices,
        Journal of Multivariate Analysis 88 (2004), on figures of equal spread.

        Args:
            figures: (N, D), `pooled` of the OK images of the training.
        """
        from sklearn.covariance import ledoit_wolf  # inspecting with torch does without

        center, spread = figures.mean(axis=0, dtype=np.float64), figures.std(axis=0, dtype=np.float64)
        spread = np.hypot(spread, _LEAST_SPREAD * np.median(spread)) + np.finfo(np.float32).eps
        covariance, _ = ledoit_wolf((figures - center) / spread, assume_centered=True)
        variances, axes = np.linalg.eigh(covariance)
        scales = np.sqrt(np.maximum(variances, np.finfo(np.float32).eps))
        found = cls(figures.shape[1])
        found.center.copy_(torch.from_numpy(center))
        found.whitening.copy_(torch.from_numpy(axes / scales / spread[:, None]))
        return found


def familiarity_in(state: dict[str, Tensor]) -> Familiarity | None:
    """Take it out of the tensors of an `InspectionGraph`, by name; None: they have none."""
    prefix = "familiarity."
    own = {name.removeprefix(prefix): state.pop(name) for name in list(state) if name.startswith(prefix)}
    if not own:
        return None
    found = Familiarity(len(own["center"]))
    found.load_state_dict(own)
    return found


def pooled(pyramid: Sequence[Tensor]) -> Tensor:
    """(B, 2·C): mean and standard deviation over all places of each channel of C3, float32."""
    level = pyramid[_LEVEL].float()
    mean = level.mean(dim=(2, 3), keepdim=True)
    deviation = (level - mean).square().mean(dim=(2, 3)).sqrt()
    return torch.cat([mean.flatten(1), deviation], dim=1)

"""Test-time augmentation of peers: the mean of what a network says of an image as it is, mirrored, turned."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from gainspect.inspection.backends.backend import Backend, Predictions

MOST = 8
"""The turns by 90° of a square image, and those of its mirror image."""


class MeanOfPositions:
    """A `Backend`: the mean of the logits, and of the maps turned back, over positions of each image.

    Args:
        backend: gives what it says in one position.
        positions: how many, 1 … `MOST`: as it is, mirrored, then both after each quarter turn.
    """

    def __init__(self, backend: Backend, positions: int) -> None:
        self.backend = backend
        self.size, self.runtime, self.precision = backend.size, backend.runtime, backend.precision
        self.positions = positions

    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        """The predictions for (B, S, S, 3) images: "score" (B,) and the maps (B, h, w)."""
        said: list[Predictions] = []
        for position in range(self.positions):
            turns, mirrored = divmod(position, 2)
            seen = np.rot90(images[:, :, ::-1] if mirrored else images, turns, axes=(1, 2))
            found = self.backend(np.ascontiguousarray(seen))
            maps = {name: np.rot90(of, -turns, axes=(1, 2)) for name, of in found.items() if of.ndim == 3}
            said.append(
                {name: of[:, :, ::-1] if mirrored else of for name, of in maps.items()}
                | {"score": found["score"]}
            )
        mean = {name: np.mean([one[name] for one in said], axis=0) for name in said[0]}
        scores = np.stack([one["score"] for one in said]).astype(np.float64)
        margins = logit(scores.clip(1e-7, 1 - 1e-7))
        return mean | {"score": expit(margins.mean(0)).astype(np.float32)}

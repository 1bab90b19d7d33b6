"""Test-time views: what a network says in the mean of an image as it is, turned and mirrored."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from gainspect.inspection.backends.backend import Backend, Predictions

MOST = 8
"""The turns by 90° of a square image, and those of its mirror image."""


class MeanOfViews:
    """A `Backend`: the mean of the logits, and of the maps turned back, over views of each image.

    Args:
        backend: gives what it says of one view.
        views: how many, 1 … `MOST`: the image itself, its mirror image, then their turns.
    """

    def __init__(self, backend: Backend, views: int) -> None:
        self.backend = backend
        self.size, self.runtime, self.precision = backend.size, backend.runtime, backend.precision
        self.views = views

    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        """The predictions for (B, S, S, 3) images: "score" (B,) and the maps (B, h, w)."""
        said: list[Predictions] = []
        for view in range(self.views):
            turns, mirrored = divmod(view, 2)
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

"""A backend that runs the network once where the same images are judged in two passes."""

import hashlib

import numpy as np
from numpy.typing import NDArray

from gainspect.inspection.backends.backend import Backend, Predictions

_ROOM = 2**28
"""Bytes of predictions that are kept: of about 5,000 images at 256 px, 1,300 at 512 px."""


class Remembered:
    """Keeps what the network says of each batch, and says it once more instead of running the network again.

    A batch is known by its pixels, so what is said again is what the network would say. Batches for which
    there is no room, and those that were not seen before `replay`, are run. One thread may call it.

    Args:
        backend: runs the network.
        room: bytes of predictions that are kept at most.
    """

    def __init__(self, backend: Backend, room: int = _ROOM) -> None:
        self.backend = backend
        self.size, self.runtime, self.precision = backend.size, backend.runtime, backend.precision
        self._room = room
        self._known: dict[bytes, Predictions] = {}
        self._replays = False

    def replay(self) -> None:
        """From now on batches that are known are said again, each once, and no others are kept."""
        self._replays = True

    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        """The predictions for (B, S, S, 3) RGB images, but for the features, which are large."""
        key = hashlib.sha256(f"{images.shape} ".encode() + images.tobytes()).digest()
        if self._replays and key in self._known:
            return self._known.pop(key)
        results = {name: values for name, values in self.backend(images).items() if name != "features"}
        size = sum(values.nbytes for values in results.values())
        if not self._replays and key not in self._known and size <= self._room:
            self._known[key] = results
            self._room -= size
        return results

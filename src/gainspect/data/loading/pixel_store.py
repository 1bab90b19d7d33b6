"""Pixels of images that every epoch loads again, kept in memory that forked processes share."""

import mmap
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.types import Image, Mask

_BYTES_PER_PIXEL = 4
"""Three channels, and one value beside them."""


class PixelStore:
    """Images, each with one value per pixel, as many as there is room for.

    Processes that are forked from the one that made the store share it: what one has put, all get. A store
    that makes room for the latest image would, if it is too small for an epoch, have lost each image by the
    time it is drawn again; so which images have a place is settled at once.

    An image is taken only if its checksum fits, so one that another process is just writing is not there yet.
    Memory is used as images are put.

    Args:
        shapes: (H, W) of each image.
        room: bytes of memory that it may use at most.
        seed: determines which images have a place if there is no room for all.

    Raises:
        GainspectError: the machine does not have that much memory.
    """

    def __init__(self, shapes: Sequence[tuple[int, int]], room: int, seed: int = 0) -> None:
        sizes = [height * width * _BYTES_PER_PIXEL for height, width in shapes]
        self._shapes = shapes
        self._starts: dict[int, int] = {}
        used = 0
        for index in np.random.default_rng(seed).permutation(len(shapes)).tolist():
            if used + sizes[index] <= room:
                self._starts[index] = used
                used += sizes[index]
        self._pixels = _shared(used)
        self._checksums = _shared(4 * len(shapes)).view(np.uint32)

    def get(self, index: int) -> tuple[Image, Mask] | None:
        """A copy of an image (H, W, 3) and its values (H, W); None: it is not there."""
        place = self._place(index)
        if place is None or not self._checksums[index]:
            return None
        found = place.copy()
        if _checksum(found) != self._checksums[index]:
            return None
        height, width = self._shapes[index]
        image, values = np.split(found, [3 * height * width])
        return image.reshape(height, width, 3), values.reshape(height, width)

    def put(self, index: int, image: Image, values: Mask) -> None:
        """Put an image (H, W, 3) and its values (H, W), if it has a place and still the shape that it had."""
        place = self._place(index)
        if place is not None and values.shape == self._shapes[index]:
            content = np.concatenate([image.ravel(), values.ravel()])
            place[:] = content
            self._checksums[index] = _checksum(content)

    def _place(self, index: int) -> NDArray[np.uint8] | None:
        start = self._starts.get(index)
        if start is None:
            return None
        height, width = self._shapes[index]
        return self._pixels[start : start + height * width * _BYTES_PER_PIXEL]


def _shared(size: int) -> NDArray[np.uint8]:
    """So many bytes of 0, which processes share that are forked from now on."""
    try:
        return np.frombuffer(mmap.mmap(-1, max(size, 1)), np.uint8)[:size]
    except OSError as error:
        raise GainspectError(
            f"there is no memory for {size / 1e9:.1f} GB of images ({error.strerror})",
            hint="Set training.cache_gb to less, or to 0.",
        ) from error


def _checksum(content: NDArray[np.uint8]) -> int:
    return zlib.crc32(content.data) or 1  # 0: nothing was put

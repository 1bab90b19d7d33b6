"""Fits images of any size into the model's square frame, and maps back. Needs only NumPy and OpenCV."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.types import FloatMap, Image, Mask

_Number = TypeVar("_Number", np.uint8, np.float32)

PADDING = 128
"""Gray value of the letterbox border; near 0 after the normalization of most backbones."""

_MIN_COVERAGE = 0.25
"""A frame pixel counts as defect if at least this share of it is covered by the defect."""


@dataclass(frozen=True)
class Geometry:
    """The position of an image in its square frame. All values are in pixels."""

    height: int
    width: int
    """Size of the original image."""
    size: int
    """Side of the frame."""
    top: int
    left: int
    content_height: int
    content_width: int
    """Position and size of the scaled image inside the frame."""


def geometry_of(height: int, width: int, size: int) -> Geometry:
    """Fit height × width into a size × size frame: same aspect ratio, centered, at least 1 px per side."""
    scale = size / max(height, width)
    content_height, content_width = max(1, round(height * scale)), max(1, round(width * scale))
    top, left = (size - content_height) // 2, (size - content_width) // 2
    return Geometry(height, width, size, top, left, content_height, content_width)


def letterbox(image: Image, size: int, padding: int = PADDING) -> tuple[Image, Geometry]:
    """Scale an image into the middle of a square (size, size, 3) of the grey value `padding`."""
    geometry = geometry_of(image.shape[0], image.shape[1], size)
    frame = np.full((size, size, 3), padding, np.uint8)
    content_of(frame, geometry)[:] = _resize(image, geometry.content_height, geometry.content_width)
    return frame, geometry


def letterbox_mask(mask: Mask, geometry: Geometry) -> Mask:
    """Scale a mask (H, W) into the frame (size, size); even the smallest defect does not vanish.

    A frame pixel counts as defect if at least a quarter of it is covered. A connected defect that covers no
    pixel to this extent keeps all frame pixels that contain the center of one of its own pixels.
    """
    frame = np.zeros((geometry.size, geometry.size), np.uint8)
    left, top, width, height = cv2.boundingRect(mask)
    if not width:
        return frame
    content = content_of(frame, geometry)
    content[:] = _resize(mask.astype(np.float32), *content.shape) >= _MIN_COVERAGE
    marked = mask[top : top + height, left : left + width]  # most of a large image is not
    count, labels = cv2.connectedComponents(marked, connectivity=8)
    rows, columns = np.nonzero(marked)
    defect = labels[rows, columns]
    # The position in the frame of the center of each defect pixel.
    rows = (2 * (rows + top) + 1) * geometry.content_height // (2 * geometry.height)
    columns = (2 * (columns + left) + 1) * geometry.content_width // (2 * geometry.width)
    survives = np.zeros(count, np.bool_)
    survives[defect[content[rows, columns] > 0]] = True
    lost = ~survives[defect]
    content[rows[lost], columns[lost]] = 1
    return frame


def unletterbox(values: NDArray[np.floating], geometry: Geometry) -> FloatMap:
    """Resize a model's map (h, w) of the whole frame, at any resolution, to the image's (H, W)."""
    frame = _resize(values.astype(np.float32), geometry.size, geometry.size)
    return _resize(content_of(frame, geometry), geometry.height, geometry.width).astype(np.float32)


class Spread:
    """Amounts on a grid (h, w) over the whole frame, each spread evenly over its cell, in the image's pixels.

    Unlike `unletterbox`, which keeps values, this keeps sums: a window of the image holds exactly the share
    of each cell that it shows. What lies in the border of the frame is in no window.
    """

    def __init__(self, amounts: FloatMap, geometry: Geometry) -> None:
        self.amounts = amounts
        rows, columns = (cells / geometry.size for cells in amounts.shape)  # cells per pixel of the frame
        y = geometry.top * rows, geometry.content_height * rows
        x = geometry.left * columns, geometry.content_width * columns
        self._rows = _overlaps(*y, geometry.height, amounts.shape[0])
        self._columns = _overlaps(*x, geometry.width, amounts.shape[1])

    def window(self, top: int, left: int, height: int, width: int) -> FloatMap:
        """(height, width): the amount in each pixel of a window of the image."""
        rows, columns = self._rows[top : top + height], self._columns[left : left + width]
        return np.asarray(rows @ self.amounts @ columns.T, np.float32)

    def cells(self, values: FloatMap, top: int, left: int) -> FloatMap:
        """(h, w): in each cell the sum of a window's pixels, each by the share of the cell that it covers."""
        rows, columns = self._rows[top : top + len(values)], self._columns[left : left + values.shape[1]]
        return np.asarray(rows.T @ values @ columns, np.float32)


@lru_cache(maxsize=4)  # the images of a line are of one size
def _overlaps(begin: float, length: float, pixels: int, cells: int) -> NDArray[np.float32]:
    """(pixels, cells): how much of each cell, 0…1, lies in each of the pixels that share a length evenly.

    Args:
        begin: where the first pixel begins, in cells.
        length: of all pixels together, in cells.
        pixels: their number.
        cells: number of cells.
    """
    edges = begin + np.linspace(0, length, pixels + 1)
    reached = np.clip(edges[:, None] - np.arange(cells), 0, 1)
    shares = np.diff(reached, axis=0).astype(np.float32)
    shares.flags.writeable = False  # it is shared
    return shares


def content_mask(geometry: Geometry) -> Mask:
    """(size, size), 1 where the frame shows the image, 0 in its border."""
    frame = np.zeros((geometry.size, geometry.size), np.uint8)
    content_of(frame, geometry)[:] = 1
    return frame


def content_of(frame: NDArray[_Number], geometry: Geometry) -> NDArray[_Number]:
    """The part of the frame that shows the image (a view)."""
    bottom, right = geometry.top + geometry.content_height, geometry.left + geometry.content_width
    return frame[geometry.top : bottom, geometry.left : right]


def _resize(values: NDArray[_Number], height: int, width: int) -> NDArray[_Number]:
    """Area average for shrinking, bilinear for enlarging; neither shifts the image."""
    shrinks = height * width < values.shape[0] * values.shape[1]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (width, height), interpolation=interpolation), values.dtype)

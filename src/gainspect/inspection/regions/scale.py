"""The size of a pixel in mm, from an image of a checkerboard or of a grid of circles."""

import math
import re
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.types import Image

MOST_UNEVEN = 0.02
"""How far the spacing may differ between directions, and the middle nine tenths of all spacings from their
median. Under an angle of 11° a side already looks 2 % shorter: one scale no longer holds for the image."""
_FEWEST, _MOST = 3, 100
_FOUND_TO = 0.3
"""Pixels. The distance of two points is found to this."""
_LEAST_SPACING = 4.0
"""Pixels. Closer points are not found well enough."""


class GridSize(NamedTuple):
    """Points of a pattern: inner corners of a checkerboard, or circles."""

    columns: int
    rows: int

    def __str__(self) -> str:
        return f"{self.columns}x{self.rows}"


def require_scale(mm_per_px: float) -> float:
    """Refuse a scale that no camera has.

    Raises:
        GainspectError: it is not a positive number.
    """
    if not (math.isfinite(mm_per_px) and mm_per_px > 0):
        raise GainspectError(
            f"the scale is {mm_per_px:g} mm per pixel",
            hint="Give a positive number: the mm that a pixel of the original image shows, such as 0.05.",
        )
    return mm_per_px


def grid_size(text: str) -> GridSize:
    """The size of a pattern, written as 9x6.

    Raises:
        GainspectError: it is written in another way, or too small or large.
    """
    written = re.fullmatch(r"(\d{1,4})[x×](\d{1,4})", text.strip())
    size = GridSize(*map(int, written.groups())) if written else GridSize(0, 0)
    if not all(_FEWEST <= side <= _MOST for side in size):
        raise GainspectError(
            f"the grid is {text!r}",
            hint=f"Write columns x rows, each {_FEWEST} to {_MOST}, such as 9x6: the inner corners of a "
            "checkerboard (one less than its squares), or circles.",
        )
    return size


def scale_of(image: Image, size: GridSize, spacing_mm: float, *, where: str | None = None) -> float:
    """The mm of one pixel: the spacing of the pattern over the median distance of neighboring points.

    Args:
        image: (H, W, 3), the pattern in the plane of the parts, at any turn.
        size: of the pattern.
        spacing_mm: side of a square, or distance of the centers of neighboring circles.
        where: name of the image.

    Raises:
        GainspectError: the spacing is not a positive number, no such pattern is found, or it is seen at an
            angle.
    """
    if not (math.isfinite(spacing_mm) and spacing_mm > 0):
        raise GainspectError(
            f"the side of a square is {spacing_mm:g} mm", hint="Give a positive number with --square-mm."
        )
    points = _points(image, size)
    if points is None:
        raise GainspectError(
            f"there is no checkerboard with {size} inner corners, and no grid of {size} circles, in it",
            where=where,
            hint="The whole pattern must be seen, sharp, with a bright rim, and --grid must count its inner "
            "corners (one less than its squares) or its circles.",
        )
    along, across = (np.linalg.norm(np.diff(points, axis=axis), axis=2) for axis in (1, 0))
    every = np.concatenate([along.ravel(), across.ravel()])
    spacing = float(np.median(every))
    low, high = np.quantile(every, (0.05, 0.95)) / spacing
    between = float(np.median(along) / np.median(across))
    uneven = max(abs(between - 1), 1 - float(low), float(high) - 1)
    if spacing < _LEAST_SPACING:
        raise GainspectError(
            f"the points of the pattern are only {spacing:.1f} pixels apart",
            where=where,
            hint="Use a pattern with larger squares.",
        )
    if uneven > max(MOST_UNEVEN, _FOUND_TO / spacing):
        raise GainspectError(
            f"the spacing of the pattern differs by {uneven:.1%} over the image: it is seen at an angle, "
            "or the lens distorts",
            where=where,
            hint="Lay it flat in the plane of the parts, under the camera; one scale must hold everywhere.",
        )
    return spacing_mm / spacing


def _points(image: Image, size: GridSize) -> NDArray[np.float64] | None:
    """(rows, columns, 2), the places of the pattern's points, pixels; None: it is not there."""
    gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)
    found, points = cv2.findChessboardCornersSB(gray, size, flags=cv2.CALIB_CB_ACCURACY)
    if not found:
        found, points = _circles(gray, size)
    if not found:
        return None
    return np.asarray(points, np.float64).reshape(size.rows, size.columns, 2)


def _circles(gray: NDArray[np.uint8], size: GridSize) -> tuple[bool, NDArray[np.float32]]:
    settings = cv2.SimpleBlobDetector.Params()
    settings.minArea, settings.maxArea = 12.0, gray.size / (size.columns * size.rows)
    settings.minDistBetweenBlobs = _LEAST_SPACING
    detector = cv2.SimpleBlobDetector.create(settings)
    for shade in (gray, 255 - gray):  # dark circles, or bright ones
        found, points = cv2.findCirclesGrid(
            shade, size, flags=cv2.CALIB_CB_SYMMETRIC_GRID, blobDetector=detector
        )
        if found:
            return True, np.asarray(points, np.float32)
    return False, np.empty((0, 2), np.float32)

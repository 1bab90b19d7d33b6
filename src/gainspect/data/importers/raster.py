"""From shapes to pixels: a pixel belongs to a shape if its center lies in it."""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gainspect.data.importers.annotations import Box, Damaged, Ellipse, Line, Pixels, Points, Polygon, Shape
from gainspect.errors import GainspectError
from gainspect.types import Mask, MaskKind

LINE_WIDTH = 3.0
"""Pixels, of a line whose tool states no width."""
_CORNERS = 128
"""Of the polygon that an ellipse is drawn as."""

_FAR = 1e7
"""Pixels; no picture is larger."""


class Drawn(NamedTuple):
    """A shape in its picture."""

    window: Mask
    """(h, w), 1 in the shape; as little of the picture as holds it."""
    top: int
    left: int
    clipped: bool
    """Whether some of the shape lies outside the picture."""


def kind_of(shape: Shape) -> MaskKind:
    """What a shape shows of a defect. A polygon of four corners along the axes is a box."""
    if shape.kind is not None:
        return shape.kind
    match shape.geometry:
        case Box():
            return "box"
        case Line():
            return "scribble"
        case Polygon(outer=(only,), holes=()) if _is_box(only):
            return "box"
    return "outline"


def draw(shape: Shape, height: int, width: int, line_width: float = LINE_WIDTH) -> Drawn | None:
    """The pixels of a shape in a picture of this size; None: it lies outside.

    A shape of which no pixel's center is in the picture keeps those that its outline passes through, so that
    the smallest does not vanish.

    Raises:
        GainspectError: it is none (a polygon of less than three points), or its pixels are damaged.
    """
    geometry = shape.geometry
    if isinstance(geometry, Damaged):
        raise GainspectError(geometry.why, where=shape.place)
    if isinstance(geometry, Pixels):
        return _placed(geometry.decode(), geometry.top, geometry.left, height, width)
    scale = np.array([width, height], np.float64) if shape.relative else np.ones(2)
    match geometry:
        case Polygon():
            outer = [points * scale for points in geometry.outer]
            holes = [points * scale for points in geometry.holes]
        case Box():
            outer, holes = [_box(geometry, scale)], []
        case Ellipse():
            outer, holes = [_ellipse(geometry, scale)], []
        case Line():
            outer = _strokes(geometry.points * scale, geometry.width or line_width)
            holes = []
    if not outer or min(len(points) for points in (*outer, *holes)) < 3:
        raise GainspectError("it has less than three points", where=shape.place)
    if not all((np.abs(points) < _FAR).all() for points in (*outer, *holes)):
        raise GainspectError("it lies far outside of any picture", where=shape.place)
    return _filled(outer, holes, height, width)


def _filled(outer: list[Points], holes: list[Points], height: int, width: int) -> Drawn | None:
    every = np.concatenate(outer)
    clipped = bool((every < -0.5).any() or (every > (width + 0.5, height + 0.5)).any())
    low = np.clip(np.floor(every.min(axis=0)), 0, (width, height)).astype(int)
    high = np.clip(np.floor(every.max(axis=0)) + 1, 0, (width, height)).astype(int)
    if (low >= high).any():
        return None
    (left, top), (w, h) = low.tolist(), (high - low).tolist()
    window = np.zeros((h, w), np.bool_)
    for points in outer:
        window |= _inside(points - low, h, w)
    for points in holes:
        window &= ~_inside(points - low, h, w)
    if not window.any():
        for points in outer:
            _trace(points - low, window)
    return Drawn(window.astype(np.uint8), top, left, clipped) if window.any() else None


def _inside(points: Points, height: int, width: int) -> NDArray[np.bool_]:
    """(height, width) True where the center of a pixel lies in a ring, by the even-odd rule.

    Each edge of the ring toggles, in each row whose center line it crosses, all pixels whose centers lie
    right of the crossing.
    """
    toggles = np.zeros((height, width + 1), np.uint8)
    for (x0, y0), (x1, y1) in zip(points, np.roll(points, -1, axis=0), strict=True):
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        first, last = max(math.ceil(y0 - 0.5), 0), min(math.ceil(y1 - 0.5), height)
        if first >= last:
            continue
        rows = np.arange(first, last)
        crossing = x0 + (rows + 0.5 - y0) * ((x1 - x0) / (y1 - y0))
        toggles[rows, np.clip(np.ceil(crossing - 0.5), 0, width).astype(int)] ^= 1
    return np.bitwise_xor.accumulate(toggles, axis=1)[:, :width].astype(np.bool_)


def _trace(points: Points, window: NDArray[np.bool_]) -> None:
    """Mark the pixels that a ring passes through, in steps of half a pixel."""
    height, width = window.shape
    for start, end in zip(points, np.roll(points, -1, axis=0), strict=True):
        steps = min(2 * int(np.abs(end - start).max()) + 2, 4 * (height + width))
        line = np.floor(np.linspace(start, end, steps)).astype(int)
        there = ((line >= 0) & (line < (width, height))).all(axis=1)
        window[line[there, 1], line[there, 0]] = True


def _box(box: Box, scale: NDArray[np.float64]) -> Points:
    corners = np.array(
        [
            (box.left, box.top),
            (box.right, box.top),
            (box.right, box.bottom),
            (box.left, box.bottom),
        ]
    )
    corners = corners * scale
    return _turned(corners, corners[0] if box.about_corner else corners.mean(axis=0), box.angle)


def _ellipse(ellipse: Ellipse, scale: NDArray[np.float64]) -> Points:
    center = np.array([ellipse.x, ellipse.y]) * scale
    turn = np.linspace(0, 2 * np.pi, _CORNERS, endpoint=False)
    halves = np.array([ellipse.half_width, ellipse.half_height]) * scale
    # A polygon of N corners on a circle has less area: by sin(2π/N) / (2π/N).
    halves = halves / math.sqrt(math.sin(2 * math.pi / _CORNERS) / (2 * math.pi / _CORNERS))
    return _turned(center + halves * np.stack([np.cos(turn), np.sin(turn)], axis=1), center, ellipse.angle)


def _strokes(points: Points, width: float) -> list[Points]:
    """A polygon for each piece of a line, and one for each of its joints."""
    pieces = [
        np.stack([start + across, end + across, end - across, start - across])
        for start, end in pairwise(points)
        if (length := math.hypot(*(end - start))) > 0
        for across in [np.array([start[1] - end[1], end[0] - start[0]]) * (width / 2 / length)]
    ]
    return pieces + [_ellipse(Ellipse(x, y, width / 2, width / 2), np.ones(2)) for x, y in points]


def _turned(points: Points, about: NDArray[np.float64], degrees: float) -> Points:
    if not degrees:
        return points
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    return np.asarray((points - about) @ np.array([[cosine, sine], [-sine, cosine]]) + about)


def _is_box(points: Points) -> bool:
    ring = points[:-1] if len(points) == 5 and (points[0] == points[-1]).all() else points
    if len(ring) != 4:
        return False
    steps = np.abs(np.roll(ring, -1, axis=0) - ring) > 1e-6
    # Each side runs along one axis, and neighbors along different ones.
    return bool((steps.sum(axis=1) == 1).all() and (steps[0] != steps[1]).all())


def _placed(pixels: Mask, top: int, left: int, height: int, width: int) -> Drawn | None:
    """Pixels at their place; what lies outside the picture is cut off."""
    first_row, first_column = max(-top, 0), max(-left, 0)
    window = pixels[first_row : max(height - top, 0), first_column : max(width - left, 0)]
    clipped = int(np.count_nonzero(window)) != int(np.count_nonzero(pixels))
    if not window.any():
        return None
    return Drawn(np.ascontiguousarray(window), max(top, 0), max(left, 0), clipped)

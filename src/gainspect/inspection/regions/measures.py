"""Length and width of a region, in pixels: along its skeleton, and of its largest circle."""

import heapq
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.types import BoolMask

_Pixel = tuple[int, int]
_Tree = dict[_Pixel, list[tuple[_Pixel, float]]]
"""For each pixel of a skeleton, its neighbors in a spanning tree with their distances."""
_AROUND = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
"""Steps (y, x) to the eight neighbors, clockwise from above."""
_ROUGH = 0.5
"""Pixels. Circles of about one size differ by so much, for borders are of pixels."""
_STRAY = 1.0
"""A path is measured as a polyline that strays from it by at most so many pixels. Counting its steps would
give a slanted line up to 8 % more than it has."""


def length_and_width(region: BoolMask) -> tuple[float, float]:
    """How long and how wide a region is, pixels.

    The width is the diameter of the largest circle that fits into the squares of its pixels, with its center
    in the middle, on an edge or on a corner of a pixel. The length is that of the longest path along the
    skeleton, and at both of its ends the radius of the largest circle there (see `_end`). A ring is measured
    all around.

    Args:
        region: (H, W), one connected region (8 neighbors), not empty.
    """
    room = _room(region)
    path = np.array(_longest_path(skeleton(region)), np.int32)
    radii = np.array([room[2 * y : 2 * y + 3, 2 * x : 2 * x + 3].max() for y, x in path])
    first, last = _end(path, radii), len(path) - 1 - _end(path[::-1], radii[::-1])
    if last < first:  # the ends of a short region lie in one another's circle
        first = last = int(radii.argmax())
    corners = cv2.approxPolyDP(path[first : last + 1].reshape(-1, 1, 2), _STRAY, closed=False)
    along = float(cv2.arcLength(corners, closed=False))
    return along + float(radii[first] + radii[last]), 2 * float(room.max())


def skeleton(region: BoolMask) -> BoolMask:
    """A region thinned to lines of one pixel that are connected as it is (8 neighbors).

    Source: Guo and Hall, Parallel thinning with two-subiteration algorithms (CACM 1989), algorithm A1. Only
    the border is looked at, which is all that a step can take away.
    """
    padded = np.pad(region, 1).astype(np.uint8)
    steps = np.array([y * padded.shape[1] + x for y, x in _AROUND])
    thin = padded.ravel()
    every = np.flatnonzero(thin)
    border = every[~thin[every[:, None] + steps].all(axis=1)]
    changed = True
    while changed:
        changed = False
        for removable in _removable():
            # The neighbors of each pixel as the bits of a number.
            around = (thin[border[:, None] + steps] << np.arange(8, dtype=np.uint8)).sum(axis=1)
            gone = removable[around]
            if not gone.any():
                continue
            changed = True
            taken = border[gone]
            thin[taken] = 0
            bared = (taken[:, None] + steps).ravel()
            border = np.union1d(border[~gone], bared[thin[bared] > 0])
    return np.asarray(padded[1:-1, 1:-1] > 0, np.bool_)


def _end(path: NDArray[np.int32], radii: NDArray[np.float32]) -> int:
    """The index where a path ends at its beginning, without a way that it makes into a corner.

    A corner is within √2 radii of the largest circle before it, which reaches as far along the region as the
    corner does. A tip with less than a right angle is no such corner.
    """
    before = path[: int(2 * radii.max()) + 2]
    away = np.linalg.norm(before - path[0], axis=1)
    near = np.where(away <= np.sqrt(2) * radii[: len(before)] + _ROUGH, radii[: len(before)], 0)
    return int(np.argmax(near >= near.max() - _ROUGH))


def _room(region: BoolMask) -> NDArray[np.float32]:
    """(2H + 1, 2W + 1), pixels: how far each middle, edge and corner of a pixel is from the border."""
    inside = np.zeros((2 * region.shape[0] + 1, 2 * region.shape[1] + 1), np.uint8)
    inside[1::2, 1::2] = region
    inside[2:-1:2, 1::2] = region[:-1] & region[1:]
    inside[1::2, 2:-1:2] = region[:, :-1] & region[:, 1:]
    inside[2:-1:2, 2:-1:2] = region[:-1, :-1] & region[:-1, 1:] & region[1:, :-1] & region[1:, 1:]
    return np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE) / 2, np.float32)


@lru_cache(maxsize=1)
def _removable() -> tuple[BoolMask, BoolMask]:
    """For both subiterations, (256,): whether a pixel with these neighbors is taken away."""
    first, second = np.zeros(256, np.bool_), np.zeros(256, np.bool_)
    for number in range(256):
        p2, p3, p4, p5, p6, p7, p8, p9 = (bool(number >> bit & 1) for bit in range(8))
        pieces = sum(
            not side and (corner or next_side)
            for side, corner, next_side in ((p2, p3, p4), (p4, p5, p6), (p6, p7, p8), (p8, p9, p2))
        )
        pairs = min(
            sum((p9 or p2, p3 or p4, p5 or p6, p7 or p8)), sum((p2 or p3, p4 or p5, p6 or p7, p8 or p9))
        )
        if pieces == 1 and 2 <= pairs <= 3:
            first[number] = not ((p2 or p3 or not p5) and p4)
            second[number] = not ((p6 or p7 or not p9) and p8)
    return first, second


def _longest_path(lines: BoolMask) -> list[_Pixel]:
    """The pixels (y, x) of the longest path in a spanning tree of the lines' pixels.

    The tree is that of the shortest paths from one pixel. In it a path may go all around a ring, which no
    shortest path does.
    """
    tree = _spanning_tree(lines)
    start, _ = _farthest(tree, next(iter(tree)))
    end, before = _farthest(tree, start)
    path = [end]
    while path[-1] != start:
        path.append(before[path[-1]])
    return path


def _spanning_tree(lines: BoolMask) -> _Tree:
    left = {(int(y), int(x)) for y, x in np.argwhere(lines)}
    start = min(left)
    tree: _Tree = {}
    heap: list[tuple[float, _Pixel, _Pixel]] = [(0.0, start, start)]
    while heap:
        distance, pixel, parent = heapq.heappop(heap)
        if pixel not in left:
            continue
        left.remove(pixel)
        tree[pixel] = []
        if pixel != parent:
            step = _step(pixel, parent)
            tree[pixel].append((parent, step))
            tree[parent].append((pixel, step))
        for y, x in _AROUND:
            if (near := (pixel[0] + y, pixel[1] + x)) in left:
                heapq.heappush(heap, (distance + _step(pixel, near), near, pixel))
    return tree


def _farthest(tree: _Tree, start: _Pixel) -> tuple[_Pixel, dict[_Pixel, _Pixel]]:
    """The pixel of a tree that is farthest from another along it, and from where each pixel is reached."""
    distances, before = {start: 0.0}, {start: start}
    remaining = [start]
    while remaining:
        pixel = remaining.pop()
        for near, step in tree[pixel]:
            if near not in distances:
                distances[near], before[near] = distances[pixel] + step, pixel
                remaining.append(near)
    return max(distances, key=lambda pixel: (distances[pixel], pixel)), before


def _step(one: _Pixel, other: _Pixel) -> float:
    return float(np.sqrt(2)) if one[0] != other[0] and one[1] != other[1] else 1.0

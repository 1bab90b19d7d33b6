"""Outlines of masks along the edges of their pixels, so that filling them gives the same pixels back."""

from collections import defaultdict
from collections.abc import Iterator

import cv2
import numpy as np

from gainspect.types import Mask

Corner = tuple[int, int]
"""x and y, in pixels from the top left corner."""


def outlines(mask: Mask) -> Iterator[list[Corner]]:
    """Rings along the edges of pixels, one or more for each connected region; none encloses a hole.

    A region with a hole is cut in two through it, as COCO's polygons have no holes.

    >>> list(outlines(np.array([[0, 1, 1]], np.uint8)))
    [[(1, 0), (3, 0), (3, 1), (1, 1)]]

    Args:
        mask: (H, W) of 0 and 1.
    """
    count, regions, boxes, _ = cv2.connectedComponentsWithStats(mask, connectivity=4)
    for region in range(1, count):
        left, top, width, height = (int(value) for value in boxes[region][:4])
        window = regions[top : top + height, left : left + width] == region
        for ring in _of_region(window.astype(np.uint8)):
            yield [(x + left, y + top) for x, y in ring]


def _of_region(region: Mask) -> Iterator[list[Corner]]:
    """The outlines of one connected region in its bounding box."""
    hole = _column_of_a_hole(region)
    if hole is None:
        yield _traced(region)
        return
    yield from outlines(np.ascontiguousarray(region[:, :hole]))
    for ring in outlines(np.ascontiguousarray(region[:, hole:])):
        yield [(x + hole, y) for x, y in ring]


def _column_of_a_hole(region: Mask) -> int | None:
    """Where a cut opens a hole: the first column of that nearest to the middle; None: there is none."""
    around = np.pad(1 - region, 1, constant_values=1)
    count, _, boxes, _ = cv2.connectedComponentsWithStats(around, connectivity=8)
    columns = [int(boxes[number][0]) - 1 for number in range(1, count)]
    holes = [column for column in columns if column >= 0]  # the outside begins in the frame
    return min(holes, key=lambda column: abs(2 * column - region.shape[1]), default=None)


def _traced(region: Mask) -> list[Corner]:
    """The ring around a region without holes, clockwise as seen, with a point at each corner only."""
    padded = np.pad(region, 1)
    after: dict[Corner, list[Corner]] = defaultdict(list)
    for (dy, dx), start, end in (
        ((-1, 0), (0, 0), (1, 0)),  # top edge, rightward
        ((0, 1), (1, 0), (1, 1)),  # right edge, downward
        ((1, 0), (1, 1), (0, 1)),  # bottom edge, leftward
        ((0, -1), (0, 1), (0, 0)),  # left edge, upward
    ):
        height, width = region.shape
        beside = padded[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]
        for y, x in np.argwhere((region == 1) & (beside == 0)).tolist():
            after[x + start[0], y + start[1]].append((x + end[0], y + end[1]))
    return _ring(after)


def _ring(after: dict[Corner, list[Corner]]) -> list[Corner]:
    first = min(after, key=lambda corner: (corner[1], corner[0]))
    ring, here, before = [first], after[first].pop(), first
    while here != first or after[here]:
        step = here[0] - before[0], here[1] - before[1]
        onward = after[here]
        # Where two pixels meet at a corner, turning right stays at the same pixel.
        right = (here[0] - step[1], here[1] + step[0])
        following = right if right in onward else onward[0]
        onward.remove(following)
        if (following[0] - here[0], following[1] - here[1]) != step:
            ring.append(here)
        before, here = here, following
    return ring

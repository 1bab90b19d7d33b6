"""What strokes leave open: they lie on a defect, but do not show how far it reaches."""

import cv2
import numpy as np

from gainspect.data.masks import Marks, ignoring
from gainspect.types import Mask

_REACH = 0.5
"""How far a defect may reach beside a stroke, as a share of the stroke's length."""
_LEAST_REACH = 0.05
"""The same at least, as a share of the longer side of the image: a dot says nothing of a size."""


def with_surroundings(strokes: Marks) -> Marks:
    """The same marks, with what lies around the strokes ignored."""
    return ignoring(strokes, surroundings(strokes.defect))


def surroundings(strokes: Mask) -> Mask:
    """Where the defects that strokes lie on may reach: 1 there, and on the strokes; (H, W).

    A stroke through the middle of a round defect is as long as the defect is wide, so no pixel of the defect
    is farther from it than half its length. Each connected stroke (8 neighbors) has its own length: the
    longer side of its bounding box.

    Args:
        strokes: (H, W), 1 on the strokes.
    """
    height, width = strokes.shape
    around = np.zeros_like(strokes)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    for stroke in range(1, count):
        x, y, across, down = (int(value) for value in boxes[stroke][:4])
        reach = max(_REACH * max(across, down), _LEAST_REACH * max(height, width))
        margin = int(np.ceil(reach))
        rows = slice(max(0, y - margin), y + down + margin)
        columns = slice(max(0, x - margin), x + across + margin)
        beside = (labels[rows, columns] != stroke).astype(np.uint8)
        distance = cv2.distanceTransform(beside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        around[rows, columns] |= (distance <= reach).astype(np.uint8)
    return around

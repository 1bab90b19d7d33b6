"""Regions that a person drew on a picture, as pixels."""

from collections.abc import Sequence

import cv2
import numpy as np

from gainspect.types import MASK_KINDS, Mask, MaskKind

Ring = Sequence[tuple[int, int]]
"""x and y of pixels, the first one not repeated: a ring through the centers of the outermost pixels."""

_FAR = 2**20
"""Pixels; no picture is larger."""
_SURE = 2
"""Of so few points, a ring has no inside."""


def filled(rings: Sequence[Ring], height: int, width: int) -> Mask:
    """(height, width), 1 in the rings and on them; what lies beyond the picture is cut off.

    So the outline that `cv2.findContours` gives of a region without holes gives the region back.

    >>> filled([[(0, 0), (1, 0), (1, 1), (0, 1)]], 2, 3).tolist()
    [[1, 1, 0], [1, 1, 0]]
    """
    mask = np.zeros((height, width), np.uint8)
    for ring in rings:  # one by one: where two overlap, both are meant
        if ring:
            points = np.clip(np.array(ring, dtype=object), -_FAR, _FAR).astype(np.int32)
            cv2.fillPoly(mask, [points], 1)
    return mask


def kind_shown(rings: Sequence[Ring]) -> MaskKind:
    """What rings show of a defect: its outline, a box, or strokes; the least exact of them.

    >>> kind_shown([[(0, 0), (4, 0), (4, 3), (0, 3)]]), kind_shown([[(1, 1), (9, 3)]])
    ('box', 'scribble')
    """
    return max((_kind(ring) for ring in rings), key=MASK_KINDS.index)


def _kind(ring: Ring) -> MaskKind:
    if len(set(ring)) <= _SURE:
        return "scribble"
    corners = list(ring[:-1] if len(ring) > 1 and ring[0] == ring[-1] else ring)
    sides = [(x != u, y != v) for (x, y), (u, v) in zip(corners, corners[1:] + corners[:1], strict=True)]
    along_axes = sides in ([(True, False), (False, True)] * 2, [(False, True), (True, False)] * 2)
    return "box" if along_axes else "outline"

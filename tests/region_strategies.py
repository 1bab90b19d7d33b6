"""Hypothesis strategies for regions of an image."""

import numpy as np
from hypothesis import strategies as st


def _boxes(height, width, boxes):
    region = np.zeros((height, width), np.bool_)
    for top, left, tall, wide in boxes:
        y, x = int(top * (height - 1)), int(left * (width - 1))
        region[y : y + 1 + int(tall * height / 3), x : x + 1 + int(wide * width / 3)] = True
    return region


regions = st.builds(
    _boxes,
    st.integers(8, 80),
    st.integers(8, 80),
    st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=4),
)
"""(H, W) bool of one to four boxes, which may touch."""


def disc(height, width, *, center, radius):
    """(height, width) bool, True within the radius of the center (y, x)."""
    y, x = np.ogrid[:height, :width]
    return (y - center[0]) ** 2 + (x - center[1]) ** 2 <= radius**2

"""Outlines along the edges of pixels: filled, they give the same mask, in our rasterizer and matplotlib's."""

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from drawn_labels import by_centers
from gainspect.data.exporters.outlines import outlines
from gainspect.data.importers.annotations import Polygon, Shape
from gainspect.data.importers.raster import draw
from gainspect.types import Mask

MASKS = st.tuples(st.integers(1, 9), st.integers(1, 9)).flatmap(
    lambda size: st.lists(st.integers(0, 1), min_size=size[0] * size[1], max_size=size[0] * size[1]).map(
        lambda bits: np.array(bits, np.uint8).reshape(size)
    )
)
_RING = np.pad(np.zeros((1, 1), np.uint8), 1, constant_values=1)
_PINCHED = np.array([[1, 1, 0], [1, 0, 1], [1, 1, 1]], np.uint8)


@given(MASKS)
@example(_RING)
@example(np.pad(np.pad(_RING, 1), 1, constant_values=1))
@example(_PINCHED)
def test_outlines_filled_are_the_mask(mask: Mask) -> None:
    rings = [np.array(ring, float) for ring in outlines(mask)]
    assert (by_centers(rings, *mask.shape) == (mask > 0)).all()
    if rings:
        drawn = draw(Shape("x", Polygon(tuple(rings)), "here"), *mask.shape)
        assert drawn is not None
        whole = np.zeros_like(mask)
        height, width = drawn.window.shape
        whole[drawn.top : drawn.top + height, drawn.left : drawn.left + width] = drawn.window
        assert (whole == mask).all()


@given(MASKS)
def test_rings_run_clockwise_and_have_the_area_of_their_pixels(mask: Mask) -> None:
    area = 0.0
    for ring in outlines(mask):
        points = np.array(ring, float)
        x, y = points.T
        doubled = float(np.sum(x * np.roll(y, -1) - np.roll(x, -1) * y))
        assert doubled > 0
        area += doubled / 2
        steps = np.roll(points, -1, axis=0) - points
        assert ((steps == 0).sum(axis=1) == 1).all()  # along one axis each
    assert area == mask.sum()


def test_many_holes_are_cut_without_end() -> None:
    mask = np.ones((21, 1501), np.uint8)
    mask[1::2, 1::2] = 0
    rings = [np.array(ring, float) for ring in outlines(mask)]
    drawn = draw(Shape("x", Polygon(tuple(rings)), "here"), *mask.shape)
    assert drawn is not None
    assert (drawn.window == mask).all()

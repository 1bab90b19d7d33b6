"""Shapes as pixels: against matplotlib's point-in-polygon, and areas by formula."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from drawn_labels import agrees, by_centers
from gainspect.data.importers.annotations import Box, Ellipse, Geometry, Line, Pixels, Polygon, Shape
from gainspect.data.importers.raster import draw, kind_of
from gainspect.errors import GainspectError

_SIDE = 24
_POINTS = st.lists(st.tuples(*[st.floats(-8, 32).map(lambda v: round(v, 3))] * 2), min_size=3, max_size=9)


def _pixels(geometry: Geometry, height: int = _SIDE, width: int = _SIDE, **shape: bool) -> NDArray[np.bool_]:
    drawn = draw(Shape("a", geometry, "here", **shape), height, width)
    whole = np.zeros((height, width), np.bool_)
    if drawn is not None:
        rows, columns = drawn.window.shape
        whole[drawn.top : drawn.top + rows, drawn.left : drawn.left + columns] = drawn.window > 0
    return whole


@given(_POINTS)
def test_a_pixel_belongs_to_a_polygon_if_its_center_does(points: list[tuple[float, float]]) -> None:
    # Convex ones: where a ring crosses itself, the rules of the two differ.
    hull = cv2.convexHull(np.array(points, np.float32))[:, 0].astype(np.float64)
    assume(len(hull) > 2)
    assume(by_centers([hull], _SIDE, _SIDE).any())
    assert agrees(_pixels(Polygon((hull,))), [hull])


def test_neighbors_share_no_pixel_and_leave_none() -> None:
    left = Polygon((np.array([[0, 0], [7.5, 0], [12.5, 20], [0, 20]]),))
    right = Polygon((np.array([[7.5, 0], [20, 0], [20, 20], [12.5, 20]]),))
    assert (_pixels(left, 20, 20) ^ _pixels(right, 20, 20)).all()


def test_holes_are_taken_out_and_rings_united() -> None:
    square, hole = (np.array([[a, a], [b, a], [b, b], [a, b]]) for a, b in ((2, 12), (4, 8)))
    over = square + 6
    drawn = _pixels(Polygon((square, over), (hole,)))
    assert drawn.sum() == 100 + 100 - 16 - 16
    assert not drawn[5, 5]


@pytest.mark.parametrize(("angle", "corner"), [(0, False), (30, False), (90, True), (-45, True)])
def test_a_box_keeps_its_area_however_it_is_turned(angle: float, corner: bool) -> None:
    drawn = _pixels(Box(80, 90, 140, 130, angle, corner), 300, 300)
    assert drawn.sum() == pytest.approx(60 * 40, rel=0.01)


def test_a_box_turns_clockwise_about_its_center_or_corner() -> None:
    assert _pixels(Box(4, 10, 20, 12, 90))[4:18, 11].all()
    assert _pixels(Box(12, 2, 20, 4, 90, about_corner=True))[2:10, 10:12].all()


@pytest.mark.parametrize("angle", [0, 20, 90])
def test_an_ellipse_has_its_area(angle: float) -> None:
    drawn = _pixels(Ellipse(100, 100, 60, 30, angle), 200, 200)
    assert drawn.sum() == pytest.approx(math.pi * 60 * 30, rel=0.005)


def test_a_line_is_as_wide_as_it_says() -> None:
    points = np.array([[20.0, 50.0], [120.0, 50.0]])
    drawn = _pixels(Line(points, 6), 100, 150)
    assert drawn[:, 70].sum() == 6
    assert drawn.sum() == pytest.approx(100 * 6 + math.pi * 9, rel=0.02)


def test_a_line_without_a_width_takes_the_one_that_is_given() -> None:
    shape = Shape("a", Line(np.array([[0.0, 5.0], [20.0, 5.0]])), "here")
    drawn = draw(shape, 10, 20, line_width=4)
    assert drawn is not None
    assert drawn.window[:, 10].sum() == 4


@given(st.floats(0, 19.99), st.floats(0, 19.99), st.floats(1e-4, 0.4))
def test_the_smallest_shape_does_not_vanish(x: float, y: float, side: float) -> None:
    drawn = _pixels(Box(x, y, x + side, y + side), 20, 20)
    assert drawn[int(y), int(x)]
    assert drawn.sum() <= 4


def test_shares_are_of_width_and_height() -> None:
    drawn = _pixels(Box(0.25, 0.5, 0.75, 1.0), 20, 40, relative=True)
    assert drawn.sum() == 20 * 10
    assert drawn[10:, 10:30].all()


def test_what_lies_beyond_the_picture_is_clipped_and_said() -> None:
    drawn = draw(Shape("a", Box(-5, 5, 5, 10), "here"), 20, 20)
    assert drawn is not None
    assert drawn.clipped
    assert (drawn.top, drawn.left, drawn.window.sum()) == (5, 0, 25)
    assert draw(Shape("a", Box(30, 5, 40, 10), "here"), 20, 20) is None


def test_pixels_are_put_at_their_place() -> None:
    drawn = draw(Shape("a", Pixels(lambda: np.ones((4, 6), np.uint8), -2, 18), "here"), 20, 20)
    assert drawn is not None
    assert (drawn.top, drawn.left, drawn.window.shape, drawn.clipped) == (18, 0, (2, 4), True)


@pytest.mark.parametrize(
    ("geometry", "kind"),
    [
        (Box(0, 0, 4, 4), "box"),
        (Polygon((np.array([[1, 1], [5, 1], [5, 3], [1, 3]]),)), "box"),
        (Polygon((np.array([[1, 1], [5, 1], [5, 3], [1, 3], [1, 1]]),)), "box"),
        (Polygon((np.array([[1, 1], [5, 2], [5, 3], [1, 3]]),)), "outline"),
        (Ellipse(5, 5, 2, 2), "outline"),
        (Line(np.array([[1, 1], [5, 2]])), "scribble"),
    ],
)
def test_kinds_are_told_apart(geometry: Geometry, kind: str) -> None:
    assert kind_of(Shape("a", geometry, "here")) == kind
    assert kind_of(Shape("a", geometry, "here", kind="scribble")) == "scribble"


@pytest.mark.parametrize(
    ("geometry", "message"),
    [
        (Polygon((np.array([[1.0, 1.0], [5.0, 2.0]]),)), "less than three points"),
        (Polygon(()), "less than three points"),
        (Box(0, 0, 1e12, 4), "far outside"),
        (Box(0, 0, math.nan, 4), "far outside"),
    ],
)
def test_what_is_no_shape_is_refused_with_its_place(geometry: Geometry, message: str) -> None:
    with pytest.raises(GainspectError, match=f"annotation 3: it .*{message}"):
        draw(Shape("a", geometry, "annotation 3"), 20, 20)

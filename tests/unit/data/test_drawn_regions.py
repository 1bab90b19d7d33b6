import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.drawn_regions import filled, kind_shown
from loop_ledger import outlines_of


@given(st.integers(0, 10_000))
def test_outlines_of_regions_give_the_regions_back(seed: int) -> None:
    """Any regions without holes; a closed hole would be filled."""
    choose = np.random.default_rng(seed)
    mask = (cv2.GaussianBlur(choose.random((20, 31)), (0, 0), 1.5) > 0.52).astype(np.uint8)
    background = cv2.connectedComponents(np.pad(1 - mask, 1, constant_values=1), connectivity=4)[1]
    whole = (background[1:-1, 1:-1] != background[0, 0]).astype(np.uint8)
    np.testing.assert_array_equal(filled(outlines_of(whole), 20, 31), whole)


def test_a_polygon_has_the_pixels_whose_centers_lie_in_it_or_on_it() -> None:
    """Against the sign of cross products, for a convex polygon."""
    ring = [(2, 1), (14, 3), (11, 12), (4, 10)]
    rows, columns = np.mgrid[:16, :18]
    inside = np.ones((16, 18), bool)
    for (x, y), (u, v) in zip(ring, ring[1:] + ring[:1], strict=True):
        inside &= (u - x) * (rows - y) - (v - y) * (columns - x) >= 0
    mask = filled([ring], 16, 18)
    assert (mask[inside] == 1).all()
    # What is drawn beyond is the line itself, half a pixel beside its course.
    assert not (mask.astype(bool) & ~cv2.dilate(inside.astype(np.uint8), np.ones((3, 3))).astype(bool)).any()


def test_overlapping_outlines_are_both_meant_and_what_lies_beyond_is_cut_off() -> None:
    square = [(0, 0), (5, 0), (5, 5), (0, 5)]
    assert filled([square, square], 10, 10).sum() == 36
    assert filled([[(-3, -3), (1, -3), (1, 1), (-3, 1)]], 10, 10).sum() == 4
    assert not filled([[(30, 30), (40, 30), (40, 40)]], 10, 10).any()
    assert filled([[(10**40, 5), (10**40, 6), (5, 5)]], 10, 10).any()


@pytest.mark.parametrize(
    ("rings", "kind"),
    [
        ([[(0, 0), (4, 1), (3, 6)]], "outline"),
        ([[(0, 0), (4, 0), (4, 3), (0, 3)]], "box"),
        ([[(0, 0), (0, 3), (4, 3), (4, 0), (0, 0)]], "box"),
        ([[(0, 0), (4, 1), (4, 3), (0, 3)]], "outline"),
        ([[(5, 5)]], "scribble"),
        ([[(0, 0), (4, 1), (3, 6)], [(0, 0), (4, 0), (4, 3), (0, 3)]], "box"),
        ([[(0, 0), (4, 0), (4, 3), (0, 3)], [(5, 5), (5, 5)]], "scribble"),
    ],
)
def test_what_rings_show_is_the_least_exact_of_them(rings: list[list[tuple[int, int]]], kind: str) -> None:
    assert kind_shown(rings) == kind

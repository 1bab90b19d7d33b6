"""Length and width against formulas, and the skeleton against scikit-image and SciPy."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from skimage.morphology import skeletonize

from gainspect.inspection.regions.measures import length_and_width, skeleton
from region_strategies import disc, regions

EIGHT = np.ones((3, 3))


@pytest.mark.parametrize(
    ("height", "width"), [(1, 1), (1, 10), (2, 2), (2, 9), (3, 10), (4, 10), (6, 30), (10, 100), (20, 20)]
)
def test_a_rectangle_is_as_long_and_as_wide_as_its_sides(height, width):
    for region in (np.ones((height, width), bool), np.ones((width, height), bool)):
        assert length_and_width(region) == pytest.approx((max(height, width), min(height, width)), abs=1e-6)


@pytest.mark.parametrize("radius", [3, 5, 10, 20, 30])
def test_a_disc_is_as_long_and_as_wide_as_its_diameter(radius):
    length, width = length_and_width(disc(70, 70, center=(35, 35), radius=radius))
    assert width == pytest.approx(2 * radius, abs=1.6)  # its rim is of pixels
    assert length == pytest.approx(2 * radius, abs=1.6)


@pytest.mark.parametrize("angle", range(0, 180, 15))
@pytest.mark.parametrize("thick", [3, 7])
def test_a_line_has_its_length_at_any_angle(angle, thick):
    """A rectangle of 120 × thick pixels, turned, with the pixels whose centers lie in it."""
    y, x = np.mgrid[:160, :160] - 79.5
    turn = np.deg2rad(angle)
    along, across = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    length, width = length_and_width((abs(along) <= 60) & (abs(across) <= thick / 2))
    assert length == pytest.approx(120, abs=2.5)
    assert width == pytest.approx(thick, abs=1.2)


@pytest.mark.parametrize("turns", range(4))
def test_an_l_is_measured_around_its_corner(turns):
    region = np.zeros((60, 60), bool)
    region[5:50, 5:10] = region[45:50, 5:45] = True
    length, width = length_and_width(np.rot90(region, turns))
    assert length == pytest.approx(42.5 + 37.5, abs=4)  # along the middle; the skeleton cuts the corner
    assert 5 <= width <= 2 * 5 * (2 - np.sqrt(2)) + 0.1  # the largest circle lies in the corner


def test_a_ring_is_measured_all_around():
    region = disc(90, 90, center=(45, 45), radius=31) & ~disc(90, 90, center=(45, 45), radius=27)
    length, width = length_and_width(region)
    assert length == pytest.approx(2 * np.pi * 29, rel=0.04)
    assert width == pytest.approx(4, abs=1)


def test_a_spur_adds_nothing_and_a_fork_counts_its_longest_way():
    region = np.zeros((60, 120), bool)
    region[30, 10:110] = True
    region[20:30, 60] = True  # ten pixels off the middle
    assert length_and_width(region)[0] == pytest.approx(100, abs=1)


@given(region=regions)
def test_the_width_is_that_of_the_largest_circle_of_another_distance_transform(region):
    """The oracle: SciPy's distances on a grid ten times as fine."""
    labels, _ = ndimage.label(region, EIGHT)
    region = labels == 1
    fine = np.pad(np.kron(region, np.ones((10, 10), bool)), 1)
    expected = 2 * (ndimage.distance_transform_edt(fine).max() - 0.5) / 10
    length, width = length_and_width(region)
    assert width == pytest.approx(expected, abs=0.5)
    assert length >= width - 1e-6 or length > 0


@given(region=regions)
def test_thinning_keeps_pieces_and_holes_and_leaves_nothing_thick(region):
    thin = skeleton(region)
    assert not (thin & ~region).any()
    assert ndimage.label(thin, EIGHT)[1] == ndimage.label(region, EIGHT)[1]
    holes = [ndimage.label(np.pad(~mask, 1, constant_values=True))[1] for mask in (thin, region)]
    assert holes[0] == holes[1]
    np.testing.assert_array_equal(skeleton(thin), thin)


@given(seed=st.integers(0, 2**32 - 1))
def test_the_skeleton_lies_where_that_of_scikit_image_does(seed):
    """Two algorithms (Guo and Hall; Zhang and Suen): no pixel of one is far from the other."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random((64, 64)).astype(np.float32), (0, 0), 4)
    region = noise > np.median(noise)
    ours, theirs = skeleton(region), skeletonize(region)
    away = [ndimage.distance_transform_edt(~mask) for mask in (ours, theirs)]
    ends = max(ndimage.distance_transform_edt(region).max(), 2)  # how far they shorten their ends
    assert away[0][theirs].max() <= ends and away[1][ours].max() <= ends
    assert ours.sum() == pytest.approx(theirs.sum(), rel=0.25)


@given(region=regions, up=st.integers(0, 9), left=st.integers(0, 9))
def test_where_a_region_lies_does_not_matter(region, up, left):
    region = ndimage.label(region, EIGHT)[0] == 1
    moved = np.pad(region, ((up, 3), (left, 1)))
    assert length_and_width(moved) == length_and_width(region)

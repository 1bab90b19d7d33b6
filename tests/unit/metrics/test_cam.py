"""Map metrics against the plain loops of `reference.cam_reference`, and in closed form."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from gainspect.metrics import cam
from reference import cam_reference as reference

SHAPES = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=7)
# Few levels, so that ties, flat maps and maps without energy occur.
LEVELS = st.sampled_from([-1.0, 0.0, 0.25, 0.5, 0.75, 1.0])
METRICS = [cam.cam_iou, cam.pointing_game, cam.energy_inside, lambda m, g: cam.cam_iou_fixed(m, g, 0.5)]


@st.composite
def maps_and_masks(draw, levels=LEVELS):
    shape = draw(SHAPES)
    values = draw(arrays(np.float32, shape, elements=levels))
    mask = draw(arrays(np.bool_, shape))
    mask[draw(st.integers(0, shape[0] - 1)), draw(st.integers(0, shape[1] - 1))] = True
    return values, mask


REAL_MAPS = maps_and_masks(st.floats(-100, 100, width=32))


@given(maps_and_masks() | REAL_MAPS)
def test_equals_the_plain_loops(case):
    values, mask = case
    assert cam.cam_iou(values, mask) == pytest.approx(reference.cam_iou(values, mask), abs=1e-12)
    assert cam.pointing_game(values, mask) == pytest.approx(reference.pointing_game(values, mask), abs=1e-12)
    assert cam.energy_inside(values, mask) == pytest.approx(reference.energy_inside(values, mask), rel=1e-6)
    assert cam.cam_iou_fixed(values, mask, 0.5) == reference.fixed_iou(values, mask, 0.5)


@given(maps_and_masks() | REAL_MAPS)
def test_the_curve_is_the_fixed_iou_at_each_threshold(case):
    values, mask = case
    thresholds = (-0.5, 0.0, 0.25, 0.5, 2.0)
    expected = [reference.fixed_iou(values, mask, threshold) for threshold in thresholds]
    assert cam.iou_curve(values, mask, thresholds) == pytest.approx(expected)


@given(maps_and_masks(), st.sampled_from([0.5, 2.0, 8.0]), st.sampled_from([-3.0, 0.0, 4.0]))
def test_scale_and_offset_do_not_change_what_is_scaled_by_image(case, scale, offset):
    values, mask = case
    moved = scale * values + offset
    assert cam.cam_iou(moved, mask) == cam.cam_iou(values, mask)
    assert cam.pointing_game(moved, mask) == cam.pointing_game(values, mask)
    assert cam.energy_inside(scale * values, mask) == pytest.approx(cam.energy_inside(values, mask))


def test_the_mask_itself_is_a_perfect_map():
    mask = np.zeros((40, 30), np.bool_)
    mask[5:9, 10:22] = True
    assert [metric(mask.astype(np.float32), mask) for metric in METRICS] == [1, 1, 1, 1]
    assert [metric(1 - mask.astype(np.float32), mask) for metric in METRICS] == [0, 0, 0, 0]


@pytest.mark.parametrize("level", [0.0, 0.7, -2.0])
def test_a_flat_map_scores_chance_at_most(level):
    mask = np.zeros((10, 10), np.bool_)
    mask[:3, :4] = True
    flat = np.full((10, 10), level, np.float32)
    assert cam.cam_iou(flat, mask) == 0
    assert cam.pointing_game(flat, mask) == pytest.approx(0.12)
    assert cam.energy_inside(flat, mask) == pytest.approx(0.12 if level > 0 else 0)


def test_negative_values_carry_no_energy():
    values, mask = np.array([[3.0, 1.0], [-5.0, -7.0]]), np.array([[True, False], [True, False]])
    assert cam.energy_inside(values, mask) == 0.75


def test_small_values_are_summed_exactly_enough():
    """A float32 sum of 2²⁴ + 1 + 1 + … loses every 1."""
    values = np.ones((400, 400), np.float32)
    values[0, 0] = 2.0**24
    mask = np.zeros((400, 400), np.bool_)
    mask[0, 0] = True
    assert cam.energy_inside(values, mask) == pytest.approx(2**24 / (2**24 + 159_999), rel=1e-12)


@pytest.mark.parametrize(
    ("highest", "points"),
    [([(0, 0)], True), ([(2, 2)], False), ([(0, 0), (2, 2)], True), ([(0, 0), (2, 2), (2, 1)], False)],
)
def test_the_peak_is_in_the_mask_if_half_of_the_highest_pixels_are(highest, points):
    values, mask = np.zeros((3, 3)), np.zeros((3, 3), np.bool_)
    mask[0] = True
    for place in highest:
        values[place] = 1
    assert cam.peak_in_mask(values, mask) is points


def test_a_flat_map_points_nowhere_even_on_a_defect_that_fills_the_image():
    assert not cam.peak_in_mask(np.zeros((4, 4)), np.ones((4, 4), np.bool_))


@pytest.mark.parametrize("metric", [*METRICS, cam.peak_in_mask, lambda m, g: cam.iou_curve(m, g, [0.5])])
@pytest.mark.parametrize("values", [np.zeros((3, 3)), np.arange(9.0).reshape(3, 3)])
def test_an_empty_mask_is_refused(metric, values):
    with pytest.raises(ValueError, match="mask is empty"):
        metric(values, np.zeros((3, 3), np.bool_))

"""A repair fills its region and nothing else; an even surface comes back even, a grainy one grainy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.repair import repair
from region_strategies import regions


@given(region=regions, seed=st.integers(0, 2**32))
def test_a_repair_leaves_the_rest_untouched(region, seed):
    image = np.random.default_rng(seed).integers(0, 256, (*region.shape, 3), np.uint8)
    before = image.copy()
    repaired = repair(image, region)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(repaired[~region], image[~region])
    assert (repaired.shape, repaired.dtype) == (image.shape, np.uint8)
    np.testing.assert_array_equal(repaired, repair(image, region))


def spot(side):
    region = np.zeros((side, side), np.bool_)
    region[side // 4 : 3 * side // 4, side // 3 : side // 2] = True
    return region


@pytest.mark.parametrize("side", [20, 100, 1500])
def test_a_spot_on_an_even_part_is_gone(side):
    image = np.full((side, side, 3), (150, 120, 90), np.uint8)
    image[spot(side)] = 0
    np.testing.assert_array_equal(repair(image, spot(side)), np.broadcast_to((150, 120, 90), image.shape))


def test_light_goes_on_through_the_repair_and_grain_is_as_strong_as_around_it():
    rng = np.random.default_rng(0)
    light = np.linspace(60, 180, 200)[None, :, None] + rng.normal(0, 6, (200, 200, 3))
    image = np.clip(light, 0, 255).astype(np.uint8)
    image[spot(200)] = 0
    inside = repair(image, spot(200))[50:150, 67:99].astype(float)
    expected = np.linspace(60, 180, 200)[67:99]
    # Linear light, up to the coarseness of the diffusion.
    np.testing.assert_allclose(inside.mean(axis=(0, 2)), expected, atol=8)
    residual = inside - inside.mean(axis=0, keepdims=True)
    assert residual.std() == pytest.approx(6, rel=0.15)


def test_grain_does_not_come_from_what_is_to_be_avoided():
    image = np.full((60, 60, 3), 120, np.uint8)
    image[:, 30:] = np.random.default_rng(0).integers(0, 256, (60, 30, 3))
    region, noisy = np.zeros((2, 60, 60), np.bool_)
    region[20:28, 4:12], noisy[:, 30:] = True, True
    repaired = repair(image, region, avoid=np.asarray(noisy))
    assert repaired[region].std() < 4 < repaired[:, 30:].std()


def test_an_empty_region_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    np.testing.assert_array_equal(repair(image, np.zeros((9, 7), np.bool_)), image)

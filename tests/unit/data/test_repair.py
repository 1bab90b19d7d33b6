"""A repair fills its region and nothing else; an even surface comes back even, a grainy one grainy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.repair import pieces_of, repair
from gainspect.data.similar_place import Surroundings, grown
from gainspect.types import Fill
from region_strategies import regions

FILLS: tuple[Fill, ...] = ("matched", "diffused")


@given(region=regions, seed=st.integers(0, 2**32), fill=st.sampled_from(FILLS))
def test_a_repair_leaves_the_rest_untouched(region, seed, fill):
    image = np.random.default_rng(seed).integers(0, 256, (*region.shape, 3), np.uint8)
    before = image.copy()
    repaired = repair(image, region, fill=fill)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(repaired[~region], image[~region])
    assert (repaired.shape, repaired.dtype) == (image.shape, np.uint8)
    np.testing.assert_array_equal(repaired, repair(image, region, fill=fill))


def spot(side):
    region = np.zeros((side, side), np.bool_)
    region[side // 4 : 3 * side // 4, side // 3 : side // 2] = True
    return region


@pytest.mark.parametrize("fill", FILLS)
@pytest.mark.parametrize("side", [20, 100, 1500])
def test_a_spot_on_an_even_part_is_gone(side, fill):
    image = np.full((side, side, 3), (150, 120, 90), np.uint8)
    image[spot(side)] = 0
    repaired = repair(image, spot(side), fill=fill)
    np.testing.assert_array_equal(repaired, np.broadcast_to((150, 120, 90), image.shape))


@pytest.mark.parametrize("fill", FILLS)
def test_light_goes_on_through_the_repair_and_grain_is_as_strong_as_around_it(fill):
    rng = np.random.default_rng(0)
    light = np.linspace(60, 180, 200)[None, :, None] + rng.normal(0, 6, (200, 200, 3))
    image = np.clip(light, 0, 255).astype(np.uint8)
    image[spot(200)] = 0
    inside = repair(image, spot(200), fill=fill)[50:150, 67:99].astype(float)
    expected = np.linspace(60, 180, 200)[67:99]
    # Linear light, up to the coarseness of the diffusion.
    np.testing.assert_allclose(inside.mean(axis=(0, 2)), expected, atol=8)
    residual = inside - inside.mean(axis=0, keepdims=True)
    assert residual.std() == pytest.approx(6, rel=0.15)


@pytest.mark.parametrize("fill", FILLS)
def test_grain_does_not_come_from_what_is_to_be_avoided(fill):
    image = np.full((60, 60, 3), 120, np.uint8)
    image[:, 30:] = np.random.default_rng(0).integers(0, 256, (60, 30, 3))
    region, noisy = np.zeros((2, 60, 60), np.bool_)
    region[20:28, 4:12], noisy[:, 30:] = True, True
    repaired = repair(image, region, avoid=np.asarray(noisy), fill=fill)
    assert repaired[region].std() < 4 < repaired[:, 30:].std()


def test_an_empty_region_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    np.testing.assert_array_equal(repair(image, np.zeros((9, 7), np.bool_)), image)


@pytest.mark.parametrize("side", [120, 700])
def test_a_thread_goes_on_through_the_repair(side):
    """The oracle is the part as it was before the spot. Where brightness is diffused, the thread ends."""
    y, x = np.mgrid[:side, :side]
    thread = np.where(abs(y - side // 2) < side // 6, 120 + 90 * np.sin(2 * np.pi * (x + 0.3 * y) / 12), 220)
    whole = np.repeat(thread.round().astype(np.uint8)[:, :, None], 3, axis=2)
    region = np.zeros((side, side), np.bool_)
    region[side // 2 - 9 : side // 2 + 9, side // 2 : side // 2 + 20] = True
    image = whole.copy()
    image[region] = 0
    off = {fill: abs(repair(image, region, fill=fill).astype(int) - whole)[region].mean() for fill in FILLS}
    assert off["matched"] < 3 < 30 < off["diffused"]


def test_nothing_of_the_part_gets_onto_the_belt():
    """An even belt comes back even, however rough the part is."""
    image = np.full((120, 120, 3), 200, np.uint8)
    image[40:80] = np.random.default_rng(0).integers(0, 256, (40, 120, 3))
    region = np.zeros((120, 120), np.bool_)
    region[90:100, 50:60] = True
    assert (repair(image, region)[region] == 200).all()


def test_where_nothing_is_alike_to_copy_from_brightness_is_diffused():
    """The region leaves no place of its size."""
    image = np.random.default_rng(0).integers(100, 140, (40, 40, 3)).astype(np.uint8)
    region = np.zeros((40, 40), np.bool_)
    region[4:30, 2:38] = True
    np.testing.assert_array_equal(repair(image, region), repair(image, region, fill="diffused"))


@given(region=regions, levels=st.integers(2, 256), seed=st.integers(0, 2**32))
def test_no_place_is_more_alike_than_the_one_that_is_found(region, levels, seed):
    """By trying each place."""
    rng = np.random.default_rng(seed)
    image = rng.integers(0, levels, (*region.shape, 3), np.uint8)
    forbidden = region | (rng.random(region.shape) < 0.01)
    for piece, place in pieces_of(region):
        found = Surroundings(image, forbidden).similar(piece, place)
        differences = {}
        width = max(2, round(0.03 * max(region.shape)))
        shape = np.zeros(region.shape, np.bool_)
        shape[place] = piece
        around = grown(shape, width)[width:-width, width:-width] & ~shape & ~forbidden
        top, left = (max(0, side.start - width) for side in place)
        bottom, right = (
            min(length, side.stop + width) for side, length in zip(place, region.shape, strict=True)
        )
        for down in range(-top, region.shape[0] - bottom + 1):
            for across in range(-left, region.shape[1] - right + 1):
                there = np.roll(forbidden, (-down, -across), (0, 1))
                if not (there & shape).any():
                    moved = np.roll(image, (-down, -across), (0, 1)).astype(int)
                    differences[down, across] = ((moved - image)[around] ** 2).sum()
        if around.sum() < 8 or not differences:
            assert found is None
        else:
            assert differences[found] == min(differences.values())

"""Where the part is: against drawn parts, and None wherever it cannot be told."""

import numpy as np
import pytest

from gainspect.inspection.reason.part import part_of
from region_strategies import disc


def image_of(on, inside, outside, *, noise=0.0, seed=0):
    rng = np.random.default_rng(seed)
    grey = np.where(on, inside, outside) + rng.normal(0, noise, on.shape)
    return np.clip(grey, 0, 255).astype(np.uint8)[:, :, None].repeat(3, axis=2)


DISC = disc(300, 400, center=(140, 220), radius=80)


@pytest.mark.parametrize(
    ("inside", "outside", "noise"), [(60, 180, 0), (200, 90, 8), (40, 0, 0), (30, 255, 20)]
)
def test_a_part_on_a_belt_is_found_with_its_holes(inside, outside, noise):
    image = image_of(DISC, inside, outside, noise=noise)
    image[130:150, 210:230] = outside  # a hole, which shows the belt
    found = part_of(image)
    assert found is not None
    union = (found | DISC).sum()
    assert (found & DISC).sum() / union > 0.93  # the outline is known to a pixel of 128
    np.testing.assert_array_equal(found, part_of(image))


def test_a_letterbox_is_not_the_part():
    image = np.full((300, 400, 3), 128, np.uint8)
    image[60:240] = image_of(np.ones((180, 400), np.bool_), 60, 60, noise=15)
    image[:, :30] = image[:, -30:] = 128
    found = part_of(image)
    assert found is not None
    expected = np.zeros((300, 400), np.bool_)
    expected[60:240, 30:-30] = True
    assert (found != expected).mean() < 0.03


def test_a_part_is_found_where_the_light_falls_off_over_the_belt():
    image = with_light_that_falls_off()
    image[DISC] //= 3
    found = part_of(image)
    assert found is not None and (found & DISC).sum() / (found | DISC).sum() > 0.93


def test_a_wire_that_holds_the_part_is_no_part_of_it():
    image = image_of(DISC, 60, 180)
    image[:70, 219:222] = 20
    found = part_of(image)
    assert found is not None and not found[:40].any()
    assert (found & DISC).sum() / (found | DISC).sum() > 0.9


def test_a_color_that_is_as_bright_as_the_belt_is_the_part():
    image = np.full((300, 400, 3), (120, 120, 120), np.uint8)
    image[DISC] = (170, 100, 90)
    found = part_of(image)
    assert found is not None and (found & DISC).sum() / (found | DISC).sum() > 0.93


def surface(noise=8):
    return image_of(np.ones((300, 400), np.bool_), 120, 0, noise=noise)


def with_light_that_falls_off():
    y, x = np.mgrid[-1:1:300j, -1:1:400j]
    light = 200 - 90 * np.maximum(np.abs(y), np.abs(x)) ** 2
    return light.astype(np.uint8)[:, :, None].repeat(3, axis=2)


def cut_by_the_border():
    return image_of(disc(300, 400, center=(0, 200), radius=150), 60, 180)


def with_a_spot():
    image = surface()
    image[100:115, 200:215] = 10
    return image


@pytest.mark.parametrize(
    "image",
    [
        surface(),
        surface(noise=60),
        with_light_that_falls_off(),
        cut_by_the_border(),
        with_a_spot(),
        np.zeros((300, 400, 3), np.uint8),
        np.zeros((1, 400, 3), np.uint8),
    ],
    ids=["surface", "rough surface", "falling light", "cut", "a defect", "black", "a line"],
)
def test_where_it_cannot_be_told_it_is_not_told(image):
    assert part_of(image) is None

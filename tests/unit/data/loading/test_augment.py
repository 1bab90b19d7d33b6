"""Augmentation: image and mask move together."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.loading.augment import DEFECT, IGNORED, augment

seeds = st.integers(0, 10_000)


def _blob(size: int = 96) -> tuple[np.ndarray, np.ndarray]:
    """A bright square on black and the mask that marks it."""
    mask = np.zeros((size, size), np.uint8)
    mask[20:40, 50:80] = 1
    return np.repeat((mask * 255)[:, :, None], 3, axis=2), mask


def test_strength_0_changes_nothing() -> None:
    image, mask = _blob()
    same = augment(image, mask, np.random.default_rng(0), 0.0)
    assert same.image is image and same.mask is mask
    assert (same.turned, same.whole) == (0, True)


@given(seed=seeds, strength=st.floats(0.05, 1.0))
def test_the_mask_marks_what_it_marked_before(seed: int, strength: float) -> None:
    image, mask = _blob()
    moved, moved_mask, *_ = augment(image, mask, np.random.default_rng(seed), strength)
    grey = moved.mean(axis=2)
    # The blob is white on black: halfway between the two classes' means is where the blob begins.
    inside, outside = grey[moved_mask == 1], grey[moved_mask == 0]
    bright = grey > (np.median(inside) + 0.0) / 2
    border = grey.shape[0] * 4
    assert np.median(inside) > np.median(outside) + 60
    padded = np.abs(grey - 128) < 60  # the border that came in
    assert (bright[~padded] != (moved_mask == 1)[~padded]).sum() < border


@given(seed=seeds, strength=st.floats(0.05, 1.0))
def test_a_defect_is_never_moved_out_of_the_frame(seed: int, strength: float) -> None:
    image = np.full((96, 96, 3), 90, np.uint8)
    mask = np.zeros((96, 96), np.uint8)
    mask[1:7, 1:7] = 1
    _, moved, *_ = augment(image, mask, np.random.default_rng(seed), strength)
    assert moved.sum() >= mask.sum() / 2
    assert set(np.unique(moved)) <= {0, 1}


def test_the_same_generator_gives_the_same_pixels() -> None:
    image, mask = _blob()
    one = augment(image, mask, np.random.default_rng((1, 2, 3)), 0.7)
    two = augment(image, mask, np.random.default_rng((1, 2, 3)), 0.7)
    other = augment(image, mask, np.random.default_rng((1, 2, 4)), 0.7)
    np.testing.assert_array_equal(one[0], two[0])
    assert not np.array_equal(one[0], other[0])


def test_all_eight_orientations_occur() -> None:
    corner = np.zeros((32, 32), np.uint8)
    corner[2:10, 4:14] = 1
    image = np.repeat((corner * 200)[:, :, None], 3, axis=2)
    rng = np.random.default_rng(0)
    seen = {augment(image, corner, rng, 1e-6)[1].tobytes() for _ in range(200)}
    expected = {
        np.ascontiguousarray(np.rot90(c, k)).tobytes() for c in (corner, corner[:, ::-1]) for k in range(4)
    }
    assert seen == expected


@given(seed=seeds, strength=st.floats(0.05, 1.0))
def test_what_is_ignored_moves_like_a_defect(seed: int, strength: float) -> None:
    """What is ignored lies where it would lie as a defect, but for the pixels that a defect takes."""
    image, mask = _blob()
    region = np.zeros_like(mask)
    region[60:80, 10:45] = 1
    _, moved, *_ = augment(image, mask + IGNORED * region, np.random.default_rng(seed), strength)
    _, alone, *_ = augment(image, mask | region, np.random.default_rng(seed), strength)
    np.testing.assert_array_equal(moved > 0, alone == 1)
    _, defect, *_ = augment(image, mask, np.random.default_rng(seed), strength)
    np.testing.assert_array_equal(moved == DEFECT, defect == 1)


@given(seed=seeds, strength=st.floats(0.3, 1.0))
def test_it_says_by_how_much_a_box_is_turned_and_whether_it_is_whole(seed: int, strength: float) -> None:
    image, mask = _blob()
    _, moved, turned, whole = augment(image, mask, np.random.default_rng(seed), strength)
    assert abs(turned) <= 15 * strength
    border = np.concatenate([moved[0], moved[-1], moved[:, 0], moved[:, -1]])
    if not whole:
        assert border.any()
        return
    assert border.sum() <= 2  # a corner may touch it
    _, (width, height), angle = cv2.minAreaRect(cv2.findNonZero(moved))
    assert 1.3 < max(width, height) / min(width, height) < 1.7  # 30 × 20
    # OpenCV's angle is clockwise, and between 0° and 90°.
    assert min(abs((angle + turned) % 90), 90 - (angle + turned) % 90) < 4

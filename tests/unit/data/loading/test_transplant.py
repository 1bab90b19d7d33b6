"""Transplants against what is known of them: where the piece lies, its brightness, what stays untouched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.loading.transplant import transplant
from gainspect.types import Mask

SIDE = 64


def flat(level: int) -> np.ndarray:
    return np.full((SIDE, SIDE, 3), level, np.uint8)


def block(top: int, left: int, height: int, width: int) -> Mask:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[top : top + height, left : left + width] = 1
    return mask


EVERYWHERE = block(0, 0, SIDE, SIDE)


@given(
    seed=st.integers(0, 1000),
    host_level=st.integers(60, 200),
    donor_level=st.integers(60, 200),
    height=st.integers(1, 20),
    width=st.integers(1, 20),
)
def test_the_piece_is_as_much_darker_than_the_host_as_it_was_than_the_donor(
    seed: int, host_level: int, donor_level: int, height: int, width: int
) -> None:
    shape = block(12, 30, height, width)
    donor = flat(donor_level)
    donor[shape > 0] -= 50
    done = transplant(flat(host_level), EVERYWHERE, donor, shape, np.random.default_rng(seed))
    assert done is not None
    image, placed = done
    assert placed.sum() == height * width
    assert (image[placed > 0] == host_level - 50).all()
    assert (image[placed == 0] == host_level).all()  # the donor's surroundings came to the host's brightness


@given(
    seed=st.integers(0, 1000),
    room=st.builds(block, st.integers(0, 30), st.integers(0, 30), st.integers(20, 34), st.integers(20, 34)),
)
def test_nothing_is_put_outside_the_room_or_far_from_the_piece(seed: int, room: Mask) -> None:
    rng = np.random.default_rng(seed)
    host, donor = (rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8) for _ in range(2))
    done = transplant(host, room, donor, block(3, 40, 12, 7), rng)
    assert done is not None
    image, placed = done
    assert not placed[room == 0].any()
    rows, columns = np.nonzero((image != host).any(axis=2))
    assert room[rows, columns].all()
    marked = np.argwhere(placed)
    low, high = marked.min(axis=0) - 5, marked.max(axis=0) + 5
    assert (rows >= low[0]).all() and (rows <= high[0]).all()
    assert (columns >= low[1]).all() and (columns <= high[1]).all()


def test_a_piece_that_is_larger_than_the_room_is_refused() -> None:
    tall, narrow = block(0, 10, SIDE, 40), block(20, 20, 12, 12)
    rng = np.random.default_rng(1)
    assert transplant(flat(90), narrow, flat(120), tall, rng) is None


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_image(seed: int) -> None:
    noise = np.random.default_rng(9).integers(0, 256, (2, SIDE, SIDE, 3), np.uint8)
    shape = block(5, 6, 9, 4)
    first, second = (
        transplant(noise[0], EVERYWHERE, noise[1], shape, np.random.default_rng(seed)) for _ in range(2)
    )
    assert first is not None and second is not None
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])

"""Transplants against what is known of them: where the piece lies, its brightness, what stays untouched."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.loading.transplant import Host, Piece, Transplant, transplant
from gainspect.types import BoolMask, Image

SIDE = 64


def flat(level: int) -> Image:
    return np.full((SIDE, SIDE, 3), level, np.uint8)


def block(top: int, left: int, height: int, width: int) -> BoolMask:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[top : top + height, left : left + width] = True
    return mask


EVERYWHERE = block(0, 0, SIDE, SIDE)


def screw(top: int, rng: np.random.Generator) -> tuple[Image, BoolMask]:
    """A striped band of 14 rows on a light belt, with grain, and where the band is."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    band = (rows >= top) & (rows < top + 14)
    values = np.where(band, 90 + 40 * (columns // 4 % 2), 190) + rng.normal(0, 3, (SIDE, SIDE))
    return np.repeat(values.clip(0, 255).astype(np.uint8)[:, :, None], 3, 2), band


def put(hosts: list[Image], donor: Image, shape: BoolMask, seed: int) -> Transplant:
    everywhere = [Host(host, EVERYWHERE) for host in hosts]
    done = transplant(everywhere, Piece(donor, EVERYWHERE, shape), np.random.default_rng(seed))
    assert done is not None
    return done


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
    donor[shape] -= 50
    done = put([flat(host_level)], donor, shape, seed)
    assert done.mask.sum() == height * width
    assert (done.image[done.mask > 0] == host_level - 50).all()
    assert (done.image[done.mask == 0] == host_level).all()


@given(
    seed=st.integers(0, 1000), tops=st.tuples(st.integers(2, 48), st.integers(2, 48)), turn=st.integers(0, 3)
)
def test_a_piece_of_a_thread_comes_to_lie_on_a_thread(seed: int, tops: tuple[int, int], turn: int) -> None:
    rng = np.random.default_rng(seed)
    (donor, _), (host, band) = (screw(top, rng) for top in tops)
    shape = block(tops[0] + 4, 24, 6, 10)
    donor[shape] = 20
    done = put([np.ascontiguousarray(np.rot90(host, turn))], donor, shape, seed)
    assert np.rot90(band, turn)[done.mask > 0].all()
    assert done.mask.sum() == shape.sum()


def test_of_several_parts_it_is_put_onto_the_one_that_it_fits_best() -> None:
    rng = np.random.default_rng(4)
    (donor, _), (host, _) = screw(10, rng), screw(30, rng)
    shape = block(14, 24, 6, 10)
    donor[shape] = 20
    plain = np.repeat(rng.normal(110, 30, (2, SIDE, SIDE)).clip(0, 255).astype(np.uint8)[..., None], 3, 3)
    for place in range(3):
        hosts = list(plain)
        hosts.insert(place, host)
        assert put(hosts, donor, shape, 1).host == place


@pytest.mark.parametrize("seed", range(4))
def test_hardly_a_place_is_more_alike_around_it(seed: int) -> None:
    """Against every place on the host in every turn, compared one by one."""
    rng = np.random.default_rng(seed)
    levels = np.kron(rng.integers(60, 200, (2, 11, 11), np.uint8), np.ones((6, 6), np.uint8))
    donor, host = np.repeat(levels[:, :SIDE, :SIDE, None], 3, axis=3)
    shape = block(20, 25, *rng.integers(3, 14, 2))
    done = put([host], donor, shape, seed)
    chosen, least = np.inf, np.inf
    for turn in range(8):
        turned, own = (np.rot90(array, turn % 4)[:, :: -1 if turn >= 4 else 1] for array in (donor, shape))
        ring = within_two(own) & ~own
        rows, columns = np.nonzero(ring)
        for down in range(-rows.min(), SIDE - rows.max()):
            for across in range(-columns.min(), SIDE - columns.max()):
                apart = host[rows + down, columns + across].astype(float) - turned[rows, columns]
                difference = (apart**2).sum(axis=1).mean()
                least = min(least, difference)
                if (np.roll(own, (down, across), (0, 1)) == (done.mask > 0)).all():
                    chosen = min(chosen, difference)
    assert chosen <= 2 * least + 1.01


def within_two(shape: BoolMask) -> BoolMask:
    """All pixels that are at most two from the shape, which is not at the border."""
    steps = [(y, x) for y in range(-2, 3) for x in range(-2, 3) if y * y + x * x <= 4]
    return np.any([np.roll(shape, step, (0, 1)) for step in steps], axis=0)


@given(
    seed=st.integers(0, 1000),
    room=st.builds(block, st.integers(0, 30), st.integers(0, 30), st.integers(20, 34), st.integers(20, 34)),
)
def test_only_the_piece_changes_and_it_lies_on_the_part(seed: int, room: BoolMask) -> None:
    """On parts of grain alone, where no place is as another, and the next is as good."""
    rng = np.random.default_rng(seed)
    host, donor = (np.repeat(rng.integers(0, 256, (SIDE, SIDE, 1), np.uint8), 3, axis=2) for _ in range(2))
    shape = block(3, 40, 12, 7)
    done = transplant([Host(host, room)], Piece(donor, EVERYWHERE, shape), rng)
    assert done is not None
    assert done.mask.sum() == shape.sum()
    assert room[done.mask > 0].all()
    np.testing.assert_array_equal(done.image[done.mask == 0], host[done.mask == 0])


def test_a_place_is_drawn_where_many_are_as_good() -> None:
    donor, shape = flat(120), block(20, 20, 6, 6)
    donor[shape] = 60
    places = {np.argwhere(put([flat(90)], donor, shape, seed).mask)[0].tobytes() for seed in range(20)}
    assert len(places) > 15


def test_a_piece_that_is_larger_than_the_room_is_refused() -> None:
    tall, narrow = block(0, 10, SIDE, 40), block(20, 20, 12, 12)
    rng = np.random.default_rng(1)
    assert transplant([Host(flat(90), narrow)], Piece(flat(120), EVERYWHERE, tall), rng) is None


def test_what_looks_like_nothing_of_the_part_is_refused() -> None:
    rng = np.random.default_rng(1)
    donor, _ = screw(20, rng)
    dull = np.repeat(rng.normal(150, 3, (SIDE, SIDE, 1)).clip(0, 255).astype(np.uint8), 3, axis=2)
    piece = Piece(donor, EVERYWHERE, block(18, 20, 18, 12))
    assert transplant([Host(dull, EVERYWHERE)], piece, rng) is None


@pytest.mark.parametrize("seed", range(3))
def test_the_same_seed_gives_the_same_image(seed: int) -> None:
    rng = np.random.default_rng(9)
    (donor, _), (host, _) = screw(10, rng), screw(30, rng)
    first, second = (put([host], donor, block(12, 6, 9, 4), seed) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.mask, second.mask)

"""Pixels that are kept: what was put is got, by other processes too, and no more than there is room for."""

import multiprocessing
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.loading import pixel_store
from gainspect.data.loading.pixel_store import PixelStore
from gainspect.errors import GainspectError

SHAPES = [(3, 4), (5, 2), (1, 1), (8, 8)]


def pixels(index: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(index)
    return rng.integers(0, 256, (*SHAPES[index], 3), np.uint8), rng.integers(0, 256, SHAPES[index], np.uint8)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=30), st.integers(0, 500))
def test_it_is_a_dictionary_of_what_has_a_place(steps: list[tuple[bool, int]], room: int) -> None:
    store, known = PixelStore(SHAPES, room), set[int]()
    placed = {index for index in range(4) if store._place(index) is not None}
    for puts, index in steps:
        if puts:
            store.put(index, *pixels(index))
            known |= {index} & placed
        found = store.get(index)
        assert (found is not None) == (index in known)
        if found is not None:
            np.testing.assert_equal(found, pixels(index))
            found[0][:] = 0  # a copy
    assert sum(4 * SHAPES[index][0] * SHAPES[index][1] for index in placed) <= room


def test_as_many_have_a_place_as_there_is_room_for_spread_over_all() -> None:
    store = PixelStore([(10, 10)] * 1000, room=400 * 250)
    placed = [index for index in range(1000) if store._place(index) is not None]
    assert len(placed) == 250
    assert all(25 <= np.sum(np.array(placed) // 250 == quarter) <= 100 for quarter in range(4))
    assert PixelStore([(10, 10)] * 1000, room=399)._place(placed[0]) is None


def test_an_image_that_has_changed_its_shape_is_not_kept() -> None:
    store = PixelStore(SHAPES, 1000)
    store.put(0, *pixels(1))
    assert store.get(0) is None


def test_half_written_pixels_are_not_there() -> None:
    store = PixelStore(SHAPES, 1000)
    store.put(3, *pixels(3))
    place = store._place(3)
    assert place is not None
    place[7] += 1
    assert store.get(3) is None
    store.put(3, *pixels(3))
    np.testing.assert_equal(store.get(3), pixels(3))


def test_without_memory_it_is_said_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int, size: int) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(pixel_store.mmap, "mmap", refuse)
    with pytest.raises(GainspectError, match=r"no memory for 4\.0 GB of images.*training\.cache_gb"):
        PixelStore([(1000, 1000)] * 2000, 4 * 10**9)


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_what_a_forked_process_puts_is_there_for_others() -> None:
    store = PixelStore(SHAPES, 1000)
    process = multiprocessing.get_context("fork").Process(target=store.put, args=(1, *pixels(1)))
    process.start()
    process.join()
    np.testing.assert_equal(store.get(1), pixels(1))

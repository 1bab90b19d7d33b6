"""Maps that are drawn when they are looked at, against maps that are drawn at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.framing import geometry_of, unletterbox
from gainspect.data.tiles import Tile, Tiling, tiles_of
from gainspect.inspection.grid_map import GridMap
from gainspect.inspection.inspector import Inspector
from gainspect.types import Evidence, Label

SIDES = st.integers(1, 200)
SEEDS = st.integers(0, 2**32 - 1)


def pieces_of(height, width, tiling, seed):
    rng = np.random.default_rng(seed)
    for tile in tiles_of(height, width, tiling):
        values = rng.normal(0, 2, (16, 16)).astype(np.float32)
        yield values, geometry_of(tile.height, tile.width, 64), tile


@given(height=SIDES, width=SIDES, overlap=st.sampled_from([0.0, 0.3]), seed=SEEDS, clamped=st.booleans())
def test_what_is_drawn_is_the_largest_of_all_frames(height, width, overlap, seed, clamped):
    tiling = Tiling(64, overlap)
    known = GridMap((height, width), **({"least": 0.0} if clamped else {}))
    expected = np.full((height, width), -np.inf, np.float32)
    for values, geometry, tile in pieces_of(height, width, tiling, seed):
        known.add(values, geometry, tile)
        rows, columns = slice(tile.top, tile.top + tile.height), slice(tile.left, tile.left + tile.width)
        expected[rows, columns] = np.maximum(expected[rows, columns], unletterbox(values, geometry))
    drawn = known()
    np.testing.assert_array_equal(drawn, np.maximum(expected, 0) if clamped else expected)


@given(height=SIDES, width=SIDES, seed=SEEDS, threshold=st.floats(-4, 4))
def test_a_threshold_that_is_not_reached_is_reached_by_no_pixel(height, width, seed, threshold):
    known = GridMap((height, width), least=0.0)
    for piece in pieces_of(height, width, Tiling(64, 0.3), seed):
        known.add(*piece)
    if not known.reaches(threshold):
        assert known().max() < threshold
    assert known.reaches(float(known().max()))


def test_values_are_copied():
    values = np.ones((4, 4), np.float32)
    known = GridMap((8, 8))
    known.add(values, geometry_of(8, 8, 8), Tile(0, 0, 8, 8))
    values[:] = 5
    assert known().max() == 1


def test_a_map_is_drawn_once_and_only_if_it_is_looked_at():
    drawn = []

    def draw(name):
        def once():
            drawn.append(name)
            return np.full((3, 2), 0.5, np.float32)

        return once

    evidence = Evidence(draw("evidence"), cam=np.zeros((3, 2), np.float32), attention=draw("attention"))
    assert evidence.names == ("cam", "attention", "evidence")
    assert drawn == []
    assert evidence.attention is evidence.attention
    assert drawn == ["attention"]
    assert evidence.localization is None
    assert set(evidence.maps()) == {"cam", "attention", "evidence"}
    assert drawn == ["attention", "evidence"]


class Even:
    """The same evidence everywhere; its maps count how often the grid is drawn."""

    size, runtime, precision = 32, "fake", "f32"

    def __init__(self, value):
        self.value = value

    def __call__(self, images):
        maps = np.full((len(images), 8, 8), self.value, np.float32)
        return {"score": np.full(len(images), self.value, np.float32), "evidence": maps, "cam": maps}


@pytest.mark.parametrize("tiling", [None, Tiling(64, 0.25)])
def test_no_map_of_a_part_without_regions_is_drawn(tiling, monkeypatch):
    calls = []
    draw = GridMap.__call__
    monkeypatch.setattr(GridMap, "__call__", lambda self: (calls.append(1), draw(self))[1])
    image = np.zeros((90, 140, 3), np.uint8)

    def verdict(value):
        calls.clear()
        return Inspector(Even(value), threshold=0.5, region_threshold=0.3, tiling=tiling).inspect(image)

    cold = verdict(0.1)
    assert (cold.label, cold.regions, calls) == (Label.OK, (), [])
    hot = verdict(0.9)
    assert (len(hot.regions), len(calls)) == (1, 1)

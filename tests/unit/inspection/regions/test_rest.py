"""The score without some regions, against the evidence head itself and against cells counted one by one."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.framing import Spread, geometry_of
from gainspect.data.tiles import Tile
from gainspect.inspection.regions.defect_types import pooled
from gainspect.inspection.regions.rest import Head, Window, on_grid, rest_of
from gainspect.inspection.tiled import Grid
from gainspect.models.evidence import EvidenceHead


def grid(contributions, evidence=None, *, shape=(64, 64), tile=None, size=64, features=None):
    tile = tile or Tile(0, 0, *shape)
    values = np.asarray(contributions, np.float32)
    evidence = values if evidence is None else np.asarray(evidence, np.float32)
    return Grid(0.9, values, evidence, features, geometry_of(tile.height, tile.width, size), tile)


def window(top, left, height, width):
    return Window(np.ones((height, width), np.float32), top, left)


@given(
    height=st.integers(5, 40),
    width=st.integers(5, 40),
    cells=st.sampled_from([2, 4, 8]),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_cell_gets_each_pixel_by_the_share_that_it_covers(height, width, cells, seed):
    """The oracle: every pixel is cut into 16 × 16 points, and each point falls into one cell of the frame."""
    size, fine = 32, 16
    values = np.random.default_rng(seed).random((height, width)).astype(np.float32)
    geometry = geometry_of(height, width, size)
    y = geometry.top + (np.arange(height * fine) + 0.5) / fine * geometry.content_height / height
    x = geometry.left + (np.arange(width * fine) + 0.5) / fine * geometry.content_width / width
    expected = np.zeros((cells, cells))
    rows, columns = (y * cells / size).astype(int), (x * cells / size).astype(int)
    point = (
        geometry.content_height * geometry.content_width / (height * width * fine**2) * (cells / size) ** 2
    )
    np.add.at(expected, np.ix_(rows, columns), np.kron(values, np.ones((fine, fine))) * point)
    found = Spread(np.zeros((cells, cells), np.float32), geometry).cells(values, 0, 0)
    np.testing.assert_allclose(found, expected, atol=0.02 * expected.max())
    amounts = np.random.default_rng(seed + 1).random((cells, cells)).astype(np.float32)
    whole = Spread(amounts, geometry).window(0, 0, height, width)
    assert float((whole * values).sum()) == pytest.approx(float((found * amounts).sum()), rel=1e-4)  # adjoint


def test_of_a_sum_the_rest_is_the_sum_of_the_other_cells():
    contributions = np.arange(16.0).reshape(4, 4) - 5
    region = window(0, 0, 17, 16)  # one pixel reaches into the second row of cells, 16 pixels each
    left = contributions.sum() - contributions[0, 0] - contributions[1, 0]
    expected = 1 / (1 + np.exp(-(-2.5 + left)))
    assert rest_of([grid(contributions)], [region], Head("sum", -2.5)) == pytest.approx(expected)


@given(
    seed=st.integers(0, 2**32 - 1),
    power=st.sampled_from([1.0, 3.0]),
    boxes=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=3),
)
def test_of_the_evidence_head_the_rest_is_what_it_says_of_the_other_cells_alone(seed, power, boxes):
    rng = np.random.default_rng(seed)
    gate = rng.beta(0.6, 2, (1, 1, 16, 16)).astype(np.float32)
    head = EvidenceHead(power)
    with torch.no_grad():
        _, contributions = head(torch.from_numpy(gate))
        others = gate.copy()
        for row, column in boxes:
            others[0, 0, row : row + 4, column : column + 4] = 0
        expected = float(head(torch.from_numpy(others))[0].sigmoid())
    regions = [window(4 * row, 4 * column, 16, 16) for row, column in boxes]
    found = rest_of([grid(contributions[0, 0].numpy(), gate[0, 0])], regions, Head("weighted mean", -4.0))
    assert found == pytest.approx(expected, abs=2e-3)  # the head's ε


def test_a_strong_blemish_does_not_hide_a_faint_defect():
    """By the sum of the other contributions, the rest would be 0.03; by itself the faint defect is NG."""
    gate = np.zeros((1, 1, 16, 16), np.float32)
    gate[0, 0, 2:6, 2:6], gate[0, 0, 12, 12] = 0.95, 0.5
    with torch.no_grad():
        contributions = EvidenceHead()(torch.from_numpy(gate))[1][0, 0].numpy()
    seen, region = [grid(contributions, gate[0, 0])], [window(8, 8, 16, 16)]
    assert rest_of(seen, region, Head("sum", -4.0)) == pytest.approx(0.02, abs=0.01)
    assert rest_of(seen, region, Head("weighted mean", -4.0)) == pytest.approx(0.5, abs=0.02)


def test_of_tiles_the_largest_rest_counts_and_an_unknown_one_spoils_it():
    region = window(10, 10, 20, 20)
    first = grid(np.ones((2, 2)), tile=Tile(0, 0, 32, 32), size=32)
    second = grid(np.full((2, 2), 0.5), tile=Tile(0, 32, 32, 32), size=32)
    expected = 1 / (1 + np.exp(-(2.0 - 3)))  # the second tile keeps its 4 · 0.5
    assert rest_of([first, second], [region], Head("sum", -3.0)) == pytest.approx(expected)
    assert rest_of([first, second._replace(contributions=None)], [region], Head("sum", -3.0)) is None
    assert rest_of([], [region], Head("sum", -3.0)) is None


def test_maps_of_two_sizes_cannot_be_weighed():
    assert (
        rest_of([grid(np.ones((4, 4)), np.ones((8, 8)))], [window(0, 0, 4, 4)], Head("weighted mean", 0.0))
        is None
    )


def test_features_are_weighted_by_the_evidence_of_the_region():
    rng = np.random.default_rng(3)
    features = rng.random((5, 4, 4)).astype(np.float32)
    evidence = rng.random((20, 24)).astype(np.float32)
    weights = np.zeros((4, 4))
    for row in range(20):
        for column in range(24):
            weights[(6 + row) // 16, (10 + column) // 16] += evidence[row, column]
    expected = (features * weights).sum(axis=(1, 2)) / weights.sum()
    seen = grid(np.ones((4, 4)), features=features)
    np.testing.assert_allclose(pooled([seen], Window(evidence, 6, 10)), expected, rtol=1e-5)


def test_only_a_tile_that_shows_the_whole_region_gives_its_features():
    evidence = Window(np.ones((8, 8), np.float32), 20, 28)
    tiles = [Tile(0, 0, 32, 32), Tile(0, 16, 32, 32)]
    maps = [np.full((1, 2, 2), value, np.float32) for value in (1, 2)]
    seen = [grid(np.ones((2, 2)), tile=t, size=32, features=f) for t, f in zip(tiles, maps, strict=True)]
    assert pooled(seen, evidence) == pytest.approx([2])
    assert pooled(seen[:1], evidence) is None
    assert on_grid(evidence, seen[0], (2, 2)).sum() == pytest.approx(4 * 8 / 16**2)
    assert on_grid(Window(evidence.pixels, 20, 40), seen[0], (2, 2)).sum() == 0

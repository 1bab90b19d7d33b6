"""Regions against SciPy's labelling, and by hand; their shares against cells shared out point by point."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from gainspect.data.framing import content_mask, geometry_of
from gainspect.data.tiles import Tile
from gainspect.inspection.regions.found import Contributions, regions_of


def test_one_region_by_hand() -> None:
    evidence = np.zeros((20, 30), np.float32)
    evidence[5:9, 10:16] = 1
    evidence[6, 12] = 3
    evidence[0, 0] = 0.25  # below the threshold, but part of the whole
    (region,) = regions_of(evidence, 0.5)
    assert region.box == (10, 5, 6, 4)
    assert region.area == 24
    assert (region.peak, region.peak_at) == (3.0, (12, 6))
    assert region.share == pytest.approx(26 / 26.25)
    assert set(region.polygon) == {(10, 5), (15, 5), (15, 8), (10, 8)}


def test_a_cold_map_has_none_even_at_threshold_zero() -> None:
    assert regions_of(np.zeros((8, 8), np.float32), 0.0) == ()


@settings(deadline=None)
@given(arrays(np.float32, (12, 14), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0])))
def test_regions_are_the_connected_places_above_the_threshold(evidence: np.ndarray) -> None:
    labels, count = ndimage.label(evidence >= 0.5, structure=np.ones((3, 3)))
    places = range(1, count + 1)
    total = evidence.sum()
    boxes = [(x.start, y.start, x.stop - x.start, y.stop - y.start) for y, x in ndimage.find_objects(labels)]
    assert sorted(region.box for region in regions_of(evidence, 0.5)) == sorted(boxes)
    expected = sorted(
        (
            int((labels == i).sum()),
            float(evidence[labels == i].max()),
            float(evidence[labels == i].sum() / total),
        )
        for i in places
    )
    regions = regions_of(evidence, 0.5)
    found = sorted((region.area, region.peak, region.share) for region in regions)
    assert len(found) == count
    np.testing.assert_allclose(np.reshape(found, (-1, 3)), np.reshape(expected, (-1, 3)), rtol=1e-6)
    assert [r.share for r in regions] == sorted((r.share for r in regions), reverse=True)
    for region in regions:
        x, y = region.peak_at
        assert evidence[y, x] == region.peak


# --- the share of the contributions ------------------------------------------------------------------


def test_a_faint_wide_area_does_not_come_before_the_place_that_the_verdict_rests_on() -> None:
    """The evidence head's formula: of a wide area at 0.3 and a spot at 0.95, the spot is the reason.

    By evidence the wide area has 0.86 of all; its contributions, gain · g⁴ / Σ g³, are a fifth.
    """
    evidence = np.zeros((64, 64), np.float32)
    evidence[4:44, 4:44] = 0.3
    evidence[52:61, 52:61] = 0.95
    power = evidence.astype(np.float64) ** 3
    contributions = (8 * evidence * power / power.sum()).astype(np.float32)
    by_evidence = regions_of(evidence, 0.2)
    assert by_evidence[0].box == (4, 4, 40, 40) and by_evidence[0].share == pytest.approx(0.86, abs=0.01)
    spot, wide = regions_of(evidence, 0.2, Contributions(contributions, geometry_of(64, 64, 64)))
    assert (spot.box, wide.box) == ((52, 52, 9, 9), (4, 4, 40, 40))
    expected = 1600 * 0.3**4 / (1600 * 0.3**4 + 81 * 0.95**4)
    assert (wide.share, spot.share) == pytest.approx((expected, 1 - expected), rel=1e-5)
    assert expected == pytest.approx(0.16, abs=0.01)


def test_what_speaks_against_ng_is_not_shared_out() -> None:
    evidence = np.zeros((8, 8), np.float32)
    evidence[:4] = 1
    signed = np.where(evidence > 0, 0.5, -7).astype(np.float32)
    signed[7, 7] = 4
    (region,) = regions_of(evidence, 0.5, Contributions(signed, geometry_of(8, 8, 8)))
    assert region.share == pytest.approx(16 / 20)
    (nothing,) = regions_of(evidence, 0.5, Contributions(-np.abs(signed), geometry_of(8, 8, 8)))
    assert nothing.share == 0


@given(
    height=st.integers(5, 70),
    width=st.integers(5, 70),
    cells=st.sampled_from([2, 4, 8, 16]),
    seed=st.integers(0, 2**32 - 1),
)
def test_each_cell_is_spread_evenly_over_the_pixels_that_show_it(
    height: int, width: int, cells: int, seed: int
) -> None:
    """The oracle: every pixel is cut into 8 × 8 points, and each point falls into one cell of the frame."""
    rng = np.random.default_rng(seed)
    size, fine = 32, 8
    geometry = geometry_of(height, width, size)
    values = rng.normal(0, 1, (cells, cells)).astype(np.float32)
    evidence = (rng.random((height, width)) < 0.3).astype(np.float32)
    y = geometry.top + (np.arange(height * fine) + 0.5) / fine * geometry.content_height / height
    x = geometry.left + (np.arange(width * fine) + 0.5) / fine * geometry.content_width / width
    row, column = (y * cells / size).astype(int), (x * cells / size).astype(int)
    point = (
        geometry.content_height * geometry.content_width / (height * width * fine**2) * (cells / size) ** 2
    )
    amounts = np.maximum(values, 0)[np.ix_(row, column)] * point
    amounts = amounts.reshape(height, fine, width, fine).sum(axis=(1, 3))
    total = np.maximum(values, 0).sum()
    contributions = Contributions(values, geometry)
    labels, count = ndimage.label(evidence > 0, structure=np.ones((3, 3)))
    expected = {
        tuple(box.start for box in place): amounts[labels == index].sum() / max(total, 1e-9)
        for index, place in enumerate(ndimage.find_objects(labels), start=1)
    }
    found = regions_of(evidence, 0.5, contributions)
    assert len(found) == min(count, 64)
    for region in found:
        x0, y0, wide, tall = region.box
        piece = labels[y0 : y0 + tall, x0 : x0 + wide]
        inside = piece == labels[region.peak_at[1], region.peak_at[0]]
        exact = amounts[y0 : y0 + tall, x0 : x0 + wide][inside].sum() / max(total, 1e-9)
        assert region.share == pytest.approx(exact, abs=0.02)
        assert region.in_worst_tile
    assert expected or not found


@pytest.mark.parametrize(("height", "width"), [(48, 48), (96, 40), (31, 200), (5, 7)])
def test_the_whole_image_has_what_the_frame_does_not_show_in_its_border(height: int, width: int) -> None:
    geometry = geometry_of(height, width, 32)
    values = np.random.default_rng(0).random((8, 8)).astype(np.float32)
    (region,) = regions_of(np.ones((height, width), np.float32), 0.5, Contributions(values, geometry))
    shown = content_mask(geometry).reshape(8, 4, 8, 4).mean(axis=(1, 3))
    assert region.share == pytest.approx((values * shown).sum() / values.sum(), rel=1e-4)


def test_with_tiles_the_shares_are_those_of_the_worst_one_and_regions_elsewhere_are_marked() -> None:
    evidence = np.zeros((20, 60), np.float32)
    evidence[5:10, 4:8] = 0.9  # in another tile
    evidence[5:10, 30:34] = 0.5  # half in the worst tile
    evidence[12:16, 40:44] = 0.4
    contributions = np.zeros((20, 20), np.float32)
    contributions[5:10, :2] = 1  # of the tile that begins at column 32
    contributions[12:16, 8:12] = 5
    tile = Tile(0, 32, 20, 20)
    regions = regions_of(evidence, 0.3, Contributions(contributions, geometry_of(20, 20, 20), tile))
    assert [(r.box, r.in_worst_tile) for r in regions] == [
        ((40, 12, 4, 4), True),
        ((30, 5, 4, 5), True),
        ((4, 5, 4, 5), False),
    ]
    assert [r.share for r in regions] == pytest.approx([80 / 90, 10 / 90, 0])

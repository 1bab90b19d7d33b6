"""Regions against SciPy's labelling, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from gainspect.inspection.regions import regions_of


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

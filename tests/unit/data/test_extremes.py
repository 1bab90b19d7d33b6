"""Outliers by the modified z-score, against the normalized median absolute deviation of statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.robust.scale import mad

from gainspect.data.extremes import FEW, extremes, modified_z

ODD = st.lists(st.floats(-1e3, 1e3).filter(lambda x: abs(x) > 1e-3), min_size=9, max_size=30, unique=True)


@given(ODD)
def test_scores_are_those_of_statsmodels(values: list[float]) -> None:
    x = np.array(values)
    assert modified_z(x) == pytest.approx((x - np.median(x)) / mad(x), rel=1e-3)  # 0.6745 has four digits


def test_where_most_are_equal_the_mean_deviation_counts() -> None:
    x = [4.0] * 9 + [14.0]
    assert modified_z(x)[-1] == pytest.approx(10 / (1.253314 * 1.0))
    assert not modified_z([3.0] * 5).any()


def test_far_sizes_are_named_with_their_ratio_and_few_never() -> None:
    usual = {f"{place}.png": 100.0 + place for place in range(20)}
    assert extremes(usual) == {}
    found = extremes({**usual, "large.png": 2000.0, "small.png": 4.0})
    assert list(found) == ["large.png", "small.png"]
    assert found["large.png"] == pytest.approx(2000 / 109.5) and found["small.png"] == pytest.approx(
        4 / 109.5
    )
    few = dict(list(usual.items())[: FEW - 2])
    assert extremes({**few, "large.png": 2000.0}) == {}

"""Thresholds by cost: monotone in the costs, never below the floor, and those of a plain search."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from scipy.stats import norm
from sklearn.metrics import roc_curve

from gainspect.metrics import thresholds
from gainspect.metrics.decisions import Costs
from gainspect.metrics.thresholds import Thresholds, least_cost, noise_floor

rows = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=2, max_size=40).filter(
    lambda found: 0 < sum(bad for _, bad in found) < len(found)
)
prices = st.floats(0.01, 100)


def arrays(found):
    return np.array([score for score, _ in found], np.float64), np.array([bad for _, bad in found])


@given(found=rows, costs=st.tuples(prices, prices, prices), more=st.floats(1, 50), share=st.floats(0.01, 0.9))
def test_thresholds_are_monotone_in_the_costs(found, costs, more, share):
    scores, labels = arrays(found)
    miss, alarm, review = costs
    for band in (True, False):
        at = least_cost(scores, labels, Costs(*costs), share, band=band)
        stricter = least_cost(scores, labels, Costs(more * miss, alarm, review), share, band=band)
        milder = least_cost(scores, labels, Costs(miss, more * alarm, review), share, band=band)
        assert all(one <= other + 1e-9 for one, other in zip(stricter[:2], at[:2], strict=True))
        assert all(one >= other - 1e-9 for one, other in zip(milder[:2], at[:2], strict=True))
        assert at.review_from <= at.threshold and (band or at.review_from == at.threshold)


@given(found=rows, costs=st.tuples(prices, prices, prices), floor=st.floats(0, 1), order=st.randoms())
def test_never_below_the_floor_and_whatever_the_order(found, costs, floor, order):
    at = least_cost(*arrays(found), Costs(*costs), 0.1, floor=floor)
    assert floor <= at.review_from <= at.threshold <= 1
    shuffled = order.sample(found, len(found))
    assert least_cost(*arrays(shuffled), Costs(*costs), 0.1, floor=floor) == pytest.approx(at)


@given(found=rows, costs=st.tuples(prices, prices, prices), band=st.booleans(), parts=st.integers(1, 12))
def test_a_block_of_parts_at_a_time_gives_what_all_at_once_give(found, costs, band, parts):
    doubted = np.arange(len(found)) % 3 == 0
    settings = {"doubted": doubted, "band": band}
    at_once = least_cost(*arrays(found), Costs(*costs), 0.1, **settings), noise_floor(*arrays(found))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(thresholds, "_PARTS", parts)
        in_blocks = least_cost(*arrays(found), Costs(*costs), 0.1, **settings), noise_floor(*arrays(found))
    assert in_blocks[0] == pytest.approx(at_once[0], rel=1e-9)
    assert in_blocks[1] == at_once[1]


def sample(count, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) < count // 2
    return expit(np.where(labels, rng.normal(2, 1, count), rng.normal(-2, 1, count))), labels


@pytest.mark.parametrize(("miss", "prevalence"), [(1, 0.5), (20, 0.05), (5, 0.01)])
def test_on_many_parts_it_is_where_the_densities_say(miss, prevalence):
    """Two normals of standard deviation 1 at ±2: the odds of NG at a logit x are π / (1 − π) · exp(4 x)."""
    at = least_cost(*sample(4000), Costs(miss, 1, 1), prevalence, band=False)
    expected = np.log((1 - prevalence) / (prevalence * miss)) / 4
    assert np.log(at.threshold / (1 - at.threshold)) == pytest.approx(expected, abs=0.25)


def test_the_band_is_where_a_person_is_cheaper_than_either_mistake():
    at = least_cost(*sample(4000), Costs(20, 1, 0.2), 0.1)
    odds = np.exp(4 * np.log([p / (1 - p) for p in at[:2]])) * 0.1 / 0.9
    posterior = odds / (1 + odds)
    assert posterior == pytest.approx([0.2 / 20, 1 - 0.2], abs=0.06)
    dear = least_cost(*sample(4000), Costs(20, 1, 50), 0.1)
    assert dear.review_from == dear.threshold


def test_the_floor_is_youdens_point_and_a_defect_without_evidence_lies_below():
    scores, labels = sample(4000)
    alarms, recall, thresholds = roc_curve(labels, scores)
    youden = thresholds[np.argmax(recall - alarms)]
    assert norm.cdf(np.log(noise_floor(scores, labels) / (1 - noise_floor(scores, labels)))) == pytest.approx(
        norm.cdf(np.log(youden / (1 - youden))), abs=0.1
    )
    rng = np.random.default_rng(1)
    floor = np.concatenate([rng.uniform(0.017, 0.03, 100), rng.uniform(0.5, 1, 44), [0.018, 0.0181]])
    found = noise_floor(floor, np.arange(146) >= 100)
    assert 0.03 < found < 0.5


def test_scores_that_differ_by_rounding_are_never_parted():
    scores = np.array([0.018 + 1e-9 * n for n in range(20)] + [0.9] * 5)
    labels = np.array([False] * 15 + [True] * 10)
    for miss in (1, 20, 1e6):
        at = least_cost(scores, labels, Costs(miss, 1, 0.5), 0.3)
        assert all(edge <= 0.018 or edge > 0.0181 for edge in at)


def test_doubted_parts_cost_a_review_above_the_threshold():
    scores = np.array([0.1] * 10 + [0.8] * 5 + [0.9] * 10)
    labels = np.array([False] * 15 + [True] * 10)
    doubted = np.array([False] * 10 + [True] * 5 + [False] * 10)
    costs = Costs(1, 10, 0.01)
    assert least_cost(scores, labels, costs, 0.3, band=False).threshold > 0.8
    cheap = Costs(10, 10, 0.01)
    assert least_cost(scores, labels, cheap, 0.3, doubted=doubted).review_from <= 0.9


@pytest.mark.parametrize(
    ("scores", "labels", "said"),
    [
        ([0.1, 0.2], [True, True], "both classes"),
        ([], [], "both"),
        ([0.1, np.nan], [True, False], "within 0…1"),
    ],
)
def test_what_is_no_sample_is_refused(scores, labels, said):
    for rule in (noise_floor, lambda *given: least_cost(*given, Costs(20, 1, 0.5), 0.1)):
        with pytest.raises(ValueError, match=said):
            rule(np.array(scores), np.array(labels, np.bool_))


def test_one_part_of_each_class_has_a_threshold_between():
    at = least_cost(np.array([0.1, 0.9]), np.array([False, True]), Costs(20, 1, 0.5), 0.1)
    assert isinstance(at, Thresholds) and 0.1 < at.review_from <= at.threshold < 0.9

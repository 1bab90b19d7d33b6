"""Ranks and the martingale on them, against slow definitions, exact counts and simulated streams."""

from collections import Counter
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import quad

from gainspect.metrics.drift import EXPONENTS, ChangeMartingale, SequentialRanks, log_gains

CHANCE = st.floats(0.01, 0.99)
TRIPLES = st.lists(st.tuples(st.integers(-3, 3), CHANCE, CHANCE), min_size=1, max_size=30)
"""Values with many ties, what decides ties, and the place within a gap."""


def p_values(reference, stream):
    """Of one stream: (value, tie) of the reference, (value, tie, within) of the following ones."""
    table = np.array(reference, np.float64)
    ranks = SequentialRanks(table[:, :1], table[:, 1:])
    return [float(ranks.take(*(np.array([float(x)]) for x in one))[0]) for one in stream]


def by_definition(reference, stream):
    """The randomized rank in Pólya's urn, counted one by one."""
    marks, drawn, found = sorted(reference), [], []
    for value, tie, within in stream:
        gap = sum(mark < (value, tie) for mark in marks)
        weight = [1 + drawn.count(place) for place in range(len(marks) + 1)]
        found.append((sum(weight[gap + 1 :]) + within * weight[gap]) / sum(weight))
        drawn.append(gap)
    return found


@given(reference=st.lists(st.tuples(st.integers(-3, 3), CHANCE), min_size=1, max_size=12), stream=TRIPLES)
def test_a_p_value_is_the_randomized_rank_by_its_definition(reference, stream):
    assert p_values(reference, stream) == pytest.approx(by_definition(reference, stream), rel=1e-12)


def test_gaps_are_as_frequent_as_the_urn_says():
    """All orders of six values are equally likely; the first three are the reference."""
    counted = Counter[tuple[float, ...]]()
    for order in permutations(range(6)):
        counted[tuple(p_values([(x, 0.5) for x in order[:3]], [(x, 0.5, 0.5) for x in order[3:]]))] += 1
    # With θ = 1/2, a p-value tells the gap, and the gaps before it tell their weights.
    for path, count in counted.items():
        weights, probability = [1, 1, 1, 1], Fraction(1)
        for p in path:
            middles = [(sum(weights[gap + 1 :]) + weights[gap] / 2) / sum(weights) for gap in range(4)]
            gap = min(range(4), key=lambda place: abs(middles[place] - p))
            probability *= Fraction(weights[gap], sum(weights))
            weights[gap] += 1
        assert Fraction(count, 720) == probability
    assert len(counted) == 4**3


@given(reference=st.lists(st.tuples(st.integers(-3, 3), CHANCE), min_size=1, max_size=12), stream=TRIPLES)
def test_only_the_order_counts_and_the_opposite_order_gives_the_opposite(reference, stream):
    expected = p_values(reference, stream)
    rising = [(np.exp(value) - 7, *rest) for value, *rest in stream]
    assert p_values([(np.exp(value) - 7, tie) for value, tie in reference], rising) == expected
    falling = [(-value, 1 - tie, 1 - within) for value, tie, within in stream]
    opposite = p_values([(-value, 1 - tie) for value, tie in reference], falling)
    # A value and a mark that are equal in both are told apart neither way.
    if not {(value, tie) for value, tie, _ in stream} & set(reference):
        assert opposite == pytest.approx([1 - p for p in expected], rel=1e-9)


def test_streams_side_by_side_know_nothing_of_each_other():
    rng = np.random.default_rng(0)
    reference, ties = rng.integers(0, 5, (20, 3)).astype(float), rng.random((20, 3))
    stream = rng.random((3, 40, 3))
    together = SequentialRanks(reference, ties)
    martingale = ChangeMartingale(3)
    ranks = np.array([together.take(*step) for step in zip(*stream, strict=True)])
    capital = np.array([martingale.take(p) for p in ranks])
    for one in range(3):
        alone, other = SequentialRanks(reference[:, [one]], ties[:, [one]]), ChangeMartingale(1)
        p = [alone.take(*(part[[one]] for part in step)) for step in zip(*stream, strict=True)]
        assert np.array_equal(np.ravel(p), ranks[:, one])
        assert np.array_equal(np.ravel([other.take(each) for each in p]), capital[:, one])


@pytest.mark.parametrize("reference", [np.empty((0, 2)), np.array([[1.0], [np.nan]])])
def test_no_reference_no_ranks(reference):
    with pytest.raises(ValueError, match="at least one row, of finite values"):
        SequentialRanks(reference, reference)


@pytest.mark.parametrize("bet", range(2 * len(EXPONENTS)))
def test_a_bet_is_fair(bet):
    """What it pays for a stake of 1 has the mean 1 over p; each half ends where it may be infinite."""
    pays = lambda p: np.exp(log_gains(np.array([p]))[bet, 0])  # noqa: E731
    mean = quad(pays, 0, 0.5, limit=200)[0] + quad(lambda q: pays(1 - q), 0, 0.5, limit=200)[0]
    assert mean == pytest.approx(1, abs=2e-4)


@given(st.lists(CHANCE, min_size=1, max_size=25))
def test_the_capital_is_the_sum_over_all_moments_of_the_change(stream):
    martingale, count = ChangeMartingale(1), len(stream)
    for p in stream:
        found = float(martingale.take(np.array([p]))[0])
    gains = np.exp(log_gains(np.array(stream)))
    weights = [1 / np.log2(n + 1) - 1 / np.log2(n + 2) for n in range(1, count + 1)]
    capital = 1 - sum(weights)
    for moment, weight in enumerate(weights):
        capital += weight * gains[:, moment:].prod(axis=1).mean()
    assert np.exp(found) == pytest.approx(capital, rel=1e-9)


@pytest.mark.parametrize("values", ["continuous", "with ties"])
def test_villes_bound_holds_on_streams_that_do_not_change(values):
    """2,000 streams, a short reference; the tolerance is three standard errors."""
    rng, streams = np.random.default_rng(5), 2000
    draw = (
        (lambda *shape: rng.normal(size=shape))
        if values == "continuous"
        else (lambda *shape: rng.poisson(0.7, shape).astype(float))
    )
    ranks = SequentialRanks(draw(20, streams), rng.random((20, streams)))
    martingale, highest = ChangeMartingale(streams), np.full(streams, -np.inf)
    for _ in range(400):
        p = ranks.take(draw(streams), *rng.random((2, streams)))
        highest = np.maximum(highest, martingale.take(p))
    for rate in (0.5, 0.2, 0.05, 0.01):
        share = (highest >= -np.log(rate)).mean()
        assert share <= rate + 3 * np.sqrt(rate * (1 - rate) / streams)
    assert (highest >= np.log(2)).mean() > 0.05  # it is bet at all


@pytest.mark.parametrize(("shift", "within"), [(5.0, 20), (1.0, 150), (-1.0, 150)])
def test_a_change_is_noticed_with_its_side_and_its_moment(shift, within):
    """After 1,000 values; in each of 40 streams, at 1 : 1,000."""
    rng, streams, before = np.random.default_rng(2), 40, 1000
    ranks = SequentialRanks(rng.normal(size=(200, streams)), rng.random((200, streams)))
    martingale, noticed = ChangeMartingale(streams), np.zeros(streams, bool)
    for number in range(before + within):
        values = rng.normal(size=streams) + shift * (number >= before)
        noticed |= martingale.take(ranks.take(values, *rng.random((2, streams)))) >= np.log(1000)
        assert number >= before or not noticed.any()
    assert noticed.all()
    changes = [martingale.change(stream) for stream in range(streams)]
    assert all(change.larger == (shift > 0) for change in changes)
    assert np.median([abs(change.since - before) for change in changes]) <= 5

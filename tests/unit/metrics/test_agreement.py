"""Agreement against statsmodels, scikit-learn, plain loops and published tables; invariances and bounds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import aggregate_raters
from statsmodels.stats.inter_rater import cohens_kappa as statsmodels_cohen
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss
from statsmodels.stats.proportion import proportion_confint

# What statsmodels' own tests hold: Fleiss, Psychological Bulletin 76 (1971), 30 patients, 6 psychiatrists, 5
# diagnoses (from R's package irr); the table of Wikipedia's "Fleiss' kappa"; an example of SAS.
from statsmodels.stats.tests.test_inter_rater import diagnoses, table1, table10

from gainspect.metrics.agreement import (
    all_equal,
    category_counts,
    cohens_kappa,
    cross_tables,
    fleiss_kappa,
    share_of_decisions,
    share_of_parts,
)
from reference import agreement_reference as reference

WORDS = 3


def names(count):
    return [str(index) for index in range(count)]


def decisions(parts, trials):
    row = st.lists(st.integers(0, WORDS - 1), min_size=trials, max_size=trials)
    return st.lists(row, min_size=parts, max_size=parts).map(
        lambda rows: np.array(rows).reshape(parts, trials)
    )


@st.composite
def two_appraisers(draw):
    parts, number = draw(st.integers(2, 8)), draw(st.integers(1, 3))
    return draw(decisions(parts, number)), draw(decisions(parts, number))


def cohen(one, other):
    return cohens_kappa(cross_tables(one, other, WORDS), names(len(one)))


def fleiss(rows, words=WORDS):
    return fleiss_kappa(category_counts(rows, words), names(len(rows)))


def agrees(value, expected):
    return value is None if expected is None or np.isnan(expected) else value == pytest.approx(expected)


def test_fleiss_kappa_of_the_psychiatric_diagnoses():
    """0.430: R's kappam.fleiss, to seven digits, as statsmodels' own test has it."""
    found = fleiss(diagnoses - 1, 5)
    assert found.value == pytest.approx(0.4302445, abs=5e-8)
    assert found.value == pytest.approx(statsmodels_fleiss(aggregate_raters(diagnoses)[0]))
    assert category_counts(diagnoses - 1, 5).sum(axis=0).tolist() == [26, 26, 30, 55, 43]


def test_fleiss_kappa_of_the_table_in_wikipedia():
    assert fleiss_kappa(table1.astype(int), names(10)).value == pytest.approx(0.210, abs=5e-4)


def test_cohens_kappa_of_an_example_of_sas():
    """PROC FREQ: 0.4842; the asymptotic interval is 0.2137 to 0.7547."""
    cells = [(i, j) for i, row in enumerate(table10) for j, count in enumerate(row) for _ in range(count)]
    one, other = np.array(cells)[:, :1], np.array(cells)[:, 1:]
    found = cohen(one, other)
    assert found.value == pytest.approx(0.4842, abs=5e-5)
    assert found.interval == pytest.approx((0.2137, 0.7547), abs=0.12)  # 19 parts, another method


@given(two_appraisers())
def test_cohens_kappa_equals_three_others(case):
    one, other = case
    value = cohen(one, other).value
    assert agrees(value, reference.cohen(list(zip(one.ravel(), other.ravel(), strict=True))))
    if value is not None:
        assert value == pytest.approx(cohen_kappa_score(one.ravel(), other.ravel()))
        table = cross_tables(one, other, WORDS).sum(axis=0)
        assert value == pytest.approx(statsmodels_cohen(table, return_results=False))


@given(st.integers(2, 8).flatmap(lambda parts: st.integers(1, 5).flatmap(lambda n: decisions(parts, n))))
def test_fleiss_kappa_equals_two_others(rows):
    value = fleiss(rows).value
    assert agrees(value, reference.fleiss(rows.tolist()))
    if value is not None:
        assert value == pytest.approx(statsmodels_fleiss(category_counts(rows, WORDS)))


@given(two_appraisers(), st.randoms(use_true_random=False))
def test_kappas_do_not_change_with_names_and_order(case, random):
    one, other = case
    rows = np.concatenate(case, axis=1)
    order = list(range(len(one)))
    random.shuffle(order)
    renamed = np.array(random.sample(range(WORDS), WORDS))
    labels = np.array(names(len(one)))
    tables, counts = cross_tables(one, other, WORDS), category_counts(rows, WORDS)
    first = cohens_kappa(tables, labels), fleiss_kappa(counts, labels)
    shuffled = cohens_kappa(tables[order], labels[order]), fleiss_kappa(counts[order], labels[order])
    turned = cohens_kappa(cross_tables(other, one, WORDS), labels), fleiss(renamed[rows])
    for changed in (shuffled, turned, (cohen(renamed[one], renamed[other]), fleiss(rows[:, ::-1]))):
        for before, after in zip(first, changed, strict=True):
            assert agrees(after.value, before.value)
            assert (after.interval is None) == (before.interval is None)
            assert after.interval is None or after.interval == pytest.approx(before.interval)


@given(two_appraisers())
def test_kappas_and_intervals_lie_within_their_bounds(case):
    for kappa in (cohen(*case), fleiss(np.concatenate(case, axis=1))):
        if kappa.value is None:
            assert kappa.interval is None
            continue
        assert -1 <= kappa.value <= 1
        if kappa.interval is not None:
            assert -1 - 1e-12 <= kappa.interval[0] <= kappa.interval[1] <= 1 + 1e-12


def test_different_numbers_of_trials_meet_each_with_each():
    one, other = np.array([[0], [1]]), np.array([[0, 1, 1], [1, 1, 0]])
    assert cross_tables(one, other, 2).tolist() == [[[1, 2], [0, 0]], [[0, 0], [1, 2]]]
    assert cross_tables(other, one, 2).tolist() == [[[1, 0], [2, 0]], [[0, 1], [0, 2]]]


def test_what_is_not_defined_is_none():
    one_word = np.zeros((5, 1), int)
    assert cohen(one_word, one_word).value is None
    assert fleiss(np.zeros((5, 3), int)).value is None
    assert fleiss(np.array([[0], [1]])).value is None  # a single decision on each part
    assert cohen(one_word, 1 - one_word).value == 0  # no agreement, and none expected
    nothing = share_of_decisions(np.zeros((0, 3), bool))
    assert (nothing.value, nothing.of, nothing.interval) == (None, 0, (0, 1))


def test_full_agreement_is_not_certainty():
    """20 parts, half NG: none differs, so at most 16.8 % do (Clopper and Pearson); by chance, half agree."""
    rows = np.repeat([[0, 0], [1, 1]], 10, axis=0)
    _, differ = proportion_confint(0, 20, method="beta")
    for kappa in (cohen(rows[:, :1], rows[:, 1:]), fleiss(rows)):
        assert kappa.value == 1
        assert kappa.interval == pytest.approx((1 - differ / 0.5, 1))


@given(st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_shares_have_the_exact_interval_of_statsmodels(case):
    count, parts = case
    flags = np.arange(parts) < count
    expected = pytest.approx(proportion_confint(count, parts, method="beta"))
    assert share_of_parts(flags).interval == expected
    # Trials that repeat the first tell no more than it does.
    repeated = share_of_decisions(np.repeat(flags[:, None], 3, axis=1))
    assert (repeated.value, repeated.of) == (count / parts, 3 * parts)
    assert repeated.interval == expected


def test_the_interval_of_decisions_covers_the_truth_whether_trials_differ_or_not():
    """Parts miss with a probability of their own: alike in all trials (0 or 1), or each time anew."""
    rng = np.random.default_rng(0)
    for spread in (0.01, 1, 100):
        hits = 0
        for _ in range(1000):
            own = rng.beta(0.1 * spread, 0.9 * spread, (40, 1))
            low, high = share_of_decisions(rng.random((40, 3)) < own).interval
            hits += low <= 0.1 <= high
        assert hits >= 950 - 2.58 * np.sqrt(1000 * 0.95 * 0.05)


def test_the_interval_of_kappa_covers_the_truth_about_as_often_as_it_says():
    """Two appraisers who err independently, each on a tenth of the parts, a third of which are NG."""
    rng = np.random.default_rng(1)
    ng = 0.9 / 3 + 0.1 * 2 / 3
    chance = ng**2 + (1 - ng) ** 2
    truth = (0.82 - chance) / (1 - chance)
    hits = 0
    for _ in range(300):
        part = rng.random((60, 1)) < 1 / 3
        low, high = cohen(*((part ^ (rng.random((60, 1)) < 0.1)).astype(int) for _ in range(2))).interval
        hits += low <= truth <= high
    assert 0.90 <= hits / 300 <= 0.985


def test_the_bootstrap_agrees_with_the_asymptotic_interval_of_statsmodels():
    rng = np.random.default_rng(2)
    part = rng.integers(0, 3, (800, 1))
    one, other = (np.where(rng.random((800, 1)) < 0.25, rng.integers(0, 3, (800, 1)), part) for _ in range(2))
    expected = statsmodels_cohen(cross_tables(one, other, 3).sum(axis=0))
    half = (expected.kappa_upp - expected.kappa_low) / 2
    bounds = pytest.approx((expected.kappa_low, expected.kappa_upp), abs=0.15 * half)
    assert cohen(one, other).interval == bounds


def test_all_equal_looks_at_every_trial():
    assert all_equal(np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1]])).tolist() == [True, False, False]

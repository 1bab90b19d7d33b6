"""Classification figures against scikit-learn, and thresholds against a search over all of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from gainspect.metrics import classification

CASES = st.lists(
    st.tuples(st.sampled_from([0.0, 0.125, 0.25, 0.5, 0.75, 0.875, 1.0]), st.booleans()),
    min_size=1,
    max_size=30,
)


def split(case):
    return np.array([score for score, _ in case]), np.array([label for _, label in case], np.bool_)


@given(CASES, st.sampled_from([0.1, 0.25, 0.5, 0.9]))
def test_equals_scikit_learn_and_is_none_where_it_is_undefined(case, threshold):
    scores, labels = split(case)
    called = scores >= threshold
    figures = classification.at_threshold(scores, labels, threshold)
    assert figures["accuracy"] == pytest.approx(accuracy_score(labels, called))
    checks = {
        "recall": (labels.any(), lambda: recall_score(labels, called)),
        "precision": (called.any(), lambda: precision_score(labels, called)),
        "f1": (labels.any() or called.any(), lambda: f1_score(labels, called)),
        "false_alarm_rate": (not labels.all(), lambda: 1 - recall_score(~labels, ~called)),
    }
    for name, (defined, expected) in checks.items():
        assert figures[name] == (pytest.approx(expected()) if defined else None), name


@given(CASES)
def test_auroc_is_the_share_of_pairs_in_the_right_order(case):
    scores, labels = split(case)
    pairs = [(a > b) + (a == b) / 2 for a in scores[labels] for b in scores[~labels]]
    assert classification.auroc(scores, labels) == (pytest.approx(np.mean(pairs)) if pairs else None)


def test_average_precision_by_hand():
    scores, labels = np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, False, True, False])
    assert classification.average_precision(scores, labels) == pytest.approx(1 / 2 * 1 + 1 / 2 * 2 / 3)
    assert classification.average_precision(scores, np.zeros(4, np.bool_)) is None


@given(CASES, st.sampled_from([0.05, 0.5, 0.8, 0.95, 1.0]))
def test_the_operating_threshold_calls_as_few_as_reach_the_target(case, target):
    scores, labels = split(case)
    if not labels.any():
        return
    threshold = classification.operating_threshold(scores, labels, target)
    lowest = max(t for t in np.unique(scores) if (scores[labels] >= t).mean() >= target - 1e-9)
    while ((scores < lowest) & (scores > lowest - classification.TIED)).any():  # ties are called together
        lowest = scores[scores > lowest - classification.TIED].min()
    assert (scores >= threshold).tolist() == (scores >= lowest).tolist()


def test_the_operating_threshold_lies_halfway_to_the_next_score():
    scores, labels = np.array([0.9, 0.75, 0.25, 0.1]), np.array([True, True, False, True])
    assert classification.operating_threshold(scores, labels, 0.6) == 0.5
    assert classification.operating_threshold(scores, labels, 1.0) == 0.05


def test_no_threshold_lies_between_scores_that_are_tied():
    """Three parts without evidence, a rounding apart: another runtime may order them otherwise."""
    scores = np.array([0.9, 0.5 + 2e-8, 0.5, 0.5 - 9e-6, 0.3])
    labels = np.array([True, True, False, False, False])
    threshold = classification.operating_threshold(scores, labels, 1.0)
    assert threshold == pytest.approx(0.4, abs=1e-5)
    assert np.abs(scores - threshold).min() > 1e-6


def test_where_all_scores_are_tied_all_are_called():
    scores = np.array([4e-6, 2e-6])
    assert classification.operating_threshold(scores, np.array([True, False]), 1.0) == 0.0


@pytest.mark.parametrize(
    ("labels", "target", "why"), [([0, 0], 0.9, "NG"), ([1, 0], 0.0, "0, 1"), ([1, 0], 1.1, "0, 1")]
)
def test_a_threshold_that_cannot_be_is_refused(labels, target, why):
    with pytest.raises(ValueError, match=why):
        classification.operating_threshold(np.array([0.2, 0.8]), np.array(labels, np.bool_), target)


def test_specificity_at_recall():
    scores = np.array([0.9, 0.6, 0.7, 0.2, 0.1])
    labels = np.array([True, True, False, False, False])
    assert classification.specificity_at_recall(scores, labels, 0.5) == 1
    assert classification.specificity_at_recall(scores, labels, 1.0) == pytest.approx(2 / 3)
    assert classification.specificity_at_recall(scores, np.ones(5, np.bool_), 1.0) is None

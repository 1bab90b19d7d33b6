"""Label quality is that of cleanlab, and finds labels that were planted wrong."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.metrics.label_quality import label_quality

P = [0.02, 0.10, 0.05, 0.97, 0.30, 0.55, 0.08, 0.01, 0.90, 0.99, 0.04, 0.60, 0.45, 0.85]
NG = [False] * 8 + [True] * 6
# cleanlab 2.9.0 on these: get_confident_thresholds(y, P), get_label_quality_scores(y, P,
# method="self_confidence", adjust_pred_probs=True), and the off-diagonal indices of
# compute_confident_joint(y, P, calibrate=False, return_indices_of_off_diagonals=True), with P = [1 − p, p].
THRESHOLDS = (0.74, 0.6383333333333334)
QUALITY = [0.889561, 0.816944, 0.86233, 0.027231, 0.635401, 0.408472, 0.835098, 0.898638, 0.909228, 0.990923]
QUALITY += [0.128593, 0.636914, 0.500756, 0.863843]
CONTRADICTED = [3, 10]

images = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=1, max_size=40)


def test_it_is_what_cleanlab_gives() -> None:
    found = label_quality(P, NG)
    assert (found.ok_confidence, found.ng_confidence) == pytest.approx(THRESHOLDS)
    assert found.quality == pytest.approx(QUALITY, abs=1e-6)
    assert np.flatnonzero(found.contradicted).tolist() == CONTRADICTED


@given(images)
def test_it_is_a_share_and_grows_with_the_probability_of_the_label(pairs: list[tuple[float, bool]]) -> None:
    p, ng = (np.array(values) for values in zip(*pairs, strict=True))
    found = label_quality(p, ng)
    assert ((found.quality >= -1e-12) & (found.quality <= 1 + 1e-12)).all()
    own = np.where(ng, p, 1 - p)
    for label in (True, False):
        order = np.argsort(own[ng == label], kind="stable")
        assert (np.diff(found.quality[ng == label][order]) >= -1e-12).all()


@given(images)
def test_the_classes_can_change_places(pairs: list[tuple[float, bool]]) -> None:
    p, ng = (np.array(values) for values in zip(*pairs, strict=True))
    one, other = label_quality(p, ng), label_quality(1 - p, ~ng)
    assert (one.ok_confidence, one.ng_confidence) == pytest.approx((other.ng_confidence, other.ok_confidence))
    assert one.quality == pytest.approx(other.quality)


def test_planted_errors_come_first_although_one_class_is_scored_with_less_confidence() -> None:
    rng = np.random.default_rng(0)
    truth = np.arange(400) % 4 == 0
    p = np.where(truth, rng.beta(5, 3, 400), rng.beta(1, 12, 400))
    planted = rng.choice(400, 20, replace=False)
    labels = truth.copy()
    labels[planted] ^= True
    found = label_quality(p, labels)
    first = np.argsort(found.quality)[:20]
    assert len(set(first) & set(planted)) >= 15  # by chance: 1
    assert set(np.flatnonzero(found.contradicted)) <= set(np.argsort(found.quality)[:40])

"""A policy follows from validation verdicts alone, and lets through what it was fitted to let through."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.errors import GainspectError
from gainspect.evaluation.operating_point import LEAST_DROP, choose_policy, fit_heat, fit_review
from gainspect.evaluation.validation_verdicts import ValidationVerdict, ValidationVerdicts
from gainspect.inspection.reason.rules import broken_rules
from gainspect.metrics.classification import at_threshold, operating_threshold
from gainspect.policy import ReasonPolicy
from gainspect.types import CheckGap, Label

SHARES = st.floats(0, 1, allow_subnormal=False)


def verdict(
    drop=0.9, control=0.1, agreement=0.8, *, score=1.0, label=Label.NG, points=True, peak=0.5, gap=None
):
    return ValidationVerdict(
        image="a.png",
        label=label,
        group="g",
        score=score,
        evidence_peak=peak,
        points_at_defect=points if label is Label.NG else None,
        drop=drop,
        control_drop=control,
        agreement=agreement,
        gap=gap,
    )


def verdicts_of(*images):
    return ValidationVerdicts(
        map_thresholds={"evidence": 0.35}, region_threshold=0.35, controls=2, seed=0, images=images
    )


# --- limits of the reason check ----------------------------------------------------------------------


@given(
    figures=st.lists(st.tuples(st.floats(0.15, 1), st.floats(0, 0.5), SHARES), min_size=1, max_size=60),
    share=st.floats(0, 0.5),
)
def test_no_more_than_the_share_goes_to_review(figures, share):
    policy = fit_review([verdict(*row) for row in figures], ReasonPolicy(), share, "val")
    assert policy.reviewed <= share * len(figures) + 1e-9
    assert (policy.share, policy.split, policy.verdicts) == (share, "val", len(figures))


FIGURE = st.floats(-1, 1, allow_subnormal=False)


@given(figures=st.lists(st.tuples(FIGURE, FIGURE, SHARES), max_size=60), share=st.floats(0, 0.5))
def test_limits_stay_within_their_bounds_whatever_the_verdicts(figures, share):
    policy = fit_review([verdict(*row) for row in figures], ReasonPolicy(), share, "val")
    assert 0.1 <= policy.min_drop <= 0.5
    assert 0.1 <= policy.max_control_drop <= 0.5
    assert policy.min_agreement is None or policy.min_agreement <= 0.3


def test_each_limit_is_the_quantile_of_a_third_of_the_share():
    rows = [verdict(0.45 - 0.01 * n, 0.15 + 0.01 * n, 0.25 - 0.01 * n) for n in range(20)]
    policy = fit_review(rows, ReasonPolicy(), 0.3, "val")  # two of twenty for each rule
    assert policy.min_drop == pytest.approx(0.45 - 0.17)
    assert policy.max_control_drop == pytest.approx(0.15 + 0.17)
    assert policy.min_agreement == pytest.approx(0.25 - 0.17)
    assert policy.reviewed == 2  # here the same two break all three


def test_clean_verdicts_set_no_limit_that_new_parts_can_hardly_keep():
    """As on a real set: controls that change nothing in 20 verdicts, and then 0.02 in a new one."""
    policy = fit_review([verdict(0.99, 1.4e-5, 0.9)] * 20, ReasonPolicy(), 0.05, "val")
    assert (policy.min_drop, policy.max_control_drop, policy.min_agreement) == (0.5, 0.1, 0.3)
    assert broken_rules(0.9, 0.02, 0.7, None, policy) == ()


@pytest.mark.parametrize(("count", "limits"), [(19, (0.1, 0.5, None)), (20, (0.3, 0.2, 0.2))])
def test_from_twenty_verdicts_on_limits_are_fitted(count, limits):
    policy = fit_review([verdict(0.3, 0.2, 0.2)] * count, ReasonPolicy(), 0.05, "val")
    assert (policy.min_drop, policy.max_control_drop, policy.min_agreement) == limits
    assert (policy.verdicts, policy.reviewed) == (count, 0)


@pytest.mark.parametrize("gap", [CheckGap.NO_ROOM_FOR_CONTROL, CheckGap.REGION_TOO_LARGE])
def test_what_could_not_be_checked_is_counted_apart(gap):
    drop = None if gap is CheckGap.REGION_TOO_LARGE else 0.9
    rows = [verdict()] * 20 + [verdict(drop, None, gap=gap)] * 3 + [verdict(0.0, None, gap=gap)]
    policy = fit_review(rows, ReasonPolicy(), 0.05, "val")
    assert (policy.reviewed, policy.unchecked) == (1, 3)


def test_a_model_that_ignores_its_evidence_everywhere_sets_itself_no_lax_limit():
    policy = fit_review([verdict(0.0, 0.0, 1.0)] * 30, ReasonPolicy(), 0.05, "val")
    assert (policy.min_drop, policy.reviewed) == (LEAST_DROP, 30)


def test_no_evidence_counts_as_a_repair_that_changes_nothing():
    rows = [verdict()] * 9 + [verdict(None, None, gap=CheckGap.NO_REGION)]
    assert fit_review(rows, ReasonPolicy(), 0.05, "val").reviewed == 1


def test_without_verdicts_the_fixed_limits_hold():
    policy = fit_review([], ReasonPolicy(), 0.05, "val")
    assert (policy.min_drop, policy.max_control_drop, policy.min_agreement) == (0.1, 0.5, None)


# --- the whole policy --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    scores: tuple[float, ...]
    defective: tuple[bool, ...]

    def verdicts(self):
        rows = zip(self.scores, self.defective, strict=True)
        return verdicts_of(
            *(verdict(score=score, label=Label.NG if bad else Label.OK) for score, bad in rows)
        )


cases = st.lists(st.tuples(st.floats(0, 1, width=32), st.booleans()), min_size=2, max_size=40).filter(
    lambda rows: any(bad for _, bad in rows)
)


@given(rows=cases, recall=st.floats(0.05, 1))
def test_the_threshold_is_that_of_the_recall_and_its_figures_are_what_it_gives(rows, recall):
    case = Case(*zip(*rows, strict=True))
    scores, labels = np.array(case.scores), np.array(case.defective)
    policy = choose_policy(case.verdicts(), target_recall=recall)
    assert policy.threshold == operating_threshold(scores, labels, recall)
    figures = at_threshold(scores, labels, policy.threshold)
    assert (policy.recall, policy.false_alarm_rate) == (figures["recall"], figures["false_alarm_rate"])
    assert policy.recall >= recall - 1e-9
    assert (policy.ng, policy.ok) == (labels.sum(), (~labels).sum())
    assert (policy.region_threshold, policy.map_thresholds) == (0.35, {"evidence": 0.35})


def test_another_threshold_fits_its_limits_on_other_verdicts_without_judging_again():
    """The limits come from the NG images that are caught there, and whose evidence is in the defect."""
    stored = verdicts_of(
        *[verdict(0.45, 0.15, score=0.9)] * 20,
        verdict(0.35, 0.20, score=0.4),
        verdict(0.2, 0.40, score=0.8, points=False),  # caught for the wrong reason
        verdict(0.3, 0.30, score=0.2, points=None),  # its defect is not marked
        verdict(0.0, 0.00, score=0.95, label=Label.OK),  # a false alarm
    )
    fitted = {
        threshold: choose_policy(stored, target_recall=0.9, threshold=threshold).reason
        for threshold in (0.85, 0.3, 0.1)
    }
    assert [(r.verdicts, r.min_drop, r.max_control_drop) for r in fitted.values()] == [
        (20, 0.45, 0.15),
        (21, 0.35, 0.20),
        (22, 0.3, 0.3),
    ]
    assert choose_policy(stored, target_recall=0.9, check=False).reason is None


def test_without_ng_images_a_threshold_is_chosen_by_hand_or_not_at_all():
    good = verdicts_of(verdict(label=Label.OK, score=0.2), verdict(label=Label.OK, score=0.8))
    with pytest.raises(GainspectError, match="no NG images"):
        choose_policy(good, target_recall=0.98)
    by_hand = choose_policy(good, target_recall=0.98, threshold=0.7)
    assert (by_hand.threshold, by_hand.target_recall, by_hand.recall) == (0.7, None, None)
    assert by_hand.false_alarm_rate == 0.5


# --- the heat scale ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ok", "ng", "expected"),
    [
        ([0.0] * 19 + [0.3], [0.5, 0.9, 1.0], (0.015, 0.9)),
        ([0.8] * 20, [0.6, 1.0, 1.2], (0.5, 1.0)),  # classes overlap: half of hot
        ([], [0.4], (0.0, 0.4)),
    ],
)
def test_the_heat_scale(ok, ng, expected):
    scale = fit_heat(ok, ng)
    assert (scale.cold, scale.hot) == pytest.approx(expected)


def test_no_evidence_on_ng_no_scale():
    assert fit_heat([0.1], []) is None
    assert fit_heat([0.1], [0.0, 0.0]) is None


def test_a_limit_is_fitted_on_what_is_known_of_it_alone() -> None:
    """24 verdicts whose evidence was too large to be checked say nothing of a drop."""
    unchecked = [verdict(drop=None, control=None, gap=CheckGap.REGION_TOO_LARGE)] * 24
    one = fit_review([verdict(drop=1.0, control=0.0), *unchecked], ReasonPolicy(), 0.05, "val")
    few = fit_review([verdict(drop=1.0, control=0.0)] * 15, ReasonPolicy(), 0.05, "val")
    assert (one.min_drop, one.max_control_drop) == (few.min_drop, few.max_control_drop) == (0.1, 0.5)

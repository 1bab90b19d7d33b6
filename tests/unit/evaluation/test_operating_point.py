"""A policy follows from validation verdicts alone, and lets through what it was fitted to let through."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.errors import GainspectError
from gainspect.evaluation.goals import ByHand, EscapeBound, FalseAlarms, LeastCost, OperatingPoint, Recall
from gainspect.evaluation.operating_point import (
    choose_policy,
    decisions,
    fit_heat,
    operating_point,
    usual_goal,
)
from gainspect.evaluation.reason_limits import LEAST_DROP, fit_review
from gainspect.evaluation.validation_verdicts import ValidationVerdict, ValidationVerdicts
from gainspect.inspection.reason.rules import broken_rules
from gainspect.metrics.classification import at_threshold, operating_threshold
from gainspect.policy import ReasonPolicy
from gainspect.types import CheckGap, Label

SHARES = st.floats(0, 1, allow_subnormal=False)


def verdict(
    drop=0.9,
    control=0.1,
    agreement=0.8,
    *,
    score=1.0,
    label=Label.NG,
    points=True,
    peak=0.5,
    gap=None,
    image="a.png",
    group="g",
):
    return ValidationVerdict(
        image=image,
        label=label,
        group=group,
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
    policy = choose_policy(case.verdicts(), Recall(recall=recall))
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
        threshold: choose_policy(stored, ByHand(threshold=threshold)).reason for threshold in (0.85, 0.3, 0.1)
    }
    assert [(r.verdicts, r.min_drop, r.max_control_drop) for r in fitted.values()] == [
        (20, 0.45, 0.15),
        (21, 0.35, 0.20),
        (22, 0.3, 0.3),
    ]
    assert choose_policy(stored, Recall(recall=0.9), check=False).reason is None


def test_without_ng_images_a_threshold_is_chosen_by_hand_or_not_at_all():
    good = verdicts_of(verdict(label=Label.OK, score=0.2), verdict(label=Label.OK, score=0.8))
    with pytest.raises(GainspectError, match="no NG images"):
        choose_policy(good, Recall(recall=0.98))
    by_hand = choose_policy(good, ByHand(threshold=0.7))
    assert (by_hand.threshold, by_hand.target_recall, by_hand.recall) == (0.7, None, None)
    assert by_hand.false_alarm_rate == 0.5


# --- by cost, by a bound, by false alarms ------------------------------------------------------------


def parts_of(ng, ok, *, of_group=1):
    """Verdicts with these scores; each group has so many NG parts."""
    return verdicts_of(
        *(
            verdict(score=score, image=f"ng{n}.png", group=f"g{n // of_group}")
            for n, score in enumerate(map(float, ng))
        ),
        *(
            verdict(score=score, image=f"ok{n}.png", group=f"o{n}", label=Label.OK, drop=0.0)
            for n, score in enumerate(map(float, ok))
        ),
    )


FLOOR = np.linspace(0.015, 0.03, 150)
SEEN = np.linspace(0.3, 0.99, 44)


def test_two_defects_without_evidence_do_not_pull_the_threshold_into_the_noise():
    """As on a real set: 44 of 46 stand out, 2 score like good parts. For recall 0.98 all are caught."""
    stored = parts_of([*SEEN, 0.017, 0.021], FLOOR)
    before = choose_policy(stored, Recall(recall=0.98))
    assert before.threshold < 0.021 and before.false_alarm_rate > 0.5
    for prevalence in (None, 0.5, 0.02):
        goal = LeastCost(prevalence=prevalence)
        policy = choose_policy(stored, goal)
        point = operating_point(stored, policy, goal)
        assert 0.03 < (policy.review_from or policy.threshold) <= policy.threshold <= 0.5
        assert point.blind == ("ng44.png", "ng45.png")
        assert 0.8 < point.price < 0.9  # 87 % of the good parts score higher than the lowest
        assert point.counted.false_alarms == 0 and point.unusable is None
        assert point.counted.caught + point.counted.review_ng >= 43


def test_costs_are_told_at_the_prevalence_chosen_for_and_at_one_percent():
    stored = parts_of([*SEEN, 0.017, 0.021], FLOOR)
    goal = LeastCost(miss=10, false_alarm=2, review=1, prevalence=0.1)
    point = operating_point(stored, choose_policy(stored, goal), goal)
    counted = point.counted
    each = (
        (10 * counted.escapes + counted.review_ng) / 46,
        (2 * counted.false_alarms + counted.review_ok) / 150,
    )
    assert point.cost == pytest.approx(1000 * (0.1 * each[0] + 0.9 * each[1]))
    assert point.cost_at_1_percent == pytest.approx(1000 * (0.01 * each[0] + 0.99 * each[1]))
    assert operating_point(stored, choose_policy(stored, LeastCost()), LeastCost()).prevalence == 46 / 196


def test_a_part_whose_reason_fails_is_review_in_the_figures():
    stored = parts_of(SEEN, [*FLOOR, 0.8])  # an OK part that scores high, but not for its evidence
    policy = choose_policy(stored, LeastCost())
    counted = operating_point(stored, policy, LeastCost()).counted
    assert (counted.false_alarms, counted.review_ok) == (0, 1)
    unchecked = choose_policy(stored, LeastCost(), check=False)
    assert operating_point(stored, unchecked, LeastCost()).counted.false_alarms == 1
    assert [decision.label for decision in decisions(stored, policy)].count(Label.REVIEW) >= 1


def test_a_model_without_skill_is_marked_unusable():
    rng = np.random.default_rng(0)
    stored = parts_of(rng.uniform(0, 1, 20), rng.uniform(0, 1, 60))
    for check in (True, False):
        for goal in (LeastCost(), Recall(recall=0.98), ByHand(threshold=0.999)):
            point = operating_point(stored, choose_policy(stored, goal, check=check), goal)
            stopped = point.counted.false_alarms + point.counted.review_ok
            assert (point.unusable is not None) == (stopped > 30 or point.counted.escapes > 10)
    all_caught = Recall(recall=1)
    point = operating_point(stored, choose_policy(stored, all_caught), all_caught)
    assert "60 OK parts are false alarms or REVIEW" in point.unusable


@pytest.mark.parametrize(("count", "missed"), [(59, 0), (93, 1), (300, 8)])
def test_by_a_bound_as_many_are_let_go_as_the_bound_allows(count, missed):
    stored = parts_of(np.linspace(0.3, 0.99, count), FLOOR)
    goal = EscapeBound(rate=0.05)
    policy = choose_policy(stored, goal, check=False)
    point = operating_point(stored, policy, goal)
    assert (point.escaped_groups, point.groups) == (missed, count)
    assert point.escape_bound <= 0.05


def test_a_bound_counts_physical_parts_not_their_images():
    stored = parts_of(np.linspace(0.3, 0.99, 120), FLOOR, of_group=4)
    with pytest.raises(GainspectError, match="30 NG parts cannot prove an escape rate") as refused:
        choose_policy(stored, EscapeBound(rate=0.05))
    assert "It takes 59 NG parts with none missed" in refused.value.hint


def test_a_bound_that_would_need_blind_parts_is_refused():
    stored = parts_of([*np.linspace(0.3, 0.99, 60), 0.017, 0.018], FLOOR)
    with pytest.raises(
        GainspectError, match="2 of 62 NG parts show no evidence, and only 0 parts may be missed"
    ):
        choose_policy(stored, EscapeBound(rate=0.05))


@given(rows=cases, rate=st.floats(0, 0.99))
def test_by_false_alarms_no_more_than_allowed(rows, rate):
    case = Case(*zip(*rows, strict=True))
    labels = np.array(case.defective)
    if labels.all():
        return
    policy = choose_policy(case.verdicts(), FalseAlarms(rate=rate))
    assert policy.false_alarm_rate <= rate or policy.threshold == 1


@pytest.mark.parametrize("goal", [LeastCost(), EscapeBound(rate=0.5), FalseAlarms(rate=0.1)])
def test_a_class_without_parts_is_a_sentence(goal):
    for label, missing in ((Label.NG, "OK"), (Label.OK, "NG")):
        with pytest.raises(GainspectError, match=f"no {missing} images"):
            choose_policy(verdicts_of(verdict(label=label)), goal)
    with pytest.raises(GainspectError, match="no verdicts"):
        choose_policy(verdicts_of(), goal)


def test_what_nobody_chose_is_the_least_cost_where_it_can_be():
    both = parts_of([0.9], [0.1])
    assert usual_goal(both, None) == LeastCost()
    assert usual_goal(both, 0.9) == Recall(recall=0.9)
    assert usual_goal(parts_of([0.9], []), None) == Recall(recall=0.98)


@given(rows=cases)
def test_every_point_is_stored_and_read_as_it_is(rows):
    stored = Case(*zip(*rows, strict=True)).verdicts()
    goal = usual_goal(stored, None)
    point = operating_point(stored, choose_policy(stored, goal), goal)
    assert OperatingPoint.model_validate_json(point.model_dump_json()) == point


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

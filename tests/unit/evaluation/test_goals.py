"""What options say a policy is chosen for; what they lack or contradict is one sentence."""

import pytest

from gainspect.errors import GainspectError
from gainspect.evaluation.goals import ByHand, EscapeBound, FalseAlarms, LeastCost, Recall, goal_of


@pytest.mark.parametrize(
    ("options", "goal"),
    [
        ({}, None),
        (
            {"cost": "miss=20, false_alarm=1,review=0.5", "prevalence": 0.02},
            LeastCost(miss=20, false_alarm=1, review=0.5, prevalence=0.02),
        ),
        ({"prevalence": 0.02}, LeastCost(prevalence=0.02)),
        ({"escape": 0.01}, EscapeBound(rate=0.01, confidence=0.95)),
        ({"escape": 0.01, "confidence": 0.9}, EscapeBound(rate=0.01, confidence=0.9)),
        ({"recall": 0.98}, Recall(recall=0.98)),
        ({"false_alarms": 0.05}, FalseAlarms(rate=0.05)),
        ({"threshold": 0.0}, ByHand(threshold=0.0)),
        ({"threshold": 0.5, "review_from": 0.2}, ByHand(threshold=0.5, review_from=0.2)),
        ({"threshold": 0.5, "review_from": 0.5}, ByHand(threshold=0.5, review_from=0.5)),
    ],
)
def test_options_state_a_goal(options, goal):
    assert goal_of(**options) == goal


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cost": "miss=-1,false_alarm=1,review=0.5"}, "the miss -1.0 is out of its range"),
        ({"cost": "miss=nan,false_alarm=1,review=0.5"}, "the miss nan is out of its range"),
        ({"cost": "miss=inf,false_alarm=1,review=0.5"}, "the miss inf is out of its range"),
        ({"cost": "miss=20,false_alarm=1"}, "--cost lacks review"),
        ({"cost": ""}, "--cost lacks miss, false_alarm, review"),
        ({"cost": "miss=20,miss=1,false_alarm=1,review=1"}, "two of 'miss'"),
        ({"cost": "mis=20"}, "unknown 'mis'"),
        ({"cost": "miss=much,false_alarm=1,review=1"}, "'miss=much' is not a number"),
        ({"prevalence": 0.0}, "the prevalence 0.0 is out of its range"),
        ({"prevalence": 1.0}, "the prevalence 1.0 is out of its range"),
        ({"prevalence": float("nan")}, "the prevalence nan is out of its range"),
        ({"escape": 0.0}, "the rate 0.0 is out of its range"),
        ({"escape": 0.1, "confidence": 1.0}, "the confidence 1.0 is out of its range"),
        ({"confidence": 0.9}, "--confidence belongs to --escape"),
        ({"recall": 0.0}, "the recall 0.0 is out of its range"),
        ({"false_alarms": -0.1}, "the rate -0.1 is out of its range"),
        ({"threshold": 2.0}, "the threshold 2.0 is out of its range"),
        ({"review_from": 0.2}, "--review-from belongs to --threshold"),
        ({"review_from": 0.6, "threshold": 0.5}, "--review-from 0.6 is above --threshold 0.5"),
        ({"review_from": -1.0, "threshold": 0.5}, "the review from -1.0 is out of its range"),
        ({"review_from": float("nan"), "threshold": 0.5}, "the review from nan is out of its range"),
        ({"recall": 0.9, "threshold": 0.5}, "--target-recall and --threshold are two goals"),
        ({"prevalence": 0.1, "escape": 0.1}, "--cost and --escape are two goals"),
    ],
)
def test_bad_options_are_one_sentence(options, said):
    with pytest.raises(GainspectError) as refused:
        goal_of(**options)
    assert said in str(refused.value) and "\n" not in str(refused.value)


def test_a_threshold_by_hand_is_stored_as_before_unless_it_has_a_band():
    assert ByHand(threshold=0.5).model_dump() == {"kind": "hand", "threshold": 0.5}
    banded = ByHand(threshold=0.5, review_from=0.2)
    assert ByHand.model_validate(banded.model_dump(mode="json")) == banded
    with pytest.raises(ValueError, match="ends at the threshold"):
        ByHand(threshold=0.2, review_from=0.5)

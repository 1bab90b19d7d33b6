"""What a policy gives is said in plain sentences, number by number."""

import pytest

from gainspect.evaluation.goals import (
    ByHand,
    Carried,
    EscapeBound,
    FalseAlarms,
    LeastCost,
    OperatingPoint,
    Procedure,
    Recall,
)
from gainspect.metrics.decisions import Outcome
from gainspect.report.terminal.policy_sentences import goal_in_words, policy_sentences

COSTS = "for the least cost (miss 20, false alarm 1, review 0.5)"


def point(**changes):
    known = {
        "goal": LeastCost(prevalence=0.02),
        "split": "val",
        "counted": Outcome(43, 1, 2, 3, 4, 143),
        "prevalence": 0.02,
        "cost": 61.4,
        "cost_at_1_percent": 42.2,
        "floor": 0.1,
        "blind": ("b.png", "a.png"),
        "price": 0.61,
        "groups": 46,
        "escaped_groups": 2,
        "escape_bound": 0.131,
        "needed": ((0.05, 59), (0.01, 299)),
        "unusable": None,
    }
    return OperatingPoint(**(known | changes))


def test_what_it_gives_is_said_in_order():
    assert policy_sentences(point()) == [
        "On val, part by part: of 46 NG 43 are caught, 1 REVIEW, 2 missed; "
        "of 150 OK 3 are false alarms, 4 REVIEW.",
        "This costs 61 per 1,000 parts at 2 % NG parts; with 1 % NG parts, as on a line, 42.",
        "44 of 46 NG parts show evidence; the last 2 cost 61 % false alarms more.",
        "Without evidence, so that the model is blind to them: b.png, a.png.",
        "2 of 46 missed proves an escape rate below 13 % (95 % confidence); 5 % takes 59, 1 % takes 299 with "
        "none missed.",
        "The thresholds were chosen on these same parts: on new ones expect somewhat worse.",
    ]


def test_the_advisor_with_none_missed_of_nine():
    said = policy_sentences(point(goal=EscapeBound(rate=0.3), groups=9, escaped_groups=0, escape_bound=0.283))
    assert said[-1] == (
        "0 of 9 missed proves an escape rate below 28 % (95 % confidence); "
        "5 % takes 59, 1 % takes 299 with none missed."
    )


def test_what_is_not_usable_is_a_warning_with_what_to_do():
    said = policy_sentences(point(unusable="100 of 150 OK parts are false alarms or REVIEW"))
    assert said[-2] == ("WARNING: this policy is not usable: 100 of 150 OK parts are false alarms or REVIEW.")
    assert "more NG parts" in said[-1] and "--size" in said[-1]


def test_without_a_class_it_says_what_is_not_known():
    said = policy_sentences(
        point(
            goal=ByHand(threshold=0.5),
            counted=Outcome(0, 0, 0, 3, 0, 9),
            cost=None,
            cost_at_1_percent=None,
            floor=None,
            blind=(),
            price=None,
            groups=0,
            escaped_groups=0,
            escape_bound=1.0,
        )
    )
    assert "cannot be told" in said[1] and "no NG parts" in said[2] and len(said) == 3


def test_many_blind_parts_are_not_all_named():
    said = policy_sentences(point(blind=tuple(f"{n}.png" for n in range(25))))
    assert said[3].endswith("19.png and 5 more.")


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        (
            LeastCost(),
            COSTS + " at 2 % NG parts, as in these data",
        ),
        (EscapeBound(rate=0.01), "for an escape rate below 1 % (confidence 95 %)"),
        (Recall(recall=0.98), "for recall 0.98, whatever it costs"),
        (FalseAlarms(rate=0.05), "for at most 5 % false alarms"),
        (ByHand(threshold=0.3), "by hand"),
    ],
)
def test_the_goal_in_words(goal, words):
    assert goal_in_words(point(goal=goal)) == words


def test_out_of_fold_bounds_are_called_those_of_the_procedure():
    carried = Carried(folds=3, method="platt", losses={}, maps=())
    found = Procedure(
        carried=carried,
        counted=Outcome(40, 2, 4, 5, 6, 139),
        groups=46,
        escaped_groups=4,
        escape_bound=0.188,
    )
    assert policy_sentences(point(split="folds", procedure=found))[4:] == [
        "Each part was judged by the one of 3 networks that was not trained on it; their scores were carried "
        "over to the last network by Platt's score calibration.",
        "With thresholds of the other folds: of 46 NG 40 are caught, 2 REVIEW, 4 missed; "
        "of 150 OK 5 are false alarms, 6 REVIEW.",
        "Bounds of the procedure, not of the last network: 4 of 46 missed proves an escape rate below 19 % "
        "(95 % confidence); 5 % takes 59, 1 % takes 299 with none missed.",
    ]
    without = found.model_copy(update={"counted": None})
    assert "cannot be told" in policy_sentences(point(split="folds", procedure=without))[-1]

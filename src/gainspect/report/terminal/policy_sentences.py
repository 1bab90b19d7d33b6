"""What a policy gives, in plain sentences."""

from collections.abc import Mapping
from typing import Any

from gainspect.evaluation.goals import (
    ByHand,
    EscapeBound,
    FalseAlarms,
    LeastCost,
    OperatingPoint,
    Procedure,
    Recall,
)
from gainspect.metrics.decisions import Outcome
from gainspect.names import printable
from gainspect.wording import plural

_NAMED = 20
"""At most so many parts are named."""


def policy_sentences(point: OperatingPoint) -> list[str]:
    """What a policy gives, part by part: decisions, cost, what is attainable, what it proves."""
    return [
        f"On {point.split}, part by part: {_counted(point.counted)}",
        _cost(point.cost, point.cost_at_1_percent, point.prevalence),
        *attainable_sentences(point),
        *advisor_sentences(point),
        *warning_sentences(point),
    ]


def goal_in_words(point: OperatingPoint) -> str:
    """What the policy was chosen for; follows the word "chosen"."""
    goal = point.goal
    if isinstance(goal, LeastCost):
        costs = f"miss {goal.miss:g}, false alarm {goal.false_alarm:g}, review {goal.review:g}"
        source = "as in these data" if goal.prevalence is None else "as stated"
        return f"for the least cost ({costs}) at {_share(point.prevalence)} NG parts, {source}"
    if isinstance(goal, EscapeBound):
        return f"for an escape rate below {_share(goal.rate)} (confidence {_share(goal.confidence)})"
    if isinstance(goal, Recall):
        return f"for recall {goal.recall:g}, whatever it costs"
    if isinstance(goal, FalseAlarms):
        return f"for at most {_share(goal.rate)} false alarms"
    assert isinstance(goal, ByHand)
    return "by hand"


def decision_sentences(figures: Mapping[str, Any]) -> list[str]:
    """What was decided of parts that the policy was not chosen on (`evaluation.summary.decision_figures`)."""
    counted = Outcome(*(figures[name] for name in Outcome._fields))
    proven = (
        f"{figures['escaped_groups']} of {figures['groups']} missed proves an escape rate below "
        f"{_share(figures['escape_bound'])} (95 % confidence), if no policy was chosen on them."
    )
    return [
        f"Part by part, after the check of reasons: {_counted(counted)}",
        _cost(figures["cost"], figures["cost_at_1_percent"], figures["prevalence"]),
        *([proven] if figures["groups"] else []),
    ]


def _counted(found: Outcome) -> str:
    return (
        f"of {found.ng} NG {found.caught} are caught, {found.review_ng} REVIEW, {found.escapes} missed; "
        f"of {found.ok} OK {found.false_alarms} are false alarms, {found.review_ok} REVIEW."
    )


def _cost(cost: float | None, at_1_percent: float | None, prevalence: float) -> str:
    if cost is None or at_1_percent is None:
        return "What it costs cannot be told: that takes parts of both classes."
    return (
        f"This costs {cost:.0f} per 1,000 parts at {_share(prevalence)} NG parts; "
        f"with 1 % NG parts, as on a line, {at_1_percent:.0f}."
    )


def attainable_sentences(point: OperatingPoint) -> list[str]:
    """How many NG parts show evidence, what the others would cost, and which they are."""
    total, blind = point.counted.ng, len(point.blind)
    if point.floor is None:
        return []
    if not blind:
        return [f"All {plural(total, 'NG part')} show evidence."]
    rest = "the last one costs" if blind == 1 else f"the last {blind} cost"
    more = f" and {blind - _NAMED} more" if blind > _NAMED else ""
    named = ", ".join(map(printable, point.blind[:_NAMED])) + more
    return [
        f"{total - blind} of {total} NG parts show evidence; "
        f"{rest} {_share(point.price or 0.0)} false alarms more.",
        f"Without evidence, so that the model is blind to them: {named}.",
    ]


def advisor_sentences(point: OperatingPoint) -> list[str]:
    """What so many NG parts prove of the escape rate, and how many it takes for more."""
    takes = ", ".join(f"{_share(rate)} takes {count}" for rate, count in point.needed)
    if not point.groups:
        return [f"Nothing is proven of escapes: there are no NG parts. Below {takes} with none missed."]
    if point.procedure is not None:
        return _procedure_sentences(point.procedure, takes)
    what = (
        f"{point.escaped_groups} of {point.groups} missed proves an escape rate below "
        f"{_share(point.escape_bound)} (95 % confidence); {takes} with none missed."
    )
    if isinstance(point.goal, EscapeBound):
        return [what]
    return [what, "The thresholds were chosen on these same parts: on new ones expect somewhat worse."]


def _procedure_sentences(found: Procedure, takes: str) -> list[str]:
    """How scores were carried over, and the bounds of choosing out of fold."""
    carried = found.carried
    how = {"platt": "by Platt's score calibration", "isotonic": "by isotonic score calibration"}
    said = [
        f"Each part was judged by the one of {carried.folds} networks that was not trained on it; their "
        f"scores were carried over to the last network {how.get(carried.method, 'as they are')}."
    ]
    if found.counted is None:
        return [*said, "Bounds of the procedure cannot be told: all folds but one cannot carry the goal."]
    return [
        *said,
        f"With thresholds of the other folds: {_counted(found.counted)}",
        f"Bounds of the procedure, not of the last network: {found.escaped_groups} of {found.groups} missed "
        f"proves an escape rate below {_share(found.escape_bound)} (95 % confidence); {takes} with none "
        "missed.",
    ]


def warning_sentences(point: OperatingPoint) -> list[str]:
    """That the policy is not usable, and what to do."""
    if point.unusable is None:
        return []
    return [
        f"WARNING: this policy is not usable: {point.unusable}.",
        "What helps: more NG parts, a larger --size where defects are small, more --epochs, and a look at "
        "the labels of the parts named.",
    ]


def _share(value: float) -> str:
    """A share in percent, with two digits at least.

    >>> _share(0.283), _share(0.0123), _share(0.01), _share(0.6)
    ('28 %', '1.2 %', '1 %', '60 %')
    """
    return f"{100 * value:.2g} %" if value < 0.995 else f"{100 * value:.3g} %"

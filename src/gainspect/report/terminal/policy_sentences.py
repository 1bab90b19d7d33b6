"""What a policy gives, in plain sentences."""

from collections.abc import Mapping
from typing import Any

from gainspect.evaluation.goals import Attainable, EscapeBound, OperatingPoint
from gainspect.metrics.decisions import Outcome
from gainspect.report.operating_sentences import (
    advisor_sentence,
    cost_sentence,
    counted_words,
    evidence_sentences,
    goal_words,
    procedure_sentences,
    share,
    unusable_sentences,
)
from gainspect.report.texts import Wording
from gainspect.wording import plural

_ENGLISH = Wording("en")


def policy_sentences(point: OperatingPoint, wording: Wording = _ENGLISH) -> list[str]:
    """What a policy gives, part by part: decisions, cost, what is attainable, what it proves."""
    return [
        counted_sentence(point, wording),
        *known_of(point, wording),
        *unusable_sentences(point, wording),
    ]


def known_of(point: OperatingPoint, wording: Wording = _ENGLISH) -> list[str]:
    """What the decisions of a policy cost, what is attainable, and what they prove."""
    return [
        cost_sentence(point.cost, point.cost_at_1_percent, point.prevalence, wording),
        *attainable_sentences(point, wording),
        *advisor_sentences(point, wording),
    ]


def goal_in_words(point: OperatingPoint) -> str:
    """What the policy was chosen for; follows the word "chosen"."""
    return goal_words(point, _ENGLISH)


def decision_sentences(figures: Mapping[str, Any]) -> list[str]:
    """What was decided of parts that the policy was not chosen on (`evaluation.summary.decision_figures`)."""
    counted = Outcome(*(figures[name] for name in Outcome._fields))
    proven = (
        f"{figures['escaped_groups']} of {figures['groups']} missed proves an escape rate below "
        f"{share(figures['escape_bound'])} (95 % confidence), if no policy was chosen on them."
    )
    auroc = "" if figures["auroc"] is None else f" AUROC {figures['auroc']:.3f}."
    decided = counted.ng + counted.ok
    return [
        f"Part by part, after the check of reasons: {counted_words(counted, _ENGLISH)}{auroc}",
        f"{counted.caught + counted.passed} of {plural(decided, 'part')} are decided as they are "
        f"(effectiveness {share(figures['effectiveness'])}).",
        cost_sentence(figures["cost"], figures["cost_at_1_percent"], figures["prevalence"], _ENGLISH),
        *([proven] if figures["groups"] else []),
    ]


def counted_sentence(point: OperatingPoint, wording: Wording = _ENGLISH) -> str:
    """What is decided of the parts that the policy was chosen on."""
    return wording("op_on", split=point.split, counted=counted_words(point.counted, wording))


def attainable_sentences(point: OperatingPoint, wording: Wording = _ENGLISH) -> list[str]:
    """How many NG parts show evidence, what the others would cost, and which they are."""
    if point.floor is None:
        return []
    return evidence_sentences(Attainable(point.counted.ng, point.blind, point.price), wording)


def advisor_sentences(point: OperatingPoint, wording: Wording = _ENGLISH) -> list[str]:
    """What so many NG parts prove of the escape rate, and how many it takes for more."""
    if point.procedure is not None and point.groups:
        return procedure_sentences(point.procedure, point.needed, wording)
    what = advisor_sentence(point.escaped_groups, point.groups, point.escape_bound, point.needed, wording)
    flattered = point.groups and not isinstance(point.goal, EscapeBound)
    return [what, wording("op_flattered")] if flattered else [what]

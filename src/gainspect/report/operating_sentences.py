"""What a policy gives and whether it would pass as an appraiser, in plain sentences of both languages."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from gainspect.data.defect_size import SMALL_DEFECT
from gainspect.evaluation.goals import (
    MOST_ESCAPES,
    MOST_STOPPED,
    Attainable,
    ByHand,
    EscapeBound,
    FalseAlarms,
    LeastCost,
    OperatingPoint,
    Procedure,
    Recall,
)
from gainspect.metrics.decisions import MARKS, Outcome
from gainspect.names import printable
from gainspect.policy import Policy
from gainspect.report.texts import Wording

if TYPE_CHECKING:  # it needs SciPy, which a box that inspects may lack
    from gainspect.evaluation.appraisal import Appraisal

NAMED = 20
"""At most so many parts are named."""
_FEW = 5
"""So many, where names are an example."""


def policy_line(policy: Policy, point: OperatingPoint | None, wording: Wording) -> str:
    """Both thresholds of a policy, and what they were chosen for."""
    band = policy.review_from
    return wording(
        "op_policy",
        threshold=f"{policy.threshold:.4g}",
        band="" if band is None else wording("op_policy_band", review_from=f"{band:.4g}"),
        goal=wording("op_goal_unknown") if point is None else goal_words(point, wording),
    )


def goal_words(point: OperatingPoint, wording: Wording) -> str:
    """What the policy was chosen for."""
    goal = point.goal
    if isinstance(goal, LeastCost):
        source = wording("op_goal_cost_data" if goal.prevalence is None else "op_goal_cost_stated")
        costs = goal.costs._asdict()
        return wording("op_goal_cost", **costs, prevalence=share(point.prevalence), source=source)
    if isinstance(goal, EscapeBound):
        return wording("op_goal_escape", rate=share(goal.rate), confidence=share(goal.confidence))
    if isinstance(goal, Recall):
        return wording("op_goal_recall", recall=goal.recall)
    if isinstance(goal, FalseAlarms):
        return wording("op_goal_false_alarms", rate=share(goal.rate))
    assert isinstance(goal, ByHand)
    return wording("op_goal_hand")


def counted_words(counted: Outcome, wording: Wording) -> str:
    """What is decided of how many parts."""
    return wording("op_counted", **counted._asdict(), ng=counted.ng, ok=counted.ok)


def cost_sentence(cost: float | None, at_1_percent: float | None, prevalence: float, wording: Wording) -> str:
    """What decisions cost per 1,000 parts."""
    if cost is None or at_1_percent is None:
        return wording("op_cost_unknown")
    return wording("op_cost", cost=cost, at_1_percent=at_1_percent, prevalence=share(prevalence))


def evidence_sentences(found: Attainable, wording: Wording) -> list[str]:
    """How many NG parts show evidence, what the others would cost, and which they are."""
    blind = len(found.blind)
    if not blind:
        return [wording("op_evidence_all", ng=found.ng)] if found.ng else []
    key = "op_evidence_one" if blind == 1 else "op_evidence"
    return [
        wording(key, shown=found.ng - blind, ng=found.ng, blind=blind, price=share(found.price or 0.0)),
        wording("op_blind", names=named(found.blind, wording)),
    ]


def advisor_sentence(
    escaped: int, groups: int, bound: float, needed: Sequence[tuple[float, int]], wording: Wording
) -> str:
    """What so many NG parts prove of the escape rate, and how many it takes for more."""
    takes = ", ".join(wording("op_takes", rate=share(rate), count=count) for rate, count in needed)
    if not groups:
        return wording("op_advisor_none", takes=takes)
    return wording("op_advisor", escaped=escaped, groups=groups, bound=share(bound), takes=takes)


def procedure_sentences(found: Procedure, needed: Sequence[tuple[float, int]], wording: Wording) -> list[str]:
    """How scores were carried over to the last network, and the bounds of choosing out of fold."""
    carried = found.carried
    said = [wording("op_carried", folds=carried.folds, how=wording(f"op_carried_{carried.method}"))]
    if found.counted is None:
        return [*said, wording("op_procedure_none")]
    proven = advisor_sentence(found.escaped_groups, found.groups, found.escape_bound, needed, wording)
    return [
        *said,
        wording("op_procedure", counted=counted_words(found.counted, wording)),
        wording("op_procedure_bound", proven=proven),
    ]


def unusable_sentences(point: OperatingPoint, wording: Wording) -> list[str]:
    """That the policy is not usable, and what to do; nothing if it is usable."""
    if point.unusable is None:
        return []
    found, why = point.counted, point.unusable
    stopped = found.false_alarms + found.review_ok
    if stopped > MOST_STOPPED * found.ok:
        why = wording("op_unusable_stops", stopped=stopped, ok=found.ok)
    elif found.escapes > MOST_ESCAPES * found.ng:
        why = wording("op_unusable_misses", escapes=found.escapes, ng=found.ng)
    return [wording("op_unusable", why=why), wording("op_unusable_help")]


def appraisal_sentences(appraisal: "Appraisal", split: str, wording: Wording) -> list[str]:
    """Whether it would pass, by which figure it fails; the figures; what would help most."""
    figures = appraisal.figures
    shown = {name: "–" if each.value is None else percent(each.value) for name, each in figures.items()}
    told = wording("ap_figures", split=split, ng=figures["miss"].of, ok=figures["false_alarm"].of, **shown)
    return [_passes(appraisal, wording), told, wording("ap_help", remedy=_remedy(appraisal, wording))]


def _passes(appraisal: "Appraisal", wording: Wording) -> str:
    if appraisal.grade is None:
        return wording("ap_unknown")
    worst = appraisal.worst
    if worst is None:
        return wording("ap_acceptable")
    figure, (mark, marginal) = appraisal.figures[worst], MARKS[worst]
    bound = "ap_from" if mark > marginal else "ap_up_to"
    low, high = figure.interval
    return wording(
        f"ap_{appraisal.grade}",
        figure=wording(f"ap_{worst}"),
        value=percent(figure.count / figure.of),
        interval=f"95 %: {100 * low:.1f} – {100 * high:.1f} %",
        mark=wording(bound, mark=percent(mark)),
        marginal=wording(bound, mark=percent(marginal)),
    )


def _remedy(appraisal: "Appraisal", wording: Wording) -> str:
    remedy = appraisal.remedy
    tested = {"test_ng": "miss", "test_ok": "false_alarm"}.get(remedy.kind)
    return wording(
        f"ap_{remedy.kind}",
        n=len(remedy.parts),
        of=remedy.of,
        wrong="" if appraisal.worst is None else wording(f"ap_wrong_{appraisal.worst}"),
        names=named(remedy.parts, wording, _FEW),
        needed=remedy.needed,
        mark="" if tested is None else percent(MARKS[tested][0]),
        px=SMALL_DEFECT,
    )


def named(names: Sequence[str], wording: Wording, most: int = NAMED) -> str:
    """Names of parts in a sentence: the first, and how many more there are."""
    shown = ", ".join(map(printable, names[:most]))
    return wording("op_and_more", names=shown, more=len(names) - most) if len(names) > most else shown


def percent(value: float) -> str:
    """A share in percent, with at most one decimal.

    >>> percent(0.9), percent(0.0432)
    ('90 %', '4.3 %')
    """
    return f"{100 * value:.1f}".removesuffix(".0") + " %"


def share(value: float) -> str:
    """A share in percent, with two digits at least.

    >>> share(0.283), share(0.0123), share(0.01), share(0.6)
    ('28 %', '1.2 %', '1 %', '60 %')
    """
    return f"{100 * value:.2g} %" if value < 0.995 else f"{100 * value:.3g} %"

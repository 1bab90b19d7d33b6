"""Chooses the policy (thresholds, limits of the checks of reason and input, heat scale) from verdicts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.evaluation.goals import (
    MOST_ESCAPES,
    MOST_STOPPED,
    ByHand,
    EscapeBound,
    FalseAlarms,
    Goal,
    LeastCost,
    OperatingPoint,
    Procedure,
    Recall,
)
from gainspect.evaluation.input_limits import fit_inputs
from gainspect.evaluation.out_of_fold import left_out
from gainspect.evaluation.parts import DecidedPart, counted, part_labels, part_scores, parts_of
from gainspect.evaluation.reason_limits import fit_reason
from gainspect.evaluation.validation_verdicts import ValidationVerdict, ValidationVerdicts
from gainspect.metrics.classification import at_threshold, just_below, operating_threshold
from gainspect.metrics.decisions import Outcome, expected_cost
from gainspect.metrics.intervals import events_allowed, trials_needed, upper_bound
from gainspect.metrics.thresholds import Thresholds, between, least_cost, noise_floor
from gainspect.policy import HeatScale, Policy, ReasonPolicy, ViewRule, decide
from gainspect.types import Decision, Label
from gainspect.wording import plural

ABOUT = 1.25
"""Of rules for views whose expected cost is less than this times the least, the first (simplest) is taken."""
MOST_OF_N = 4
"""Largest k of the rule that k images of a part must reach the threshold."""

_Part = DecidedPart[ValidationVerdict]


def choose_policy(verdicts: ValidationVerdicts, goal: Goal, *, check: bool = True) -> Policy:
    """Choose the policy from the stored verdicts of the validation part; no image is judged again.

    Args:
        verdicts: the verdicts of the validation part.
        goal: what to choose it for.
        check: whether the policy checks the reason of NG verdicts.

    Raises:
        GainspectError: the verdicts cannot carry the goal: parts of a class are missing, or too few.
    """
    parts = _parts(verdicts)
    views = _view_rule(parts, goal)
    chosen = _thresholds(parts, verdicts.split, views, goal)
    reason = fit_reason(verdicts, chosen.threshold) if check else None
    if isinstance(goal, LeastCost) and reason is not None:
        # A part whose reason will fail costs a review, so the thresholds are chosen once more, knowing which.
        doubted = np.array([_is_doubted(part, chosen.threshold, reason) for part in parts], np.bool_)
        chosen = _thresholds(parts, verdicts.split, views, goal, doubted)
        reason = fit_reason(verdicts, chosen.threshold)
    labels = part_labels(parts)
    figures = at_threshold(part_scores(parts, views), labels, chosen.threshold)
    return Policy(
        threshold=chosen.threshold,
        review_from=chosen.review_from if chosen.review_from < chosen.threshold else None,
        views=views,
        target_recall=goal.recall if isinstance(goal, Recall) else None,
        split=verdicts.split,
        ng=int(labels.sum()),
        ok=int((~labels).sum()),
        recall=figures["recall"],
        false_alarm_rate=figures["false_alarm_rate"],
        region_threshold=verdicts.region_threshold,
        map_thresholds=verdicts.map_thresholds,
        heat=fit_heat(verdicts.peaks(Label.OK), verdicts.peaks(Label.NG)),
        reason=reason,
        inputs=fit_inputs(verdicts.ok_inputs, verdicts.training, verdicts.split),
    )


def usual_goal(verdicts: ValidationVerdicts, target_recall: float | None) -> Goal:
    """What a training chooses its policy for, if nobody says.

    Args:
        verdicts: of its validation part; costs need both classes there.
        target_recall: that of its settings, which comes first.
    """
    if target_recall is not None:
        return Recall(recall=target_recall)
    return Recall(recall=0.98) if verdicts.labels.all() and len(verdicts.labels) else LeastCost()


def operating_point(verdicts: ValidationVerdicts, policy: Policy, goal: Goal) -> OperatingPoint:
    """What a policy gives on the verdicts that it was chosen on.

    Raises:
        GainspectError: there are no verdicts, or a score is not a number.
    """
    parts = _parts(verdicts)
    scores, labels = part_scores(parts, policy.views), part_labels(parts)
    found, groups, escaped = counted(parts, decisions(verdicts, policy))
    priced = goal if isinstance(goal, LeastCost) else LeastCost()
    prevalence = priced.prevalence or float(labels.mean())
    floor = noise_floor(scores, labels) if found.ng and found.ok else None
    shows = scores >= (0.0 if floor is None else floor)
    blind = [int(index) for index in np.argsort(scores, kind="stable") if labels[index] and not shows[index]]
    return OperatingPoint(
        goal=goal,
        split=verdicts.split,
        counted=found,
        prevalence=prevalence,
        cost=expected_cost(found, priced.costs, prevalence),
        cost_at_1_percent=expected_cost(found, priced.costs, 0.01),
        floor=floor,
        blind=tuple(parts[index].name for index in blind),
        price=_price(scores, labels, shows) if blind else None,
        groups=groups,
        escaped_groups=escaped,
        escape_bound=upper_bound(escaped, groups),
        needed=tuple((rate, trials_needed(rate)) for rate in (0.05, 0.01)),
        unusable=_unusable(found),
        procedure=_procedure(verdicts, goal, check=policy.reason is not None),
    )


def _procedure(verdicts: ValidationVerdicts, goal: Goal, *, check: bool) -> Procedure | None:
    """Choose on all folds but one, apply to it, for each fold; None if the verdicts are not out of fold."""
    if verdicts.carried is None:
        return None
    try:
        points = [
            operating_point(fold, choose_policy(others, goal, check=check), goal)
            for others, fold in left_out(verdicts)
        ]
    except GainspectError:  # fewer parts cannot carry the goal
        points = []
    groups, escaped = (sum(getattr(p, name) for p in points) for name in ("groups", "escaped_groups"))
    return Procedure(
        carried=verdicts.carried,
        counted=Outcome(*map(sum, zip(*(p.counted for p in points), strict=True))) if points else None,
        groups=groups,
        escaped_groups=escaped,
        escape_bound=upper_bound(escaped, groups),
    )


def decisions(verdicts: ValidationVerdicts, policy: Policy) -> list[Decision]:
    """The decision on each part of the verdicts, as the Inspector would make it with this policy."""
    parts = parts_of(verdicts.images)
    return [decide([image.view(policy) for image in part.images], policy) for part in parts]


def _view_rule(parts: Sequence[_Part], goal: Goal) -> ViewRule | None:
    """How the images of a part become one score: of the rules of about the least expected cost, the first."""
    labels, most = part_labels(parts), max(len(part.images) for part in parts)
    if most == 1 or labels.all() or not labels.any():
        return None
    rules = [None, ViewRule(kind="mean")]
    rules += [ViewRule(kind="k_of_n", k=k) for k in range(2, min(most, MOST_OF_N) + 1)]
    priced = goal if isinstance(goal, LeastCost) else LeastCost()
    costs = [_by_cost(part_scores(parts, rule), labels, priced).cost or 0.0 for rule in rules]
    return next(rule for rule, cost in zip(rules, costs, strict=True) if cost <= ABOUT * min(costs))


def _by_cost(
    scores: NDArray[np.float64],
    labels: NDArray[np.bool_],
    goal: LeastCost,
    doubted: NDArray[np.bool_] | None = None,
) -> Thresholds:
    prevalence = goal.prevalence or float(labels.mean())
    floor = noise_floor(scores, labels)
    return least_cost(scores, labels, goal.costs, prevalence, floor=floor, doubted=doubted)


def _thresholds(
    parts: Sequence[_Part],
    split: str,
    views: ViewRule | None,
    goal: Goal,
    doubted: NDArray[np.bool_] | None = None,
) -> Thresholds:
    scores, labels = part_scores(parts, views), part_labels(parts)
    if isinstance(goal, ByHand):
        return Thresholds(goal.threshold if goal.review_from is None else goal.review_from, goal.threshold)
    _require(bool(labels.any()), "NG", split)
    if isinstance(goal, Recall):
        threshold = operating_threshold(scores, labels, goal.recall)
        return Thresholds(threshold, threshold)
    _require(not bool(labels.all()), "OK", split)
    if isinstance(goal, LeastCost):
        return _by_cost(scores, labels, goal, doubted)
    floor = noise_floor(scores, labels)
    if isinstance(goal, FalseAlarms):
        threshold = next(
            at for at in map(float, between(scores, floor)) if (scores[~labels] >= at).mean() <= goal.rate
        )
    else:
        threshold = _proven(parts, scores, goal, floor)
    return Thresholds(threshold, threshold)


def _proven(parts: Sequence[_Part], scores: NDArray[np.float64], goal: EscapeBound, floor: float) -> float:
    """The highest threshold that lets so few groups escape that the bound holds (see `events_allowed`)."""
    lowest: dict[str, float] = {}
    for part, score in zip(parts, map(float, scores), strict=True):
        if part.label is Label.NG:
            lowest[part.group] = min(score, lowest.get(part.group, 1.0))
    groups = len(lowest)
    allowed = events_allowed(groups, goal.rate, goal.confidence)
    if allowed is None:
        proven = upper_bound(0, groups, goal.confidence)
        raise GainspectError(
            f"{plural(groups, 'NG part')} cannot prove an escape rate below {goal.rate:.3g}: "
            f"with none missed they prove {proven:.2g} (confidence {goal.confidence:g})",
            hint=f"It takes {trials_needed(goal.rate, goal.confidence)} NG parts with none missed.",
        )
    threshold = just_below(scores, sorted(lowest.values())[allowed])
    if threshold < floor:
        blind = sum(score < floor for score in lowest.values())
        raise GainspectError(
            f"an escape rate below {goal.rate:.3g} cannot be had: {blind} of {plural(groups, 'NG part')} "
            f"show no evidence, and only {plural(allowed, 'part')} may be missed",
            hint="`gainspect calibrate BUNDLE --show` names them. More NG parts or a larger size may help.",
        )
    return threshold


def _price(scores: NDArray[np.float64], labels: NDArray[np.bool_], shows: NDArray[np.bool_]) -> float:
    """Share of the OK parts that lie below the floor and score as high as the lowest NG part."""
    return float(((scores >= scores[labels].min()) & ~shows)[~labels].mean())


def _unusable(counted: Outcome) -> str | None:
    stopped = counted.false_alarms + counted.review_ok
    if stopped > MOST_STOPPED * counted.ok:
        return f"{stopped} of {plural(counted.ok, 'OK part')} are false alarms or REVIEW"
    if counted.escapes > MOST_ESCAPES * counted.ng:
        return f"{counted.escapes} of {plural(counted.ng, 'NG part')} are missed"
    return None


def _parts(verdicts: ValidationVerdicts) -> list[_Part]:
    if not verdicts.images:
        raise GainspectError(
            "there are no verdicts to choose a policy on", hint="Give parts of both classes."
        )
    return parts_of(verdicts.images)


def _require(there: bool, name: str, split: str) -> None:
    if not there:
        part = "validation part" if split == "val" else f"part {split}"
        raise GainspectError(
            f"the {part} has no {name} images: no threshold can be chosen on it",
            hint=f"Add {name} parts to it, or set the threshold by hand with --threshold.",
        )


def _is_doubted(part: _Part, threshold: float, reason: ReasonPolicy) -> bool:
    """Whether a part would be REVIEW by the check of its reason, if its score were NG."""
    highest = max(image.score for image in part.images)
    checked = [image for image in part.images if image.score >= min(threshold, highest)]
    return all(image.doubts(reason) for image in checked)


def fit_heat(ok_peaks: Sequence[float], ng_peaks: Sequence[float]) -> HeatScale | None:
    """The color scale of the evidence, from the largest evidence of each validation image.

    Cold is the 95th percentile over the OK images, so that 19 of 20 of them show no color at all; hot is the
    median over the NG images. Cold is at most half of hot, even if the two classes overlap.

    Args:
        ok_peaks: the largest evidence of each OK image.
        ng_peaks: the largest evidence of each NG image.

    Returns:
        The scale; None if no NG image has evidence.
    """
    hot = float(np.median(ng_peaks)) if ng_peaks else 0.0
    if hot <= 0:
        return None
    cold = float(np.percentile(ok_peaks, 95)) if ok_peaks else 0.0
    return HeatScale(cold=min(cold, hot / 2), hot=hot)

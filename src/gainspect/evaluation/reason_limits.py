"""Limits of the reason check, from verdicts that are right for the right reason."""

from collections.abc import Sequence

from gainspect.evaluation.validation_verdicts import ValidationVerdict, ValidationVerdicts
from gainspect.policy import ReasonPolicy
from gainspect.types import Label, ReviewReason

REVIEW_SHARE = 0.05
"""Of the verdicts that are right for the right reason, the share that may become REVIEW."""
FEW_VERDICTS = 20
"""With fewer verdicts that are right for the right reason, no limit is fitted. A limit is then hardly more
than the worst verdict seen, and a new part breaks it once in n + 1 times, for each of three rules."""
LEAST_DROP, LARGEST_DROP = 0.1, 0.5
"""Bounds of the limit on the drop, as shares of P(NG). A repair that lowers P(NG) by less than a tenth never
counts as lowering it; otherwise a model that always ignores its evidence would get a limit that it easily
meets. One that halves P(NG) always counts, however clean the validation part was."""
LEAST_CONTROL_DROP, LARGEST_CONTROL_DROP = 0.1, 0.5
"""Bounds of the limit on the drop by controls, as shares of P(NG). A repair is never without a trace: a fall
of less than a tenth is no finding, even if the controls of a few validation images changed nothing. A fall of
more than half always is one."""
LARGEST_AGREEMENT = 0.3
"""Largest limit on the agreement of attention and localization. Two maps of different sharpness around the
same place reach about this cosine: a blur with twice the standard deviation of another has a cosine of 0.8
with it, one with six times that of another 0.32. Below it the maps lie apart; above it they only differ."""


def fit_reason(verdicts: ValidationVerdicts, threshold: float) -> ReasonPolicy:
    """Fit the limits of the reason check on the NG images from the threshold on.

    Those whose evidence does not peak in their marked defect are left out.
    """
    right = [
        image
        for image in verdicts.images
        if image.label is Label.NG and image.score >= threshold and image.points_at_defect is not False
    ]
    checked = ReasonPolicy(
        controls=verdicts.controls, seed=verdicts.seed, fill=verdicts.fill, good_parts=verdicts.good_parts
    )
    return fit_review(right, checked, REVIEW_SHARE, verdicts.split)


def fit_review(
    verdicts: Sequence[ValidationVerdict], policy: ReasonPolicy, share: float, split: str
) -> ReasonPolicy:
    """Set the limits so that at most a given share of good verdicts becomes REVIEW by a limit.

    Each of the three rules gets a third of the share. If this third is less than one verdict, the limit is
    the worst value among the n verdicts, and new parts break it about once in n + 1.

    Each limit stays within its bounds, the constants of this module. With fewer than `FEW_VERDICTS` verdicts
    whose figure is known, the most lenient of these constants are the limits: `LEAST_DROP` and
    `LARGEST_CONTROL_DROP`, and none for the agreement, which has no natural scale without data.

    Args:
        verdicts: NG verdicts that are right, for the right reason as far as their defects are marked.
        policy: how they were checked.
        share: the share of them that may become REVIEW, 0…1.
        split: the part of the data that they come from.

    Returns:
        The policy with limits. Where a bound is stricter than the data, `reviewed` may exceed the share.
    """
    drops = _if_enough([v.drop for v in verdicts])
    controls = _if_enough([v.control_drop for v in verdicts])
    agreements = _if_enough([v.agreement for v in verdicts])
    highest = -_low([-drop for drop in controls], share / 3) if controls else LARGEST_CONTROL_DROP
    fitted = policy.model_copy(
        update={
            "min_drop": _within(_low(drops, share / 3), LEAST_DROP, LARGEST_DROP) if drops else LEAST_DROP,
            "max_control_drop": _within(highest, LEAST_CONTROL_DROP, LARGEST_CONTROL_DROP),
            "min_agreement": min(_low(agreements, share / 3), LARGEST_AGREEMENT) if agreements else None,
            "share": share,
            "split": split,
            "verdicts": len(verdicts),
            "marked": sum(v.points_at_defect is not None for v in verdicts),
        }
    )
    broken = [verdict.doubts(fitted) for verdict in verdicts]
    unchecked = sum(reasons == (ReviewReason.UNCHECKED,) for reasons in broken)
    reviewed = sum(map(bool, broken)) - unchecked
    return fitted.model_copy(update={"reviewed": reviewed, "unchecked": unchecked})


def _if_enough(figures: Sequence[float | None]) -> list[float]:
    """Those that are known, if a limit can be fitted on them; otherwise none."""
    known = [figure for figure in figures if figure is not None]
    return known if len(known) >= FEW_VERDICTS else []


def _within(value: float, least: float, largest: float) -> float:
    return min(max(value, least), largest)


def _low(values: Sequence[float], share: float) -> float:
    """The largest limit for which at most the given share of the values lies below it."""
    return sorted(values)[min(int(share * len(values) + 1e-9), len(values) - 1)]

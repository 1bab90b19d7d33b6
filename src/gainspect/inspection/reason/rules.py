"""When the reason of an NG verdict fails its check, and a person has to decide (DESIGN: verdict)."""

import numpy as np

from gainspect.policy import ReasonPolicy
from gainspect.types import CheckGap, Evidence, ReasonCheck, ReviewReason


def review_reasons(check: ReasonCheck, evidence: Evidence, policy: ReasonPolicy) -> tuple[ReviewReason, ...]:
    """The rules that a verdict breaks.

    Args:
        check: of the verdict's reason.
        evidence: of the same verdict.
        policy: with the limits.
    """
    figures = drop_share(check), control_drop_share(check), map_agreement(evidence)
    return broken_rules(*figures, check.gap, policy)


def broken_rules(
    drop: float | None,
    control_drop: float | None,
    agreement: float | None,
    gap: CheckGap | None,
    policy: ReasonPolicy,
) -> tuple[ReviewReason, ...]:
    """The rules that these figures break; a rule without a limit, or whose figure is unknown, is not broken.

    Args:
        drop: share of P(NG) that repairing the evidence takes away.
        control_drop: share of P(NG) that repairing the controls takes away.
        agreement: of attention and localization.
        gap: why one of them is unknown.
        policy: with the limits.
    """
    broken = {
        ReviewReason.REPAIR_KEEPS_SCORE: gap is CheckGap.NO_REGION
        or (drop is not None and policy.min_drop is not None and drop < policy.min_drop),
        ReviewReason.CONTROL_LOWERS_SCORE: control_drop is not None
        and policy.max_control_drop is not None
        and control_drop > policy.max_control_drop,
        ReviewReason.MAPS_DISAGREE: agreement is not None
        and policy.min_agreement is not None
        and agreement < policy.min_agreement,
    }
    return tuple(reason for reason, is_broken in broken.items() if is_broken)


def drop_share(check: ReasonCheck) -> float | None:
    """Share of P(NG) that repairing the evidence takes away; below 0 if it adds some.

    A share, so that a verdict near the threshold (0.12 → 0.02) is asked the same as a sure one.
    """
    return None if check.repaired is None else _share(check.score, check.repaired)


def control_drop_share(check: ReasonCheck) -> float | None:
    """Share of P(NG) that repairing the controls takes away, mean."""
    return None if check.control is None else _share(check.score, check.control)


def map_agreement(evidence: Evidence) -> float | None:
    """Cosine similarity of attention and localization, 0…1; None without both, or if one is 0 everywhere.

    Scale-free: how strong either is does not matter, only whether they lie in the same places.
    """
    attention, localization = evidence.attention, evidence.localization
    if attention is None or localization is None:
        return None
    first, second = attention.astype(np.float64).ravel(), localization.astype(np.float64).ravel()
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / length if length > 0 else None


def _share(before: float, after: float) -> float | None:
    return (before - after) / before if before > 0 else None

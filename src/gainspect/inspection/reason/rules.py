"""When the reason of an NG verdict fails its check, so that a person has to decide."""

import numpy as np

from gainspect.policy import ReasonPolicy
from gainspect.types import CheckGap, Evidence, ReasonCheck, ReviewReason


def review_reasons(check: ReasonCheck, evidence: Evidence, policy: ReasonPolicy) -> tuple[ReviewReason, ...]:
    """The rules that a verdict breaks.

    Args:
        check: the check of the verdict's reason.
        evidence: the evidence of the same verdict.
        policy: contains the limits.
    """
    agreement = None if policy.min_agreement is None else map_agreement(evidence)  # else nobody looks at it
    return broken_rules(drop_share(check), control_drop_share(check), agreement, check.gap, policy)


def broken_rules(
    drop: float | None,
    control_drop: float | None,
    agreement: float | None,
    gap: CheckGap | None,
    policy: ReasonPolicy,
) -> tuple[ReviewReason, ...]:
    """The rules that these figures break; a limit that is not set, or whose figure is unknown, is not broken.

    A reason that could not be checked in full is `UNCHECKED`, so that an unknown figure passes nothing.

    Args:
        drop: share of P(NG) that disappears when the evidence is repaired.
        control_drop: share of P(NG) that disappears when the controls are repaired.
        agreement: similarity of attention and localization (see `map_agreement`).
        gap: why one of these figures is unknown.
        policy: contains the limits.
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
        ReviewReason.UNCHECKED: gap in (CheckGap.REGION_TOO_LARGE, CheckGap.NO_ROOM_FOR_CONTROL),
    }
    return tuple(reason for reason, is_broken in broken.items() if is_broken)


def drop_share(check: ReasonCheck) -> float | None:
    """Share of P(NG) that disappears when the evidence is repaired; below 0 if P(NG) rises.

    It is a share so that the same limit applies to a verdict near the threshold (0.12 → 0.02) and to a
    confident one.
    """
    return None if check.repaired is None else _share(check.score, check.repaired)


def control_drop_share(check: ReasonCheck) -> float | None:
    """Share of P(NG) that disappears when the controls are repaired, mean over the controls."""
    return None if check.control is None else _share(check.score, check.control)


def map_agreement(evidence: Evidence) -> float | None:
    """Cosine similarity of attention and localization, 0…1; None without both, or if one is 0 everywhere.

    It does not depend on how strong either map is, only on whether they are strong in the same places.
    """
    attention, localization = evidence.attention, evidence.localization
    if attention is None or localization is None:
        return None
    first, second = attention.astype(np.float64).ravel(), localization.astype(np.float64).ravel()
    length = float(np.linalg.norm(first) * np.linalg.norm(second))
    return float(first @ second) / length if length > 0 else None


def _share(before: float, after: float) -> float | None:
    return (before - after) / before if before > 0 else None

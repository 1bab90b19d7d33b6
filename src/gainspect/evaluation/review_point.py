"""What is fixed on the validation part for the reason check and for drawing: limits, and the heat scale."""

from collections.abc import Sequence

import numpy as np

from gainspect.evaluation.judgement import Judgement
from gainspect.runtime.bundle import HeatScale, ReasonPolicy
from gainspect.runtime.review import control_drop_share, drop_share, map_agreement, review_reasons
from gainspect.types import Label, Verdict

LEAST_DROP = 0.1
"""A repair that takes away less of P(NG) never counts as bringing it down, whatever validation says: else a
model that ignores its evidence everywhere would set itself a limit that it keeps."""
LARGEST_CONTROL_DROP = 0.5
"""A control that takes away more always counts as bringing it down."""


def fit_review(verdicts: Sequence[Verdict], policy: ReasonPolicy, share: float, split: str) -> ReasonPolicy:
    """Set the limits so that at most a share of good verdicts goes to a person.

    Each of the three rules gets a third of the share. With few verdicts that is less than one: then its limit
    is the worst of them, and new parts break it about once in 1 + as many.

    Args:
        verdicts: NG, checked, and right for the right reason.
        policy: how they were checked.
        share: of them that may go to a person, 0…1.
        split: the part of the data that they come from.

    Returns:
        The policy with limits. Where they would be laxer than `LEAST_DROP` and `LARGEST_CONTROL_DROP` these
        hold, and `reviewed` may exceed the share.
    """
    checks = [verdict.check for verdict in verdicts if verdict.check is not None]
    drops = [drop for check in checks if (drop := drop_share(check)) is not None]
    controls = [drop for check in checks if (drop := control_drop_share(check)) is not None]
    agreements = [agreed for v in verdicts if (agreed := map_agreement(v.evidence)) is not None]
    fitted = policy.model_copy(
        update={
            "min_drop": max(_low(drops, share / 3), LEAST_DROP) if drops else LEAST_DROP,
            "max_control_drop": min(-_low([-drop for drop in controls], share / 3), LARGEST_CONTROL_DROP)
            if controls
            else LARGEST_CONTROL_DROP,
            "min_agreement": _low(agreements, share / 3) if agreements else None,
            "share": share,
            "split": split,
            "verdicts": len(checks),
        }
    )
    reviewed = sum(
        bool(review_reasons(verdict.check, verdict.evidence, fitted))
        for verdict in verdicts
        if verdict.check is not None
    )
    return fitted.model_copy(update={"reviewed": reviewed})


def fit_heat(judgement: Judgement) -> HeatScale | None:
    """The scale that evidence is drawn on, by the largest evidence of each validation image.

    Cold is the 95th percentile over the OK images, so that 19 of 20 of them show no color at all; hot is the
    median over the NG images. Where the two classes overlap so far that this leaves little between them,
    cold is half of hot.

    Returns:
        None where no NG image has evidence.
    """
    peaks = {
        label: [image.evidence_peak for image in judgement.images if image.label is label] for label in Label
    }
    hot = float(np.median(peaks[Label.NG])) if peaks[Label.NG] else 0.0
    if hot <= 0:
        return None
    cold = float(np.percentile(peaks[Label.OK], 95)) if peaks[Label.OK] else 0.0
    return HeatScale(cold=min(cold, hot / 2), hot=hot)


def _low(values: Sequence[float], share: float) -> float:
    """The largest limit that at most a share of the values lies below."""
    return sorted(values)[min(int(share * len(values) + 1e-9), len(values) - 1)]

"""Where policies are chosen, from validation verdicts: thresholds, limits, and the heat scale."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gainspect.data.decode import read_mask
from gainspect.data.manifest import Manifest
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import MAP_THRESHOLDS, Assessment, map_names
from gainspect.inspection.backends.backend import Backend
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.reason.rules import control_drop_share, drop_share, map_agreement, review_reasons
from gainspect.metrics.cam import peak_in_mask
from gainspect.metrics.classification import at_threshold, operating_threshold
from gainspect.policy import HeatScale, Policy, ReasonPolicy
from gainspect.types import Label, MapName, Verdict

REVIEW_SHARE = 0.05
"""Of the verdicts that are right for the right reason: so many may go to a person."""
LEAST_DROP = 0.1
"""A repair that takes away less of P(NG) never counts as bringing it down, whatever validation says: else a
model that ignores its evidence everywhere would set itself a limit that it keeps."""
LARGEST_CONTROL_DROP = 0.5
"""A control that takes away more always counts as bringing it down."""


def operating_point(assessment: Assessment, target_recall: float) -> dict[str, Any]:
    """Choose the thresholds that the test part will be judged at.

    Args:
        assessment: of the validation part, which has OK and NG.
        target_recall: share of the NG parts that must be caught; the largest threshold that does is taken.

    Returns:
        threshold (on P(NG)), what it was chosen for and on how many images, its figures there, and
        map_thresholds by map name, in the map's own units (none without masks).
    """
    labels = assessment.labels
    threshold = operating_threshold(assessment.scores, labels, target_recall)
    return {
        "threshold": threshold,
        "target_recall": target_recall,
        "split": "val",
        "ng": int(labels.sum()),
        "ok": int((~labels).sum()),
        **at_threshold(assessment.scores, labels, threshold),
        "map_thresholds": map_thresholds(assessment),
    }


def choose_policy(assessment: Assessment, target_recall: float, threshold: float | None) -> Policy:
    """The policy that the validation part gives.

    Args:
        assessment: of the validation part.
        target_recall: what the threshold is chosen for.
        threshold: chosen by hand instead.

    Raises:
        GainspectError: there are no NG images to choose a threshold on, and none is given.
    """
    labels = assessment.labels
    if threshold is None and not labels.any():
        raise GainspectError(
            "the validation part has no NG images: no threshold can be chosen for a recall",
            hint="Put NG parts into it, or choose by hand with --threshold.",
        )
    maps = map_thresholds(assessment)
    peaks = [image.evidence_peak for image in assessment.images if image.label is Label.OK]
    chosen = operating_threshold(assessment.scores, labels, target_recall) if threshold is None else threshold
    figures = at_threshold(assessment.scores, labels, chosen)
    return Policy(
        threshold=chosen,
        target_recall=target_recall if threshold is None else None,
        split="val",
        ng=int(labels.sum()),
        ok=int((~labels).sum()),
        recall=figures["recall"],
        false_alarm_rate=figures["false_alarm_rate"],
        # Without masks: what the evidence of nearly all OK parts stays below.
        region_threshold=maps.get("evidence", float(np.percentile(peaks, 95)) if peaks else 0.0),
        map_thresholds=maps,
        heat=fit_heat(assessment),
    )


def map_thresholds(assessment: Assessment) -> dict[MapName, float]:
    """For each map the fixed threshold with the best mean IoU over the NG images with a mask."""
    chosen: dict[MapName, float] = {}
    for name in map_names(assessment):
        mean = np.mean([image.curves[name] for image in assessment.images if name in image.curves], axis=0)
        chosen[name] = MAP_THRESHOLDS[int(mean.argmax())]
    return chosen


def with_reason_check(
    policy: Policy, backend: Backend, validation: Manifest, tiling: Tiling | None
) -> Policy:
    """The policy with limits for the reason check, fitted on the validation part.

    Args:
        policy: with the threshold on P(NG) and that of the regions.
        backend: runs the network.
        validation: the validation part.
        tiling: how images are cut; None = they are seen whole.

    Raises:
        GainspectError: an image or mask cannot be read.
    """
    plain = ReasonPolicy()
    inspector = Inspector(
        backend,
        threshold=policy.threshold,
        region_threshold=policy.region_threshold,
        tiling=tiling,
        reason=plain,
    )
    defective = replace(validation, parts=tuple(p for p in validation.parts if p.label is Label.NG))
    good = list(_right_for_the_right_reason(inspector, defective))
    return policy.model_copy(update={"reason": fit_review(good, plain, REVIEW_SHARE, policy.split)})


def _right_for_the_right_reason(inspector: Inspector, defective: Manifest) -> Iterator[Verdict]:
    """NG verdicts on NG parts whose evidence peaks in the defect, or whose defect is not marked."""
    verdicts = inspector.inspect_many(part.image for part in defective.parts)
    for part, verdict in zip(defective.parts, verdicts, strict=True):
        if verdict.by_score is Label.NG:
            evidence = verdict.evidence.evidence
            mask = None if part.mask is None else read_mask(part.mask, evidence.shape).astype(np.bool_)
            if mask is None or not mask.any() or peak_in_mask(evidence, mask):
                yield verdict


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


def fit_heat(assessment: Assessment) -> HeatScale | None:
    """The scale that evidence is drawn on, by the largest evidence of each validation image.

    Cold is the 95th percentile over the OK images, so that 19 of 20 of them show no color at all; hot is the
    median over the NG images. Where the two classes overlap so far that this leaves little between them,
    cold is half of hot.

    Returns:
        None where no NG image has evidence.
    """
    peaks = {
        label: [image.evidence_peak for image in assessment.images if image.label is label] for label in Label
    }
    hot = float(np.median(peaks[Label.NG])) if peaks[Label.NG] else 0.0
    if hot <= 0:
        return None
    cold = float(np.percentile(peaks[Label.OK], 95)) if peaks[Label.OK] else 0.0
    return HeatScale(cold=min(cold, hot / 2), hot=hot)


def _low(values: Sequence[float], share: float) -> float:
    """The largest limit that at most a share of the values lies below."""
    return sorted(values)[min(int(share * len(values) + 1e-9), len(values) - 1)]

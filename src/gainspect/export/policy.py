"""The threshold of the verdict, what a region is, and when a reason fails, from the validation part."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gainspect.data.manifest import Manifest
from gainspect.data.preprocess import read_mask
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.evaluation.judgement import Judgement
from gainspect.evaluation.operating_point import map_thresholds
from gainspect.evaluation.review_point import fit_heat, fit_review
from gainspect.metrics.cam import peak_in_mask
from gainspect.metrics.classification import at_threshold, operating_threshold
from gainspect.runtime.backends import Backend
from gainspect.runtime.bundle import Policy, ReasonPolicy
from gainspect.runtime.inspector import Inspector
from gainspect.types import Label, Verdict

REVIEW_SHARE = 0.05
"""Of the verdicts that are right for the right reason: so many may go to a person."""


def choose_policy(judgement: Judgement, target_recall: float, threshold: float | None) -> Policy:
    """The policy that the validation part gives.

    Args:
        judgement: of the validation part.
        target_recall: what the threshold is chosen for.
        threshold: chosen by hand instead.

    Raises:
        GainspectError: there are no NG images to choose a threshold on, and none is given.
    """
    labels = judgement.labels
    if threshold is None and not labels.any():
        raise GainspectError(
            "the validation part has no NG images: no threshold can be chosen for a recall",
            mend="Put NG parts into it, or choose by hand with --threshold.",
        )
    maps = map_thresholds(judgement)
    peaks = [image.evidence_peak for image in judgement.images if image.label is Label.OK]
    chosen = operating_threshold(judgement.scores, labels, target_recall) if threshold is None else threshold
    figures = at_threshold(judgement.scores, labels, chosen)
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
        heat=fit_heat(judgement),
    )


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

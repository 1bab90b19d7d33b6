"""The threshold of the verdict and what a region is, from the validation part."""

import numpy as np

from gainspect.errors import GainspectError
from gainspect.evaluation.judgement import Judgement
from gainspect.evaluation.operating_point import map_thresholds
from gainspect.metrics.classification import at_threshold, operating_threshold
from gainspect.runtime.bundle import Policy
from gainspect.types import Label


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
    )

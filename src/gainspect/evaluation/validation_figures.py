"""Figures on the validation part, by which epochs are compared."""

from collections.abc import Sequence

import numpy as np

from gainspect.evaluation.assessment import Assessed, Assessment
from gainspect.metrics.classification import (
    at_threshold,
    auroc,
    average_precision,
    operating_threshold,
    specificity_at_recall,
)


def validation_figures(assessment: Assessment, target_recall: float) -> dict[str, float]:
    """Figures by which epochs are compared; undefined figures are absent.

    Returns:
        auroc, ap, specificity_at_recall (share of OK images that pass at the target recall), recall and
        accuracy at threshold 0.5; with masks also right_reason_at_recall, and pointing_game and energy_inside
        of the evidence; with outlines also its cam_iou, and with localization localization_iou.
    """
    scores, labels = assessment.scores, assessment.labels
    at_half = at_threshold(scores, labels, 0.5)
    outlined = [image for image in assessment.images if image.counts_where]
    figures = {
        "auroc": auroc(scores, labels),
        "ap": average_precision(scores, labels),
        "specificity_at_recall": specificity_at_recall(scores, labels, target_recall)
        if labels.any()
        else None,
        "right_reason_at_recall": right_reason_at_recall(assessment, target_recall),
        "accuracy": at_half["accuracy"],
        "recall": at_half["recall"],
        "cam_iou": _mean(outlined, "evidence_cam_iou"),
        "pointing_game": _mean(assessment.images, "evidence_pointing_game"),
        "energy_inside": _mean(assessment.images, "evidence_energy_inside"),
        "localization_iou": _mean(outlined, "localization_iou"),
    }
    return {name: value for name, value in figures.items() if value is not None}


def right_reason_at_recall(assessment: Assessment, target_recall: float) -> float | None:
    """How many verdicts are right for the right reason at the target recall, 0…1.

    It is the mean of two shares: OK images that pass, and NG images with a mask that are caught with the
    evidence peaking in the defect (ties count in part). It is None without OK images, and without marked NG
    images: the first share alone says nothing of a reason. Specificity alone could choose a checkpoint that
    relies on a spurious cue, if the validation part has that cue.
    """
    labels = assessment.labels
    if not labels.any() or labels.all():
        return None
    threshold = operating_threshold(assessment.scores, labels, target_recall)
    passed = float((assessment.scores[~labels] < threshold).mean())
    hits = [
        image.figures["evidence_pointing_game"] * (image.score >= threshold)
        for image in assessment.images
        if "evidence_pointing_game" in image.figures
    ]
    return (passed + float(np.mean(hits))) / 2 if hits else None


def _mean(images: Sequence[Assessed], figure: str) -> float | None:
    values = [image.figures[figure] for image in images if figure in image.figures]
    return float(np.mean(values)) if values else None

"""What is fixed on the validation part: the threshold on P(NG), and one on each map."""

from typing import Any

import numpy as np

from gainspect.evaluation.judgement import MAP_THRESHOLDS, Judgement, map_names
from gainspect.metrics.classification import (
    at_threshold,
    auroc,
    average_precision,
    operating_threshold,
    specificity_at_recall,
)
from gainspect.types import MapName


def operating_point(judgement: Judgement, target_recall: float) -> dict[str, Any]:
    """Choose the thresholds that the test part will be judged at.

    Args:
        judgement: of the validation part, which has OK and NG.
        target_recall: share of the NG parts that must be caught; the largest threshold that does is taken.

    Returns:
        threshold (on P(NG)), what it was chosen for and on how many images, its figures there, and
        map_thresholds by map name, in the map's own units (none without masks).
    """
    labels = judgement.labels
    threshold = operating_threshold(judgement.scores, labels, target_recall)
    return {
        "threshold": threshold,
        "target_recall": target_recall,
        "split": "val",
        "ng": int(labels.sum()),
        "ok": int((~labels).sum()),
        **at_threshold(judgement.scores, labels, threshold),
        "map_thresholds": map_thresholds(judgement),
    }


def map_thresholds(judgement: Judgement) -> dict[MapName, float]:
    """For each map the fixed threshold with the best mean IoU over the NG images with a mask."""
    chosen: dict[MapName, float] = {}
    for name in map_names(judgement):
        mean = np.mean([image.curves[name] for image in judgement.images if name in image.curves], axis=0)
        chosen[name] = MAP_THRESHOLDS[int(mean.argmax())]
    return chosen


def validation_figures(judgement: Judgement, target_recall: float) -> dict[str, float]:
    """Figures by which an epoch is judged; those that are undefined are absent.

    Returns:
        auroc, ap, specificity_at_recall (share of OK that passes when the target recall is reached),
        right_reason_at_recall, recall and accuracy at 0.5; with masks also cam_iou, pointing_game and
        energy_inside of the evidence; with localization its localization_iou.
    """
    scores, labels = judgement.scores, judgement.labels
    at_half = at_threshold(scores, labels, 0.5)
    figures = {
        "auroc": auroc(scores, labels),
        "ap": average_precision(scores, labels),
        "specificity_at_recall": specificity_at_recall(scores, labels, target_recall)
        if labels.any()
        else None,
        "right_reason_at_recall": right_reason_at_recall(judgement, target_recall),
        "accuracy": at_half["accuracy"],
        "recall": at_half["recall"],
        "cam_iou": _mean(judgement, "evidence_cam_iou"),
        "pointing_game": _mean(judgement, "evidence_pointing_game"),
        "energy_inside": _mean(judgement, "evidence_energy_inside"),
        "localization_iou": _mean(judgement, "localization_iou"),
    }
    return {name: value for name, value in figures.items() if value is not None}


def right_reason_at_recall(judgement: Judgement, target_recall: float) -> float | None:
    """How much is right for the right reason when the target recall is reached, 0…1.

    Mean of two shares: OK images that pass, and marked NG images that are caught with the evidence peaking in
    the defect (ties share the credit). Without marked NG images the first alone; None without OK or without
    NG. Specificity alone would pick a checkpoint that follows a cue, where the validation part has the cue.
    """
    labels = judgement.labels
    if not labels.any() or labels.all():
        return None
    threshold = operating_threshold(judgement.scores, labels, target_recall)
    passed = float((judgement.scores[~labels] < threshold).mean())
    hits = [
        image.figures["evidence_pointing_game"] * (image.score >= threshold)
        for image in judgement.images
        if "evidence_pointing_game" in image.figures
    ]
    return (passed + float(np.mean(hits))) / 2 if hits else passed


def _mean(judgement: Judgement, figure: str) -> float | None:
    values = [image.figures[figure] for image in judgement.images if figure in image.figures]
    return float(np.mean(values)) if values else None

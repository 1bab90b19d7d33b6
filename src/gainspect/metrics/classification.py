"""OK / NG figures. `scores` are (N,) P(NG), `labels` (N,) bool, True for NG; NG is the positive class.

An undefined figure (there are no parts of the class it is about) is None.
"""

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score, roc_curve

Scores = NDArray[np.floating]
Labels = NDArray[np.bool_]

TIED = 1e-5
"""Scores that differ by less count as equal: scores of parts without evidence differ only by rounding."""


def confusion(scores: Scores, labels: Labels, threshold: float) -> dict[str, int]:
    """Counts of caught and missed NG parts, false alarms and passed OK parts; NG is score ≥ threshold.

    >>> confusion(np.array([0.9, 0.2, 0.7, 0.1]), np.array([True, True, False, False]), 0.5)
    {'caught': 1, 'missed': 1, 'false_alarms': 1, 'passed': 1}
    """
    called = np.asarray(scores) >= threshold
    return {
        "caught": int((called & labels).sum()),
        "missed": int((~called & labels).sum()),
        "false_alarms": int((called & ~labels).sum()),
        "passed": int((~called & ~labels).sum()),
    }


def at_threshold(scores: Scores, labels: Labels, threshold: float) -> dict[str, float | None]:
    """Accuracy, recall, precision, F1 and false-alarm rate (of the OK parts) at a threshold."""
    counts = confusion(scores, labels, threshold)
    caught, missed = counts["caught"], counts["missed"]
    false_alarms, passed = counts["false_alarms"], counts["passed"]
    return {
        "accuracy": _ratio(caught + passed, len(labels)),
        "recall": _ratio(caught, caught + missed),
        "precision": _ratio(caught, caught + false_alarms),
        "f1": _ratio(2 * caught, 2 * caught + false_alarms + missed),
        "false_alarm_rate": _ratio(false_alarms, false_alarms + passed),
    }


def auroc(scores: Scores, labels: Labels) -> float | None:
    """Area under the ROC curve; None if there is only one class."""
    return float(roc_auc_score(labels, scores)) if labels.any() and not labels.all() else None


def average_precision(scores: Scores, labels: Labels) -> float | None:
    """Average precision (area under the precision-recall steps); None without NG."""
    return float(average_precision_score(labels, scores)) if labels.any() else None


def operating_threshold(scores: Scores, labels: Labels, target_recall: float) -> float:
    """The largest threshold whose recall reaches the target, moved halfway to the next lower score.

    It is moved so that rounding in another runtime does not turn the last caught part into a missed one.
    Scores that differ by less than `TIED` count as one score; no threshold is placed between them.

    Raises:
        ValueError: there are no NG parts, or the target is not in (0, 1].

    >>> operating_threshold(np.array([0.875, 0.75, 0.5, 0.25]), np.array([True, True, False, True]), 0.6)
    0.625
    """
    if not labels.any():
        raise ValueError("a threshold for a recall needs NG parts")
    if not 0 < target_recall <= 1:
        raise ValueError(f"a target recall must be in (0, 1], not {target_recall}")
    values = np.asarray(scores, np.float64)
    defective = np.sort(values[labels])[::-1]
    needed = int(np.ceil(target_recall * len(defective) - 1e-9))  # 0.07 × 100 is 7, not 7.000000000000001
    return just_below(values, float(defective[needed - 1]))


def just_below(scores: Scores, score: float) -> float:
    """Halfway from one of the scores to the next lower one that is not `TIED` with it, or to 0."""
    values = np.asarray(scores, np.float64)
    last = score
    for value in [*map(float, np.sort(values[values < score])[::-1]), 0.0]:
        if last - value >= TIED:
            return (last + value) / 2
        last = value
    return last


def specificity_at_recall(scores: Scores, labels: Labels, target_recall: float) -> float | None:
    """Share of OK parts that pass at the threshold that lets at most 1 − target of the NG parts pass."""
    rate = at_threshold(scores, labels, operating_threshold(scores, labels, target_recall))[
        "false_alarm_rate"
    ]
    return None if rate is None else 1 - rate


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def roc_points(scores: Scores, labels: Labels) -> list[tuple[float, float]]:
    """(false-alarm rate, recall) for decreasing thresholds, from (0, 0) to (1, 1); needs both classes."""
    alarms, recall, _ = roc_curve(labels, scores)
    return list(zip(alarms.tolist(), recall.tolist(), strict=True))


def precision_recall_points(scores: Scores, labels: Labels) -> list[tuple[float, float]]:
    """(recall, precision) for decreasing thresholds, from the lowest to the highest recall; needs NG."""
    precision, recall, _ = precision_recall_curve(labels, scores)
    return list(zip(recall.tolist(), precision.tolist(), strict=True))[::-1]

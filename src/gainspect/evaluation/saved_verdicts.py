"""Writes and reads the results of an evaluation: predictions.csv, decisions.csv and metrics.json."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import UNCLAMPED, Assessed, Assessment
from gainspect.evaluation.parts import DecidedPart
from gainspect.evaluation.summary import summarize
from gainspect.files import write_json, write_text
from gainspect.inspection.inspector import Inspector
from gainspect.names import composed
from gainspect.policy import Rules
from gainspect.types import Decision

PREDICTIONS, DECISIONS = "predictions.csv", "decisions.csv"
METRICS = "metrics.json"
ALL_LABELS = "all labels"
WITHOUT_DOUBTFUL = "without doubtful labels"

FIGURE_COLUMNS = {
    "right_reason_rate": "right_reason",
    "cam_iou": "evidence_cam_iou",
    "cam_iou_unclamped": UNCLAMPED,
    "pointing_game": "evidence_pointing_game",
    "energy_inside": "evidence_energy_inside",
    "localization_iou": "localization_iou",
}
"""The column of predictions.csv for each figure."""


@dataclass(frozen=True, eq=False)
class SavedVerdicts:
    """The content of `predictions.csv` for N images."""

    images: tuple[str, ...]
    groups: tuple[str, ...]
    labels: NDArray[np.bool_]
    """(N,) True for NG."""
    called: NDArray[np.bool_]
    """(N,) True where the verdict is NG."""
    scores: NDArray[np.float64]
    """(N,) P(NG)."""
    figures: dict[str, NDArray[np.float64]]
    """(N,) right_reason and map quality; NaN if an image has no such figure."""


def save_verdicts(
    assessment: Assessment, out: Path, summaries: dict[str, dict[str, Any]] | None = None
) -> None:
    """Write predictions.csv (one row per image) and metrics.json (the summaries by title) into a folder."""
    write_text(out / PREDICTIONS, predictions_csv(assessment))
    write_json(out / METRICS, {"all": summarize(assessment)} if summaries is None else summaries)


def predictions_csv(assessment: Assessment) -> str:
    """The content of predictions.csv: one row per image."""
    figures = sorted({name for image in assessment.images for name in image.figures})
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    known = [
        "image",
        "label",
        "score",
        "group",
        "part",
        "defect_type",
        "verdict",
        "threshold",
        "right_reason",
    ]
    writer.writerow([*known, "decision", "defect_px", *figures])
    for image in assessment.images:
        reason = "" if image.right_reason is None else int(image.right_reason)
        kind = image.defect_type or ""
        row = [image.image, image.label, image.score, image.group, image.part or "", kind]
        row.append(image.verdict)
        values = [image.figures.get(name, "") for name in figures]
        px = "" if image.defect_px is None else image.defect_px
        writer.writerow([*row, assessment.threshold, reason, image.decision, px, *values])
    return text.getvalue()


def save_decisions(made: Sequence[tuple[DecidedPart[Assessed], Decision]], out: Path, rules: Rules) -> None:
    """Write decisions.csv, one row per part: what it is, its score, what was decided, and by which rules."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["part", "label", "group", "score", "decision", "fired", "images"])
    for part, decision in made:
        fired = " ".join(decision.fired)
        score = part.score(rules.views)
        writer.writerow([part.name, part.label, part.group, score, decision.label, fired, len(part.images)])
    write_text(out / DECISIONS, text.getvalue())


def judged_by(inspector: Inspector) -> dict[str, str]:
    """What judged: runtime, precision, and network ("bundle" or "checkpoint"), as metrics.json has it."""
    backend = inspector.backend
    network = "checkpoint" if inspector.bundle is None else "bundle"
    return {"runtime": backend.runtime, "precision": backend.precision, "network": network}


def read_judged_by(path: Path) -> dict[str, str] | None:
    """What judged, from a metrics.json; None: an older version wrote it.

    Raises:
        GainspectError: the file cannot be read.
    """
    return _first_summary(path).get("judged_by")


def read_divided_anew(path: Path) -> bool:
    """Whether a metrics.json is of data that came with another split.

    Raises:
        GainspectError: the file cannot be read.
    """
    return bool(_first_summary(path).get("divided_anew"))


def _first_summary(path: Path) -> dict[str, Any]:
    try:
        summaries: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        return dict(next(iter(summaries.values())))
    except (OSError, ValueError, TypeError, AttributeError, StopIteration) as error:
        raise GainspectError(f"cannot read the figures ({error})", where=path) from error


def read_verdicts(path: Path) -> SavedVerdicts:
    """Read the predictions.csv that `save_verdicts` wrote, sorted by image.

    Raises:
        GainspectError: the file cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: composed(row["image"]))
        return SavedVerdicts(
            images=tuple(composed(row["image"]) for row in rows),
            groups=tuple(row["group"] for row in rows),
            labels=np.array([row["label"] == "ng" for row in rows], np.bool_),
            called=np.array([row["verdict"] == "ng" for row in rows], np.bool_),
            scores=np.array([float(row["score"]) for row in rows], np.float64),
            figures={name: _column(rows, column) for name, column in FIGURE_COLUMNS.items()},
        )
    except (OSError, KeyError, ValueError) as error:
        raise GainspectError(f"cannot read the predictions ({error})", where=path) from error


def _column(rows: Sequence[dict[str, str]], name: str) -> NDArray[np.float64]:
    return np.array([float(row.get(name) or "nan") for row in rows], np.float64)

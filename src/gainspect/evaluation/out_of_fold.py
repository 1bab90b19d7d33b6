"""Out-of-fold verdicts: of each fold by its own network, pooled so that one policy can be chosen from them.

Each network has scores of its own scale, and the network that inspects is yet another one, trained on all
parts. Pooled scores are therefore brought onto the scale of the mean network (`metrics.calibration`): a
threshold chosen on them is one on the scores of the last network, as they are.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError
from scipy.special import expit

from gainspect.errors import GainspectError, first_fault
from gainspect.evaluation.assessment import Assessment
from gainspect.evaluation.goals import Carried, ScoreMap
from gainspect.evaluation.validation_verdicts import (
    ValidationVerdicts,
    best_map_thresholds,
    iou_curves,
    least_region,
)
from gainspect.files import write_json
from gainspect.metrics.calibration import CarryMethod, carried, carry_losses, chosen_method, logits_of
from gainspect.types import Label, MapName

FOLDS = "folds"
"""What the pooled parts of all folds are called in a policy."""


class HeldOutMaps(BaseModel):
    """What the maps of one fold's network say of its held-out part; stored with the fold."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    curves: dict[MapName, list[list[float]]]
    """IoU at each of `MAP_THRESHOLDS`, of each NG image with an outline; empty without outlines."""
    others: dict[MapName, list[list[float]]] = {}
    """The same of images whose mask is a box or strokes."""
    ok_peaks: list[float]
    """Largest evidence of each OK image, in its own units."""

    @classmethod
    def of(cls, assessment: Assessment) -> "HeldOutMaps":
        """Keep what thresholds on maps are chosen from."""
        curves, others = (
            {name: [curve.tolist() for curve in found] for name, found in of_kind.items()}
            for of_kind in (iou_curves(assessment.images, outlined=outlined) for outlined in (True, False))
        )
        peaks = [image.evidence_peak for image in assessment.images if image.label is Label.OK]
        return cls(curves=curves, others=others, ok_peaks=peaks)

    @classmethod
    def read(cls, path: Path) -> "HeldOutMaps":
        """Read what `save` wrote.

        Raises:
            GainspectError: the file cannot be read.
        """
        try:
            return cls.model_validate(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            fault = first_fault(error) if isinstance(error, ValidationError) else error
            raise GainspectError(
                f"cannot read what was measured of a fold ({fault})",
                where=path,
                hint="Delete the file; it will be computed again.",
            ) from error

    def save(self, path: Path) -> None:
        """Write as JSON, atomically."""
        write_json(path, self.model_dump(mode="json"))


def pooled_thresholds(folds: Sequence[HeldOutMaps]) -> tuple[dict[MapName, float], float]:
    """One threshold for each map, and one for regions, over the held-out parts of all folds.

    As in `map_thresholds`, outlines decide if any fold has some.
    """
    curves = _joined(fold.curves for fold in folds) or _joined(fold.others for fold in folds)
    thresholds = best_map_thresholds(curves)
    return thresholds, least_region(thresholds, [peak for fold in folds for peak in fold.ok_peaks])


def _joined(folds: Iterable[dict[MapName, list[list[float]]]]) -> dict[MapName, list[list[float]]]:
    curves: dict[MapName, list[list[float]]] = {}
    for fold in folds:
        for name, found in fold.items():
            curves.setdefault(name, []).extend(found)
    return curves


def pooled(folds: Sequence[ValidationVerdicts], method: CarryMethod | None = None) -> ValidationVerdicts:
    """The verdicts of all folds, their scores carried over to the scale of the mean network.

    Args:
        folds: verdicts on the held-out part of each fold, whose reasons were checked alike, and whose scores
            are those of the fold's own network; at least one.
        method: how scores are carried over; None: chosen by folds that are left out (`chosen_method`). With
            two folds nothing can be told apart, and scores stay as they are.

    Raises:
        ValueError: the folds were not checked alike.
    """
    first = folds[0]
    alike = {"map_thresholds", "region_threshold", "controls", "seed", "fill", "good_parts"}
    if any(fold.model_dump(include=alike) != first.model_dump(include=alike) for fold in folds):
        raise ValueError("the reasons of the folds were checked with different thresholds")
    logits, labels = [logits_of(fold.scores) for fold in folds], [fold.labels for fold in folds]
    losses = carry_losses(logits, labels) if method is None and len(folds) > 2 else {}
    chosen = method or chosen_method(losses)
    moved, maps = carried(logits, labels, chosen)
    scores = [fold.scores if chosen == "none" else expit(x) for fold, x in zip(folds, moved, strict=True)]
    images = tuple(
        image.model_copy(update={"score": float(score), "fold": number, "fold_score": image.score})
        for number, (fold, found) in enumerate(zip(folds, scores, strict=True), start=1)
        for image, score in zip(fold.images, found, strict=True)
    )
    told = Carried(
        folds=len(folds),
        method=chosen,
        losses={name: float(each.mean()) for name, each in losses.items()},
        maps=tuple(ScoreMap(**found._asdict()) for found in maps),
    )
    return first.model_copy(update={"split": FOLDS, "images": images, "carried": told})


def left_out(verdicts: ValidationVerdicts) -> Iterator[tuple[ValidationVerdicts, ValidationVerdicts]]:
    """For each fold: the others, pooled by the same method; and its own verdicts with scores as they are.

    Where thresholds are chosen on the others and applied to the fold, its network stands for the final one.
    """
    method = None if verdicts.carried is None else verdicts.carried.method
    own = by_fold(verdicts)
    for number, fold in own.items():
        yield pooled([other for at, other in own.items() if at != number], method), fold


def by_fold(verdicts: ValidationVerdicts) -> dict[int, ValidationVerdicts]:
    """The pooled verdicts of each fold by its number, with its network's own scores."""
    numbers = np.unique([image.fold or 0 for image in verdicts.images]).tolist()
    return {
        number: verdicts.model_copy(
            update={
                "split": "val",
                "carried": None,
                "images": tuple(
                    image.model_copy(update={"score": image.fold_score, "fold": None, "fold_score": None})
                    for image in verdicts.images
                    if image.fold == number
                ),
            }
        )
        for number in numbers
    }

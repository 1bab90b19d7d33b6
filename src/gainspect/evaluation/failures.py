"""Every wrong verdict, with a first guess at its cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log

from gainspect.data.defect_size import SMALL_DEFECT
from gainspect.evaluation.reliance import Examined
from gainspect.types import Label

NEAR = 0.5
"""A score is near the threshold if it is closer than this, in logits."""
LOW_CONTRAST = 0.5
"""A defect is hard to see if it differs less than this from its surroundings, in standard deviations."""


class Cause(StrEnum):
    """First guess at why a verdict is wrong, in the order in which they are tried."""

    LABEL_DOUBTFUL = "label_doubtful"
    """The image is on the list of doubtful labels."""
    TOO_SMALL = "too_small"
    """A missed defect under `SMALL_DEFECT` pixels after resizing."""
    NEAR_THRESHOLD = "near_threshold"
    """The score is within `NEAR` logits of the threshold."""
    LOW_CONTRAST = "low_contrast"
    """A missed defect that hardly differs from its surroundings."""
    NOT_MARKED = "not_marked"
    """A missed defect; whether the evidence peaks in it is not known, because it is not marked."""
    EVIDENCE_ELSEWHERE = "evidence_elsewhere"
    """A missed defect; the evidence does not peak in it."""
    WEAK_EVIDENCE = "weak_evidence"
    """A missed defect; the evidence peaks in it, but is not strong enough."""
    LOOKS_LIKE_DEFECT = "looks_like_defect"
    """A false alarm that the evidence region causes: with this region repaired, the part would pass."""
    NO_SINGLE_PLACE = "no_single_place"
    """A false alarm that remains when its evidence is repaired."""


@dataclass(frozen=True, eq=False)
class Failure:
    """One wrong verdict, by the score."""

    image: Examined
    cause: Cause

    @property
    def missed(self) -> bool:
        """True for a missed defect, False for a false alarm."""
        return self.image.assessed.label is Label.NG

    def sort_keys(self) -> dict[str, str]:
        """The values by which a list of failures can be sorted, as text; "" if a value is not known."""
        image = self.image
        values = {
            "score": image.assessed.score,
            "size": image.defect_px,
            "contrast": image.contrast,
            "effect": None if image.check is None else image.check.effect,
        }
        return {name: "" if value is None else f"{value:.6f}" for name, value in values.items()}


def failures(examined: Sequence[Examined], doubtful: frozenset[str] = frozenset()) -> list[Failure]:
    """All wrong verdicts: missed defects first, then false alarms; the most confident first in each group.

    Args:
        examined: all images.
        doubtful: images with doubtful labels, by their names in tables.
    """
    wrong = [Failure(e, guess(e, doubtful)) for e in examined if e.assessed.verdict is not e.assessed.label]
    return sorted(
        wrong,
        key=lambda f: (not f.missed, f.image.assessed.score if f.missed else -f.image.assessed.score),
    )


def guess(image: Examined, doubtful: frozenset[str] = frozenset()) -> Cause:
    """The first cause that fits a wrong verdict."""
    judged = image.assessed
    missed = judged.label is Label.NG
    if judged.image in doubtful:
        return Cause.LABEL_DOUBTFUL
    if missed and image.defect_px is not None and image.defect_px < SMALL_DEFECT:
        return Cause.TOO_SMALL
    if abs(_logit(judged.score) - _logit(image.threshold)) < NEAR:
        return Cause.NEAR_THRESHOLD
    if not missed:
        return Cause.LOOKS_LIKE_DEFECT if image.check and image.check.flips else Cause.NO_SINGLE_PLACE
    if image.contrast is not None and image.contrast < LOW_CONTRAST:
        return Cause.LOW_CONTRAST
    if image.points_at_defect is None:
        return Cause.NOT_MARKED
    return Cause.WEAK_EVIDENCE if image.points_at_defect else Cause.EVIDENCE_ELSEWHERE


def _logit(probability: float) -> float:
    clipped = min(max(probability, 1e-7), 1 - 1e-7)
    return log(clipped / (1 - clipped))

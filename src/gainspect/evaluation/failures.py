"""Every wrong verdict with a first guess at its cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import log

from gainspect.data.defect_size import SMALL_DEFECT
from gainspect.evaluation.doubtful import is_named
from gainspect.evaluation.reliance import Examined
from gainspect.types import Label

NEAR = 0.5
"""Logits: a score closer to the threshold than this is near it."""
LOW_CONTRAST = 0.5
"""Standard deviations: a defect that differs less from what is around it is hard to see."""


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
    EVIDENCE_ELSEWHERE = "evidence_elsewhere"
    """A miss whose evidence does not peak in the defect."""
    WEAK_EVIDENCE = "weak_evidence"
    """A miss whose evidence peaks in the defect, but not strongly enough."""
    LOOKS_LIKE_DEFECT = "looks_like_defect"
    """A false alarm that one place makes: without it the part would pass."""
    NO_SINGLE_PLACE = "no_single_place"
    """A false alarm that stays when its evidence is repaired."""


@dataclass(frozen=True, eq=False)
class Failure:
    """One wrong verdict, by the score."""

    image: Examined
    cause: Cause

    @property
    def missed(self) -> bool:
        """A miss, or else a false alarm."""
        return self.image.assessed.label is Label.NG

    def sort_keys(self) -> dict[str, str]:
        """What a list of failures is sorted by, as text; "" where it is not known."""
        image = self.image
        values = {
            "score": image.assessed.score,
            "size": image.defect_px,
            "contrast": image.contrast,
            "effect": None if image.check is None else image.check.effect,
        }
        return {name: "" if value is None else f"{value:.6f}" for name, value in values.items()}


def failures(examined: Sequence[Examined], doubtful: frozenset[str] = frozenset()) -> list[Failure]:
    """All wrong verdicts: misses first, and in each kind the surest first.

    Args:
        examined: all images.
        doubtful: images with doubtful labels, by name or by file name.
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
    if is_named(judged.image, doubtful):
        return Cause.LABEL_DOUBTFUL
    if missed and image.defect_px is not None and image.defect_px < SMALL_DEFECT:
        return Cause.TOO_SMALL
    if abs(_logit(judged.score) - _logit(image.threshold)) < NEAR:
        return Cause.NEAR_THRESHOLD
    if not missed:
        return Cause.LOOKS_LIKE_DEFECT if image.check and image.check.flips else Cause.NO_SINGLE_PLACE
    if image.contrast is not None and image.contrast < LOW_CONTRAST:
        return Cause.LOW_CONTRAST
    return Cause.WEAK_EVIDENCE if image.points_at_defect else Cause.EVIDENCE_ELSEWHERE


def _logit(probability: float) -> float:
    clipped = min(max(probability, 1e-7), 1 - 1e-7)
    return log(clipped / (1 - clipped))

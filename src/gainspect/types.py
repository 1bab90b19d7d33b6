"""The words that every part of gainspect shares. Nothing here needs torch."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""(H, W, 3) RGB, 0…255."""

FloatMap = NDArray[np.float32]
"""(H, W) map; the field that holds it states its scale."""

Mask = NDArray[np.uint8]
"""(H, W), 1 inside the defect, 0 elsewhere."""

MapName = Literal["cam", "attention", "localization", "evidence"]
MAP_NAMES: tuple[MapName, ...] = ("cam", "attention", "localization", "evidence")


class Label(StrEnum):
    """What a part is, or is judged to be."""

    OK = "ok"
    NG = "ng"
    REVIEW = "review"
    """A person decides: the reason failed its check. Of verdicts only; the data know OK and NG."""


class ReviewReason(StrEnum):
    """Why a verdict goes to a person (DESIGN: verdict). Sentences for it: `report.texts`."""

    REPAIR_KEEPS_SCORE = "repair_keeps_score"
    """Repairing the evidence does not bring the score down, or there is no evidence to repair."""
    CONTROL_LOWERS_SCORE = "control_lowers_score"
    """Repairing as much somewhere else brings it down."""
    MAPS_DISAGREE = "maps_disagree"
    """Attention and localization point to different places."""


class CheckGap(StrEnum):
    """Why the reason of a verdict could not be checked in full."""

    NO_REGION = "no_region"
    """The evidence is 0 everywhere: there is nothing to repair."""
    REGION_TOO_LARGE = "region_too_large"
    """Little is left around it to repair it from."""
    NO_ROOM_FOR_CONTROL = "no_room_for_control"
    """Beside it there is no place of its shape."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """The maps behind one verdict, in the original image's geometry (H, W), float32.

    A strategy that lacks a module has no map of it.
    """

    evidence: FloatMap
    """The strategy's own map: what its verdict rests on. At least 0; larger means more for NG."""
    cam: FloatMap | None = None
    """Class activation margin, CAM_NG − CAM_OK, in logits; signed."""
    attention: FloatMap | None = None
    """Guided attention, 0…1."""
    localization: FloatMap | None = None
    """Localization probability, 0…1."""

    def maps(self) -> dict[MapName, FloatMap]:
        """The maps that exist, by name."""
        named = {name: getattr(self, name) for name in MAP_NAMES}
        return {name: array for name, array in named.items() if array is not None}


@dataclass(frozen=True)
class Region:
    """A connected place of strong evidence. All in the original image's pixels."""

    polygon: tuple[tuple[int, int], ...]
    """(x, y) of the corners of its outline."""
    box: tuple[int, int, int, int]
    """x, y, width, height."""
    area: int
    """Pixels."""
    peak: float
    """Largest evidence in it, in the evidence's own units."""
    peak_at: tuple[int, int]
    """(x, y) of the peak."""
    share: float
    """Its part of the image's whole evidence, 0…1."""


@dataclass(frozen=True)
class ReasonCheck:
    """What becomes of an NG score when the evidence is repaired, and when as much is repaired elsewhere.

    All in P(NG): it is what the threshold is on, what a person reads, and bounded, so that means over images
    compare between models; in logits a model that is merely surer of itself would show a larger effect.
    """

    score: float
    """P(NG) of the image as it is."""
    threshold: float
    """On P(NG); the one that was applied."""
    repaired: float | None
    """P(NG) with the evidence region repaired."""
    controls: tuple[float, ...]
    """P(NG) with each of the control regions repaired: same shapes and area, not touching the evidence."""
    area: int
    """Pixels repaired."""
    gap: CheckGap | None = None
    """Why `repaired` or `control` is None."""

    @property
    def control(self) -> float | None:
        """Mean P(NG) over the controls."""
        return sum(self.controls) / len(self.controls) if self.controls else None

    @property
    def effect(self) -> float | None:
        """Controlled effect, −1…1: drop by the repair − drop by the control = control − repaired."""
        return None if self.control is None or self.repaired is None else self.control - self.repaired

    @property
    def flips(self) -> bool | None:
        """Whether repairing the evidence turns NG into OK."""
        return None if self.repaired is None else self.repaired < self.threshold

    @property
    def control_flips(self) -> float | None:
        """Share of the controls that turn NG into OK."""
        if not self.controls:
            return None
        return sum(control < self.threshold for control in self.controls) / len(self.controls)


@dataclass(frozen=True, eq=False)
class Verdict:
    """The assessment of one image."""

    label: Label
    """NG if and only if score ≥ threshold; REVIEW if it would be NG and its reason fails its check."""
    score: float
    """P(NG), 0…1."""
    threshold: float
    """The threshold on P(NG) that was applied."""
    evidence: Evidence
    regions: tuple[Region, ...] = ()
    """Where the evidence is strong, the largest share first."""
    check: ReasonCheck | None = None
    """Of an NG score's reason; None for OK, or where checking is switched off."""
    review_reasons: tuple[ReviewReason, ...] = ()
    """Why it is REVIEW; empty for OK and NG."""

    @property
    def by_score(self) -> Label:
        """OK or NG by the score alone, whatever became of the reason."""
        return Label.NG if self.score >= self.threshold else Label.OK

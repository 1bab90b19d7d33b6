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


@dataclass(frozen=True, eq=False)
class Verdict:
    """The judgement of one image."""

    label: Label
    """NG if and only if score ≥ threshold."""
    score: float
    """P(NG), 0…1."""
    threshold: float
    """The threshold on P(NG) that was applied."""
    evidence: Evidence
    regions: tuple[Region, ...] = ()
    """Where the evidence is strong, the largest share first."""

"""Selection of the epoch whose model is kept."""

import math
from collections.abc import Sequence

from gainspect.config import MAP_MONITORS, MONITORS, OUTLINE_MONITORS, Direction
from gainspect.data.manifest import Manifest, Part
from gainspect.errors import GainspectError
from gainspect.types import Label

_RIGHT_REASON = "right_reason_at_recall"

EpochFigures = dict[str, float | int]
"""The figures of an epoch: its number, losses ("loss/…"), validation figures and seconds."""


def monitored(figure: str | None, validation: Manifest) -> str | None:
    """The figure by which epochs are compared; None: the last is kept.

    Without a marked defect `right_reason_at_recall` does not exist, and `specificity_at_recall`, the half of
    it that needs none, takes its place.

    Args:
        figure: one of `MONITORS`, as configured, or None.
        validation: the validation part; if it is empty, nothing can be compared.

    Raises:
        GainspectError: the figure needs NG images with a marked defect, or with its outline, and there are
            none; or a mask cannot be read.
    """
    if figure is None or not validation.parts:
        return None
    if figure not in (*MAP_MONITORS, _RIGHT_REASON):
        return figure
    marked = [part for part in validation.parts if part.label is Label.NG and part.mask is not None]
    wanted = [part for part in marked if part.outlined or figure not in OUTLINE_MONITORS]
    if _any_defect(validation, wanted):
        return figure
    if figure == _RIGHT_REASON:
        return "specificity_at_recall"
    inexact = _any_defect(validation, marked)
    needed, without = ("outlined", OUTLINE_MONITORS) if inexact else ("marked", MAP_MONITORS)
    raise GainspectError(
        f"{figure} needs {needed} defects, and the validation part has none",
        where="training.monitor",
        hint=f"Mark them, or choose {', '.join(name for name in MONITORS if name not in without)}.",
    )


def _any_defect(manifest: Manifest, parts: Sequence[Part]) -> bool:
    masks = (manifest.mask(part) for part in parts)
    return any(mask is not None and bool(mask.any()) for mask in masks)


class Selection:
    """Keeps the last epoch, or by a figure the latest that is within one standard error of the best.

    A validation part has few defective parts, and the learning rate falls to 0, so an early lead is mostly
    luck. A loss is no share and has no such error: of a loss, the latest of the smallest is kept.

    Source: the one-standard-error rule of Breiman et al., Classification and Regression Trees (1984), 3.4.3.

    Args:
        figure: the figure to compare: a share in 0…1, or a loss; None: none is compared.
        validation: the validation part.
        better: whether the largest or the smallest is the best.
    """

    def __init__(self, figure: str | None, validation: Manifest, better: Direction = "max") -> None:
        self.figure = figure
        self.better = better
        self.best: EpochFigures | None = None
        self.kept: EpochFigures | None = None
        # Counts parts, not images: errors on two images of one part are not independent.
        self._defective = len({part.group for part in validation.parts if part.label is Label.NG})

    def keeps(self, epoch: EpochFigures) -> bool:
        """Add the next epoch; return whether it is now the one to keep.

        Raises:
            GainspectError: the epoch has no such figure; the message lists those it has.
        """
        if self.figure is None:
            self.best = self.kept = epoch
            return True
        if self.figure not in epoch:
            raise GainspectError(
                f"there is no validation figure {self.figure!r}",
                where="training.monitor",
                hint=f"Choose one of {', '.join(name for name in epoch if '/' not in name)}.",
            )
        sign = 1 if self.better == "max" else -1
        if self.best is None or sign * epoch[self.figure] > sign * self.best[self.figure]:
            self.best = epoch
        if self.better == "min":
            if epoch[self.figure] > self.best[self.figure]:
                return False
            self.kept = epoch
            return True
        share = self.best[self.figure]
        error = math.sqrt(max(0.0, share * (1 - share)) / max(1, self._defective))
        if epoch[self.figure] < share - error:
            return False
        self.kept = epoch
        return True

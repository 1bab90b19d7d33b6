"""Selection of the epoch whose model is kept."""

import math

from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.types import Label

EpochFigures = dict[str, float | int]
"""The figures of an epoch: its number, losses ("loss/…"), validation figures and seconds."""


class Selection:
    """Keeps the latest epoch that is within one standard error of the best.

    A validation part has few defective parts, and the learning rate falls to 0, so an early lead is mostly
    luck.

    Source: the one-standard-error rule of Breiman et al., Classification and Regression Trees (1984), 3.4.3.

    Args:
        figure: the validation figure to compare, a share in 0…1.
        validation: the validation part.
    """

    def __init__(self, figure: str, validation: Manifest) -> None:
        self.figure = figure
        self.best: EpochFigures | None = None
        self.kept: EpochFigures | None = None
        # Counts parts, not images: errors on two images of one part are not independent.
        self._defective = len({part.group for part in validation.parts if part.label is Label.NG})

    def keeps(self, epoch: EpochFigures) -> bool:
        """Add the next epoch; return whether it is now the one to keep.

        Raises:
            GainspectError: the epoch has no such figure; the message lists those it has.
        """
        if self.figure not in epoch:
            raise GainspectError(
                f"there is no validation figure {self.figure!r}",
                where="training.monitor",
                hint=f"Choose one of {', '.join(name for name in epoch if '/' not in name)}.",
            )
        if self.best is None or epoch[self.figure] > self.best[self.figure]:
            self.best = epoch
        share = self.best[self.figure]
        error = math.sqrt(max(0.0, share * (1 - share)) / max(1, self._defective))
        if epoch[self.figure] < share - error:
            return False
        self.kept = epoch
        return True

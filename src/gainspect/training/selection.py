"""Which epoch is kept."""

import math

from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.types import Label

EpochFigures = dict[str, float | int]
"""An epoch: its number, losses ("loss/…"), validation figures and seconds."""


class Selection:
    """Keeps the latest epoch that is within one standard error of the best.

    A validation part has few defective parts, and the learning rate falls to 0: an early lead is mostly luck.

    Source: the one-standard-error rule of Breiman et al., Classification and Regression Trees (1984), 3.4.3.

    Args:
        figure: the validation figure to go by, a share.
        validation: the part that is validated on.
    """

    def __init__(self, figure: str, validation: Manifest) -> None:
        self.figure = figure
        self.best: EpochFigures | None = None
        self.kept: EpochFigures | None = None
        # Of parts, not of images: two images of one part err together.
        self._defective = len({part.group for part in validation.parts if part.label is Label.NG})

    def keeps(self, row: EpochFigures) -> bool:
        """Take the next epoch; whether it is the one to keep from now on.

        Raises:
            GainspectError: the epoch has no such figure; those it has are named.
        """
        if self.figure not in row:
            raise GainspectError(
                f"there is no validation figure {self.figure!r}",
                where="training.monitor",
                hint=f"Choose one of {', '.join(name for name in row if '/' not in name)}.",
            )
        if self.best is None or row[self.figure] > self.best[self.figure]:
            self.best = row
        share = self.best[self.figure]
        error = math.sqrt(max(0.0, share * (1 - share)) / max(1, self._defective))
        if row[self.figure] < share - error:
            return False
        self.kept = row
        return True

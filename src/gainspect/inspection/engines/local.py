"""This process judges, one image after another."""

from collections.abc import Generator, Iterable

from gainspect.inspection.engines.judge import Judge, Outcome
from gainspect.inspection.records.resume import Batch


class Local:
    """Judges in this process.

    Args:
        judge: which judges.
    """

    lost = 0

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def outcomes(self, batches: Iterable[Batch]) -> Generator[Outcome, None, None]:
        """What comes of each image, in order, as soon as it is made."""
        for batch in batches:
            yield from self._judge.outcomes(batch)

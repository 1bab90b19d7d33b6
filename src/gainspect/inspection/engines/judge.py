"""What each engine does to a batch: from images to their records, in one process."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from gainspect.errors import GainspectError
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.bundle import Bundle
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.records.resume import Batch
from gainspect.inspection.sources.contents import Contents
from gainspect.inspection.stream import Inspected, inspect_files, record_of, why_failed
from gainspect.names import escaped


class Pictures(Protocol):
    """Makes a picture of each image besides its record; it goes to other processes by pickle."""

    def has(self, record: Mapping[str, Any]) -> bool:
        """Whether there is a picture of an image already, by its name and SHA-256."""

    def add(self, inspected: Inspected) -> None:
        """Make it, unless the image could not be judged."""


@dataclass(frozen=True)
class Outcome:
    """What came of one image."""

    place: int
    """Of the image among all."""
    record: dict[str, Any] | None
    """What is to be written of it (`stream.record_of`); None: what was written before stays."""
    failed: bool = False
    """Whether the model failed on it."""
    not_drawn: str | None = None
    """Why its picture could not be made; None: it could, or there are no pictures."""


@dataclass(frozen=True)
class Recipe:
    """How each process makes its own Inspector; see `Inspector.load`."""

    bundle: Path | Bundle
    """In a process that may lie on another machine: its content."""
    sha256: str | None
    """Of the bundle that the work began with."""
    runtime: RuntimeName
    precision: Precision
    threads: int | None
    """Of each process."""
    batch_size: int
    check: bool
    max_mpx: float | None
    bits: int | None
    pictures: Pictures | None = None

    def load(self) -> Inspector:
        """The Inspector.

        Raises:
            GainspectError: the bundle has changed since the work began; or see `Inspector.load`.
        """
        inspector = Inspector.load(
            self.bundle,
            self.runtime,
            self.precision,
            threads=self.threads,
            batch_size=self.batch_size,
            check=self.check,
            max_mpx=self.max_mpx,
            bits=self.bits,
        )
        if (
            self.sha256 is not None
            and inspector.bundle is not None
            and inspector.bundle.sha256 != self.sha256
        ):
            raise GainspectError("the bundle was changed while it is in use", where=inspector.bundle.path)
        return inspector


class Judge:
    """Turns batches into what is written of their images; one for each process.

    Args:
        inspector: which judges.
        pictures: what is made of an image besides its record; None: nothing.
    """

    def __init__(self, inspector: Inspector, pictures: Pictures | None = None) -> None:
        self._inspector = inspector
        self._pictures = pictures
        self._contents = Contents(inspector.max_mpx)

    def outcomes(self, batch: Batch) -> Iterator[Outcome]:
        """What comes of each image, in order. One that is known is judged again only if its file has changed.

        A file is read again for its SHA-256. What had an error is tried again, and so is stdin. A batch that
        was cut off is judged whole, as it would have been (`resume.batches_of`); what was written of its
        first images stays.
        """
        kept = {source for source, sha256 in batch.known.items() if self._is_done(source, sha256)}
        left = [source for source in batch.sources if source not in kept]
        now = left if batch.failed.issuperset(left) else batch.sources
        judged = inspect_files(self._inspector, now, contents=self._contents)
        for place, source in enumerate(batch.sources, start=batch.first):
            inspected = next(judged) if source in now else None
            if inspected is None or source in kept:
                yield Outcome(place, None)
            else:
                record, failed = record_of(inspected, self._inspector), inspected.failed
                yield Outcome(place, record, failed, self._draw(inspected))

    def _is_done(self, source: str, sha256: str) -> bool:
        if self._contents.sha256(source) != sha256:
            return False
        known = {"image": escaped(source), "sha256": sha256}
        return self._pictures is None or self._pictures.has(known)

    def _draw(self, inspected: Inspected) -> str | None:
        if self._pictures is None:
            return None
        try:
            self._pictures.add(inspected)
        except Exception as error:  # a picture that cannot be drawn or written costs no verdict
            return why_failed(error)
        return None

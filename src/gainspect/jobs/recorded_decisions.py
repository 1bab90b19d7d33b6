"""Decisions of an inspection as records of a ledger, each with its pictures."""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

from gainspect.errors import GainspectError
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.records.decided_parts import view_in
from gainspect.inspection.sources.contents import STDIN, Contents
from gainspect.inspection.stream import part_record
from gainspect.ledger import Ledger
from gainspect.ledger.canonical import canonical
from gainspect.ledger.inspected import decision_on, judged_image, made_with_now, recordable
from gainspect.ledger.records.base import new_key, now, this_station
from gainspect.ledger.records.decision import JudgedImage

_JUDGED_WITH = ("bundle", "policy_id", "runtime", "precision", "bits")
_Taken = tuple[str, dict[str, Any], datetime]
"""The source of an image, its record, and when it was judged."""


class _Written(Protocol):
    """What was written of images."""

    def record(self, image: str) -> dict[str, Any] | None:
        """Of one of them."""


class RecordedDecisions:
    """Appends decisions to a ledger, each once, also if the inspection is stopped and goes on.

    Where verdicts are written, a decision has a key that follows from that place, the part, its images and
    what judged them. Elsewhere nothing goes on, and each has a key of its own.

    Args:
        ledger: which they are appended to, with the pictures if it keeps any.
        inspector: which judges.
        station: where the parts are inspected; None: the name of this machine.
        lot: of all parts; None: it is not known.
        out: folder, or URI, of the verdicts; None: they are not written.
    """

    def __init__(
        self,
        ledger: Ledger,
        inspector: Inspector,
        *,
        station: str | None,
        lot: str | None,
        out: Path | str | None,
    ) -> None:
        self._ledger = ledger
        self._lot = lot
        self._station = station or this_station()
        self._inspector = inspector
        self._out = None if out is None else str(out.resolve() if isinstance(out, Path) else out)
        self._contents = Contents(inspector.max_mpx)
        self._made_with = made_with_now(inspector)
        self._taken = dict[str, _Taken]()
        """Images of parts that are not decided yet."""

    def take(self, source: str, record: dict[str, Any], *, alone: bool) -> None:
        """Take an image in, and append the decision on it if it is decided alone.

        Raises:
            GainspectError: the ledger refuses it.
        """
        self._taken[record["image"]] = source, record, now()
        if alone:
            self.append(part_record(record["image"], [record], [view_in(record)], self._inspector), None)

    def append(self, part: Mapping[str, Any], written: _Written | None) -> None:
        """Append the decision on a part.

        Args:
            part: its record (`stream.part_record`).
            written: what was written of images that were not taken in now; None: all were.

        Raises:
            GainspectError: the ledger refuses it.
        """
        key = new_key() if self._out is None else self._key(part)
        taken = [self._taken.pop(image, None) for image in part["images"]]
        if self._out is not None and self._ledger.record_of(key) is not None:
            return
        images, pictures = list[JudgedImage](), list[bytes]()
        with recordable(part):
            for name, found in zip(part["images"], taken, strict=True):
                image, picture = self._image(name, found, written)
                images.append(image)
                pictures += [] if picture is None else [picture]
        at = max((at for _, _, at in filter(None, taken)), default=now())
        decision = decision_on(
            part, images, key=key, at=at, station=self._station, lot=self._lot, made_with=self._made_with
        )
        self._ledger.append(decision, pictures)

    def _image(
        self, name: str, taken: _Taken | None, written: _Written | None
    ) -> tuple[JudgedImage, bytes | None]:
        """An image, and its picture if it is kept."""
        source, record = (None, written.record(name) if written else None) if taken is None else taken[:2]
        assert record is not None
        picture = self._picture(source, record["sha256"])
        return judged_image(name, record, stored=picture is not None), picture

    def _key(self, part: Mapping[str, Any]) -> str:
        names = ("part", "images", "sha256", "decision", *_JUDGED_WITH)
        return hashlib.sha256(
            canonical({"out": self._out, **{name: part[name] for name in names}})
        ).hexdigest()

    def _picture(self, source: str | None, sha256: str | None) -> bytes | None:
        """The file of an image as it was judged; None: it is not kept, or not there any more."""
        if self._ledger.pictures is None or source is None or source == STDIN or sha256 is None:
            return None
        try:
            content = self._contents.read(source)
        except (OSError, GainspectError):
            return None
        return content if hashlib.sha256(content).hexdigest() == sha256 else None

"""Decisions on the parts of a watched folder as records of a ledger."""

from pydantic import TypeAdapter, ValidationError

from gainspect.errors import GainspectError, first_fault
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.watched_parts import JudgedPart
from gainspect.ledger import Ledger
from gainspect.ledger.inspected import decision_on, judged_image, made_with_now
from gainspect.ledger.records.base import Name, this_station


class RecordedInLedger:
    """Appends decisions with their pictures, each once.

    Args:
        ledger: which they are appended to, with the pictures if it keeps any.
        inspector: which judges.
        station: where the parts are inspected; None: the name of this machine.
        lot: of all parts; None: it is not known.

    Raises:
        GainspectError: a record cannot hold the station or the lot.
    """

    def __init__(self, ledger: Ledger, inspector: Inspector, *, station: str | None, lot: str | None) -> None:
        self._ledger = ledger
        self._station = this_station() if station is None else _require_name("--station", station)
        self._lot = None if lot is None else _require_name("--lot", lot)
        self._made_with = made_with_now(inspector)

    def has(self, key: str) -> bool:
        """Whether the ledger has a record with this key.

        Raises:
            GainspectError: the ledger cannot be read.
        """
        return self._ledger.record_of(key) is not None

    def append(self, judged: JudgedPart) -> None:
        """Record a part, unless it is; when this returns, that is on the disk.

        Raises:
            GainspectError: the ledger cannot be reached or written, or is full. It can be repeated.
        """
        if self.has(judged.claim.key):
            return
        keeps = self._ledger.pictures is not None
        pictures = [content if keeps else None for content in judged.contents]
        images = [
            judged_image(image["image"], image, stored=picture is not None)
            for image, picture in zip(judged.images, pictures, strict=True)
        ]
        decision = decision_on(
            judged.record,
            images,
            key=judged.claim.key,
            at=judged.at,
            station=self._station,
            lot=self._lot,
            made_with=self._made_with,
            seconds=judged.seconds,
        )
        self._ledger.append(decision, [picture for picture in pictures if picture is not None])


def _require_name(option: str, name: str) -> str:
    """A name that a record can hold: what every record would refuse is refused at once.

    Raises:
        GainspectError: it cannot.
    """
    try:
        return TypeAdapter[str](Name).validate_python(name)
    except ValidationError as error:
        raise GainspectError(
            f"{option} cannot be recorded ({first_fault(error)})", hint="Give another name."
        ) from error

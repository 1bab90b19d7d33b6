"""What people did to decisions, which of them wait for somebody, and what is new."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gainspect.errors import GainspectError
from gainspect.ledger.canonical import canonical
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.records.decision import Confirm, Decision, FailSafe, Override, Point, RegionCorrection
from gainspect.ledger.records.sealed import Entry, opened
from gainspect.types import Label

Action = Confirm | Override | RegionCorrection
Outlines = tuple[tuple[Point, ...], ...]
"""Of the regions of an image, in its pixels."""


@dataclass(frozen=True)
class Reviewed:
    """A decision, and what people did to it, in order."""

    entry: Entry
    decision: Decision
    actions: tuple[Action, ...] = ()

    @property
    def label(self) -> Label:
        """What counts now: the last override, or else the decision."""
        overrides = [action.new for action in self.actions if isinstance(action, Override)]
        return overrides[-1] if overrides else self.decision.label

    @property
    def decided(self) -> bool:
        """Whether somebody confirmed it, or decided otherwise."""
        return any(isinstance(action, Confirm | Override) for action in self.actions)

    def correction_of(self, place: int) -> RegionCorrection | None:
        """The last correction of an image of the part, from 0 on; None: nobody made one."""
        sha256 = self.decision.images[place].sha256
        found = [
            action
            for action in self.actions
            if isinstance(action, RegionCorrection) and action.image == sha256
        ]
        return found[-1] if found else None

    def outlines(self, place: int) -> Outlines:
        """The outlines that count in an image: those that a person drew last, or else the network's."""
        correction = self.correction_of(place)
        return outlines_in(self.decision, place) if correction is None else correction.new

    @property
    def next_key(self) -> str:
        """The key of what is done next: of two people who do it at once, the ledger refuses one."""
        return hashlib.sha256(canonical([self.decision.key, "action", len(self.actions)])).hexdigest()


class Waiting(NamedTuple):
    """A decision that nobody confirmed or overrode."""

    place: int
    """In the ledger."""
    key: str


class New(NamedTuple):
    """A record, by its columns."""

    place: int
    """In the ledger."""
    kind: str
    station: str
    key: str
    about: str | None


class Undecided:
    """Decisions that nobody confirmed or overrode, oldest first.

    What is decided stays so. So each question begins where the last one found the first that was not, and
    does not look again at the many before it.

    Args:
        ledger: that has them.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._first: dict[tuple[str, str | None], int] = {}
        """By label and station, a place before which all are decided."""

    def find(
        self, labels: Sequence[Label], *, station: str | None = None, count: int = 100
    ) -> Sequence[Waiting]:
        """The first of them.

        Args:
            labels: that were decided.
            station: where; None: anywhere.
            count: at most so many.

        Raises:
            GainspectError: the database cannot be read.
        """
        found = list[Waiting]()
        for label in labels:
            found += self._of(str(label), station, count)
        return sorted(found)[:count]

    def _of(self, label: str, station: str | None, count: int) -> list[Waiting]:
        known = label, station
        first = max(self._first.get(known, 0), self._first.get((label, None), 0))
        with self._ledger.database.reading() as rows:
            size = rows.all("head")[0][0]
            found = rows.all("undecided", label=label, station=station, first=first, count=count)
        self._first[known] = int(found[0][0] if found else size)
        return [Waiting(int(index), str(key)) for index, key in found]


def reviewed(ledger: Ledger, key: str) -> Reviewed | None:
    """A decision with what people did to it; None: there is no decision with this key.

    Raises:
        GainspectError: the database cannot be read.
    """
    entry = ledger.record_of(key)
    return with_actions(ledger, entry) if entry is not None and isinstance(entry.record, Decision) else None


def with_actions(ledger: Ledger, entry: Entry) -> Reviewed:
    """The same of the entry of a decision."""
    assert isinstance(entry.record, Decision)
    with ledger.database.reading() as rows:
        records = [opened(content).record for (content,) in rows.all("actions_of", key=entry.record.key)]
    actions = tuple(record for record in records if isinstance(record, Action))
    return Reviewed(entry, entry.record, actions)


def newest_of_station(ledger: Ledger, station: str, count: int) -> list[Entry]:
    """The last parts of a station, newest first: decisions, and what was answered in their place.

    What counts is when it happened: answers that waited for the ledger are recorded behind later decisions.

    Raises:
        GainspectError: the database cannot be read.
    """
    found = dict[int, Entry]()
    with ledger.database.reading() as rows:
        for kind in ("decision", "fail_safe"):
            for (content,) in rows.all("newest_of_station", station=station, kind=kind, count=count):
                entry = opened(content)
                if isinstance(entry.record, Decision | FailSafe):
                    found[entry.index] = entry
    return sorted(found.values(), key=lambda entry: (entry.record.at, entry.index), reverse=True)[:count]


def stations(ledger: Ledger) -> list[str]:
    """The names of all stations that decided a part, or for which a bundle was activated.

    Raises:
        GainspectError: the database cannot be read.
    """
    with ledger.database.reading() as rows:
        return [str(station) for (station,) in rows.all("stations")]


def news(ledger: Ledger, first: int, count: int) -> list[New]:
    """The records from a place on, by their columns.

    Raises:
        GainspectError: the database cannot be read.
    """
    with ledger.database.reading() as rows:
        return [New(*row) for row in rows.all("news", first=first, count=count)]


def outlines_in(decision: Decision, place: int) -> Outlines:
    """The outlines that the network marked in an image of a part.

    Raises:
        GainspectError: the record's details are of another shape.
    """
    regions: Any = decision.images[place].details.get("regions") or []
    try:
        return tuple(tuple((int(x), int(y)) for x, y in region["polygon"]) for region in regions)
    except (KeyError, TypeError, ValueError) as error:
        raise GainspectError(f"the regions of record {decision.key} are of another shape") from error

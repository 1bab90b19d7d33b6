"""The drift watch of a station, made from what a ledger records, so that everybody gets the same alarms."""

import hashlib
from collections.abc import Iterator
from typing import Any

from gainspect.evaluation.drift_watch import (
    FALSE_ALARMS,
    REFERENCE,
    DriftFound,
    DriftWatch,
    WatchStatus,
)
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.records.decision import Decision, MadeWith
from gainspect.ledger.records.operation import DriftAcknowledged, DriftAlarm, NgCount
from gainspect.ledger.records.sealed import Record, opened
from gainspect.ledger.watched import watched_part


class StationWatch:
    """Follows the decisions of a station in the ledger, in order, with a `DriftWatch`.

    A watch begins with the first decision; anew with the first one after a `drift_acknowledged` record; and
    anew with the first one that was made with something else (bundle, policy, runtime, …; the CPU apart).
    Parts of a challenge are no parts of the line, and are left out.

    Args:
        ledger: which has the decisions.
        station: whose.
        reference: see `DriftWatch`.
        false_alarms: see `DriftWatch`.
        least: see `DriftWatch`.
    """

    def __init__(
        self,
        ledger: Ledger,
        station: str,
        *,
        reference: int = REFERENCE,
        false_alarms: float = FALSE_ALARMS,
        least: float = 0.0,
    ) -> None:
        self._ledger = ledger
        self._station = station
        self._settings: dict[str, Any] = {
            "reference": reference,
            "false_alarms": false_alarms,
            "least": least,
        }
        self._watch = DriftWatch(**self._settings)
        self._made_with: dict[str, Any] | None = None
        self._next: int | None = None
        """Place of the next record to be looked at; None: none was yet."""

    def catch_up(self) -> list[DriftAlarm]:
        """Take in what was recorded since the last time.

        Returns:
            Alarms that the ledger does not have yet, to be appended. Each has a key that follows from watch
            and figure, so that of several who append the same alarm one does.

        Raises:
            GainspectError: the database cannot be read.
        """
        end = self._ledger.head().size
        first = self._begin(end) if self._next is None else self._next
        alarms = list[DriftAlarm]()
        for record in self._records(first, end):
            if isinstance(record, DriftAcknowledged):
                self._watch = DriftWatch(**self._settings)
            elif isinstance(record, Decision) and record.challenge is None:
                alarms += [self._alarm(found) for found in self._take(record)]
        self._next = end
        return [alarm for alarm in alarms if self._ledger.record_of(alarm.key) is None]

    def status(self) -> WatchStatus:
        """Where the watch stands, as far as it has caught up."""
        return self._watch.status()

    def _begin(self, end: int) -> int:
        with self._ledger.database.reading() as rows:
            found = rows.one("drift_begin", station=self._station, end=end)
        return 0 if found is None or found[0] is None else found[0] + 1

    def _records(self, first: int, end: int) -> Iterator[Record]:
        with self._ledger.database.reading() as rows:
            for _, content in rows.each("drift_records", first, end=end, station=self._station):
                yield opened(content).record

    def _take(self, decision: Decision) -> list[DriftFound]:
        made_with = _maker(decision.made_with)
        if made_with != self._made_with:
            self._watch, self._made_with = DriftWatch(**self._settings), made_with
        return self._watch.take(watched_part(decision))

    def _alarm(self, found: DriftFound) -> DriftAlarm:
        first = self._watch.status().first
        assert first is not None
        return DriftAlarm(
            key=hashlib.sha256(f"drift_alarm\n{first.key}\n{found.name}".encode()).hexdigest(),
            at=found.last.at,
            station=self._station,
            watch=first.key,
            statistic=found.name,
            larger=found.larger,
            since=found.since.key,
            since_part=found.since.part,
            since_at=found.since.at,
            decision=found.last.key,
            parts=found.parts,
            before=found.before,
            after=found.after,
            ng_before=NgCount(**found.ng_before._asdict()),
            ng_since=NgCount(**found.ng_since._asdict()),
            false_alarms=found.false_alarms,
        )


def _maker(made_with: MadeWith) -> dict[str, Any]:
    """By what scores and figures may differ: all that a decision was made with, apart from the CPU.

    A policy has the rule for views, and so the score of a part of several images.
    """
    return made_with.model_dump(exclude={"isa"})

"""Whether a station may decide: a bundle is active, and its challenge was passed, or waived, in time."""

import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from gainspect.ledger import Ledger
from gainspect.ledger.questions import Question, entries, find, last_with_bundle, newest
from gainspect.ledger.records.base import now
from gainspect.ledger.records.operation import BundleActivation, ChallengeResult, ChallengeWaived
from gainspect.ledger.records.sealed import Entry
from gainspect.serve.bundles import Bundles, Loaded, NotLoaded
from gainspect.serve.settings import ServiceSettings

LockReason = Literal["no_bundle", "not_loaded", "challenge_failed", "challenge_due"]
_MOST_STATIONS = 1000
"""Whose state is remembered."""
_HOLDS_S = 1.0
"""So long a state that was read is taken as it was; another service may have recorded something."""


class Lock(NamedTuple):
    """Whether a station may decide."""

    reason: LockReason | None
    """Why it may not; None: it may."""
    until: datetime | None = None
    """When a passed or a waived challenge ends; None: never, or it is locked."""
    waived: bool = False
    """Whether it may only because an engineer waived the challenge."""


class StationRecords(NamedTuple):
    """What the ledger has that tells whether a station may decide with a bundle."""

    bundle: str | None
    """SHA-256; None: none is active."""
    since: int
    """A challenge that was recorded before this place is one of an earlier time with the bundle."""
    challenge: ChallengeResult | None
    """The last result with this bundle that counts, passed or failed."""
    waiver: ChallengeWaived | None
    """The last one for this bundle, if no challenge was failed after it."""


def lock_at(records: StationRecords, hours: float | None, moment: datetime) -> Lock:
    """Whether a station may decide at a moment.

    Args:
        records: of the station.
        hours: how long a passed challenge unlocks it; None: it needs none.
        moment: now.
    """
    if records.bundle is None:
        return Lock("no_bundle")
    if hours is None:
        return Lock(None)
    challenge, waiver = records.challenge, records.waiver
    if challenge is not None and challenge.passed:
        ends = challenge.at + timedelta(hours=hours)
        if ends > moment:
            return Lock(None, ends)
    if waiver is not None and waiver.until > moment:
        return Lock(None, waiver.until, waived=True)
    failed = challenge is not None and not challenge.passed
    return Lock("challenge_failed" if failed else "challenge_due")


@dataclass(frozen=True)
class StationState:
    """What a station judges with, and whether it may."""

    active: Loaded | None
    """None: nothing was activated there, or it is not loaded in this service."""
    lock: LockReason | None
    """Why it may not decide; None: it may."""
    until: datetime | None = None
    """When a passed or a waived challenge ends; None: never, or it is locked."""
    waived: bool = False
    """Whether it may only because an engineer waived the challenge."""


class Locks:
    """Tells of stations whether they may decide.

    Args:
        ledger: with their records.
        bundles: that may judge.
        settings: of the plant.
    """

    def __init__(self, ledger: Ledger, bundles: Bundles, settings: ServiceSettings) -> None:
        self._ledger, self._bundles, self._settings = ledger, bundles, settings
        self._known: dict[str, tuple[float, StationState]] = {}

    def state(self, station: str) -> StationState:
        """The state of a station now.

        Raises:
            GainspectError: the ledger cannot be read.
        """
        activations = newest(self._ledger, station, "bundle_activation", 2)
        if not activations:
            return StationState(None, "no_bundle")
        record = activations[0].record
        assert isinstance(record, BundleActivation)
        before = activations[1].index if len(activations) > 1 else -1
        lock = lock_at(self.records(station, record.new, before), self._settings.challenge_hours, now())
        try:
            active = self._bundles.known(record.new)
        except NotLoaded:
            return StationState(None, "not_loaded")
        return StationState(active, *lock)

    def recent(self, station: str) -> StationState:
        """The same; it may be a second old, but never outlives a challenge or a waiver.

        Raises:
            GainspectError: see `state`.
        """
        looked, known = self._known.get(station, (-math.inf, None))
        ended = known is not None and known.until is not None and known.until <= now()
        if known is None or ended or time.monotonic() - looked > _HOLDS_S:
            known = self.state(station)
            if len(self._known) >= _MOST_STATIONS:  # names that nobody has, perhaps
                self._known = {}
            self._known[station] = time.monotonic(), known
        return known

    def forget(self, station: str) -> None:
        """Look anew at a station: something was recorded here that may unlock or lock it."""
        self._known.pop(station, None)

    def records(self, station: str, bundle: str, since: int) -> StationRecords:
        """What the ledger says of a bundle at a station.

        Args:
            station: where.
            bundle: SHA-256.
            since: the place of a record; a challenge before it does not count.

        Raises:
            GainspectError: the ledger cannot be read.
        """
        counted = self._last_result(station, bundle, since)
        failed = -1 if counted is None or counted.result.passed else counted.place
        waived = last_with_bundle(self._ledger, station, "challenge_waived", bundle)
        # What failed after a waiver is the last word.
        waiver = None if waived is None or waived.index <= max(since, failed) else waived.record
        return StationRecords(
            bundle,
            since,
            None if counted is None else counted.result,
            waiver if isinstance(waiver, ChallengeWaived) else None,
        )

    def _last_result(self, station: str, bundle: str, since: int) -> "_Counted | None":
        """Of the challenges with a bundle after a place, the last one that counts.

        Stored pictures pass nothing that was not passed before the camera.
        """
        last = _counted(last_with_bundle(self._ledger, station, "challenge_result", bundle), since)
        if last is None or not last.result.from_pictures:
            return last
        places = find(self._ledger, Question(kind="challenge_result", station=station, bundle=bundle))
        pictures, camera = list[_Counted](), None
        for entry in entries(self._ledger, places):  # the newest first
            one = _counted(entry, since)
            if one is None or not one.result.from_pictures:
                camera = one
                break
            pictures.append(one)
        if not self._settings.stored_challenges:
            return camera
        if camera is None or camera.result.passed:
            return pictures[0]
        return next((one for one in pictures if not one.result.passed), camera)


class _Counted(NamedTuple):
    """A challenge, and its place in the ledger."""

    place: int
    result: ChallengeResult


def _counted(entry: Entry | None, since: int) -> _Counted | None:
    if entry is None or entry.index <= since or not isinstance(entry.record, ChallengeResult):
        return None
    return _Counted(entry.index, entry.record)

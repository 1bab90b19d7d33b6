"""Whether a station may decide: a bundle is active, and its challenge was passed, or waived, in time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from gainspect.ledger.questions import last_of_station
from gainspect.ledger.records.base import now
from gainspect.ledger.records.operation import ChallengeResult, ChallengeWaived
from gainspect.serve.bundles import Loaded
from gainspect.serve.service import Service

LockReason = Literal["no_bundle", "challenge_failed", "challenge_due"]


@dataclass(frozen=True)
class StationState:
    """What a station judges with, and whether it may."""

    active: Loaded | None
    """None: nothing was activated there."""
    lock: LockReason | None
    """Why it may not decide; None: it may."""
    until: datetime | None = None
    """When a passed or a waived challenge ends; None: never, or it is locked."""
    waived: bool = False
    """Whether it may only because an engineer waived the challenge."""


def state_of(service: Service, station: str) -> StationState:
    """The state of a station now.

    A challenge counts for the bundle that it was made with: after another one is activated it is due anew.

    Raises:
        GainspectError: the ledger cannot be read, or the active bundle cannot run here.
    """
    active = service.bundles.active(station)
    if active is None:
        return StationState(None, "no_bundle")
    hours = service.settings.challenge_hours
    if hours is None:
        return StationState(active, None)
    last = last_of_station(service.ledger, station, "challenge_result")
    result = None if last is None else last.record
    if isinstance(result, ChallengeResult) and result.bundle == active.sha256:
        ends = result.at + timedelta(hours=hours)
        if result.passed and ends > now():
            return StationState(active, None, ends)
    last = last_of_station(service.ledger, station, "challenge_waived")
    waiver = None if last is None else last.record
    if isinstance(waiver, ChallengeWaived) and waiver.bundle == active.sha256 and waiver.until > now():
        return StationState(active, None, waiver.until, waived=True)
    failed = isinstance(result, ChallengeResult) and result.bundle == active.sha256 and not result.passed
    return StationState(active, "challenge_failed" if failed else "challenge_due")

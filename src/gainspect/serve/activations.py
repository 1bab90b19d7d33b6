"""Another bundle judges at a station: it passed the challenge there, and was compared with the one before."""

import hashlib
from datetime import datetime, timedelta

from gainspect.errors import GainspectError
from gainspect.evaluation.bundle_comparison import BundleComparison, require_compared
from gainspect.ledger.canonical import canonical
from gainspect.ledger.questions import newest
from gainspect.ledger.records.base import now
from gainspect.ledger.records.operation import BundleActivation, ChallengeWaived
from gainspect.ledger.records.sealed import Entry
from gainspect.serve.bundles import Loaded
from gainspect.serve.problems import Problem
from gainspect.serve.service import Service


def bundle_named(service: Service, sha256: str) -> Loaded:
    """A bundle of this service.

    Raises:
        Problem: it has none with this hash.
    """
    try:
        return service.bundles.known(sha256)
    except GainspectError as error:
        raise Problem(404, "not_loaded", error.what, error.hint) from error


def is_ready(service: Service, station: str, bundle: str) -> bool:
    """Whether a bundle may be activated at a station: its last challenge there was passed, or is waived.

    It has to have been passed since the last activation, and within the hours for which a challenge counts.

    Raises:
        GainspectError: the ledger cannot be read.
    """
    last = newest(service.ledger, station, "bundle_activation", 1)
    records = service.locks.records(station, bundle, last[0].index if last else -1)
    hours = service.settings.challenge_hours
    since = now() - timedelta(hours=hours) if hours is not None else None
    result = records.challenge
    if result is not None and result.passed and (since is None or result.at > since):
        return True
    return records.waiver is not None and records.waiver.until > now()


def waive(
    service: Service, station: str, bundle: str, until: datetime, reason: str, actor: str
) -> ChallengeWaived:
    """Let a station decide with a bundle for a time, though it passed no challenge.

    Args:
        service: that records it.
        station: where.
        bundle: SHA-256.
        until: when it ends by itself.
        reason: in words.
        actor: an engineer.

    Raises:
        Problem: there is no such bundle, or it would end in the past, or too late.
        GainspectError: the ledger refuses it.
    """
    bundle_named(service, bundle)
    moment, longest = now(), timedelta(hours=service.settings.longest_waiver_hours)
    if not moment < until <= moment + longest:
        hours = f"{service.settings.longest_waiver_hours:g}"
        raise Problem(
            422, "waiver_time", f"a waiver ends within {hours} hours", "Name another time.", hours=hours
        )
    record = ChallengeWaived(
        station=station, at=moment, actor=actor, bundle=bundle, until=until, reason=reason
    )
    service.recording.append(record)
    service.locks.forget(station)
    return record


def activate(
    service: Service,
    station: str,
    bundle: str,
    reason: str,
    actor: str,
    *,
    comparison: BundleComparison | None = None,
) -> Entry:
    """Let another bundle judge at a station from now on, by its own policy; also one that did before.

    Args:
        service: that records it.
        station: where.
        bundle: SHA-256.
        reason: in words.
        actor: an engineer.
        comparison: of the active one and this; with a waiver none is needed.

    Raises:
        Problem: there is no such bundle, it is active already or not ready, it was not compared with the
            active one, or somebody else has activated one just now.
        GainspectError: the ledger refuses it.
    """
    chosen = bundle_named(service, bundle)
    last = newest(service.ledger, station, "bundle_activation", 1)
    before = last[0].record if last else None
    old = before.new if isinstance(before, BundleActivation) else None
    if old == bundle:
        raise Problem(409, "active_already", "this bundle is active already")
    if not is_ready(service, station, bundle):
        raise Problem(
            409,
            "not_challenged",
            "this bundle has passed no challenge at this station since the last activation",
            "Let it judge the challenge, or waive that.",
        )
    records = service.locks.records(station, bundle, last[0].index if last else -1)
    if records.waiver is None or records.waiver.until <= now():
        try:
            require_compared(comparison, old, bundle, chosen.policy_id)
        except GainspectError as error:
            raise Problem(409, "not_compared", error.what, error.hint) from error
    shown = None if comparison is None else canonical(comparison.model_dump(mode="json"))
    record = BundleActivation(
        # Of two who activate something after the same record, one is refused by the ledger.
        key=hashlib.sha256(
            canonical([station, "activation", None if before is None else before.key])
        ).hexdigest(),
        station=station,
        actor=actor,
        old=old,
        new=bundle,
        policy_id=chosen.policy_id,
        reason=reason,
        comparison=None if shown is None else hashlib.sha256(shown).hexdigest(),
    )
    try:
        entry = service.recording.append(record)
    except GainspectError:
        if service.ledger.record_of(record.key) is not None:
            raise Problem(
                409,
                "activated_meanwhile",
                "somebody else has activated a bundle at this station just now",
                "Look at it again.",
            ) from None
        raise
    service.locks.forget(station)
    return entry

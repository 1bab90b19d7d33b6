"""By what records are found: columns beside their bytes. They can be made anew, and an audit trusts none."""

from typing import Any

from gainspect.ledger.records.base import written_time
from gainspect.ledger.records.decision import AboutDecision, Confirm, Decision, FailSafe, Override
from gainspect.ledger.records.operation import (
    BundleActivation,
    ChallengeResult,
    ChallengeWaived,
    PolicyChange,
)
from gainspect.ledger.records.sealed import Record
from gainspect.ledger.records.upkeep import PicturesRemoved

COLUMNS = ("kind", "at", "station", "actor", "part", "lot", "label", "bundle", "policy_id", "about")

CHALLENGE = "challenge"
"""Stands in the place of the label of a decision on a part of a challenge."""


def columns_of(record: Record) -> dict[str, Any]:
    """The columns of a record, by name; None: it says no such thing."""
    found: dict[str, Any] = dict.fromkeys(COLUMNS)
    found |= {"kind": record.kind, "at": written_time(record.at), "station": record.station}
    found["actor"] = record.actor
    match record:
        case Decision():
            found |= {"part": record.part, "lot": record.lot}
            # What is asked of labels is asked of the line: known parts of a challenge are found by all else.
            found["label"] = str(record.label) if record.challenge is None else CHALLENGE
            found |= {"bundle": record.made_with.bundle, "policy_id": record.made_with.policy_id}
        case FailSafe():
            found |= {"part": record.part, "lot": record.lot, "label": str(record.label)}
            found["about"] = record.decision
        case AboutDecision():
            found["about"] = record.decision
            if isinstance(record, Confirm | Override):
                found["label"] = str(record.label if isinstance(record, Confirm) else record.new)
        case PolicyChange():
            found |= {"bundle": record.bundle, "policy_id": record.new}
        case ChallengeWaived():
            found["bundle"] = record.bundle
        case BundleActivation():
            found |= {"bundle": record.new, "policy_id": record.policy_id}
        case ChallengeResult():
            found |= {"bundle": record.bundle, "policy_id": record.policy_id}
            found["label"] = "passed" if record.passed else "failed"
    return found


def pictures_kept_by(record: Record) -> list[str]:
    """SHA-256 of the pictures in the store that a record names."""
    images = record.images if isinstance(record, Decision) else ()
    return list(dict.fromkeys(image.sha256 for image in images if image.stored and image.sha256 is not None))


def pictures_removed_by(record: Record) -> tuple[str, ...]:
    """SHA-256 of the pictures that a record says were removed."""
    return record.pictures if isinstance(record, PicturesRemoved) else ()

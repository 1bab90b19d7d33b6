"""Which decisions are of parts of a challenge: known parts that somebody put in, and no parts of the line."""

from collections.abc import Iterable

from gainspect.ledger.records.operation import ChallengeResult
from gainspect.ledger.records.sealed import Entry


def challenged(results: Iterable[Entry]) -> set[str]:
    """The keys of the decisions that results of challenges name; of stored pictures there are none."""
    return {
        part.decision
        for entry in results
        if isinstance(entry.record, ChallengeResult)
        for part in entry.record.parts
        if part.decision is not None
    }

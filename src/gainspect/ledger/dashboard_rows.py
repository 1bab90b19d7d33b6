"""What a ledger has of a station, by bucket: counts from its indexes, and a sample of the decisions.

Decisions on parts of a challenge are in none of it: they have no label of the line (`records.columns`).
"""

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import NamedTuple

from gainspect.evaluation.drift_watch import WatchedName
from gainspect.ledger.buckets import Bucket
from gainspect.ledger.databases import Rows
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.records.base import written_time
from gainspect.ledger.records.decision import Decision, Override
from gainspect.ledger.records.sealed import opened
from gainspect.ledger.watched import watched_part
from gainspect.types import Label

LEAST = 20
"""So many decisions of each bucket are read, about, however large the others are."""
_ALL = 2**32


class Sampled(NamedTuple):
    """A decision that was read."""

    seconds: float | None
    figures: Mapping[WatchedName, float]
    weight: float
    """How many decisions of its bucket it stands for."""


@dataclass
class BucketRows:
    """Of one bucket, or of several together."""

    labels: Counter[Label] = field(default_factory=Counter)
    """Decisions by what was decided first."""
    fail_safes: int = 0
    """Answers in the place of a decision."""
    looked_at: int = 0
    """Decisions OK or NG that a person confirmed or changed."""
    changed: int = 0
    """Of these, those that count as something else now."""
    resolved: int = 0
    """Decisions REVIEW that count as OK or NG now."""
    reasons: Counter[str] = field(default_factory=Counter)
    """All overrides of its decisions by the code of their reason."""
    sample: list[Sampled] = field(default_factory=list)

    @property
    def parts(self) -> int:
        """All decisions."""
        return self.labels.total()


def bucket_rows(ledger: Ledger, station: str, buckets: Sequence[Bucket], sample: int) -> list[BucketRows]:
    """What the ledger has of each bucket, at one moment.

    Args:
        ledger: which has it.
        station: whose decisions. What people did to them counts wherever they did it.
        buckets: one after another, without gaps. A decision is in that in which it was made (`at`).
        sample: decisions that are read, about.

    Raises:
        GainspectError: the database cannot be read.
    """
    found = [BucketRows() for _ in buckets]
    ends = [(written_time(begin), written_time(end)) for begin, end in buckets]
    with ledger.database.reading() as rows:
        asked = {"station": station, "buckets": json.dumps(ends)}
        for place, label, count in rows.all("dashboard_counts", kind="decision", **asked):
            found[place].labels[Label(label)] = count
        for place, _, count in rows.all("dashboard_counts", kind="fail_safe", **asked):
            found[place].fail_safes += count
        _add_actions(rows, station, ends, found)
        _add_sample(rows, station, ends, found, sample)
    return found


def together(buckets: Sequence[BucketRows]) -> BucketRows:
    """The sum of all."""
    whole = BucketRows()
    for each in buckets:
        whole.labels += each.labels
        whole.fail_safes += each.fail_safes
        whole.looked_at += each.looked_at
        whole.changed += each.changed
        whole.resolved += each.resolved
        whole.reasons += each.reasons
        whole.sample += each.sample
    return whole


def _add_actions(rows: Rows, station: str, ends: Sequence[tuple[str, str]], found: list[BucketRows]) -> None:
    period = {"station": station, "begin": ends[0][0], "end": ends[-1][1]}
    first = rows.one("dashboard_first", **period)
    if first is None or first[0] is None:
        return
    begins = [begin for begin, _ in ends]
    last = dict[str, tuple[BucketRows, Label, Label]]()
    """By key: the bucket of a decision, what was decided, and what counts now."""
    for key, at, decided, said, content in rows.all("dashboard_actions", first=first[0], **period):
        bucket = found[bisect_right(begins, at) - 1]
        last[key] = bucket, Label(decided), Label(said)
        override = None if content is None else opened(content).record
        if isinstance(override, Override):
            bucket.reasons[override.reason] += 1
    for bucket, decided, now in last.values():
        if decided is Label.REVIEW:
            bucket.resolved += now is not Label.REVIEW
        else:
            bucket.looked_at += 1
            bucket.changed += now is not decided


def _add_sample(
    rows: Rows, station: str, ends: Sequence[tuple[str, str]], found: list[BucketRows], sample: int
) -> None:
    share = sample / max(1, sum(each.parts for each in found))
    limits = [ceil(_ALL * min(1.0, max(share, LEAST / each.parts))) if each.parts else 0 for each in found]
    asked = json.dumps([(*bounds, limit) for bounds, limit in zip(ends, limits, strict=True)])
    read: list[list[Decision]] = [[] for _ in found]
    for place, content in rows.all("dashboard_sample", station=station, buckets=asked):
        decision = opened(content).record
        assert isinstance(decision, Decision)
        read[place].append(decision)
    for each, decisions in zip(found, read, strict=True):
        weight = each.parts / max(1, len(decisions))
        each.sample = [Sampled(one.seconds, watched_part(one).figures, weight) for one in decisions]

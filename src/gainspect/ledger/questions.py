"""Questions to a ledger: which records say this, and since when a bundle, a policy or a challenge counts."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from gainspect.errors import GainspectError
from gainspect.ledger.databases import Rows
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.records.base import BaseRecord, written_time
from gainspect.ledger.records.columns import CHALLENGE
from gainspect.ledger.records.operation import ChallengeResult
from gainspect.ledger.records.sealed import KINDS, Entry, opened
from gainspect.names import composed
from gainspect.types import Label

PASSED = "passed"
"""What the column of labels says of a challenge that was passed."""
LABELS = (*map(str, Label), CHALLENGE, PASSED, "failed")
_HASH = re.compile("[0-9a-f]{8,64}")
_BEHIND_DIGITS = "g"
"""Sorts behind every hexadecimal digit."""
_PAGE = 500
"""Records that are in memory at once."""


@dataclass(frozen=True)
class Question:
    """What records are to say; None: anything.

    Raises:
        GainspectError: nothing can say that.
    """

    part: str | None = None
    """Its name. A confirm, an override and a region correction have part and lot of their decision."""
    lot: str | None = None
    station: str | None = None
    bundle: str | None = None
    """SHA-256, or how it begins (8 digits or more)."""
    policy: str | None = None
    """Id, or how it begins."""
    begin: datetime | None = None
    """Happened (`at`) then or later."""
    end: datetime | None = None
    """Happened before."""
    label: str | None = None
    """Decided or confirmed, of an override the new one; of a challenge passed or failed."""
    kind: str | None = None
    text: str | None = None
    """Stands in the name of a part, or in the free words that people wrote (`words_of`), in any case."""
    after: Entry | None = None
    """Recorded after this record, or happened after it."""

    def __post_init__(self) -> None:
        """Look at what is asked."""
        for name, given, known in (("label", self.label, LABELS), ("kind", self.kind, sorted(KINDS))):
            if given is not None and given not in known:
                raise GainspectError(f"there is no {name} {given!r}", hint=f"Choose from {', '.join(known)}.")
        for name, given in (("bundle", self.bundle), ("policy", self.policy)):
            if given is not None and not _HASH.fullmatch(given):
                raise GainspectError(
                    f"{given!r} is no hash of a {name}",
                    hint="Give 8 to 64 hexadecimal digits, from the beginning.",
                )
        for time in (self.begin, self.end):
            if time is not None and time.tzinfo is None:
                raise GainspectError(f"{time} may be in any time zone", hint="Give the time with its zone.")

    def in_sql(self) -> tuple[list[str], dict[str, Any]]:
        """The files of `sql/where/` that say it, and the values in them; text is not among them."""
        names = ("part", "lot", "station", "bundle", "policy", "begin", "end", "label", "kind")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        given |= {name: written_time(given[name]) for name in ("begin", "end") if name in given}
        conditions = [*given]
        for name in {"bundle", "policy"} & given.keys():
            given[f"{name}_end"] = given[name] + _BEHIND_DIGITS
        if self.after is not None:
            conditions.append("after")
            given |= {"after_idx": self.after.index, "after_at": written_time(self.after.record.at)}
        return conditions or ["any"], given


def find(ledger: Ledger, question: Question) -> list[int]:
    """The places of all records that say it, newest first.

    Parts, lots, stations, bundles, policies, times, labels and kinds are found by their indexes; text is
    looked for in all records that the rest of the question leaves.

    Raises:
        GainspectError: the database cannot be read.
    """
    conditions, values = question.in_sql()
    with ledger.database.reading() as rows:
        places = _places(rows, conditions, values)
        if question.text is None:
            return places
        wanted, kept = _folded(question.text), set[int]()
        for page in _pages(places):
            for index, part, content in rows.all("texts", indices=page):
                words = [str(part)] if content is None else words_of(opened(content).record)
                if any(wanted in _folded(word) for word in words):
                    kept.add(index)
    return [index for index in places if index in kept]


def last_with_bundle(ledger: Ledger, station: str, kind: str, bundle: str) -> Entry | None:
    """The last record of a kind about a bundle (SHA-256) at a station; None: there is none.

    Raises:
        GainspectError: the database cannot be read.
    """
    with ledger.database.reading() as rows:
        found = rows.one("last_with_bundle", station=station, kind=kind, bundle=bundle)
    return None if found is None else opened(found[0])


def newest(ledger: Ledger, station: str, kind: str, count: int) -> list[Entry]:
    """The last records of a kind at a station, newest first.

    Raises:
        GainspectError: the database cannot be read.
    """
    with ledger.database.reading() as rows:
        found = rows.all("newest_of_station", station=station, kind=kind, count=count)
    return [opened(content) for (content,) in found]


def entries(ledger: Ledger, places: Sequence[int]) -> Iterator[Entry]:
    """The records at places that `find` gave, in that order, a page of them in memory.

    Records do not change, so each page is read by itself: whoever takes them slowly holds no transaction.
    """
    for page in _pages(places):
        with ledger.database.reading() as rows:
            found = rows.all("contents", indices=page)
        yield from (opened(content) for _, content in found)


def in_order(ledger: Ledger, places: Sequence[int]) -> Iterator[Entry]:
    """The records at places in the order of the ledger, the oldest first, a page of them in memory."""
    rising = sorted(places)
    for begin in range(0, len(rising), _PAGE):
        yield from reversed([*entries(ledger, rising[begin : begin + _PAGE][::-1])])


def words_of(record: BaseRecord) -> list[str]:
    """Names of parts in a record, and what people wrote into it: notes, reasons, names of challenges."""
    words = [getattr(record, name, "") for name in ("part", "note", "reason", "challenge")]
    if isinstance(record, ChallengeResult):
        words += [part.part for part in record.parts]
    return [word for word in words if word]


@dataclass(frozen=True)
class Since:
    """All decisions since something counts."""

    counts: Counter[str]
    """By label."""
    first: Entry | None
    """The first of them in the ledger; None: there is none."""
    last: Entry | None
    places: Sequence[int]
    """Of all, newest first."""
    challenge: Entry | None = None
    """The challenge that they came after."""


def since(
    ledger: Ledger, *, bundle: str | None = None, policy: str | None = None, challenge: str | None = None
) -> Since:
    """All parts decided by a bundle or a policy, or by a station since it last passed a challenge.

    A decision that was recorded before the challenge, and says that it happened after it, counts too.

    Args:
        ledger: that has them.
        bundle: see `Question`.
        policy: see `Question`.
        challenge: the station.

    Raises:
        GainspectError: not exactly one of the three is given; two bundles or policies begin so; or the
            station has passed no challenge.
    """
    if sum(given is not None for given in (bundle, policy, challenge)) != 1:
        raise GainspectError("since what?", hint="Name a bundle, a policy, or the station of a challenge.")
    question = Question(kind="decision", bundle=bundle, policy=policy, station=challenge)
    passed = None
    if challenge is not None:
        passed = _last_passed(ledger, challenge)
        question = replace(question, after=passed)
    conditions, values = question.in_sql()
    with ledger.database.reading() as rows:
        if challenge is None:
            _require_one(rows, question)
        counts = Counter(
            {str(label): count for label, count in rows.where("find_counts", conditions, **values)}
        )
        places = _places(rows, conditions, values)
    first, last = (ledger.record(places[end]) if places else None for end in (-1, 0))
    return Since(counts, first, last, places, passed)


def _places(rows: Rows, conditions: Sequence[str], values: dict[str, Any]) -> list[int]:
    """Newest first. SQLite, asked for that order, would rather read all records than an index of times."""
    return sorted((index for (index,) in rows.where("find", conditions, **values)), reverse=True)


def _last_passed(ledger: Ledger, station: str) -> Entry:
    places = find(ledger, Question(kind="challenge_result", station=station, label=PASSED))
    if not places:
        raise GainspectError(
            f"{station} has passed no challenge",
            where=ledger.database.place,
            hint="Every part that it decided may be in doubt: `gainspect ledger find --station` lists them.",
        )
    return ledger.record(places[0])


def _require_one(rows: Rows, question: Question) -> None:
    """Refuse the beginning of a hash that is the beginning of several."""
    conditions, values = question.in_sql()
    what = "bundles" if question.bundle is not None else "policies"
    found = sorted(str(sha256) for (sha256,) in rows.where(f"find_{what}", conditions, **values))
    if len(found) > 1:
        raise GainspectError(
            f"{len(found)} {what} begin with {question.bundle or question.policy}: {', '.join(found)}",
            hint="Give more digits.",
        )


def _pages(places: Sequence[int]) -> Iterator[str]:
    """Places, a page at a time, as JSON."""
    for begin in range(0, len(places), _PAGE):
        yield json.dumps(places[begin : begin + _PAGE])


def _folded(text: str) -> str:
    return composed(text).casefold()

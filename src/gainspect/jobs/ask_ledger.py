"""Questions of people to a ledger: which records, and since when."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from gainspect.errors import GainspectError
from gainspect.ledger import open_ledger
from gainspect.ledger.questions import Question, Since, entries, find, since
from gainspect.ledger.records.sealed import Entry


@dataclass(frozen=True)
class Answer:
    """The newest records that say what was asked for."""

    count: int
    """How many there are."""
    entries: Iterator[Entry]
    """The newest of them, newest first; read as they are asked for, while the ledger is open."""


@contextmanager
def ask_ledger(url: str, question: Question, *, limit: int | None = None) -> Iterator[Answer]:
    """The records of a ledger that say something.

    Args:
        url: see `open_ledger`.
        question: what.
        limit: how many of them are read, the newest; None: all.

    Raises:
        GainspectError: the ledger cannot be read.
    """
    with open_ledger(url, create=False) as ledger:
        places = find(ledger, question)
        yield Answer(len(places), entries(ledger, places[:limit]))


@contextmanager
def ask_since(
    url: str,
    *,
    bundle: str | None = None,
    policy: str | None = None,
    challenge: str | None = None,
    limit: int | None = None,
) -> Iterator[tuple[Since, Answer]]:
    """All decisions since something counts.

    Args:
        url: see `open_ledger`.
        bundle: see `questions.since`.
        policy: the same.
        challenge: the same.
        limit: see `ask_ledger`.

    Raises:
        GainspectError: see `questions.since`.
    """
    with open_ledger(url, create=False) as ledger:
        found = since(ledger, bundle=bundle, policy=policy, challenge=challenge)
        yield found, Answer(len(found.places), entries(ledger, found.places[:limit]))


def time_in(text: str, *, end: bool = False) -> datetime:
    """A time as people write it: 2026-03-04 or 2026-03-04T05:06, with +09:00 or Z, or as this machine has it.

    Args:
        text: the time.
        end: whether it ends a period. A day without a time of day then belongs to it.

    Raises:
        GainspectError: it is no time.
    """
    try:
        time = datetime.fromisoformat(text)
        if end and len(text) <= len("2026-03-04"):
            time += timedelta(days=1)
        return time.astimezone()
    except (ValueError, OverflowError) as error:
        raise GainspectError(
            f"{text!r} is no time", hint="Write it as 2026-03-04 or 2026-03-04T05:06, with a zone or without."
        ) from error

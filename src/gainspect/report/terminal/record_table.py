"""Records of a ledger as a terminal table."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from gainspect.ledger.questions import Since
from gainspect.ledger.records.columns import CHALLENGE
from gainspect.ledger.records.decision import Confirm, Decision, FailSafe, Override
from gainspect.ledger.records.operation import ChallengeResult
from gainspect.ledger.records.sealed import Entry, Record
from gainspect.names import printable
from gainspect.report.terminal.evaluation_tables import titled_table
from gainspect.report.terminal.verdict_table import LABEL_STYLES
from gainspect.wording import plural

_NOTHING = "–"
_DIGITS = 8
"""Of a hash."""


def record_table(entries: Sequence[Entry], count: int) -> Table:
    """One row a record, newest first.

    Args:
        entries: those that are shown.
        count: how many there are.
    """
    left = f"{count - len(entries)} older ones are not shown (--limit)\n" if count > len(entries) else ""
    table = titled_table(
        plural(count, "record"), f"{left}Times are those of this machine. --json has all fields."
    )
    table.add_column("Record", justify="right", no_wrap=True)
    table.add_column("Time", no_wrap=True)
    table.add_column("Station · lot", overflow="fold")
    table.add_column("What", overflow="fold")
    table.add_column("Label", no_wrap=True)
    table.add_column("P(NG)", justify="right", no_wrap=True)
    for entry in entries:
        record = entry.record
        score = record.score if isinstance(record, Decision) else None
        table.add_row(
            str(entry.index),
            shown_time(record.at),
            Text(printable(" · ".join(filter(None, (record.station, getattr(record, "lot", None)))))),
            Text(printable(_what(record))),
            _label(record),
            _NOTHING if score is None else f"{score:.3f}",
        )
    return table


def since_sentences(found: Since) -> Iterator[str]:
    """What decided since when, in sentences."""
    if found.challenge is not None:
        record = found.challenge.record
        yield (
            f"{record.station} last passed a challenge at {shown_time(record.at)} "
            f"(record {found.challenge.index})."
        )
    if found.first is None or found.last is None:
        yield "No part was decided."
        return
    counts = found.counts
    labels = f"{counts['ng']} NG, {counts['review']} REVIEW, {counts['ok']} OK"
    if counts[CHALLENGE]:
        labels += f", and {counts[CHALLENGE]} of challenges"
    yield f"{plural(counts.total(), 'part')} decided: {labels}."
    for name, entry in (("first", found.first), ("last", found.last)):
        assert isinstance(entry.record, Decision)
        yield (
            f"The {name}: {printable(entry.record.part)}, {shown_time(entry.record.at)}, "
            f"{printable(entry.record.station)} (record {entry.index})."
        )


def shown_time(time: datetime) -> str:
    """A time as this machine's clock shows it, to the second."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _what(record: Record) -> str:
    """The part, or what happened."""
    if isinstance(record, Decision):
        return record.part if record.challenge is None else f"{record.part}, challenge {record.challenge}"
    if isinstance(record, FailSafe):
        return f"{record.part}, fail-safe: {record.why.replace('_', ' ')}"
    words = record.kind.replace("_", " ")
    for name in ("decision", "challenge", "new", "reason", "note"):
        said = getattr(record, name, None)
        if isinstance(said, str) and said and not (name == "new" and isinstance(record, Override)):
            words += f", {said[:_DIGITS] if name in {'decision', 'new'} else said}"
    return words


def _label(record: Record) -> Text:
    match record:
        case Decision() | FailSafe() | Confirm():
            label = str(record.label)
        case Override():
            label = str(record.new)
        case ChallengeResult():
            return Text("passed" if record.passed else "failed", "" if record.passed else "bold red")
        case _:
            return Text(_NOTHING)
    return Text(label.upper(), LABEL_STYLES[label])

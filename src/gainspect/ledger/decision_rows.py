"""Decisions as the rows of a table, one a part, with what people did to them."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import TypedDict

from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.questions import Question, entries, find
from gainspect.ledger.records.decision import Confirm, Decision, Override
from gainspect.ledger.records.sealed import Entry


class DecisionRow(TypedDict):
    """A decision; None: it says no such thing. What each column means: `lc_…` in `report.texts`."""

    index: int
    recorded: datetime
    at: datetime
    station: str
    lot: str | None
    part: str
    decision: str
    rules: str
    score: float | None
    threshold: float
    images: int
    sha256: str
    decision_now: str
    overrides: int
    override_reason: str | None
    confirms: int
    bundle: str | None
    policy_id: str | None
    preprocessing: str | None
    runtime: str
    precision: str
    isa: str
    bits: int | None
    gainspect: str
    key: str


COLUMNS = tuple(DecisionRow.__annotations__)


def decision_rows(ledger: Ledger) -> Iterator[DecisionRow]:
    """All decisions, in order. What is appended meanwhile is not among them, nor counted.

    Raises:
        GainspectError: the database cannot be read.
    """
    size = ledger.head().size
    overridden, confirms = _human_actions(ledger, size)
    for entry in ledger.records(0, size):
        if isinstance(entry.record, Decision):
            key = entry.record.key
            yield _row(entry, entry.record, overridden.get(key, []), confirms[key])


def _human_actions(ledger: Ledger, size: int) -> tuple[dict[str, list[Override]], Counter[str]]:
    """Overrides, newest first, and the number of confirms, by the key of the decision."""
    overridden, confirms = dict[str, list[Override]](), Counter[str]()
    for kind in ("override", "confirm"):
        places = [index for index in find(ledger, Question(kind=kind)) if index < size]
        for entry in entries(ledger, places):
            match entry.record:
                case Override():
                    overridden.setdefault(entry.record.decision, []).append(entry.record)
                case Confirm():
                    confirms[entry.record.decision] += 1
    return overridden, confirms


def _row(entry: Entry, decision: Decision, overridden: list[Override], confirms: int) -> DecisionRow:
    made = decision.made_with
    last = overridden[0] if overridden else None
    return DecisionRow(
        index=entry.index,
        recorded=entry.recorded,
        at=decision.at,
        station=decision.station,
        lot=decision.lot,
        part=decision.part,
        decision=str(decision.label),
        rules=" ".join(decision.fired),
        score=decision.score,
        threshold=decision.threshold,
        images=len(decision.images),
        sha256=" ".join(image.sha256 or "-" for image in decision.images),
        decision_now=str(decision.label if last is None else last.new),
        overrides=len(overridden),
        override_reason=None if last is None else last.reason,
        confirms=confirms,
        bundle=made.bundle,
        policy_id=made.policy_id,
        preprocessing=made.preprocessing,
        runtime=made.runtime,
        precision=made.precision,
        isa=made.isa,
        bits=made.bits,
        gainspect=made.gainspect,
        key=decision.key,
    )

"""Records as the ledger has them, with what proves that they are in it."""

import csv
import io
import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger
from gainspect.ledger.accounts import Role
from gainspect.ledger.merkle import leaf_hash, verify_inclusion
from gainspect.ledger.period import Period
from gainspect.ledger.questions import Question, entries, find
from gainspect.ledger.records.base import written_time
from gainspect.ledger.records.columns import columns_of
from gainspect.ledger.records.sealed import Entry
from gainspect.names import no_formula, printable
from gainspect.serve.api.pictures import service_of
from gainspect.serve.problems import Problem
from gainspect.serve.security import allow

router = APIRouter(
    prefix="/v1/records", tags=["records"], dependencies=[Depends(allow(Role.ENGINEER, Role.AUDITOR))]
)
_MOST_DIGITS = 15
"""More are no place of a record, but a key."""
_COLUMNS = (
    "index",
    "recorded",
    "at",
    "kind",
    "station",
    "lot",
    "part",
    "label",
    "bundle",
    "policy_id",
    "actor",
    "key",
)

Text = Annotated[str, Query(max_length=300)]


class Proof(BaseModel):
    """That a record is in the ledger, for whoever has a root of it from elsewhere (RFC 9162, 2.1.3)."""

    origin: str = Field(description="Name of the ledger.")
    index: int
    size: int = Field(description="Number of records of the tree.")
    leaf: str = Field(description="SHA-256 of a zero byte and the bytes of the record, hexadecimal.")
    proof: list[str] = Field(description="From the leaf to the root, hexadecimal.")
    root: str = Field(description="Of the tree, hexadecimal. Compare it with one that was kept elsewhere.")
    holds: bool = Field(description="Whether the record, as it is stored now, leads to this root.")
    record: str = Field(description="The bytes that are hashed, as UTF-8.")


def question(
    part: Text = "",
    lot: Text = "",
    station: Text = "",
    bundle: Text = "",
    policy: Text = "",
    label: Text = "",
    kind: Text = "",
    text: Text = "",
    first: Annotated[str, Query(alias="from", max_length=10)] = "",
    last: Annotated[str, Query(alias="to", max_length=10)] = "",
) -> Question:
    """What records are to say; what is empty is not asked.

    Raises:
        Problem: nothing can say that.
    """
    try:
        return Question(
            part=part or None,
            lot=lot or None,
            station=station or None,
            bundle=bundle or None,
            policy=policy or None,
            label=label or None,
            kind=kind or None,
            text=text or None,
            begin=Period.parse(first, first).begin if first else None,
            end=Period.parse(last, last).end if last else None,
        )
    except GainspectError as error:
        raise Problem(422, "question_unclear", error.what, error.hint) from error


Asked = Annotated[Question, Depends(question)]


@router.get(".csv", summary="Records that say something, as a table", response_class=StreamingResponse)
def table(request: Request, asked: Asked) -> StreamingResponse:
    """Newest first, in UTF-8 with a byte order mark; no cell is a formula."""
    ledger = service_of(request).ledger
    return StreamingResponse(
        _lines(ledger, find(ledger, asked)),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="records.csv"'},
    )


@router.get("/{which}", summary="A record by its place or key", response_class=Response)
def record(request: Request, which: str) -> Response:
    """The bytes that were hashed; a decision that was overridden stays as it was made."""
    return Response(entry_of(service_of(request).ledger, which).content, media_type="application/json")


@router.get("/{which}/proof", summary="That a record is in the ledger")
def proof(
    request: Request,
    response: Response,
    which: str,
    size: Annotated[int | None, Query(ge=1, description="Of the tree; none: all records.")] = None,
) -> Proof:
    """Without this service `docs/verify.py` verifies exports, which have proofs too."""
    ledger = service_of(request).ledger
    found = entry_of(ledger, which)
    response.headers["Content-Disposition"] = f'attachment; filename="proof-{found.index}.json"'
    return proof_of(ledger, found, size)


def proof_of(ledger: Ledger, entry: Entry, size: int | None = None) -> Proof:
    """The proof of a record.

    Args:
        ledger: with it.
        entry: the record.
        size: of the tree; None: all records.

    Raises:
        Problem: the tree has no such size, or not this record.
        GainspectError: the ledger cannot be read.
    """
    head = ledger.head()
    if size is None:
        size = head.size
    if not entry.index < size <= head.size:
        raise Problem(
            422,
            "no_tree_size",
            f"a tree with record {entry.index} has {entry.index + 1} to {head.size} records",
        )
    hashes, root, leaf = (
        ledger.proofs.inclusion(entry.index, size),
        ledger.proofs.root(size),
        leaf_hash(entry.content),
    )
    return Proof(
        origin=ledger.origin,
        index=entry.index,
        size=size,
        leaf=leaf.hex(),
        proof=[piece.hex() for piece in hashes],
        root=root.hex(),
        holds=verify_inclusion(leaf, entry.index, size, hashes, root),
        record=entry.content.decode(),
    )


def entry_of(ledger: Ledger, which: str) -> Entry:
    """A record by its place or key.

    Raises:
        Problem: there is none.
    """
    if which.isascii() and which.isdecimal() and len(which) <= _MOST_DIGITS:
        if int(which) < ledger.head().size:
            return ledger.record(int(which))
    elif (found := ledger.record_of(which)) is not None:
        return found
    raise Problem(404, "no_record", "there is no such record")


def _lines(ledger: Ledger, places: Sequence[int]) -> Iterator[str]:
    yield "\ufeff" + _line(_COLUMNS)
    for entry in entries(ledger, places):
        said = columns_of(entry.record) | {
            "index": entry.index,
            "recorded": entry.recorded,
            "key": entry.record.key,
        }
        yield _line([said[name] for name in _COLUMNS])


def _line(cells: Sequence[object]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(map(_cell, cells))
    return text.getvalue()


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return written_time(value)
    return no_formula(value) if isinstance(value, str) else value


def pretty(entry: Entry) -> str:
    """The content of a record to look at."""
    return printable(json.dumps(json.loads(entry.content), ensure_ascii=False, indent=2), lines=True)

"""The challenge of a station: its known parts, what was decided of each, and how it went before."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from gainspect.ledger.accounts import Role
from gainspect.ledger.questions import newest
from gainspect.ledger.records.operation import ChallengedPart, ChallengeResult
from gainspect.ledger.records.sealed import Entry
from gainspect.ledger.review_queue import stations
from gainspect.serve.api.pictures import service_of
from gainspect.serve.challenges import is_right
from gainspect.serve.pages.rendering import page, words_of
from gainspect.serve.pages.views import names_of_people
from gainspect.serve.security import Visitor, allow
from gainspect.serve.security.access import AdmittedRoute
from gainspect.types import Label

router = APIRouter(include_in_schema=False, route_class=AdmittedRoute, max_body_size=2**16)
_HISTORY = 20

Anybody = Annotated[Visitor, Depends(allow(*Role))]


class PartRow(NamedTuple):
    """A known part in a table."""

    name: str
    expected: Label
    decided: Label | None
    """None: it is still to be put in."""
    in_place: bool | None
    right: bool | None
    decision: str | None
    """Key, if it is recorded."""


@router.get("/challenge")
def challenge(
    request: Request,
    visitor: Anybody,
    station: Annotated[str, Query(max_length=300)] = "",
    fragment: Annotated[bool, Query(description="Only what changes.")] = False,
) -> HTMLResponse:
    """The challenge of a station; the first one, if none is named."""
    service = service_of(request)
    known = stations(service.ledger)
    station = station or next(iter(known), "")
    run = service.challenges.run(station)
    results = newest(service.ledger, station, "challenge_result", _HISTORY)
    last = next(iter(results), None)
    return page(
        request,
        "challenge_now.html" if fragment else "challenge.html",
        visitor,
        station=station,
        stations=known,
        state=service.locks.state(station),
        hours=service.settings.challenge_hours,
        run=run,
        rows=_rows_of(last) if run is None else [
            _row(run.parts[name]) if name in run.parts else PartRow(name, part.label, None, None, None, None)
            for name, part in run.known.parts.items()
        ],
        last=None if last is None else last.record,
        history=[(entry, _wrong(entry)) for entry in results],
        names=names_of_people(service.ledger, words_of(request)),
        sets=list(service.challenges.sets.values()),
        stored=service.settings.stored_challenges,
        acts=visitor.role in (Role.OPERATOR, Role.ENGINEER),
        engineer=visitor.role is Role.ENGINEER,
        waiver_hours=service.settings.longest_waiver_hours,
    )  # fmt: skip


def _rows_of(entry: Entry | None) -> list[PartRow]:
    if entry is None:
        return []
    assert isinstance(entry.record, ChallengeResult)
    return [_row(part) for part in entry.record.parts]


def _row(part: ChallengedPart) -> PartRow:
    return PartRow(part.part, part.expected, part.decided, part.in_place, is_right(part), part.decision)


def _wrong(entry: Entry) -> list[ChallengedPart]:
    assert isinstance(entry.record, ChallengeResult)
    return [part for part in entry.record.parts if not is_right(part)]

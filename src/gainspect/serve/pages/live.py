"""The live station: its newest part, from two metres away; and a part of it that somebody holds."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from gainspect.ledger.accounts import Role
from gainspect.ledger.records.decision import Decision, FailSafe
from gainspect.ledger.records.sealed import Entry
from gainspect.ledger.review_queue import newest_of_station, stations
from gainspect.serve.api.actions import PLACE_REASONS, REVIEWED
from gainspect.serve.api.pictures import service_of
from gainspect.serve.pages.rendering import page, words_of
from gainspect.serve.pages.views import names_of_people, view_of
from gainspect.serve.problems import Problem
from gainspect.serve.security import Visitor, allow

router = APIRouter(include_in_schema=False)
_LAST = 12
"""Parts in the strip below."""

Anybody = Annotated[Visitor, Depends(allow(*Role))]


@router.get("/")
def start(request: Request, visitor: Anybody) -> HTMLResponse:
    """The stations of the ledger."""
    service = service_of(request)
    rows = [
        (station, next(iter(newest_of_station(service.ledger, station, 1)), None))
        for station in stations(service.ledger)
    ]
    return page(request, "stations.html", visitor, stations=rows)


@router.get("/stations/{station:path}")
def live(
    request: Request,
    station: str,
    visitor: Anybody,
    part: Annotated[str | None, Query(description="Key of a part that is held.")] = None,
    fragment: Annotated[bool, Query(description="Only what changes with each part.")] = False,
) -> HTMLResponse:
    """The newest part of a station, or one that is held."""
    service = service_of(request)
    words = words_of(request)
    newest = newest_of_station(service.ledger, station, _LAST)
    shown = _held(request, station, part) if part is not None else next(iter(newest), None)
    names = names_of_people(service.ledger, words)
    return page(
        request,
        "live_part.html" if fragment else "live.html",
        visitor,
        station=station,
        state=service.locks.state(station),
        view=None if shown is None else view_of(shown, service.ledger, words, names),
        held=part is not None,
        newer=_how_many(sum(shown is not None and _moment(entry) > _moment(shown) for entry in newest)),
        last=[view_of(entry, service.ledger, words, names) for entry in newest],
        acts=acts(visitor),
        reasons=service.settings.override_reasons,
        reviewed_code=REVIEWED,
        place_reasons=PLACE_REASONS,
    )


def _moment(entry: Entry) -> tuple[datetime, int]:
    """By it, parts follow each other: answers that waited for the ledger are recorded behind later ones."""
    return entry.record.at, entry.index


def _how_many(newer: int) -> str:
    """How many of the last parts are newer; empty: none is."""
    return "" if newer == 0 else f"{newer}+" if newer == _LAST else str(newer)


def acts(visitor: Visitor) -> bool:
    """Whether somebody may do anything to decisions."""
    return visitor.role in (Role.OPERATOR, Role.ENGINEER)


def _held(request: Request, station: str, key: str) -> Entry:
    """The part with a key.

    Raises:
        Problem: there is none at this station.
    """
    entry = service_of(request).ledger.record_of(key)
    if entry is None or not isinstance(entry.record, Decision | FailSafe) or entry.record.station != station:
        raise Problem(404, "no_part", "this station has no such part")
    return entry

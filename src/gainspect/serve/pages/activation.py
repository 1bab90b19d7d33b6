"""Which bundle judges at a station, and what an engineer does to let another one judge."""

from typing import Annotated, NamedTuple

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from gainspect.ledger.accounts import Role
from gainspect.ledger.questions import newest
from gainspect.ledger.review_queue import stations
from gainspect.serve.activations import is_ready
from gainspect.serve.api.pictures import service_of
from gainspect.serve.bundles import Loaded
from gainspect.serve.locks import StationRecords
from gainspect.serve.pages.rendering import page, words_of
from gainspect.serve.pages.views import names_of_people
from gainspect.serve.security import Visitor, allow
from gainspect.serve.security.access import AdmittedRoute

router = APIRouter(include_in_schema=False, route_class=AdmittedRoute, max_body_size=2**22)
_HISTORY = 20

Reader = Annotated[Visitor, Depends(allow(Role.ENGINEER, Role.AUDITOR))]


class BundleRow(NamedTuple):
    """A bundle that may judge."""

    loaded: Loaded
    active: bool
    ready: bool
    """Whether it may be activated: it passed its challenge, or that is waived."""
    records: StationRecords
    """Of its challenge there since the last activation."""


@router.get("/activation")
def activation(
    request: Request, visitor: Reader, station: Annotated[str, Query(max_length=300)] = ""
) -> HTMLResponse:
    """The bundles of the service at a station; the first one, if none is named."""
    service = service_of(request)
    known = stations(service.ledger)
    station = station or next(iter(known), "")
    history = newest(service.ledger, station, "bundle_activation", _HISTORY)
    since = history[0].index if history else -1
    active = service.locks.state(station).active
    rows = [
        BundleRow(
            one,
            active is one,
            is_ready(service, station, one.sha256),
            service.locks.records(station, one.sha256, -1 if active is one else since),
        )
        for one in service.bundles.all()
    ]
    return page(
        request,
        "activation.html",
        visitor,
        station=station,
        stations=known,
        rows=rows,
        active=active,
        history=history,
        bundle_names={one.sha256: one.bundle.description.name for one in service.bundles.all()},
        names=names_of_people(service.ledger, words_of(request)),
        sets=list(service.challenges.sets.values()),
        engineer=visitor.role is Role.ENGINEER,
        waiver_hours=service.settings.longest_waiver_hours,
    )

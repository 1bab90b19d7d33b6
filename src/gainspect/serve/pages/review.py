"""The review queue: parts that wait for a person, oldest first, each with one person at a time."""

from typing import Annotated, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from gainspect.ledger.accounts import Role
from gainspect.ledger.claims import Claims
from gainspect.ledger.review_queue import Undecided, Waiting, reviewed, stations
from gainspect.serve.api.actions import CLAIM_S, PLACE_REASONS, REVIEWED, person
from gainspect.serve.api.pictures import found, service_of
from gainspect.serve.pages.rendering import page, words_of
from gainspect.serve.pages.views import names_of_people, part_view
from gainspect.serve.security import Visitor, allow
from gainspect.serve.security.access import AdmittedRoute
from gainspect.serve.service import Service
from gainspect.types import Label

router = APIRouter(include_in_schema=False, route_class=AdmittedRoute, max_body_size=2**16)
_NO_NUL = r"^[^\x00]*$"
"""PostgreSQL takes no NUL, and no name has one."""
_LISTED = 50
"""Parts in the list."""
_COUNTED = 1000
"""Parts that are counted; more are said to be more."""
_LOOKED_AT = 200
"""Parts in which a free one is looked for at once."""

Reviewer = Annotated[Visitor, Depends(allow(Role.OPERATOR, Role.ENGINEER))]
What = Literal["review", "all"]
_LABELS: dict[What, tuple[Label, ...]] = {"review": (Label.REVIEW,), "all": (Label.REVIEW, Label.NG)}


def undecided_of(request: Request) -> Undecided:
    """What remembers from where on parts wait; one for a service."""
    state = request.app.state
    if not isinstance(getattr(state, "undecided", None), Undecided):
        state.undecided = Undecided(service_of(request).ledger)
    known: Undecided = state.undecided
    return known


@router.get("/review")
def queue(
    request: Request,
    visitor: Reviewer,
    what: Annotated[What, Query()] = "review",
    station: Annotated[str, Query(max_length=300)] = "",
) -> HTMLResponse:
    """What waits, and with whom."""
    service, words = service_of(request), words_of(request)
    waiting = undecided_of(request).find(_LABELS[what], station=station or None, count=_COUNTED + 1)
    names = names_of_people(service.ledger, words)
    holders = Claims(service.ledger.database).holders()
    listed = [reviewed(service.ledger, one.key) for one in waiting[:_LISTED]]
    return page(
        request,
        "review.html",
        visitor,
        what=what,
        station=station,
        stations=stations(service.ledger),
        waiting=min(len(waiting), _COUNTED),
        more=len(waiting) > _COUNTED,
        rows=[
            (part_view(one, service.ledger, words, names), holders.get(one.decision.key))
            for one in listed
            if one is not None
        ],
        name_of=names,
        minutes=round(CLAIM_S / 60),
    )


@router.post("/review/next")
def take_next(
    request: Request,
    visitor: Reviewer,
    what: Annotated[What, Form()] = "review",
    station: Annotated[str, Form(max_length=300, pattern=_NO_NUL)] = "",
    after: Annotated[int, Form(ge=-1)] = -1,
    done: Annotated[str, Form(max_length=300, pattern=_NO_NUL)] = "",
) -> RedirectResponse:
    """Take the oldest part that is free, behind the one that was skipped; at the end, from the start again.

    Args:
        request: of a form.
        visitor: who takes it.
        what: which labels.
        station: of which station; empty: of any.
        after: the place of a part that was skipped; -1: none was.
        done: key of the part that is given back.
    """
    service = service_of(request)
    if done:
        Claims(service.ledger.database).release(done, person(visitor))
    query = {"what": what, "station": station}
    taken = _taken(service, undecided_of(request), what, station, after, visitor)
    if taken is None:
        return RedirectResponse(f"/review?{urlencode(query)}", 303)
    return RedirectResponse(f"/review/{taken.key}?{urlencode(query)}", 303)


@router.post("/review/end")
def end(
    request: Request, visitor: Reviewer, done: Annotated[str, Form(max_length=300, pattern=_NO_NUL)]
) -> RedirectResponse:
    """Give the part back, and go to the queue."""
    Claims(service_of(request).ledger.database).release(done, person(visitor))
    return RedirectResponse("/review", 303)


@router.get("/review/{key}")
def part(
    request: Request,
    key: str,
    visitor: Reviewer,
    what: Annotated[What, Query()] = "review",
    station: Annotated[str, Query(max_length=300)] = "",
) -> HTMLResponse:
    """One part that somebody reviews; whoever comes second sees who has it, and can change nothing."""
    service, words = service_of(request), words_of(request)
    known = found(service, key)
    names = names_of_people(service.ledger, words)
    holder = Claims(service.ledger.database).holders().get(key)
    return page(
        request,
        "review_part.html",
        visitor,
        view=part_view(known, service.ledger, words, names),
        what=what,
        station=station,
        holder=None if holder is None else names(holder),
        acts=holder in (None, visitor.actor),
        mine=holder == visitor.actor,
        reasons=service.settings.override_reasons,
        reviewed_code=REVIEWED,
        place_reasons=PLACE_REASONS,
        waiting=len(undecided_of(request).find(_LABELS[what], station=station or None, count=100)),
    )


def _taken(
    service: Service, undecided: Undecided, what: What, station: str, after: int, visitor: Visitor
) -> Waiting | None:
    claims = Claims(service.ledger.database)
    waiting = undecided.find(_LABELS[what], station=station or None, count=_LOOKED_AT)
    behind = [one for one in waiting if one.place > after]
    before = [one for one in waiting if one.place <= after]
    for one in (*behind, *before):
        if claims.take(one.key, person(visitor), CLAIM_S):
            return one
    return None

"""All that the pages need of an app."""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import Response

from gainspect.ledger.accounts import Role
from gainspect.serve.api import actions, events, pictures, records, stations
from gainspect.serve.following import Follower
from gainspect.serve.pages import (
    activation,
    audit,
    challenge,
    dashboards,
    live,
    place,
    rendering,
    review,
    static_files,
)
from gainspect.serve.pages.desk_rights import DESK_RIGHTS
from gainspect.serve.pages.rendering import page, words_of
from gainspect.serve.problems import Problem
from gainspect.serve.security import allow
from gainspect.serve.security.access import Allowed, wants_page
from gainspect.serve.service import Service

_LOOKS, _ACTS = allow(*Role), allow(Role.OPERATOR, Role.ENGINEER)
RIGHTS: Mapping[str, Allowed | None] = {
    "GET /static/{digest}/{name}": None,
    "POST /preferences": None,
    "GET /": _LOOKS,
    "GET /stations/{station:path}": _LOOKS,
    "GET /review": _ACTS,
    "POST /review/next": _ACTS,
    "POST /review/end": _ACTS,
    "GET /review/{key}": _ACTS,
    "GET /decisions/{key}/place/{number}": _ACTS,
    "GET /v1/stations/{station:path}/events": _LOOKS,
    "GET /v1/decisions/{key}/images/{n}": _LOOKS,
    "GET /v1/decisions/{key}/images/{n}/evidence.png": _LOOKS,
    "GET /v1/decisions/{key}/actions": _LOOKS,
    "POST /v1/decisions/{key}/confirm": _ACTS,
    "POST /v1/decisions/{key}/override": _ACTS,
    "POST /v1/decisions/{key}/corrections": _ACTS,
    "POST /v1/decisions/{key}/claim": _ACTS,
    "DELETE /v1/decisions/{key}/claim": _ACTS,
    **DESK_RIGHTS,
}
"""Of these addresses; see `security.rights`."""


def add_pages(app: FastAPI, service: Service) -> None:
    """Add the pages, and what their scripts ask for.

    Args:
        app: whose `state.service` is the service.
        service: that it stands on.
    """
    app.state.follower = Follower(service.ledger, service.stopping)
    for router in (events.router, actions.router, pictures.router, stations.router, records.router):
        app.include_router(router)
    shown = static_files, rendering, live, review, place, challenge, activation, dashboards, audit
    for module in shown:
        app.include_router(module.router)


def problem_page(request: Request, problem: Problem) -> Response | None:
    """What went wrong, for people to read in their language; None: a program asks."""
    if not wants_page(request):
        return None
    words = words_of(request)
    said = {"title": words.status(problem.status), "said": words.problem(problem)}
    response = page(request, "problem.html", None, problem.status, **said)
    response.headers.update(problem.headers)
    return response

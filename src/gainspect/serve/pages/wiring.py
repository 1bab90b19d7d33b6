"""All that the pages need of an app."""

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.responses import Response

from gainspect.errors import GainspectError
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
from gainspect.serve.pages.rendering import page
from gainspect.serve.problems import Problem, answer
from gainspect.serve.security import allow
from gainspect.serve.security.access import Allowed, wants_page
from gainspect.serve.service import Service
from gainspect.types import Label

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
    add_problem_pages(app, service.settings.fail_safe)
    app.state.follower = Follower(service.ledger, service.stopping)
    for router in (events.router, actions.router, pictures.router, stations.router, records.router):
        app.include_router(router)
    shown = static_files, rendering, live, review, place, challenge, activation, dashboards, audit
    for module in shown:
        app.include_router(module.router)


def add_problem_pages(app: FastAPI, fail_safe: Label) -> None:
    """Let people read what went wrong as a page; programs get the problem document, as before.

    Args:
        app: whose errors they are.
        fail_safe: what counts where a decision was asked for.
    """

    def told(request: Request, problem: Problem) -> Response:
        if not wants_page(request):
            return answer(request.scope, problem, fail_safe)
        said = {"title": problem.document()["title"], "detail": problem.detail, "hint": problem.hint}
        response = page(request, "problem.html", None, problem.status, **said)
        response.headers.update(problem.headers)
        return response

    @app.exception_handler(Problem)
    async def _problem(request: Request, problem: Problem) -> Response:
        return told(request, problem)

    @app.exception_handler(GainspectError)
    async def _refused(request: Request, error: GainspectError) -> Response:
        return told(request, Problem(503, error.what, error.hint))

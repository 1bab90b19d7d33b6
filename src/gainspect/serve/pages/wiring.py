"""All that the pages need of an app."""

from fastapi import FastAPI

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
from gainspect.serve.service import Service


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

"""All that the pages need of an app."""

from fastapi import FastAPI

from gainspect.serve.api import actions, events, pictures
from gainspect.serve.following import Follower
from gainspect.serve.pages import live, place, rendering, review, static_files
from gainspect.serve.service import Service


def add_pages(app: FastAPI, service: Service) -> None:
    """Add the pages, and what their scripts ask for.

    Args:
        app: whose `state.service` is the service.
        service: that it stands on.
    """
    app.state.follower = Follower(service.ledger, service.stopping)
    for router in (events.router, actions.router, pictures.router):
        app.include_router(router)
    for router in (static_files.router, rendering.router, live.router, review.router, place.router):
        app.include_router(router)

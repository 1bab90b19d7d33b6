"""The app: addresses, limits, errors."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from gainspect import __version__
from gainspect.serve.api import health, inspections
from gainspect.serve.body_limit import BodyLimit
from gainspect.serve.inspections import Inspections
from gainspect.serve.pages.rendering import page
from gainspect.serve.pages.wiring import add_pages
from gainspect.serve.problems import ProblemDocument, add_problems, documented
from gainspect.serve.security import Gate, SecuredApp, secure
from gainspect.serve.service import Service

_MORE_THAN_IMAGES = 2**16
"""Bytes of a request beside its images."""


def create_app(service: Service) -> SecuredApp:
    """The app of a service; when it ends, what was taken is decided, and the service is stopped.

    Args:
        service: what it stands on.
    """
    settings = service.settings

    @asynccontextmanager
    async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
        yield
        await app.state.inspections.finish()
        await run_in_threadpool(service.stop)

    app = SecuredApp(
        title="gainspect",
        version=__version__,
        summary="Decisions on parts by their images, each recorded before it is answered.",
        lifespan=_lifespan,
        responses={"default": documented("Any other error.")},
        docs_url=None,
        redoc_url=None,
    )
    app.state.service = service
    app.state.inspections = Inspections(service)
    add_problems(app, settings.fail_safe)
    most = settings.max_bytes + _MORE_THAN_IMAGES
    app.add_middleware(
        BodyLimit,
        most=most,
        together=max(most, settings.max_bytes_together),
        seconds=settings.body_seconds,
        fail_safe=settings.fail_safe,
    )
    _describe_problems(app)
    for router in (health.router, inspections.router):
        app.include_router(router)
    secure(app, Gate(service.ledger, settings.security, page, station=service.name), settings.fail_safe)
    add_pages(app, service)
    return app


def _describe_problems(app: FastAPI) -> None:
    """Put the problem document, which no address answers alone, into the OpenAPI document."""
    described = app.openapi

    def with_problems() -> dict[str, Any]:
        document = described()
        model = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in (*model.pop("$defs", {}).items(), ("ProblemDocument", model)):
            schemas.setdefault(name, schema)
        return document

    app.openapi = with_problems  # type: ignore[method-assign]

"""The app: addresses, limits, errors."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI
from starlette.formparsers import MultiPartParser

from gainspect import __version__
from gainspect.serve.addresses import PlainAddresses
from gainspect.serve.api import health, inspections
from gainspect.serve.body_limit import BodyLimit
from gainspect.serve.inspections import Inspections
from gainspect.serve.pages import wiring
from gainspect.serve.pages.rendering import page
from gainspect.serve.problems import INSPECTIONS, ProblemDocument, add_problems, documented
from gainspect.serve.security import Gate, SecuredApp, secure
from gainspect.serve.security import rights as security_rights
from gainspect.serve.security.access import Allowed
from gainspect.serve.security.cookies import SESSION
from gainspect.serve.security.rights import require_rights
from gainspect.serve.service import Service

_RIGHTS: Mapping[str, Allowed | None] = {
    "GET /healthz": None,
    "GET /readyz": None,
    "GET /openapi.json": None,
    "GET /metrics": health.READS,
    "POST /v1/inspections": inspections.ASKS,
    "GET /v1/decisions/{key}": inspections.READS,
    **security_rights.RIGHTS,
    **wiring.RIGHTS,
}
"""Of all addresses; see `security.rights`."""
_CONVERTER = re.compile(r":\w+(?=})")
"""In the path of a route; an OpenAPI document has only the name."""
_THREADS_OF_PAGES = 20
"""In which pages are made, and all else that is not the line: however many they are, inspections, the tokens
of machines and `/readyz` have threads of their own."""
_THREADS_OF_PROBES = 2
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
        to_thread.current_default_thread_limiter().total_tokens = _THREADS_OF_PAGES
        yield
        await app.state.inspections.finish()
        await asyncio.to_thread(service.stop)

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
    app.state.threads_of_probes = CapacityLimiter(_THREADS_OF_PROBES)
    add_problems(app, settings.fail_safe, wiring.problem_page)
    app.add_middleware(PlainAddresses, fail_safe=settings.fail_safe)
    most = settings.max_bytes + _MORE_THAN_IMAGES
    MultiPartParser.spool_max_size = most  # in memory: files on the disk are read in the threads of pages
    app.add_middleware(
        BodyLimit,
        most=most,
        together=max(most, settings.max_bytes_together),
        seconds=settings.body_seconds,
        fail_safe=settings.fail_safe,
    )
    _describe(app)
    for router in (health.router, inspections.router):
        app.include_router(router)
    secure(app, Gate(service.ledger, settings.security, page, station=service.name), settings.fail_safe)
    wiring.add_pages(app, service)
    require_rights(app, _RIGHTS)
    return app


def _describe(app: FastAPI) -> None:
    """Put into the OpenAPI document what no address says alone.

    That is the problem document, who is let in, and that the form of an inspection holds nothing else.
    """
    described = app.openapi

    def whole() -> dict[str, Any]:
        document = described()
        rows = {_CONVERTER.sub("", address): row for address, row in _RIGHTS.items()}
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                if (row := rows[f"{method.upper()} {path}"]) is not None:
                    operation["security"] = [{"session": []}, *([{"token": []}] if row.machine else [])]
        document.setdefault("components", {})["securitySchemes"] = {
            "token": {"type": "http", "scheme": "bearer", "description": "Of a machine, for one station."},
            "session": {"type": "apiKey", "in": "cookie", "name": SESSION},
        }
        model = ProblemDocument.model_json_schema(ref_template="#/components/schemas/{model}")
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        for name, schema in (*model.pop("$defs", {}).items(), ("ProblemDocument", model)):
            schemas.setdefault(name, schema)
        form = document["paths"][INSPECTIONS]["post"]["requestBody"]["content"]["multipart/form-data"]
        schemas[form["schema"]["$ref"].rpartition("/")[2]]["additionalProperties"] = False
        return document

    app.openapi = whole  # type: ignore[method-assign]

"""Whether the service lives and can decide, and its figures for Prometheus."""

from typing import Any

from fastapi import APIRouter, Request, Response

from gainspect.errors import GainspectError
from gainspect.serve.problems import Problem
from gainspect.serve.service import Service

router = APIRouter(tags=["health"])


@router.get("/healthz", summary="Whether the process answers")
async def alive() -> dict[str, str]:
    """It does."""
    return {"status": "alive"}


@router.get("/readyz", summary="Whether it can decide")
def ready(request: Request) -> dict[str, Any]:
    """Whether the ledger can be read, all answers are in it, and the service is not ending."""
    service: Service = request.app.state.service
    if service.stopping.is_set():
        raise Problem(503, "the service is ending")
    try:
        size = service.ledger.head().size
    except GainspectError as error:
        raise Problem(503, error.what, error.hint) from error
    return {
        "status": "ready",
        "records": size,
        "waiting": service.judging.images,
        "spooled": len(service.spool),
    }


@router.get("/metrics", summary="Figures for Prometheus", response_class=Response)
def metrics(request: Request) -> Response:
    """Decisions, fail-safe answers, seconds, what waits."""
    service: Service = request.app.state.service
    return Response(service.figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

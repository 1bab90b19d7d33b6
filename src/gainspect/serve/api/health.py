"""Whether the service lives and can decide, and its figures for Prometheus."""

from anyio import to_thread
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, Field

from gainspect.errors import GainspectError
from gainspect.ledger.accounts import Role
from gainspect.serve.problems import Problem, documented
from gainspect.serve.security import allow
from gainspect.serve.service import Service

router = APIRouter(tags=["health"])
READS = allow(*Role, machine=True)
"""Who reads figures: they name stations."""
_FIGURES = 'gainspect_decisions_total{label="ok",station="line 3"} 4711.0\n'


class Alive(BaseModel):
    """The process answers."""

    status: str = Field(examples=["alive"])


class Ready(BaseModel):
    """The service can decide."""

    status: str = Field(examples=["ready"])
    records: int = Field(description="Of the ledger.", examples=[4711])
    waiting: int = Field(description="Images that wait or are judged.", examples=[3])
    spooled: int = Field(description="Answers that the ledger lacks.", examples=[0])


_NOT_READY = documented(
    "It cannot decide.",
    "failed",
    status=503,
    detail="the database cannot be reached",
    hint="Repeat it when the server runs: a record that was written is not written again.",
)


@router.get("/healthz", summary="Whether the process answers")
async def alive() -> Alive:
    """It does."""
    return Alive(status="alive")


@router.get("/readyz", summary="Whether it can decide", responses={503: _NOT_READY})
async def ready(request: Request) -> Ready:
    """Whether the ledger can be read, all answers are in it, and the service is not ending."""
    state = request.app.state
    return await to_thread.run_sync(_ready, state.service, limiter=state.threads_of_probes)


def _ready(service: Service) -> Ready:
    if service.stopping.is_set():
        raise Problem(503, "stopping", "the service is ending")
    try:
        size = service.ledger.head().size
    except GainspectError as error:
        raise Problem(503, "failed", error.what, error.hint) from error
    return Ready(status="ready", records=size, waiting=service.judging.images, spooled=len(service.spool))


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=PlainTextResponse,
    dependencies=[Depends(READS)],
    responses={200: {"content": {"text/plain": {"example": _FIGURES}}}},
)
def metrics(request: Request) -> Response:
    """Decisions, fail-safe answers, seconds, what waits."""
    service: Service = request.app.state.service
    return Response(service.figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

"""What is new at a station, as server-sent events."""

import json
import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from gainspect.errors import GainspectError
from gainspect.ledger.accounts import Role
from gainspect.serve.api.pictures import service_of
from gainspect.serve.evidence import RecentEvidence
from gainspect.serve.following import Follower, Sign
from gainspect.serve.problems import Problem
from gainspect.serve.security import Visitor, allow
from gainspect.serve.security.access import gate_of
from gainspect.serve.security.cookies import SESSION, read_cookie

router = APIRouter(prefix="/v1/stations", tags=["events"])
_AGAIN_MS = 1000
"""After which a browser that lost the connection tries anew."""
_ASKS_AGAIN_S = 30.0
"""So often it is asked whether the person still has the session; so long they may see what they may not."""


@router.get(
    "/{station:path}/events",
    summary="Follow a station",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def events(
    request: Request,
    station: str,
    visitor: Annotated[Visitor, Depends(allow(*Role))],
    last_event_id: Annotated[
        str | None, Header(description="Place of the last record that was told.")
    ] = None,
) -> StreamingResponse:
    """Events `record` with index, kind, key and what it is about, and `beat` every three seconds.

    With `Last-Event-ID` it goes on behind that record. It ends when the session has ended.
    """
    follower = request.app.state.follower
    assert isinstance(follower, Follower)
    evidence = service_of(request).evidence
    after = int(last_event_id) if last_event_id and re.fullmatch("[0-9]{1,15}", last_event_id) else None
    follower.require_room(visitor.actor)
    gate = gate_of(request)
    session = read_cookie(request, SESSION, tls=gate.settings.tls)

    def signed_in() -> bool:
        return gate.visitor(session, used=False) is not None

    return StreamingResponse(
        _stream(follower, evidence, station, after, visitor.actor, signed_in),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(
    follower: Follower,
    evidence: RecentEvidence,
    station: str,
    after: int | None,
    who: str | None,
    signed_in: Callable[[], bool],
) -> AsyncIterator[str]:
    asked = time.monotonic()
    yield f"retry: {_AGAIN_MS}\n\n"
    try:
        with evidence.watching(station):
            async for new in follower.follow(station, after, who):
                if time.monotonic() - asked >= _ASKS_AGAIN_S:
                    asked = time.monotonic()
                    if not await run_in_threadpool(signed_in):
                        return
                if isinstance(new, Sign):
                    yield "event: beat\ndata: {}\n\n"
                else:
                    said = {"index": new.place, "kind": new.kind, "key": new.key, "about": new.about}
                    yield f"id: {new.place}\nevent: record\ndata: {json.dumps(said)}\n\n"
    except (Problem, GainspectError):
        return  # the last room was taken meanwhile, or the ledger cannot be read: the browser comes back

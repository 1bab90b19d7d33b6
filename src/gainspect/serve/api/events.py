"""What is new at a station, as server-sent events."""

import json
import re
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import StreamingResponse

from gainspect.errors import GainspectError
from gainspect.ledger.accounts import Role
from gainspect.serve.api.pictures import service_of
from gainspect.serve.evidence import RecentEvidence
from gainspect.serve.following import Follower, Sign
from gainspect.serve.problems import Problem
from gainspect.serve.security import allow

router = APIRouter(prefix="/v1/stations", tags=["events"], dependencies=[Depends(allow(*Role))])
_AGAIN_MS = 1000
"""After which a browser that lost the connection tries anew."""


@router.get(
    "/{station:path}/events",
    summary="Follow a station",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def events(
    request: Request,
    station: str,
    last_event_id: Annotated[
        str | None, Header(description="Place of the last record that was told.")
    ] = None,
) -> StreamingResponse:
    """Events `record` with index, kind, key and what it is about, and `beat` every three seconds.

    With `Last-Event-ID` it goes on behind that record.
    """
    follower = request.app.state.follower
    assert isinstance(follower, Follower)
    evidence = service_of(request).evidence
    after = int(last_event_id) if last_event_id and re.fullmatch("[0-9]{1,15}", last_event_id) else None
    follower.require_room()
    return StreamingResponse(
        _stream(follower, evidence, station, after),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def _stream(
    follower: Follower, evidence: RecentEvidence, station: str, after: int | None
) -> AsyncIterator[str]:
    yield f"retry: {_AGAIN_MS}\n\n"
    try:
        with evidence.watching(station):
            async for new in follower.follow(station, after):
                if isinstance(new, Sign):
                    yield "event: beat\ndata: {}\n\n"
                else:
                    said = {"index": new.place, "kind": new.kind, "key": new.key, "about": new.about}
                    yield f"id: {new.place}\nevent: record\ndata: {json.dumps(said)}\n\n"
    except (Problem, GainspectError):
        return  # the last room was taken meanwhile, or the ledger cannot be read: the browser comes back

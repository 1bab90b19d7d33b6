"""Pictures of a part, and its evidence to lay over them."""

import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from gainspect.errors import GainspectError
from gainspect.inspection.stream import Inspected
from gainspect.ledger.accounts import Role
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.review_queue import Reviewed, reviewed
from gainspect.serve.evidence import Heat, layer_png, small_heat
from gainspect.serve.judging import QueueFull
from gainspect.serve.pictures import shown, stored_picture
from gainspect.serve.problems import Problem
from gainspect.serve.security import allow
from gainspect.serve.service import Service

router = APIRouter(prefix="/v1/decisions", tags=["pictures"], dependencies=[Depends(allow(*Role))])
_PRIVATE = "private, max-age=3600"
_JUDGED_WITHIN_S = 30.0
_TURN_WITHIN_S = 2.0
"""So long evidence waits for a moment in which the line has no part to judge."""
_LOOKS_EVERY_S = 0.01

Key = Annotated[str, Path(min_length=1, max_length=300, description="Of the decision.")]
Number = Annotated[int, Path(ge=1, le=100, alias="n", description="Of the image in its part, from 1 on.")]
_IMAGE: dict[int | str, dict[str, Any]] = {200: {"content": {"image/png": {}, "image/jpeg": {}}}}


def service_of(request: Request) -> Service:
    """The service that answers."""
    service = request.app.state.service
    assert isinstance(service, Service)
    return service


def found(service: Service, key: str) -> Reviewed:
    """A decision with what people did to it.

    Raises:
        Problem: there is none.
    """
    known = reviewed(service.ledger, key)
    if known is None:
        raise Problem(404, "no_decision", "there is no decision with this key")
    return known


def place_of(decision: Decision, number: int) -> int:
    """The place of an image, from 0 on.

    Raises:
        Problem: the part has fewer images.
    """
    images = len(decision.images)
    if not 1 <= number <= images:
        what = f"the part has {images} images, and none with number {number}"
        raise Problem(404, "no_image", what, images=images, number=number)
    return number - 1


@router.get("/{key}/images/{n}", summary="A picture of a part", responses=_IMAGE, response_class=Response)
def picture(
    request: Request,
    key: Key,
    number: Number,
    side: Annotated[
        int | None, Query(ge=16, le=1024, description="Longer side in pixels; none: as it is.")
    ] = None,
) -> Response:
    """It is decoded as for the inspection, upright, and sent as PNG, large and small ones as JPEG."""
    service = service_of(request)
    decision = found(service, key).decision
    place = place_of(decision, number)
    tag = f'"{decision.images[place].sha256}-{side}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag, "Cache-Control": _PRIVATE})
    content = stored_picture(service.ledger, decision, place)
    try:
        picture = shown(content, decision, service.settings.max_mpx, side)
    except GainspectError as error:
        raise Problem(422, "picture_unreadable", error.what, error.hint) from error
    return Response(picture.content, media_type=picture.media_type, headers=_headers(tag))


@router.get(
    "/{key}/images/{n}/evidence.png",
    summary="The evidence in a picture",
    responses={200: {"content": {"image/png": {}}}},
    response_class=Response,
)
def evidence(request: Request, key: Key, number: Number) -> Response:
    """On the calibrated scale of the bundle, as a layer with alpha: what is cold is transparent.

    It covers the whole picture, and has at most 768 pixels on its longer side. Of decisions that are not
    among the last ones, the picture is judged again, one at a time and while no part of the line waits:
    if there is no such moment, it is a 503 that says when to ask again.
    """
    service = service_of(request)
    decision = found(service, key).decision
    place = place_of(decision, number)
    heat = service.evidence.get(key, place)
    if heat is None:
        with _turn(service):
            heat = service.evidence.get(key, place)
            if heat is None:
                heat = _judged_again(service, decision, place)
                service.evidence.keep(key, place, heat)
    return Response(layer_png(heat), media_type="image/png", headers=_headers(None))


def _headers(tag: str | None) -> dict[str, str]:
    kept = {"Cache-Control": _PRIVATE, "X-Content-Type-Options": "nosniff"}
    return kept if tag is None else kept | {"ETag": tag}


@contextmanager
def _turn(service: Service) -> Iterator[None]:
    """Hold the only turn to judge for people, which begins while nothing of the line waits or is judged.

    Raises:
        Problem: there is no turn now.
    """
    end = time.monotonic() + _TURN_WITHIN_S
    if not service.redrawing.acquire(timeout=_TURN_WITHIN_S):
        raise _line_first()
    try:
        while service.judging.images:
            if time.monotonic() >= end:
                raise _line_first()
            time.sleep(_LOOKS_EVERY_S)
        yield
    finally:
        service.redrawing.release()


def _line_first() -> Problem:
    return Problem(
        503, "line_first", "the line comes first", "Look at it again later.", headers={"Retry-After": "5"}
    )


def _judged_again(service: Service, decision: Decision, place: int) -> Heat:
    """The heat of a stored picture.

    Raises:
        Problem: the picture, or what judged it, is not there; or too much waits.
    """
    sha256 = decision.made_with.bundle
    if sha256 is None:
        raise Problem(404, "no_bundle_named", "the record names no bundle")
    content = stored_picture(service.ledger, decision, place)
    try:
        by = service.bundles.known(sha256)
    except GainspectError as error:
        raise Problem(404, "not_loaded", error.what, error.hint) from error
    try:
        judged: Future[list[Inspected]] = service.judging.submit(by, ["the picture"], [content])
    except QueueFull as error:
        raise _line_first() from error
    try:
        (again,) = judged.result(_JUDGED_WITHIN_S)
    except TimeoutError as error:
        judged.cancel()
        raise _line_first() from error
    if again.verdict is None:
        raise Problem(422, "picture_unreadable", again.error or "the picture cannot be judged")
    return small_heat(again.verdict.evidence.evidence, by.bundle.description.policy.heat_scale())

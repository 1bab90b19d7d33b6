"""Right decision, wrong place: a person draws where the defects are."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse

from gainspect.ledger.accounts import Role
from gainspect.serve.api.actions import PLACE_REASONS
from gainspect.serve.api.pictures import found, place_of, service_of
from gainspect.serve.pages.rendering import local_path, page, words_of
from gainspect.serve.pages.views import names_of_people, part_view
from gainspect.serve.problems import Problem
from gainspect.serve.security import Visitor, allow

router = APIRouter(include_in_schema=False)


@router.get("/decisions/{key}/place/{number}")
def place(
    request: Request,
    key: str,
    number: int,
    visitor: Annotated[Visitor, Depends(allow(Role.OPERATOR, Role.ENGINEER))],
    back: Annotated[str, Query(max_length=1000)] = "/",
) -> HTMLResponse:
    """The picture of an image, to draw on.

    Args:
        request: for it.
        key: of the decision.
        number: of the image in its part, from 1 on.
        visitor: who draws.
        back: where to go when it is saved.
    """
    service, words = service_of(request), words_of(request)
    known = found(service, key)
    place = place_of(known.decision, number)
    view = part_view(known, service.ledger, words, names_of_people(service.ledger, words))
    if view.images[place].size is None:
        raise Problem(404, "picture_not_kept", "the picture is not kept, so nothing can be drawn on it")
    return page(
        request,
        "place.html",
        visitor,
        view=view,
        image=view.images[place],
        seen=len(known.actions),
        reasons=PLACE_REASONS,
        back=local_path(back),
    )

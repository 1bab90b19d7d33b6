"""What people do to decisions: confirm, decide otherwise, draw where the defects are; and take one."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from gainspect.errors import GainspectError
from gainspect.ledger.accounts import Role
from gainspect.ledger.claims import Claims
from gainspect.ledger.records.decision import Confirm, Override, Point, RegionCorrection
from gainspect.ledger.review_queue import Action, Reviewed
from gainspect.serve.api.pictures import Key, found, place_of, service_of
from gainspect.serve.pictures import size_of_picture
from gainspect.serve.problems import Problem
from gainspect.serve.security import Visitor, allow
from gainspect.serve.security.access import AdmittedRoute
from gainspect.serve.service import Service
from gainspect.types import Label

router = APIRouter(prefix="/v1/decisions", tags=["actions"], route_class=AdmittedRoute, max_body_size=2**20)

CLAIM_S = 300.0
"""How long a part that somebody took for review is theirs, unless they say again that they are at it."""
REVIEWED = "reviewed"
"""The code of the reason where a person decides what the model left to them."""
PLACE_REASONS = ("wrong_place", "incomplete", "too_large", "no_defect", "other")
"""Codes of the reasons for a correction of regions."""
_MOST_REGIONS, _MOST_CORNERS = 100, 2000

Acts = Annotated[Visitor, Depends(allow(Role.OPERATOR, Role.ENGINEER))]
Looks = Annotated[Visitor, Depends(allow(*Role))]
Note = Annotated[str, Field(max_length=4000, description="It cannot be erased: name no person in it.")]


class _Given(BaseModel):
    """What all actions say."""

    model_config = ConfigDict(extra="forbid")

    seen: int = Field(ge=0, le=10_000, description="How many actions on the decision you know of.")
    note: Note = ""


class GivenConfirm(_Given):
    """You agree."""

    believed: Literal[Label.OK, Label.NG] = Field(description="The label that counts now, as you know it.")


class GivenOverride(_Given):
    """You decide otherwise."""

    believed: Label = Field(description="The label that counts now, as you know it.")
    new: Literal[Label.OK, Label.NG]
    reason: str = Field(description=f"A code of the plant's list; {REVIEWED}: the model left it to a person.")


class GivenCorrection(_Given):
    """You say where the defects are."""

    image: int = Field(ge=1, le=100, description="Number of the image in its part, from 1 on.")
    regions: list[Annotated[list[Point], Field(min_length=3, max_length=_MOST_CORNERS)]] = Field(
        max_length=_MOST_REGIONS,
        description="Outlines, (x, y) in pixels of the original image; none: there is no defect.",
        examples=[[[[120, 44], [180, 44], [180, 80], [120, 80]]]],
    )
    reason: Literal["wrong_place", "incomplete", "too_large", "no_defect", "other"] = "wrong_place"


class ActionAnswer(BaseModel):
    """What counts now; it is durable."""

    decision: str
    label: Label
    seen: int = Field(description="How many actions there are on the decision now.")
    index: int = Field(description="Place of the new record in the ledger.")


class DecisionState(BaseModel):
    """A decision, and what people did to it."""

    index: int
    decision: dict[str, object]
    actions: list[dict[str, object]]
    label: Label = Field(description="What counts now.")
    seen: int


@router.get("/{key}/actions", summary="A decision, and what people did to it")
def state(request: Request, key: Key, visitor: Looks) -> DecisionState:
    """The records as the ledger has them."""
    known = found(service_of(request), key)
    return DecisionState(
        index=known.entry.index,
        decision=known.decision.to_json(),
        actions=[action.to_json() for action in known.actions],
        label=known.label,
        seen=len(known.actions),
    )


@router.post("/{key}/confirm", status_code=201, summary="Agree with a decision")
def confirm(request: Request, key: Key, given: GivenConfirm, visitor: Acts) -> ActionAnswer:
    """409: another label counts now, somebody else did something, or has the part for review."""
    service = service_of(request)
    known = _present(service, key, visitor, given.seen, given.believed)
    record = Confirm(**_about(known, visitor, given), label=given.believed)
    return _recorded(service, known, record, given.believed)


@router.post("/{key}/override", status_code=201, summary="Decide otherwise")
def override(request: Request, key: Key, given: GivenOverride, visitor: Acts) -> ActionAnswer:
    """409: see `confirm`."""
    service = service_of(request)
    known = _present(service, key, visitor, given.seen, given.believed)
    if given.new is given.believed:
        raise Problem(422, "label_counts", f"the part is {given.new} already", "Confirm it.")
    left = given.believed is Label.REVIEW
    if given.reason not in (*service.settings.override_reasons, *([REVIEWED] if left else [])):
        known_codes = ", ".join(service.settings.override_reasons)
        raise Problem(
            422, "no_reason", f"there is no reason {given.reason[:80]!r}", f"Choose from {known_codes}."
        )
    about = _about(known, visitor, given)
    record = Override(**about, old=given.believed, new=given.new, reason=given.reason)
    return _recorded(service, known, record, given.new)


@router.post("/{key}/corrections", status_code=201, summary="Say where the defects are")
def correct(request: Request, key: Key, given: GivenCorrection, visitor: Acts) -> ActionAnswer:
    """The decision stays; the outlines that counted so far are recorded too. 409: see `confirm`."""
    service = service_of(request)
    known = _present(service, key, visitor, given.seen, None)
    place = place_of(known.decision, given.image)
    image = known.decision.images[place]
    if image.sha256 is None:
        raise Problem(409, "image_unread", "the image could not be read: it has no places")
    _require_within(given.regions, size_of_picture(service.ledger.pictures, image.sha256))
    record = RegionCorrection(
        **_about(known, visitor, given),
        image=image.sha256,
        old=known.outlines(place),
        new=tuple(map(tuple, given.regions)),
        reason=given.reason,
    )
    return _recorded(service, known, record, known.label)


@router.post("/{key}/claim", status_code=204, summary="Take a part for review, or keep it")
def claim(request: Request, key: Key, visitor: Acts) -> Response:
    """It is yours for five minutes. 409: somebody else has it."""
    service = service_of(request)
    found(service, key)
    if not Claims(service.ledger.database).take(key, person(visitor), CLAIM_S):
        raise Problem(409, "claimed", "somebody else has this part for review")
    return Response(status_code=204)


@router.delete("/{key}/claim", status_code=204, summary="Give a part back")
def release(request: Request, key: Key, visitor: Acts) -> Response:
    """Also if it is not yours: then nothing happens."""
    Claims(service_of(request).ledger.database).release(key, person(visitor))
    return Response(status_code=204)


def _present(service: Service, key: str, visitor: Visitor, seen: int, believed: Label | None) -> Reviewed:
    """A decision, if whoever acts knows what counts.

    Raises:
        Problem: there is none, it is otherwise by now, or somebody else has it for review.
    """
    known = found(service, key)
    if seen != len(known.actions) or believed not in (None, known.label):
        raise _stale(known)
    holder = Claims(service.ledger.database).holders().get(key)
    if holder not in (None, visitor.actor):
        raise Problem(409, "claimed", "somebody else has this part for review", "Wait until they are done.")
    return known


def _stale(known: Reviewed) -> Problem:
    return Problem(
        409,
        "stale",
        "somebody has done something to this decision meanwhile",
        "Look at it again.",
        label=str(known.label),
        seen=len(known.actions),
    )


def person(visitor: Visitor) -> str:
    """The pseudonym of a person; machines do not come here."""
    assert visitor.actor is not None
    return visitor.actor


def _about(known: Reviewed, visitor: Visitor, given: _Given) -> dict[str, Any]:
    decision = known.decision
    return {
        "key": known.next_key,
        "station": decision.station,
        "actor": person(visitor),
        "decision": decision.key,
        "note": given.note,
    }


def _recorded(service: Service, known: Reviewed, record: Action, label: Label) -> ActionAnswer:
    """Append what somebody did.

    Raises:
        Problem: somebody else was faster: their record has the key.
        GainspectError: the ledger refuses it.
    """
    key = known.decision.key
    try:
        entry = service.recording.append(record)
    except GainspectError:
        now = found(service, key)
        if len(now.actions) > len(known.actions):
            raise _stale(now) from None
        raise
    if not isinstance(record, RegionCorrection):
        Claims(service.ledger.database).release(key, record.actor)
    return ActionAnswer(decision=key, label=label, seen=len(known.actions) + 1, index=entry.index)


def _require_within(regions: Sequence[Sequence[Point]], size: tuple[int, int] | None) -> None:
    """Refuse corners outside of the picture, and regions without an area.

    Raises:
        Problem: there are such.
    """
    if size is None:
        raise Problem(409, "picture_not_kept", "the picture is not kept, so nothing can be drawn on it")
    width, height = size
    for number, region in enumerate(regions, 1):
        if not all(0 <= x < width and 0 <= y < height for x, y in region):
            what = f"region {number} leaves the picture of {width} × {height} px"
            raise Problem(422, "region_outside", what, region=number, width=width, height=height)
        if len(set(region)) < 3:
            what = f"region {number} has fewer than three corners that differ"
            raise Problem(422, "region_too_small", what, region=number)

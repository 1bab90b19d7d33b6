"""Inspections: a part's images in, its decision out."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, File, Form, Header, Request, Response, UploadFile
from fastapi import Path as PathParameter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from gainspect.ledger.accounts import Role
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.sealed import Entry
from gainspect.names import escaped, printable
from gainspect.serve.api.examples import DECISION, ERRORS
from gainspect.serve.body_limit import ARRIVED
from gainspect.serve.inspections import Inspections
from gainspect.serve.problems import Problem, documented
from gainspect.serve.requested_part import Answer, Part
from gainspect.serve.security import Visitor, allow
from gainspect.serve.security.access import AdmittedRoute
from gainspect.serve.service import Service
from gainspect.types import Label

router = APIRouter(prefix="/v1", tags=["inspections"], route_class=AdmittedRoute)
ASKS, READS = allow(Role.ENGINEER, machine=True), allow(*Role, machine=True)
"""Who asks for decisions, and who reads them; a machine does so for its own station alone."""
_KEY_HEADER = "Idempotency-Key"
_SAID_ONCE = ("part", "lot", "station", "deadline_ms", "challenge")
_LONGEST_NAME, _LONGEST_IMAGE_NAME = 300, 500


Key = Annotated[str, PathParameter(pattern=r"^[^\x00-\x1f\x7f]{1,300}$")]
"""Of a decision; PostgreSQL takes no NUL."""


def _recordable(name: str) -> str:
    """A name as it is recorded.

    Raises:
        ValueError: it is too long, written so.
    """
    written = escaped(name)
    if len(written) > _LONGEST_NAME:
        raise ValueError(f"it has more than {_LONGEST_NAME} characters, control characters written out")
    return written


Named = Annotated[str, Field(min_length=1, max_length=_LONGEST_NAME), AfterValidator(_recordable)]
Milliseconds = Annotated[float, Field(gt=0, le=600_000)]
IdempotencyKey = Annotated[str, Field(min_length=1, max_length=300)]


Unsaid = SkipJsonSchema[None]
"""Of a field that may be missing; a form cannot say null."""


class DecisionAnswer(BaseModel):
    """A decision, and where its record is."""

    key: str
    index: int = Field(description="Its place in the ledger.")
    part: str
    lot: str | None
    station: str
    at: str
    label: Label
    fired: list[str] = Field(description="Every rule that fired.")
    score: float | None = Field(description="P(NG) of the part.")
    threshold: float
    images: list[dict[str, Any]]
    made_with: dict[str, Any]
    seconds: float | None
    repeated: bool = Field(default=False, description="Made for an earlier request with the same key.")

    model_config = ConfigDict(json_schema_extra={"example": DECISION})


@router.post(
    "/inspections",
    status_code=201,
    response_model=DecisionAnswer,
    summary="Decide on a part by its images",
    responses=ERRORS | {200: {"model": DecisionAnswer, "description": "Decided for an earlier request."}},
)
async def inspect(
    request: Request,
    response: Response,
    visitor: Annotated[Visitor, Depends(ASKS)],
    image: Annotated[list[UploadFile], File(min_length=1, description="The images of the part, in order.")],
    part: Annotated[Named, Form(examples=["M-0815"])],
    lot: Annotated[Named | Unsaid, Form(examples=["lot 7"])] = None,
    station: Annotated[Named | Unsaid, Form(examples=["line 3"])] = None,
    deadline_ms: Annotated[Milliseconds | Unsaid, Form(examples=[500])] = None,
    challenge: Annotated[
        Named | Unsaid, Form(description="Name of the challenge whose known part it is.")
    ] = None,
    idempotency_key: Annotated[IdempotencyKey | Unsaid, Header(examples=["line3-20260102-000815"])] = None,
) -> Any:
    """The decision, once its record is durable; every other answer carries the fail-safe as `decision`."""
    await _require_plain(request)
    service, inspections = request.app.state.service, request.app.state.inspections
    assert isinstance(service, Service)
    assert isinstance(inspections, Inspections)
    if len(image) > service.settings.max_images:
        raise Problem(
            413,
            "too_many_images",
            f"a part has {len(image)} images, and this service takes {service.settings.max_images}",
            "max_images of the settings says how many.",
        )
    station = _station(visitor, station)
    names = [
        (one.filename or f"image {number}")[:_LONGEST_IMAGE_NAME]  # written out where it is recorded
        for number, one in enumerate(image, start=1)
    ]
    contents = [await _content(one) for one in image]
    answer = await inspections.decide(
        Part(
            part,
            lot,
            station,
            names,
            contents,
            idempotency_key,
            deadline_ms,
            challenge,
            arrived=getattr(request.state, ARRIVED),
        )
    )
    response.status_code = 200 if answer.repeated else 201
    return _told(answer)


@router.get(
    "/decisions/{key}",
    response_model=DecisionAnswer,
    summary="A decision by its key",
    responses={
        404: documented("There is none.", "no_decision", status=404, detail="there is no such decision")
    },
)
def decision(request: Request, visitor: Annotated[Visitor, Depends(READS)], key: Key) -> Any:
    """What was decided, as it was recorded; corrections do not change it."""
    entry: Entry | None = request.app.state.service.ledger.record_of(key)
    if (
        entry is None
        or not isinstance(entry.record, Decision)
        or visitor.station not in (None, entry.record.station)
    ):
        raise Problem(404, "no_decision", "there is no such decision")
    return _told(Answer(entry.record, entry.index))


async def _content(file: UploadFile) -> bytes:
    """What was sent, which is kept but once."""
    content = await file.read()
    await file.close()
    return content


async def _require_plain(request: Request) -> None:
    """Refuse what says something twice, or something else: what is meant, nobody knows.

    Raises:
        Problem: it does.
    """
    form = await request.form()  # it was read already
    twice = sorted(name for name in _SAID_ONCE if len(form.getlist(name)) > 1)
    if twice:
        raise Problem(422, "field_twice", f"the form has several fields {twice[0]}", "Give one.")
    if len(request.headers.getlist(_KEY_HEADER)) > 1:
        raise Problem(422, "field_twice", f"the request has several headers {_KEY_HEADER}", "Give one.")
    unknown = sorted(set(form) - {"image", *_SAID_ONCE})
    if unknown:  # a deadline with a slip in its name would be none
        known = ", ".join(("image", *_SAID_ONCE))
        what = f"there is no field {printable(unknown[0][:80])}"
        raise Problem(422, "field_unknown", what, f"The fields are {known}.")


def _station(visitor: Visitor, named: str | None) -> str:
    """The station of a part: that of a machine's token; a person names it.

    Raises:
        Problem: it is not named, or not that of the machine.
    """
    own = None if visitor.station is None else _recordable(visitor.station)
    if own is not None and named not in (None, own):
        raise Problem(
            403,
            "other_station",
            "this token is of another station",
            "Leave the station out, or use its token.",
        )
    if (station := own or named) is None:
        raise Problem(
            422, "no_station", "the station is missing", "Name it, or use a token that is bound to one."
        )
    return station


def _told(answer: Answer) -> dict[str, Any]:
    told = answer.decision.to_json()
    return {name: told[name] for name in DecisionAnswer.model_fields if name in told} | {
        "index": answer.index,
        "repeated": answer.repeated,
    }

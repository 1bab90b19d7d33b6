"""What judges at a station, whether it may, and what people do about that."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from gainspect.evaluation.bundle_comparison import BundleComparison
from gainspect.ledger.accounts import Role
from gainspect.ledger.records.base import Sha256
from gainspect.ledger.records.operation import ChallengeResult, DriftAcknowledged
from gainspect.serve.activations import activate, bundle_named, waive
from gainspect.serve.api.pictures import service_of
from gainspect.serve.bundles import Loaded
from gainspect.serve.problems import Problem
from gainspect.serve.security import Visitor, allow
from gainspect.serve.security.access import AdmittedRoute
from gainspect.serve.service import Service

router = APIRouter(prefix="/v1/stations", tags=["stations"], route_class=AdmittedRoute, max_body_size=2**22)
Operator = Annotated[Visitor, Depends(allow(Role.OPERATOR, Role.ENGINEER))]
Engineer = Annotated[Visitor, Depends(allow(Role.ENGINEER))]
Looks = Annotated[Visitor, Depends(allow(*Role, machine=True))]
Reason = Annotated[
    str, Field(min_length=1, max_length=4000, description="It cannot be erased: name no person.")
]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class GivenChallenge(_Given):
    """Which challenge, and what judges it."""

    challenge: str = Field(max_length=300, description="Name of a set of known parts.")
    bundle: Sha256 | None = Field(
        default=None, description="That is to be activated; none: the active one. For engineers."
    )


class GivenWaiver(_Given):
    """Until when a bundle may decide without a passed challenge."""

    bundle: Sha256
    until: AwareDatetime
    reason: Reason


class GivenActivation(_Given):
    """What is to judge from now on."""

    bundle: Sha256
    reason: Reason
    comparison: BundleComparison | None = Field(
        default=None, description="What `gainspect bundle compare` wrote: comparison.json."
    )


class GivenAcknowledgement(_Given):
    """Somebody has looked after a drift."""

    watch: str | None = Field(default=None, min_length=1, max_length=300)
    reason: str
    note: str = Field(default="", max_length=4000)


class StationAnswer(BaseModel):
    """The state of a station."""

    station: str
    bundle: str | None = Field(description="SHA-256 of what judges; none: nothing does.")
    policy_id: str | None
    locked: str | None = Field(description="no_bundle, challenge_due or challenge_failed; none: it decides.")
    until: datetime | None = Field(description="When its challenge is due, or a waiver ends.")
    waived: bool
    challenge: str | None = Field(description="That was begun, and is not ended.")
    parts: list[str] = Field(description="Of that challenge, those that are still to be put in.")


class Recorded(BaseModel):
    """A record that is durable."""

    key: str
    index: int


@router.get("/{station:path}/state", summary="The state of a station")
def state(request: Request, station: str, visitor: Looks) -> StationAnswer:
    """A machine asks for its own alone."""
    if visitor.station is not None and visitor.station != station:
        raise Problem(403, "other_station", "this token is bound to another station")
    service = service_of(request)
    now, run = service.locks.state(station), service.challenges.run(station)
    return StationAnswer(
        station=station,
        bundle=None if now.active is None else now.active.sha256,
        policy_id=None if now.active is None else now.active.policy_id,
        locked=now.lock,
        until=now.until,
        waived=now.waived,
        challenge=None if run is None else run.known.name,
        parts=[] if run is None else [name for name in run.known.parts if name not in run.parts],
    )


@router.post("/{station:path}/challenge", status_code=204, summary="Begin a challenge")
def begin(request: Request, station: str, given: GivenChallenge, visitor: Operator) -> Response:
    """Then its parts are put in: inspections with `challenge`, each with its name as `part`."""
    service = service_of(request)
    by = _judge(service, station, given.bundle, visitor)
    service.challenges.begin(station, given.challenge, by, visitor.actor)
    return Response(status_code=204)


@router.delete("/{station:path}/challenge", status_code=204, summary="End a challenge before its end")
def end(request: Request, station: str, visitor: Operator) -> Response:
    """If a part is decided already, it is recorded as not passed."""
    service_of(request).challenges.end(station, visitor.actor)
    return Response(status_code=204)


@router.post(
    "/{station:path}/challenge/pictures", status_code=201, summary="Judge a challenge's stored pictures"
)
def judge_pictures(
    request: Request, station: str, given: GivenChallenge, visitor: Operator
) -> ChallengeResult:
    """It challenges the bundle; not camera, light and feed."""
    service = service_of(request)
    by = _judge(service, station, given.bundle, visitor)
    return service.challenges.judge_pictures(station, given.challenge, by, visitor.actor)


@router.post("/{station:path}/waivers", status_code=201, summary="Waive a challenge for a time")
def waived(request: Request, station: str, given: GivenWaiver, visitor: Engineer) -> Response:
    """It ends by itself."""
    waive(service_of(request), station, given.bundle, given.until, given.reason, str(visitor.actor))
    return Response(status_code=201)


@router.post("/{station:path}/activations", status_code=201, summary="Let another bundle judge")
def activated(request: Request, station: str, given: GivenActivation, visitor: Engineer) -> Recorded:
    """409: it passed no challenge, was not compared with the active one, or somebody else was faster."""
    entry = activate(
        service_of(request),
        station,
        given.bundle,
        given.reason,
        str(visitor.actor),
        comparison=given.comparison,
    )
    return Recorded(key=entry.record.key, index=entry.index)


@router.post("/{station:path}/drift/acknowledgements", status_code=201, summary="Acknowledge a drift")
def acknowledged(request: Request, station: str, given: GivenAcknowledgement, visitor: Engineer) -> Recorded:
    """The watch of the station begins anew, with a new reference."""
    service = service_of(request)
    if given.reason not in service.settings.drift_reasons:
        known = ", ".join(service.settings.drift_reasons)
        raise Problem(422, "no_reason", f"there is no reason {given.reason[:80]!r}", f"Choose from {known}.")
    record = DriftAcknowledged(
        station=station, actor=str(visitor.actor), watch=given.watch, reason=given.reason, note=given.note
    )
    entry = service.recording.append(record)
    return Recorded(key=entry.record.key, index=entry.index)


def _judge(service: Service, station: str, bundle: str | None, visitor: Visitor) -> Loaded:
    """What is challenged.

    Raises:
        Problem: nothing is active there and none is named, there is no such bundle, or the visitor may not
            challenge one that is not active.
    """
    active = service.locks.state(station).active
    if bundle is None or (active is not None and bundle == active.sha256):
        if active is None:
            raise Problem(
                409,
                "no_bundle",
                "no bundle is active at this station",
                "Name the one that is to be activated.",
            )
        return active
    if visitor.role is not Role.ENGINEER:
        raise Problem(
            403, "active_alone", "this role may challenge the active bundle alone", "Ask an engineer."
        )
    return bundle_named(service, bundle)

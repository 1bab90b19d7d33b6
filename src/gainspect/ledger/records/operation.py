"""What changes how a line decides, and who is at it."""

from typing import Annotated, Literal, Self

from pydantic import Field, JsonValue, model_validator

from gainspect.ledger.records.base import Actor, BaseRecord, Name, Note, Section, Sha256, Source, Time
from gainspect.types import Label


class PolicyChange(BaseRecord):
    """A bundle decides by another policy from now on."""

    kind: Literal["policy_change"] = "policy_change"
    bundle: Sha256
    old: Sha256 | None
    """Id of the policy that counted before; None: there was none."""
    new: Sha256
    policy: dict[str, JsonValue]
    """The new policy, whole."""
    reason: Note


class BundleActivation(BaseRecord):
    """A station judges with another bundle from now on."""

    kind: Literal["bundle_activation"] = "bundle_activation"
    old: Sha256 | None
    """SHA-256 of the bundle that was active; None: none was."""
    new: Sha256
    policy_id: Sha256
    reason: Note


class ChallengedPart(Section):
    """A part of a challenge: one whose label is known, put in to see whether the line finds it."""

    part: Name
    expected: Label
    decided: Label
    decision: Name | None = None
    """Key of the decision on it."""


class ChallengeResult(BaseRecord):
    """How a station decided parts whose labels are known."""

    kind: Literal["challenge_result"] = "challenge_result"
    challenge: Name
    """Which set of parts."""
    bundle: Sha256
    policy_id: Sha256
    parts: tuple[ChallengedPart, ...] = Field(min_length=1, max_length=1000)
    passed: bool
    note: Note = ""


class ChallengeWaived(BaseRecord):
    """A station may decide for a time without a passed challenge."""

    kind: Literal["challenge_waived"] = "challenge_waived"
    actor: Actor
    bundle: Sha256
    until: Time
    """When it ends by itself."""
    reason: Note

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.until <= self.at:
            raise ValueError("a waiver ends after it has begun")
        return self


class ServiceState(BaseRecord):
    """An inspection service began or ended; while there is none, nobody decides."""

    kind: Literal["service_state"] = "service_state"
    state: Literal["started", "stopped"]
    down_since: Time | None = None
    """Of a service that began: the last sign of life of the one before in its place, if that was killed."""


class SignIn(BaseRecord):
    """A person signs in at a station, or is refused."""

    kind: Literal["sign_in"] = "sign_in"
    method: Name
    """How: badge, PIN …"""
    accepted: bool

    @model_validator(mode="after")
    def _accepted_is_somebody(self) -> Self:
        if self.accepted and self.actor is None:
            raise ValueError("who is signed in is somebody: give the actor")
        return self


class Bypass(BaseRecord):
    """Parts pass a station without a decision, for a time."""

    kind: Literal["bypass"] = "bypass"
    actor: Actor
    until: Time
    """When it ends by itself."""
    reason: Name
    note: Note = ""

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.until <= self.at:
            raise ValueError("a bypass ends after it has begun")
        return self


class NgCount(Section):
    """How many of so many parts were decided NG."""

    ng: Annotated[int, Field(ge=0)]
    parts: Annotated[int, Field(ge=0)]


class DriftAlarm(BaseRecord):
    """A figure of the parts of a station has changed (`evaluation.drift_watch`)."""

    kind: Literal["drift_alarm"] = "drift_alarm"
    watch: Name
    """Key of the decision on the first part of its reference."""
    statistic: Name
    larger: bool
    """Whether its values are larger since; otherwise they are smaller."""
    since: Name
    """Key of the decision on about the first part that is changed."""
    since_part: Source
    since_at: Time
    decision: Name
    """Key of the decision with which it was noticed."""
    parts: Annotated[int, Field(ge=1)]
    """From the first changed one to that, both counted."""
    before: float
    """Median of the reference."""
    after: float
    """Median of the parts since."""
    ng_before: NgCount
    ng_since: NgCount
    false_alarms: Annotated[float, Field(gt=0, lt=1)]
    """Stated probability of any false alarm of its watch."""


class DriftAcknowledged(BaseRecord):
    """A person has looked after a drift, or has changed something at the station: its watch begins anew."""

    kind: Literal["drift_acknowledged"] = "drift_acknowledged"
    actor: Actor
    watch: Name | None = None
    """That which ends (`DriftAlarm.watch`); None: none was named."""
    reason: Name
    """Code of the reason, from the plant's list."""
    note: Note = ""

"""What changes how a line decides, and who is at it."""

from enum import StrEnum
from typing import Literal, Self

from pydantic import Field, JsonValue, model_validator

from gainspect.ledger.records.base import Actor, BaseRecord, Name, Note, Section, Sha256, Time
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


class Role(StrEnum):
    """What a person may do at the service."""

    OPERATOR = "operator"
    """Sees a station, confirms, overrides, corrects regions, puts challenge parts in."""
    ENGINEER = "engineer"
    """The same; and activates bundles, waives challenges, invites people, makes tokens of machines."""
    AUDITOR = "auditor"
    """Reads everything, and changes nothing."""


RoleStep = Literal["invited", "joined", "changed", "disabled", "enabled", "new_password"]


class RoleChange(BaseRecord):
    """Who may sign in, and as what, changes. `actor` did it; None: whoever has the database."""

    kind: Literal["role_change"] = "role_change"
    step: RoleStep
    person: Actor | None
    """Whose role; None: of somebody who is invited and not known yet."""
    old: Role | None
    """None: had none, or was disabled."""
    new: Role | None
    """None: may not sign in any more. Of one who is invited: the role that the link gives."""
    reason: Note = ""


class TokenChange(BaseRecord):
    """A machine may send parts of this station from now on, or may not any more."""

    kind: Literal["token_change"] = "token_change"
    step: Literal["made", "revoked"]
    token: Name
    """Its id, which lets nobody in."""
    name: Name
    """Of the machine."""


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

"""What changes how a line decides, and who is at it."""

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

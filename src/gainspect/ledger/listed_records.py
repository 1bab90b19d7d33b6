"""What an account of a period says of the records that it lists one by one."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from gainspect.ledger.records.decision import FailSafeReason
from gainspect.ledger.records.operation import DriftAlarm, Role, RoleStep
from gainspect.types import Label


@dataclass(frozen=True)
class ListedRecord:
    """A record that is listed."""

    index: int
    recorded: datetime
    at: datetime
    station: str
    actor: str | None


@dataclass(frozen=True)
class AboutDecisionRow(ListedRecord):
    """What a person did to a decision."""

    decision: str
    """Its key."""


@dataclass(frozen=True)
class OverrideRow(AboutDecisionRow):
    """An override."""

    old: Label
    new: Label
    reason: str
    note: str


@dataclass(frozen=True)
class ConfirmationRow(AboutDecisionRow):
    """A confirmation that says something."""

    label: Label
    note: str


@dataclass(frozen=True)
class CorrectionRow(AboutDecisionRow):
    """A corrected region."""

    image: str
    old: int
    """Outlines that counted before."""
    new: int
    reason: str
    note: str


@dataclass(frozen=True)
class ChallengeRow(ListedRecord):
    """A challenge."""

    challenge: str
    bundle: str
    policy_id: str
    parts: int
    right: int
    """Parts that were decided as expected."""
    passed: bool
    note: str


@dataclass(frozen=True)
class ChangeRow(ListedRecord):
    """Another bundle (`is_bundle`), or another policy."""

    is_bundle: bool
    bundle: str
    old: str | None
    new: str
    reason: str


@dataclass(frozen=True)
class BypassRow(ListedRecord):
    """A time in which parts passed a station without a decision."""

    until: datetime
    reason: str
    note: str


@dataclass(frozen=True)
class AnchorRow(ListedRecord):
    """A checkpoint that was signed."""

    size: int
    root: str
    signed_by: str


@dataclass(frozen=True)
class UpkeepRow(ListedRecord):
    """A name that was erased (then of `person`), or a clock that was corrected."""

    person: str | None
    reason: str


@dataclass(frozen=True)
class FailSafeRow(ListedRecord):
    """What was answered in the place of a decision."""

    part: str
    label: Label
    why: FailSafeReason
    note: str


@dataclass(frozen=True)
class WaiverRow(ListedRecord):
    """A challenge that was waived."""

    bundle: str
    until: datetime
    reason: str


@dataclass(frozen=True)
class ServiceRow(ListedRecord):
    """A service that began or ended."""

    state: Literal["started", "stopped"]
    down_since: datetime | None


@dataclass(frozen=True)
class RoleRow(ListedRecord):
    """Who may sign in, and as what."""

    step: RoleStep
    person: str | None
    old: Role | None
    new: Role | None
    reason: str


@dataclass(frozen=True)
class TokenRow(ListedRecord):
    """A machine that may send parts, or may not any more."""

    step: Literal["made", "revoked"]
    token: str
    name: str


@dataclass(frozen=True)
class DriftRow(ListedRecord):
    """A figure of the parts that has changed."""

    alarm: DriftAlarm


@dataclass(frozen=True)
class AcknowledgmentRow(ListedRecord):
    """Somebody who has looked after a drift."""

    reason: str
    note: str

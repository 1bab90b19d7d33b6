"""What a ledger says of a period: counts of its records, and the few that an auditor reads one by one."""

from collections import Counter
from datetime import date, datetime
from typing import NamedTuple

from gainspect.ledger.listed_records import (
    AcknowledgmentRow,
    AnchorRow,
    BypassRow,
    ChallengeRow,
    ChangeRow,
    ConfirmationRow,
    CorrectionRow,
    DriftRow,
    FailSafeRow,
    OverrideRow,
    RoleRow,
    ServiceRow,
    TokenRow,
    UpkeepRow,
    WaiverRow,
)
from gainspect.ledger.period import Period
from gainspect.ledger.records.base import now
from gainspect.ledger.records.decision import (
    Confirm,
    Decision,
    FailSafe,
    FailSafeReason,
    Override,
    RegionCorrection,
)
from gainspect.ledger.records.operation import (
    BundleActivation,
    Bypass,
    ChallengeResult,
    ChallengeWaived,
    DriftAcknowledged,
    DriftAlarm,
    PolicyChange,
    RoleChange,
    ServiceState,
    SignIn,
    TokenChange,
)
from gainspect.ledger.records.sealed import Entry
from gainspect.ledger.records.upkeep import Anchored, ClockCorrected, NameErased, PicturesRemoved
from gainspect.ledger.tallies import Listing, Tally
from gainspect.types import Label


class DayCount(NamedTuple):
    """By what decisions are counted."""

    day: date
    station: str
    label: Label


class InForce(NamedTuple):
    """What a station decided with."""

    station: str
    bundle: str | None
    policy_id: str | None
    gainspect: str


class FailSafeKind(NamedTuple):
    """By what answers in the place of decisions are counted."""

    station: str
    why: FailSafeReason
    label: Label


class OverrideKind(NamedTuple):
    """By what overrides are counted."""

    old: Label
    new: Label
    reason: str


class ChallengeKind(NamedTuple):
    """By what challenges are counted."""

    station: str
    challenge: str
    passed: bool


class PeriodAccount:
    """Counts the records of a period. What counts is when the ledger took them (`recorded`).

    Memory is bounded by the days of the period, the stations and the lengths of the lists. Records before the
    period are looked at, too: for bypasses that reach into it.

    Args:
        period: which.
        today: when the account is made: a bypass is open if it has not ended at the end of the period, or now
            if that comes first; None: now.
    """

    def __init__(self, period: Period, today: datetime | None = None) -> None:
        self.period = period
        self._begin, self._end = period.begin, period.end
        self.made = today or now()
        self.closed = min(self._end, self.made)
        self.places: tuple[int, int] | None = None
        """First and last record of the period; None: it has none."""
        self.kinds: Counter[str] = Counter()
        self.decisions: Counter[DayCount] = Counter()
        self.in_force = Tally[InForce]()
        self.failed_safe = Tally[FailSafeKind]()
        self.fail_safes = Listing[FailSafeRow]()
        self.confirmed: Counter[Label] = Counter()
        self.confirmations = Listing[ConfirmationRow]()
        """Those with a note."""
        self.overridden = Tally[OverrideKind]()
        self.overrides = Listing[OverrideRow]()
        self.corrected = Tally[str]()
        """Corrected regions by the code of the reason."""
        self.corrections = Listing[CorrectionRow]()
        self.challenged = Tally[ChallengeKind]()
        self.challenges = Listing[ChallengeRow]()
        self.waivers = Listing[WaiverRow]()
        self.changes = Listing[ChangeRow]()
        self.sign_ins = Tally[tuple[str, bool]]()
        self.roles = Listing[RoleRow]()
        self.tokens = Listing[TokenRow]()
        self.services = Listing[ServiceRow]()
        self.drifts = Listing[DriftRow]()
        self.acknowledgments = Listing[AcknowledgmentRow]()
        self.bypasses = Listing[BypassRow]()
        """Those that were in force at any moment of the period."""
        self.open_bypasses = 0
        self.removed = Tally[str]()
        """Pictures by the name of the rule."""
        self.anchors = Listing[AnchorRow]()
        self.erasures = Listing[UpkeepRow]()
        self.clock_corrections = Listing[UpkeepRow]()

    def add(self, entry: Entry) -> None:
        """Take the next record; of those before the period, a bypass that reaches into it counts."""
        record, moment = entry.record, entry.recorded
        if isinstance(record, Bypass) and moment < self._end and record.until > self._begin:
            self._add_bypass(entry, record)
        if not self._begin <= moment < self._end:
            return
        self.places = (entry.index if self.places is None else self.places[0], entry.index)
        self.kinds[record.kind] += 1
        said = (entry.index, moment, record.at, record.station, record.actor)
        match record:
            case Decision():
                self._add_decision(record, moment)
            case FailSafe():
                self.failed_safe.add(FailSafeKind(record.station, record.why, record.label), moment)
                self.fail_safes.add(FailSafeRow(*said, record.part, record.label, record.why, record.note))
            case Confirm():
                self.confirmed[record.label] += 1
                if record.note:
                    self.confirmations.add(ConfirmationRow(*said, record.decision, record.label, record.note))
            case Override():
                self.overridden.add(OverrideKind(record.old, record.new, record.reason), moment)
                self.overrides.add(
                    OverrideRow(*said, record.decision, record.old, record.new, record.reason, record.note)
                )
            case RegionCorrection():
                self.corrected.add(record.reason, moment)
                outlines = (len(record.old), len(record.new))
                self.corrections.add(
                    CorrectionRow(*said, record.decision, record.image, *outlines, record.reason, record.note)
                )
            case ChallengeResult():
                self._add_challenge(entry, record)
            case ChallengeWaived():
                self.waivers.add(WaiverRow(*said, record.bundle, record.until, record.reason))
            case PolicyChange():
                self.changes.add(
                    ChangeRow(*said, False, record.bundle, record.old, record.new, record.reason)
                )
            case BundleActivation():
                self.changes.add(ChangeRow(*said, True, record.new, record.old, record.new, record.reason))
            case SignIn():
                self.sign_ins.add((record.method, record.accepted), moment)
            case RoleChange():
                self.roles.add(
                    RoleRow(*said, record.step, record.person, record.old, record.new, record.reason)
                )
            case TokenChange():
                self.tokens.add(TokenRow(*said, record.step, record.token, record.name))
            case ServiceState():
                self.services.add(ServiceRow(*said, record.state, record.down_since))
            case DriftAlarm():
                self.drifts.add(DriftRow(*said, record))
            case DriftAcknowledged():
                self.acknowledgments.add(AcknowledgmentRow(*said, record.reason, record.note))
            case PicturesRemoved():
                self.removed.add(record.rule.name, moment, len(record.pictures))
            case Anchored():
                self.anchors.add(AnchorRow(*said, record.size, record.root, record.signed_by))
            case NameErased():
                self.erasures.add(UpkeepRow(*said, record.person, record.reason))
            case ClockCorrected():
                self.clock_corrections.add(UpkeepRow(*said, None, record.reason))

    def _add_decision(self, record: Decision, moment: datetime) -> None:
        made = record.made_with
        self.decisions[DayCount(self.period.day_of(moment), record.station, record.label)] += 1
        self.in_force.add(InForce(record.station, made.bundle, made.policy_id, made.gainspect), moment)

    def _add_challenge(self, entry: Entry, record: ChallengeResult) -> None:
        right = sum(part.expected == part.decided for part in record.parts)
        self.challenged.add(ChallengeKind(record.station, record.challenge, record.passed), entry.recorded)
        self.challenges.add(
            ChallengeRow(
                entry.index, entry.recorded, record.at, record.station, record.actor, record.challenge,
                record.bundle, record.policy_id, len(record.parts), right, record.passed, record.note,
            )
        )  # fmt: skip

    def _add_bypass(self, entry: Entry, record: Bypass) -> None:
        self.open_bypasses += record.until > self.closed
        self.bypasses.add(
            BypassRow(
                entry.index, entry.recorded, record.at, record.station, record.actor,
                record.until, record.reason, record.note,
            )
        )  # fmt: skip

"""What happens to the ledger itself: pictures removed by rule, anchors, names erased, clocks corrected."""

from typing import Annotated, Literal

from pydantic import Field

from gainspect.ledger.records.base import Actor, BaseRecord, Name, Note, Section, Sha256, Time
from gainspect.types import Label


class RetentionRule(Section):
    """Which pictures are removed: those of decisions that are old enough."""

    name: Name
    older_than_days: Annotated[float, Field(ge=0)]
    """Counted from when the decision was recorded."""
    labels: tuple[Label, ...] = (Label.OK,)
    """Only of decisions with one of these labels."""
    spare_touched: bool = True
    """Whether pictures of decisions that a person confirmed, overrode or corrected are kept."""


class PicturesRemoved(BaseRecord):
    """Pictures were removed by a rule. Their hashes stay in the decisions."""

    kind: Literal["pictures_removed"] = "pictures_removed"
    rule: RetentionRule
    before: Time
    """Decisions recorded before this time were looked at."""
    pictures: tuple[Sha256, ...] = Field(min_length=1, max_length=1000)


class Anchored(BaseRecord):
    """A checkpoint was signed, to be kept off this machine."""

    kind: Literal["anchored"] = "anchored"
    size: Annotated[int, Field(ge=0)]
    root: Sha256
    signed_by: Name
    """The public key, as `note.Verifier` writes it."""


class NameErased(BaseRecord):
    """The name behind a pseudonym was erased."""

    kind: Literal["name_erased"] = "name_erased"
    person: Actor
    reason: Note


class ClockCorrected(BaseRecord):
    """A clock had run ahead: times begin anew here, earlier than those of the records before."""

    kind: Literal["clock_corrected"] = "clock_corrected"
    actor: Actor
    reason: Note

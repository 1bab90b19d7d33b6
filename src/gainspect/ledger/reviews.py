"""What people made of decisions: the label that counts last, and where they say that the defects are."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.questions import Question, find, in_order
from gainspect.ledger.records.decision import (
    AboutDecision,
    Confirm,
    Decision,
    Override,
    Point,
    RegionCorrection,
)
from gainspect.types import Label

Outline = tuple[Point, ...]
"""A ring through the centers of the outermost pixels of a region."""
_KINDS = ("confirm", "override", "region_correction")


@dataclass(frozen=True)
class Review:
    """A decision that a person confirmed, overrode or corrected."""

    index: int
    """The place of the decision in the ledger."""
    decision: Decision
    label: Label
    """What counts last."""
    agreed: bool
    """False: the last who confirmed a label confirmed another one than the one that counted."""
    last: AboutDecision
    """Who said the label last; where nobody did, who drew last."""
    drawn: Mapping[str, tuple[Outline, ...]]
    """Where the defects of an image are, by its SHA-256, as was said last; empty: nowhere."""

    @property
    def says_label(self) -> bool:
        """Whether a person said the label, and did not only draw."""
        return isinstance(self.last, Confirm | Override)

    @property
    def overridden(self) -> bool:
        """Whether another label counts than the one that was decided."""
        return self.label is not self.decision.label


@dataclass(frozen=True)
class Reviews:
    """Decisions that people said something of, in their order; read as they are asked for."""

    ledger: Ledger
    places: Sequence[int]
    said: Mapping[str, Sequence[AboutDecision]]
    """By the key of the decision, in the order of the ledger."""

    def __len__(self) -> int:
        return len(self.places)

    def __iter__(self) -> Iterator[Review]:
        for entry in in_order(self.ledger, self.places):
            if isinstance(entry.record, Decision):
                yield review_of(entry.index, entry.record, self.said[entry.record.key])


def find_reviews(ledger: Ledger, decisions: Collection[int], size: int) -> Reviews:
    """Those of some decisions that people said something of.

    Args:
        ledger: that has them.
        decisions: their places.
        size: what was appended later does not count.

    Raises:
        GainspectError: the database cannot be read.
    """
    said = _said(ledger, size)
    found = (ledger.record_of(key) for key in said)
    wanted = set(decisions)
    places = sorted(entry.index for entry in found if entry is not None and entry.index in wanted)
    return Reviews(ledger, places, said)


def review_of(index: int, decision: Decision, said: Sequence[AboutDecision]) -> Review:
    """What counts of a decision after all that people said of it.

    Args:
        index: its place.
        decision: the decision.
        said: by people, at least one, in the order of the ledger.
    """
    label, agreed, last = decision.label, True, said[-1]
    drawn = dict[str, tuple[Outline, ...]]()
    for one in said:
        match one:
            case Confirm():
                agreed, last = one.label is label, one
            case Override():
                label, agreed, last = one.new, True, one
            case RegionCorrection():
                drawn[one.image] = one.new
    return Review(index, decision, label, agreed, last, drawn)


def _said(ledger: Ledger, size: int) -> dict[str, list[AboutDecision]]:
    """What people said, in the order of the ledger, by the key of the decision."""
    places = [place for kind in _KINDS for place in find(ledger, Question(kind=kind)) if place < size]
    said = dict[str, list[AboutDecision]]()
    for entry in in_order(ledger, places):
        if isinstance(entry.record, AboutDecision):
            said.setdefault(entry.record.decision, []).append(entry.record)
    return said

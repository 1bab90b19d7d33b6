"""What an audit finds."""

from dataclasses import dataclass, field
from enum import StrEnum

from gainspect.ledger.checkpoint import Checkpoint


class FaultKind(StrEnum):
    """What is wrong."""

    CHANGED = "changed"
    """A record, or a hash over records, is not what was appended."""
    MISSING = "missing"
    """A record between others is not there."""
    MOVED = "moved"
    """A record stands in another place than it says."""
    STRAY = "stray"
    """A row stands in no place of the ledger: questions find it, and no tree has it."""
    TAIL_CUT = "tail_cut"
    """Records at the end are not there."""
    REBUILT = "rebuilt"
    """The tree is whole, but another than the one that an anchor signed."""
    HEAD = "head"
    """The stored head is not that of the records."""
    OTHER_LEDGER = "other_ledger"
    """An anchor is of a ledger with another name."""
    TIME = "time"
    """A record is earlier than the one before it."""
    INVALID = "invalid"
    """A record does not say what a record of its kind says."""
    COLUMNS = "columns"
    """By the columns beside a record, it would be found as something else."""
    DAMAGED = "damaged"
    """The database finds its own files wrong: questions may miss a record."""
    PICTURE_MISSING = "picture_missing"
    """A picture is not there, and no rule has removed it."""
    PICTURE_REPLACED = "picture_replaced"
    """A picture is not the one that was stored."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong."""

    kind: FaultKind
    index: int
    """The record that it is about, or the first of several."""
    what: str
    """In a sentence."""


@dataclass(frozen=True)
class HeldAnchor:
    """An anchor, and whether the ledger still begins with what it signed."""

    checkpoint: Checkpoint
    holds: bool


@dataclass
class Verification:
    """What an audit of a ledger found."""

    origin: str
    size: int = 0
    """Records that are there."""
    root: bytes = b""
    """Root over these, recomputed."""
    pictures: int = 0
    """Stored images that were read: a picture that two records name counts twice."""
    removed: int = 0
    """Pictures that a rule has removed."""
    unknown: int = 0
    """Records of later versions of gainspect: their hashes were verified, their content was not read."""
    anchors: list[HeldAnchor] = field(default_factory=list)
    """By size."""
    faults: list[Fault] = field(default_factory=list)
    """By record."""

    def add(self, kind: FaultKind, index: int, what: str) -> None:
        """Add a fault, see `Fault`."""
        self.faults.append(Fault(kind, index, what))

    @property
    def first(self) -> Fault | None:
        """What is wrong first; None: nothing."""
        return min(self.faults, key=lambda fault: fault.index, default=None)

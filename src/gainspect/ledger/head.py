"""What a ledger held at some time: its size, the root of its tree, and what is needed to append to it."""

from dataclasses import dataclass
from datetime import datetime

from gainspect.errors import GainspectError
from gainspect.ledger.databases import Rows
from gainspect.ledger.merkle import Frontier
from gainspect.ledger.records.base import written_time
from gainspect.ledger.records.sealed import in_bytes


@dataclass(frozen=True)
class Head:
    """What the ledger held at some time."""

    frontier: Frontier
    recorded: datetime | None
    """When its last record was taken."""

    @property
    def size(self) -> int:
        """Number of records."""
        return self.frontier.size

    @property
    def root(self) -> bytes:
        """Root of the tree over them."""
        return self.frontier.root


def read_head(rows: Rows, place: str) -> Head:
    """The head of a ledger.

    Raises:
        GainspectError: it is missing or damaged.
    """
    found = rows.one("head")
    try:
        if found is None:
            raise ValueError("it is missing")
        size, frontier, recorded = found
        time = None if recorded is None else datetime.fromisoformat(recorded)
        if type(size) is not int or (time is not None and time.tzinfo is None):
            raise ValueError("it has no size, or a time without its zone")
        return Head(Frontier.from_bytes(size, in_bytes(frontier)), time)
    except (ValueError, TypeError) as error:
        raise GainspectError(
            f"the head of the ledger is damaged ({error})", where=place, hint="Verify the ledger."
        ) from error


def swapped(rows: Rows, old: Frontier, new: Frontier, recorded: datetime | None) -> bool:
    """Compare and swap: whether the head was still the old one, and is now the new one."""
    assert recorded is not None
    changed = rows.run(
        "swap_head",
        size=new.size,
        frontier=new.to_bytes(),
        recorded=written_time(recorded),
        old_size=old.size,
        old_frontier=old.to_bytes(),
    )
    return changed == 1


def require_size(rows: Rows, size: int, place: str) -> None:
    """Refuse to speak of more records than there are.

    Raises:
        GainspectError: there are not so many.
    """
    there = read_head(rows, place).size
    if not 0 <= size <= there:
        raise GainspectError(f"the ledger has {there} records, not {size}", where=place)

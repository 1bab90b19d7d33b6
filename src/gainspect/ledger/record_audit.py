"""Audits what the records of a ledger say, and the columns beside them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from gainspect.errors import GainspectError, first_fault
from gainspect.ledger.canonical import canonical
from gainspect.ledger.faults import FaultKind, Verification
from gainspect.ledger.picture_audit import PictureAudit
from gainspect.ledger.records.columns import COLUMNS, columns_of
from gainspect.ledger.records.sealed import Entry, is_known, record_in
from gainspect.ledger.records.upkeep import Anchored
from gainspect.ledger.tree_audit import TreeAudit
from gainspect.wording import plural

Taken = Callable[[Entry], None]
"""Is given each record that is as it was appended, in order: what is counted is what was verified."""


class RecordAudit:
    """Holds each record against what a record has to say, and what is beside it against the record.

    Args:
        found: where counts and faults are added.
        tree: of the records before the one that is looked at.
        pictures: looks at the pictures of each record.
        taken: see `Taken`.
    """

    def __init__(self, found: Verification, tree: TreeAudit, pictures: PictureAudit, taken: Taken) -> None:
        self._found = found
        self._tree = tree
        self._pictures = pictures
        self._taken = taken
        self.recorded = ""
        """The time of the last record that was looked at, as it says."""

    def look_at(self, index: int, said: dict[str, Any], content: bytes, columns: Sequence[Any]) -> None:
        """Look at a record whose bytes are those of its hash.

        Args:
            index: its place.
            said: what its bytes say.
            content: these bytes.
            columns: key, time and `COLUMNS`, as they are stored beside it.

        Raises:
            GainspectError: see `PictureAudit.look_at`.
        """
        if not self._is_sound(index, said, content):
            return
        if not is_known(said):
            self._found.unknown += 1
            return
        try:
            record = record_in(said)
        except ValidationError as error:
            what = f"record {index} is no {said['record']['kind']} ({first_fault(error)})"
            self._found.add(FaultKind.INVALID, index, what)
            return
        expected = columns_of(record)
        if tuple(columns) != (record.key, said["recorded"], *(expected[name] for name in COLUMNS)):
            what = f"the columns beside record {index} say something else than it"
            self._found.add(FaultKind.COLUMNS, index, what)
        self._pictures.look_at(index, record)
        if isinstance(record, Anchored) and not self._tree.had_root(record.size, bytes.fromhex(record.root)):
            what = f"record {index} says that an anchor was signed over {plural(record.size, 'record')} with "
            self._found.add(FaultKind.REBUILT, index, f"{what}a root that this ledger has not had")
        self._taken(Entry(index, datetime.fromisoformat(said["recorded"]), record, content))

    def _is_sound(self, index: int, said: dict[str, Any], content: bytes) -> bool:
        """Whether a record has what each has: its place, a time that is not earlier, something said."""
        recorded, record = said.get("recorded"), said.get("record")
        if not (
            type(said.get("index")) is int
            and isinstance(record, dict)
            and isinstance(record.get("kind"), str)
            and isinstance(recorded, str)
            and _is_time(recorded)
            and _is_canonical(said, content)
        ):
            self._found.add(FaultKind.INVALID, index, f"record {index} is no record")
            return False
        if recorded < self.recorded and record.get("kind") != "clock_corrected":
            self._found.add(FaultKind.TIME, index, f"record {index} is earlier than the one before it")
        self.recorded = recorded
        return True


def _is_canonical(said: dict[str, Any], content: bytes) -> bool:
    """Whether these are the only bytes that say this: of a repeated key, readers take one or the other."""
    try:
        return canonical(said) == content
    except GainspectError:
        return False


def _is_time(recorded: str) -> bool:
    """Whether this is a time with its zone."""
    try:
        return datetime.fromisoformat(recorded).tzinfo is not None
    except ValueError:
        return False

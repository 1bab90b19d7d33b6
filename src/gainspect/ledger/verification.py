"""Reads every record and every picture of a ledger, and holds them against anchors.

All hashes are recomputed from the bytes. Nothing that is stored beside them is trusted; it only tells where a
change is.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from gainspect.errors import GainspectError, first_fault
from gainspect.ledger.canonical import canonical, parsed
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.databases import Rows
from gainspect.ledger.faults import Fault, FaultKind, HeldAnchor, Verification
from gainspect.ledger.head import Head, read_head
from gainspect.ledger.merkle import HASH_BYTES, Frontier, leaf_hash
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.picture_audit import NO_END, PictureAudit
from gainspect.ledger.pictures import PictureStore
from gainspect.ledger.proofs import stored_root
from gainspect.ledger.records.base import written_time
from gainspect.ledger.records.columns import COLUMNS, columns_of
from gainspect.ledger.records.sealed import Entry, is_known, record_in
from gainspect.ledger.records.upkeep import Anchored
from gainspect.wording import plural

_LOWEST = -(2**63)
Shown = Callable[[Iterator[Any], int], Iterator[Any]]
"""Wraps the iterator over the records to show progress; its second argument is their number."""


Taken = Callable[[Entry], None]
"""Is given each record that is as it was appended, in order: what is counted is what was verified."""


def verify(
    ledger: Ledger,
    anchors: Sequence[Checkpoint] = (),
    *,
    shown: Shown = lambda rows, count: rows,
    taken: Taken = lambda entry: None,
) -> Verification:
    """Read a ledger from its first to its last record, with all pictures.

    Args:
        ledger: others may append to it meanwhile.
        anchors: checkpoints that were kept elsewhere, of which it is known who signed them (`read_anchor`).
            Without one, a tree that was made anew as a whole, or a tail that was cut with care, is not seen.
        shown: see `Shown`.
        taken: see `Taken`; records of later versions are not given to it.

    Raises:
        GainspectError: the database or the pictures cannot be read, or it is not said where they are.
    """
    with ledger.database.reading() as rows:
        audit = _Audit(rows, ledger.pictures, Verification(ledger.origin), anchors, taken)
        head = _head(rows, audit.found, ledger.database.place)
        end = head.size if not audit.found.faults else NO_END
        for row in shown(rows.each("rows_to_verify", end=end), head.size):
            audit.read(row)
        audit.end(head)
        audit.look_for_strays(end)
    audit.pictures.name_missing(ledger, audit.size)
    audit.found.faults.sort(key=lambda fault: fault.index)
    return audit.found


def _head(rows: Rows, found: Verification, place: str) -> Head:
    try:
        return read_head(rows, place)
    except GainspectError as error:
        found.faults.append(Fault(FaultKind.HEAD, 0, error.what))
        return Head(Frontier(), None)


class _Audit:
    """One pass over all records."""

    def __init__(
        self,
        rows: Rows,
        store: PictureStore | None,
        found: Verification,
        anchors: Sequence[Checkpoint],
        taken: Taken,
    ) -> None:
        self.found = found
        self._taken = taken
        self._rows = rows
        self._frontier = Frontier()
        self._whole = True
        """Whether the tree can still be compared with what is stored and signed."""
        self._recorded = ""
        self.pictures = PictureAudit(rows, store, found)
        self._anchors = sorted(anchors, key=lambda anchor: anchor.size)
        self._held = 0
        self._compare_roots()

    @property
    def size(self) -> int:
        """The place behind the last record that was read."""
        return self._frontier.size

    def read(self, row: Sequence[Any]) -> None:
        """Look at a record that is in the place behind the last one."""
        index, (content, nodes) = (
            row[0],
            (stored if isinstance(stored, bytes) else b"" for stored in row[1:3]),
        )
        if index != self._frontier.size:
            last = "" if index == self._frontier.size + 1 else f" to {index - 1}"
            self._say(
                FaultKind.MISSING, self._frontier.size, f"record {self._frontier.size}{last} is missing"
            )
            self._frontier, self._whole = Frontier(index, ()), False
        try:
            said = parsed(content)
        except ValueError:
            said = {}
        leaf = leaf_hash(content)
        if said.get("index", index) != index:
            self._say(FaultKind.MOVED, index, f"in the place of record {index} stands record {said['index']}")
            self._whole = False
        elif leaf != nodes[:HASH_BYTES]:
            self._say(FaultKind.CHANGED, index, f"record {index} was changed")
            leaf = nodes[:HASH_BYTES]  # so that anchors show whether all else is as it was
            self._whole = self._whole and len(leaf) == HASH_BYTES
        elif self._is_sound(index, said, content):
            self._look_into(index, said, content, row[3:])
        self._grow(index, leaf, nodes)
        self.found.size += 1

    def end(self, head: Head) -> None:
        """Compare what was read with the stored head, and with the anchors that are left."""
        size = self._frontier.size
        self.found.root = self._frontier.root if self._whole else b""
        if head.size > size:
            self._say(
                FaultKind.TAIL_CUT,
                size,
                f"the ledger ends before record {size}; it has had {head.size} records",
            )
        elif not self.found.faults and head.frontier != self._frontier:
            self._say(FaultKind.HEAD, size, "the stored head of the ledger is not that of its records")
        elif (
            head.size == size
            and self._whole
            and all(fault.index != size - 1 for fault in self.found.faults)
            and self._recorded != _written(head.recorded)
        ):  # the time of the last record, which nobody has changed
            what = "the stored head of the ledger has another time than its last record"
            self._say(FaultKind.HEAD, size, what)
        for anchor in self._anchors[len(self.found.anchors) :]:
            self.found.anchors.append(HeldAnchor(anchor, False))
            if anchor.size > size:
                what = (
                    f"the ledger ends before record {size}; an anchor was signed over {anchor.size} records"
                )
                self._say(FaultKind.TAIL_CUT, size, what)
        for anchor in self._anchors:
            if anchor.origin != self.found.origin:
                what = (
                    f"an anchor is of the ledger {anchor.origin}, and this one is called {self.found.origin}"
                )
                self._say(FaultKind.OTHER_LEDGER, 0, what)

    def look_for_strays(self, end: int) -> None:
        """Look for rows outside the places 0 … end − 1."""
        for before, behind, where in (
            (0, NO_END, "before its first record"),
            (_LOWEST, end, "behind its end"),
        ):
            first, last, count = self._rows.all("stray_records", first=before, end=behind)[0]
            if count:
                places = f"place {first}" if count == 1 else f"the places {first} to {last}"
                what = f"the table of records has {plural(count, 'row')} in {places}, {where}"
                self._say(FaultKind.STRAY, first, what)
        first, count = self._rows.all("stray_pictures", end=end)[0]
        if count:
            what = (
                f"the table of pictures has {plural(count, 'row')} of records that are not there ({first} …)"
            )
            self._say(FaultKind.STRAY, first if isinstance(first, int) else self._frontier.size, what)

    def _say(self, kind: FaultKind, index: int, what: str) -> None:
        self.found.faults.append(Fault(kind, index, what))

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
            self._say(FaultKind.INVALID, index, f"record {index} is no record")
            return False
        if recorded < self._recorded and record.get("kind") != "clock_corrected":
            self._say(FaultKind.TIME, index, f"record {index} is earlier than the one before it")
        self._recorded = recorded
        return True

    def _look_into(self, index: int, said: dict[str, Any], content: bytes, stored: Sequence[Any]) -> None:
        """Hold columns and pictures against what a record says."""
        if not is_known(said):
            self.found.unknown += 1
            return
        try:
            record = record_in(said)
        except ValidationError as error:
            fault = first_fault(error)
            self._say(FaultKind.INVALID, index, f"record {index} is no {said['record']['kind']} ({fault})")
            return
        columns = columns_of(record)
        if tuple(stored) != (record.key, said["recorded"], *(columns[name] for name in COLUMNS)):
            self._say(
                FaultKind.COLUMNS, index, f"the columns beside record {index} say something else than it"
            )
        self.pictures.look_at(index, record)
        if isinstance(record, Anchored) and not self._begins_with(record):
            what = f"record {index} says that an anchor was signed over {plural(record.size, 'record')} with "
            self._say(FaultKind.REBUILT, index, f"{what}a root that this ledger has not had")
        self._taken(Entry(index, datetime.fromisoformat(said["recorded"]), record, content))

    def _begins_with(self, anchored: Anchored) -> bool:
        """Whether the tree had this root at this size; all that is stored so far was verified."""
        if not self._whole:
            return True  # that cannot be said any more
        size = anchored.size
        return size <= self._frontier.size and stored_root(self._rows, size).hex() == anchored.root

    def _grow(self, index: int, leaf: bytes, nodes: bytes) -> None:
        """Append a leaf to the tree, and compare the nodes that it completes, and the tree with anchors."""
        if not self._whole:
            self._frontier = Frontier(index + 1, ())
            return
        self._frontier, completed = self._frontier.appended(leaf)
        stored = [nodes[begin : begin + HASH_BYTES] for begin in range(0, len(nodes), HASH_BYTES)]
        if stored != list(completed):
            pairs = enumerate(zip(completed, stored, strict=False))
            level = next((level for level, (one, other) in pairs if one != other), len(stored))
            # All below on the right has fitted.
            first, last = index + 1 - (1 << level), index - ((1 << level) >> 1)
            which = f"record {first}" if first == last else f"one of the records {first} to {last}"
            self._say(FaultKind.CHANGED, first, f"{which}, or a hash over it, was changed")
            self._whole = False
            return
        self._compare_roots()

    def _compare_roots(self) -> None:
        """Hold the tree so far against the anchors of its size."""
        for anchor in self._anchors[len(self.found.anchors) :]:
            if anchor.size != self._frontier.size:
                break
            holds = anchor.root == self._frontier.root
            if holds:
                self._held = anchor.size
            elif not self.found.faults:
                which = f"records {self._held} to {anchor.size - 1}"
                what = f"{which} are not those that an anchor was signed over: the ledger was made anew"
                self._say(FaultKind.REBUILT, self._held, what)
            self.found.anchors.append(HeldAnchor(anchor, holds))


def _is_canonical(said: dict[str, Any], content: bytes) -> bool:
    """Whether these are the only bytes that say this: of a repeated key, readers take one or the other."""
    try:
        return canonical(said) == content
    except GainspectError:
        return False


def _written(time: datetime | None) -> str:
    return "" if time is None else written_time(time)


def _is_time(recorded: str) -> bool:
    """Whether this is a time with its zone."""
    try:
        return datetime.fromisoformat(recorded).tzinfo is not None
    except ValueError:
        return False

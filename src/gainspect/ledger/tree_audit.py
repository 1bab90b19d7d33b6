"""Audits the tree of a ledger: what its hashes show of records, of the stored head, and of anchors."""

from collections.abc import Sequence
from datetime import datetime

from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.databases import Rows
from gainspect.ledger.faults import FaultKind, HeldAnchor, Verification
from gainspect.ledger.head import Head
from gainspect.ledger.merkle import HASH_BYTES, Frontier
from gainspect.ledger.proofs import stored_root
from gainspect.ledger.records.base import written_time
from gainspect.wording import plural


class TreeAudit:
    """Makes the tree anew, leaf by leaf, and holds it against what is stored and signed.

    Args:
        rows: of the ledger.
        found: where faults and anchors are added.
        anchors: see `verification.verify`.
    """

    def __init__(self, rows: Rows, found: Verification, anchors: Sequence[Checkpoint]) -> None:
        self._rows = rows
        self._found = found
        self._frontier = Frontier()
        self._whole = True
        """Whether the tree can still be compared with what is stored and signed."""
        self._anchors = sorted(anchors, key=lambda anchor: anchor.size)
        self._held = 0
        """The size of the last anchor that holds."""
        self._compare_roots()

    @property
    def size(self) -> int:
        """The place behind the last record that was read."""
        return self._frontier.size

    def go_to(self, index: int) -> None:
        """Name the records that are missing before the next one, whose place this is."""
        if index == self.size:
            return
        last = "" if index == self.size + 1 else f" to {index - 1}"
        self._found.add(FaultKind.MISSING, self.size, f"record {self.size}{last} is missing")
        self._frontier = Frontier(index, ())
        self.break_off()

    def break_off(self) -> None:
        """From here on, hashes over all records cannot be known."""
        self._whole = False

    def append(self, leaf: bytes, nodes: bytes) -> None:
        """Append a leaf, and compare the tree with the stored nodes that it completes, and with anchors.

        Args:
            leaf: the hash of the next record.
            nodes: the hashes that are stored with it, one after the other.
        """
        index = self.size
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
            self._found.add(FaultKind.CHANGED, first, f"{which}, or a hash over it, was changed")
            self.break_off()
            return
        self._compare_roots()

    def had_root(self, size: int, root: bytes) -> bool:
        """Whether the tree had this root at this size, or that cannot be said any more.

        All that is stored so far was compared with the tree.
        """
        return not self._whole or (size <= self.size and stored_root(self._rows, size) == root)

    def end(self, head: Head, recorded: str) -> None:
        """Compare what was read with the stored head, and with the anchors that are left.

        Args:
            head: as it is stored.
            recorded: the time of the last record, as it says; "": there is none.
        """
        self._found.root = self._frontier.root if self._whole else b""
        self._compare_head(head, recorded)
        for anchor in self._anchors[len(self._found.anchors) :]:
            self._found.anchors.append(HeldAnchor(anchor, False))
            if anchor.size > self.size:
                what = f"the ledger ends before record {self.size}; an anchor was signed over {anchor.size}"
                self._found.add(FaultKind.TAIL_CUT, self.size, f"{what} records")
        for anchor in self._anchors:
            if anchor.origin != self._found.origin:
                what = f"an anchor is of the ledger {anchor.origin}, and this one is called"
                self._found.add(FaultKind.OTHER_LEDGER, 0, f"{what} {self._found.origin}")

    def _compare_head(self, head: Head, recorded: str) -> None:
        size, faults = self.size, self._found.faults
        if head.size > size:
            what = f"the ledger ends before record {size}; it has had {head.size} records"
            self._found.add(FaultKind.TAIL_CUT, size, what)
        elif not faults and head.frontier != self._frontier:
            what = "the stored head of the ledger is not that of its records"
            self._found.add(FaultKind.HEAD, size, what)
        elif (
            head.size == size
            and self._whole
            and all(fault.index != size - 1 for fault in faults)
            and recorded != _written(head.recorded)
        ):  # the time of the last record, which nobody has changed
            what = "the stored head of the ledger has another time than its last record"
            self._found.add(FaultKind.HEAD, size, what)

    def _compare_roots(self) -> None:
        """Hold the tree so far against the anchors of its size."""
        for anchor in self._anchors[len(self._found.anchors) :]:
            if anchor.size != self.size:
                break
            holds = anchor.root == self._frontier.root
            if holds:
                self._held = anchor.size
            elif self._held == anchor.size and self._held:
                what = f"two anchors over {plural(anchor.size, 'record')} have different roots"
                self._found.add(FaultKind.REBUILT, anchor.size, f"{what}: one is of another ledger")
            elif not self._found.faults:
                which = f"records {self._held} to {anchor.size - 1}"
                what = f"{which} are not those that an anchor was signed over: the ledger was made anew"
                self._found.add(FaultKind.REBUILT, self._held, what)
            self._found.anchors.append(HeldAnchor(anchor, holds))


def _written(time: datetime | None) -> str:
    return "" if time is None else written_time(time)

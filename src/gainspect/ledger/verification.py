"""Reads every record and every picture of a ledger, and holds them against anchors.

All hashes are recomputed from the bytes. Nothing that is stored beside them is trusted; it only tells where a
change is. `tree_audit` looks at what hashes show, `record_audit` at what records say, `picture_audit` at the
pictures, and `stray_rows` at rows outside the ledger.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from gainspect.errors import GainspectError
from gainspect.ledger.canonical import parsed
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.databases import Rows
from gainspect.ledger.faults import FaultKind, Verification
from gainspect.ledger.head import Head, read_head
from gainspect.ledger.merkle import HASH_BYTES, Frontier, leaf_hash
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.picture_audit import NO_END, PictureAudit
from gainspect.ledger.record_audit import RecordAudit, Taken
from gainspect.ledger.stray_rows import name_strays
from gainspect.ledger.tree_audit import TreeAudit

Shown = Callable[[Iterator[Any], int], Iterator[Any]]
"""Wraps the iterator over the records to show progress; its second argument is their number."""


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
    found = Verification(ledger.origin)
    with ledger.database.reading() as rows:
        tree = TreeAudit(rows, found, anchors)
        pictures = PictureAudit(rows, ledger.pictures, found)
        records = RecordAudit(found, tree, pictures, taken)
        head = _head(rows, found, ledger.database.place)
        end = head.size if not found.faults else NO_END
        for index, content, nodes, *columns in shown(rows.each("rows_to_verify", end=end), head.size):
            _read(index, _bytes(content), _bytes(nodes), columns, found, tree, records)
        tree.end(head, records.recorded)
        name_strays(rows, found, end, tree.size)
    pictures.name_missing(ledger, tree.size)
    damage = ledger.database.damage()
    if damage is not None:
        found.add(FaultKind.DAMAGED, tree.size, f"the database finds its own files damaged ({damage})")
    found.faults.sort(key=lambda fault: fault.index)
    return found


def _head(rows: Rows, found: Verification, place: str) -> Head:
    try:
        return read_head(rows, place)
    except GainspectError as error:
        found.add(FaultKind.HEAD, 0, error.what)
        return Head(Frontier(), None)


def _read(
    index: int,
    content: bytes,
    nodes: bytes,
    columns: Sequence[Any],
    found: Verification,
    tree: TreeAudit,
    records: RecordAudit,
) -> None:
    """Look at the row of a record: its place, its hash, what it says, and the tree with it."""
    tree.go_to(index)
    try:
        said = parsed(content)
    except ValueError:
        said = {}
    place, leaf = said.get("index"), leaf_hash(content)
    if type(place) is int and place != index:
        found.add(FaultKind.MOVED, index, f"in the place of record {index} stands record {place}")
        tree.break_off()
    elif leaf != nodes[:HASH_BYTES]:
        found.add(FaultKind.CHANGED, index, f"record {index} was changed")
        leaf = nodes[:HASH_BYTES]  # so that anchors show whether all else is as it was
        if len(leaf) != HASH_BYTES:
            tree.break_off()
    else:
        records.look_at(index, said, content, columns)
    tree.append(leaf, nodes)
    found.size += 1


def _bytes(stored: Any) -> bytes:
    """What a column of bytes holds; of another type: none."""
    return stored if isinstance(stored, bytes) else b""

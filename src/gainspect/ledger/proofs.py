"""Proofs over the records of a ledger, from O(log n) rows: each has the nodes that its record completed."""

import json
from collections.abc import Mapping, Sequence

from gainspect.errors import GainspectError
from gainspect.ledger.databases import Database, Rows
from gainspect.ledger.head import require_size
from gainspect.ledger.merkle import (
    HASH_BYTES,
    Frontier,
    Node,
    completed_by,
    consistency_ranges,
    hashes_of,
    inclusion_ranges,
    nodes_of,
)
from gainspect.ledger.records.sealed import in_bytes


class Proofs:
    """Roots and proofs of the trees over the first records of a ledger.

    They are made from stored hashes. If these were changed, a proof is wrong: whoever verifies it sees that.

    Args:
        database: of the ledger.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def root(self, size: int) -> bytes:
        """The root of the tree over the first `size` records.

        Raises:
            GainspectError: there are not so many.
        """
        with self._database.reading() as rows:
            require_size(rows, size, self._database.place)
            return stored_root(rows, size)

    def inclusion(self, index: int, size: int) -> list[bytes]:
        """The hashes that show that a record is in the tree over the first `size` records.

        Raises:
            GainspectError: there are not so many, or it is not among them.
        """
        if not 0 <= index < size:
            raise GainspectError(f"record {index} is not among the first {size}", where=self._database.place)
        return self._hashes(inclusion_ranges(index, size), size)

    def consistency(self, old: int, size: int) -> list[bytes]:
        """The hashes that show that the tree over `size` records begins with that over `old` records.

        Raises:
            GainspectError: there are not so many, or `old` is more than `size`.
        """
        if not 0 <= old <= size:
            raise GainspectError(
                f"a tree of {size} records does not begin with one of {old}", where=self._database.place
            )
        return self._hashes(consistency_ranges(old, size) if old else [], size)

    def _hashes(self, ranges: list[tuple[int, int]], size: int) -> list[bytes]:
        with self._database.reading() as rows:
            require_size(rows, size, self._database.place)
            return hashes_of(ranges, lambda nodes: _read(rows, nodes))


def stored_root(rows: Rows, size: int) -> bytes:
    """The root of the tree over the first `size` records, by the hashes that are stored.

    Raises:
        GainspectError: one of them is missing.
    """
    nodes = nodes_of(0, size)
    known = _read(rows, nodes)
    return Frontier(size, tuple(known[node] for node in nodes)).root


def _read(rows: Rows, nodes: Sequence[Node]) -> Mapping[Node, bytes]:
    """The hashes of nodes: each is stored with the record that completed it."""
    places = {node: completed_by(node) for node in nodes}
    indices = json.dumps(sorted(set(places.values())))
    try:
        stored = {index: in_bytes(hashes) for index, hashes in rows.all("nodes", indices=indices)}
        return {node: _piece(stored[places[node]], node[0]) for node in nodes}
    except (KeyError, ValueError) as error:
        raise GainspectError("a hash of the tree is missing", hint="Verify the ledger.") from error


def _piece(hashes: bytes, level: int) -> bytes:
    piece = hashes[level * HASH_BYTES : (level + 1) * HASH_BYTES]
    if len(piece) != HASH_BYTES:
        raise ValueError("too short")
    return piece

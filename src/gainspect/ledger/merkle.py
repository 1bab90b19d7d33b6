"""The Merkle tree of RFC 6962: hashes, what is kept to append, and proofs.

A *node* (level, place) is the root of a perfect subtree, that of the 2^level leaves from place·2^level on.
The algorithms that verify proofs are those of RFC 9162, 2.1.3.2 and 2.1.4.2.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256().digest()
"""The root of a tree without leaves."""

Node = tuple[int, int]
"""Level and place."""


def leaf_hash(content: bytes) -> bytes:
    """The hash of a leaf: SHA-256 of 0x00 and its bytes."""
    return hashlib.sha256(b"\x00" + content).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash over two subtrees: SHA-256 of 0x01 and their hashes."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True)
class Frontier:
    """What is kept of a tree to append to it: the roots of its perfect subtrees, the largest first.

    There is one for each 1 in the binary form of the size.
    """

    size: int = 0
    roots: tuple[bytes, ...] = ()

    def appended(self, leaf: bytes) -> tuple["Frontier", tuple[bytes, ...]]:
        """The frontier with one leaf more.

        Args:
            leaf: its hash.

        Returns:
            The frontier, and the hashes of all nodes that the leaf completes: itself, then level by level.
        """
        roots, completed = list(self.roots), [leaf]
        rest = self.size
        while rest & 1:
            completed.append(node_hash(roots.pop(), completed[-1]))
            rest >>= 1
        return Frontier(self.size + 1, (*roots, completed[-1])), tuple(completed)

    @property
    def root(self) -> bytes:
        """The root of the tree."""
        return joined(self.roots) if self.roots else EMPTY_ROOT

    def to_bytes(self) -> bytes:
        """The roots, one after the other."""
        return b"".join(self.roots)

    @classmethod
    def from_bytes(cls, size: int, content: bytes) -> "Frontier":
        """The frontier of a tree of this size.

        Raises:
            ValueError: that is not the length of one.
        """
        if size < 0 or len(content) != HASH_BYTES * size.bit_count():
            raise ValueError(f"these are not the subtrees of a tree of {size} leaves")
        pieces = range(0, len(content), HASH_BYTES)
        return cls(size, tuple(content[begin : begin + HASH_BYTES] for begin in pieces))


def joined(roots: Sequence[bytes]) -> bytes:
    """The root over perfect subtrees side by side, at least one, the largest first."""
    root = roots[-1]
    for left in reversed(roots[:-1]):
        root = node_hash(left, root)
    return root


def completed_by(node: Node) -> int:
    """The index of the leaf that completes a node, the last one below it."""
    level, place = node
    return ((place + 1) << level) - 1


def nodes_of(begin: int, end: int) -> list[Node]:
    """The perfect subtrees over the leaves begin … end − 1 of a subtree of RFC 6962, the largest first.

    >>> nodes_of(4, 7)
    [(1, 2), (0, 6)]
    """
    found = []
    while begin < end:
        level = (end - begin).bit_length() - 1
        found.append((level, begin >> level))
        begin += 1 << level
    return found


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """The leaves under each hash of an inclusion proof (PATH of RFC 6962, 2.1.1), from the leaf upward.

    Args:
        index: of the leaf, 0 … size − 1.
        size: of the tree.
    """
    found, begin, end = list[tuple[int, int]](), 0, size
    while end - begin > 1:
        middle = begin + _split(end - begin)
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((begin, middle))
            begin = middle
    return found[::-1]


def consistency_ranges(old: int, size: int) -> list[tuple[int, int]]:
    """The leaves under each hash of a consistency proof (SUBPROOF of RFC 6962, 2.1.2).

    Args:
        old: size of the smaller tree, 1 … size.
        size: of the larger tree.
    """
    found, begin, end = list[tuple[int, int]](), 0, size
    whole = True
    while old != end:
        middle = begin + _split(end - begin)
        if old <= middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((begin, middle))
            begin, whole = middle, False
    if not whole:
        found.append((begin, end))
    return found[::-1]


def hashes_of(
    ranges: Sequence[tuple[int, int]], read: Callable[[Sequence[Node]], Mapping[Node, bytes]]
) -> list[bytes]:
    """The hash over each range of leaves.

    Args:
        ranges: of `inclusion_ranges` or `consistency_ranges`.
        read: gives the hashes of nodes; called once.
    """
    wanted = [nodes_of(*leaves) for leaves in ranges]
    known = read([node for nodes in wanted for node in nodes])
    return [joined([known[node] for node in nodes]) for nodes in wanted]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether a proof shows that a tree has this leaf at this place (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    place, last, found = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            found = node_hash(sibling, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and found == root


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether a proof shows that a tree begins with the leaves of an older one (RFC 9162, 2.1.4.2).

    A tree without leaves is the beginning of each.
    """
    if old == 0 or old == new:
        return not proof and 0 <= old <= new and old_root == (new_root if old == new else EMPTY_ROOT)
    if not 0 < old < new or not proof:
        return False
    hashes: Iterator[bytes] = iter(proof)
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = old_root if old & (old - 1) == 0 else next(hashes)
    for sibling in hashes:
        if last == 0:
            return False
        if place & 1 or place == last:
            first, second = node_hash(sibling, first), node_hash(sibling, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and first == old_root and second == new_root


def _split(size: int) -> int:
    """The largest power of 2 below a size of at least 2."""
    return 1 << ((size - 1).bit_length() - 1)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    Node,
    completed_by,
    consistency_ranges,
    hashes_of,
    inclusion_ranges,
    leaf_hash,
    nodes_of,
    verify_consistency,
    verify_inclusion,
)
from reference.merkle_reference import mth, path, proof

LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
"""The reference tree of Certificate Transparency (merkletree tests of google/certificate-transparency)."""
ROOTS = [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]


def grown(leaves: list[bytes]) -> tuple[Frontier, dict[Node, bytes]]:
    """The frontier over leaves, and every node that they completed."""
    frontier, nodes = Frontier(), dict[Node, bytes]()
    for index, leaf in enumerate(leaves):
        frontier, completed = frontier.appended(leaf_hash(leaf))
        for level, found in enumerate(completed):
            node = (level, index >> level)
            assert completed_by(node) == index
            nodes[node] = found
    return frontier, nodes


@pytest.mark.parametrize("size", range(1, 9))
def test_the_roots_of_the_reference_tree(size: int) -> None:
    assert grown(LEAVES[:size])[0].root.hex() == ROOTS[size - 1]


def test_a_tree_without_leaves_has_the_hash_of_nothing() -> None:
    assert Frontier().root == EMPTY_ROOT == mth([])


@given(st.lists(st.binary(max_size=3), min_size=1, max_size=70), st.data())
def test_proofs_are_those_of_the_definition_and_verify(leaves: list[bytes], data: st.DataObject) -> None:
    frontier, nodes = grown(leaves)
    size, root = len(leaves), mth(leaves)
    assert frontier.root == root
    assert Frontier.from_bytes(size, frontier.to_bytes()) == frontier
    assert frontier.roots == tuple(nodes[node] for node in nodes_of(0, size))
    index = data.draw(st.integers(0, size - 1))
    included = hashes_of(inclusion_ranges(index, size), lambda wanted: {node: nodes[node] for node in wanted})
    assert included == path(index, leaves)
    assert verify_inclusion(leaf_hash(leaves[index]), index, size, included, root)
    old = data.draw(st.integers(1, size))
    consistent = hashes_of(
        consistency_ranges(old, size), lambda wanted: {node: nodes[node] for node in wanted}
    )
    assert consistent == proof(old, leaves)
    assert verify_consistency(old, size, mth(leaves[:old]), root, consistent)


@given(st.integers(2, 40), st.data())
def test_a_proof_of_anything_else_does_not_verify(size: int, data: st.DataObject) -> None:
    leaves = [bytes([number]) for number in range(size)]
    index = data.draw(st.integers(0, size - 1))
    proved, root, leaf = path(index, leaves), mth(leaves), leaf_hash(leaves[index])
    place = data.draw(st.integers(0, len(proved) - 1))
    wrong = [*proved[:place], bytes(32), *proved[place + 1 :]]
    assert not verify_inclusion(leaf, index, size, wrong, root)
    assert not verify_inclusion(leaf, (index + 1) % size, size, proved, root)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, proved, root)
    assert not verify_inclusion(leaf, index, size, proved[:-1], root)
    assert not verify_inclusion(leaf, index, size, [*proved, bytes(32)], root)
    assert not verify_inclusion(leaf, size, size, proved, root)
    old = data.draw(st.integers(1, size - 1))
    before, proved = mth(leaves[:old]), proof(old, leaves)
    place = data.draw(st.integers(0, len(proved) - 1))
    wrong = [*proved[:place], bytes(32), *proved[place + 1 :]]
    assert not verify_consistency(old, size, before, root, wrong)
    assert not verify_consistency(old, size, mth([b"x", *leaves[1:old]]), root, proved)
    assert not verify_consistency(old, size, before, bytes(32), proved)
    assert not verify_consistency(old, size, before, root, [*proved, bytes(32)])
    assert not verify_consistency(old, size, before, root, [])


def test_the_first_and_the_same_tree_need_no_proof() -> None:
    root = mth(LEAVES)
    assert verify_consistency(8, 8, root, root, [])
    assert verify_consistency(0, 8, EMPTY_ROOT, root, [])
    assert not verify_consistency(8, 8, root, bytes(32), [])
    assert not verify_consistency(0, 8, root, root, [])
    assert not verify_consistency(8, 7, root, root, [bytes(32)])


@pytest.mark.parametrize(("size", "length"), [(3, 32), (4, 64), (-1, 32), (0, 32)])
def test_a_frontier_of_another_length_is_refused(size: int, length: int) -> None:
    with pytest.raises(ValueError, match="subtrees"):
        Frontier.from_bytes(size, bytes(length))

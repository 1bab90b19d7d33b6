"""The shares of ranks: together the batch of one process, apart as balanced as numbers allow."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.loading.dataset import Draw, batches, epoch_order
from gainspect.data.loading.epoch_batches import EpochBatches, rank_share

SHAPES = st.tuples(
    st.lists(st.booleans(), min_size=2, max_size=40).filter(lambda labels: 0 < sum(labels) < len(labels)),
    st.integers(1, 5),  # images of a rank
    st.integers(1, 4),  # ranks
    st.booleans(),  # balanced
    st.integers(0, 3),  # epoch
)


def drawn(labels: np.ndarray, batch_size: int, balanced: bool, epoch: int) -> list[list[Draw]]:
    order = epoch_order(labels, balanced=balanced, seed=7, epoch=epoch)
    return batches(order, batch_size, epoch=epoch, size=64, strength=0.5)


@given(SHAPES)
def test_ranks_together_draw_the_batches_of_one_process(
    shape: tuple[list[bool], int, int, bool, int],
) -> None:
    given_labels, each, ranks, balanced, epoch = shape
    labels = np.array(given_labels)
    samplers = [
        EpochBatches(lambda at: drawn(labels, each * ranks, balanced, at), labels, rank, ranks)
        for rank in range(ranks)
    ]
    for sampler in samplers:
        sampler.set_epoch(epoch)
    whole = drawn(labels, each * ranks, balanced, epoch)
    assert {len(sampler) for sampler in samplers} == {len(whole)}
    for batch, *shares in zip(whole, *samplers, strict=True):
        assert Counter(draw for share in shares for draw in share) == Counter(batch)
        sizes = [len(share) for share in shares]
        assert max(sizes) - min(sizes) <= (len(batch) % ranks > 0)
        for defective in (True, False):
            counts = [sum(labels[draw.part] == defective for draw in share) for share in shares]
            assert max(counts) - min(counts) <= 1


def test_a_balanced_batch_is_balanced_on_every_rank() -> None:
    """Eight images of each class for four ranks: two and two, wherever they lie in the batch."""
    labels = np.arange(40) < 8
    batch = [Draw(part, 0, place, 64, 0.0) for place, part in enumerate(range(16))]
    shares = [rank_share(batch, labels, rank, 4) for rank in range(4)]
    assert [sum(labels[draw.part] for draw in share) for share in shares] == [2, 2, 2, 2]
    assert [len(share) for share in shares] == [4, 4, 4, 4]


def test_one_rank_takes_the_batch_in_its_order() -> None:
    batch = [Draw(part, 0, place, 64, 0.0) for place, part in enumerate([3, 0, 2, 1])]
    assert rank_share(batch, np.array([False, True, False, True]), 0, 1) == batch


@pytest.mark.parametrize("rank", [0, 1])
def test_every_epoch_has_its_own_order_and_gives_it_again(rank: int) -> None:
    labels = np.arange(20) % 3 == 0
    sampler = EpochBatches(lambda epoch: drawn(labels, 4, True, epoch), labels, rank, 2)
    first = list(sampler)
    sampler.set_epoch(1)
    second = list(sampler)
    sampler.set_epoch(0)
    assert list(sampler) == list(sampler) == first != second
    assert {draw.epoch for batch in second for draw in batch} == {1}

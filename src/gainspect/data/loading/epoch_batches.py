"""The batches of each epoch, in one order for all processes that train together, and the share of each."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from torch.utils.data import Sampler

from gainspect.data.loading.dataset import Draw


class EpochBatches(Sampler[list[Draw]]):
    """A batch sampler that gives one rank its share of every batch of the epoch that is set.

    Step k of all ranks together draws what a single process would draw as its batch k.

    Args:
        batches: the batches of an epoch, for all ranks together; a function of the epoch alone.
        labels: (N,) True for NG, of the images that draws count.
        rank: which rank this is, from 0.
        ranks: how many there are.
    """

    def __init__(
        self,
        batches: Callable[[int], list[list[Draw]]],
        labels: NDArray[np.bool_],
        rank: int = 0,
        ranks: int = 1,
    ) -> None:
        self._batches = batches
        self._labels = labels
        self._rank, self._ranks = rank, ranks
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Give the batches of this epoch from the next iteration on."""
        self._drawn = [self.share(batch) for batch in self._batches(epoch)]

    def share(self, batch: Sequence[Draw]) -> list[Draw]:
        """What this rank takes of a batch."""
        return rank_share(batch, self._labels, self._rank, self._ranks)

    @property
    def size(self) -> int:
        """Side of the images of the epoch that is set, pixels."""
        return self._drawn[0][0].size

    def __iter__(self) -> Iterator[list[Draw]]:
        return iter(self._drawn)

    def __len__(self) -> int:
        return len(self._drawn)


def rank_share(batch: Sequence[Draw], labels: NDArray[np.bool_], rank: int, ranks: int) -> list[Draw]:
    """What one of `ranks` ranks takes of a batch; with one rank the batch as it is.

    NG and then OK images are dealt out in turns like cards. So shares differ in size by at most one image, in
    the number of NG images by at most one, and in the number of OK images by at most one.
    """
    if ranks == 1:
        return list(batch)
    dealt = sorted(batch, key=lambda draw: not labels[draw.part])
    return dealt[rank::ranks]

"""Which images are near duplicates: nearer to each other than images of this set are by chance."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gainspect.data.near_duplicates.alignment import differences
from gainspect.data.near_duplicates.neighbors import describe, nearest
from gainspect.data.near_duplicates.thumbnail_store import Chosen, Thumbnails

_NEIGHBORS = 16
"""Images that each is compared with. Up to half of them may show its own part, and it is still found."""
_FEWEST = 4
"""With fewer neighbors it cannot be said what is usual."""
_NEAR = 0.25
"""Of the usual difference, which is a square: half as far as usual. The nearest of different parts stay above
0.8 where they differ by noise, above 0.3 for screws in any rotation; copies are mostly below 0.1."""
_NEARLY_ALL = 0.75
"""Share of the images with a twin. In a small set of parts in any rotation a half have a neighbor in nearly
their own by chance; where each part was exposed several times, nearly all images have one."""


class Twins(NamedTuple):
    """Two images that are nearer to each other than is usual in the set."""

    one: int
    other: int
    """Indices, `one` < `other`."""
    nearness: float
    """Their difference as a share of the usual one, 0…`_NEAR`."""


def find_twins(
    thumbnails: Thumbnails,
    groups: Sequence[str],
    on_image: Callable[[], None] = lambda: None,
) -> list[Twins]:
    """Find near duplicates that are not known to show one part.

    The time grows with N log N, the memory with N (2 kB an image, besides the thumbnails). The same images in
    the same order give the same twins.

    Args:
        thumbnails: of N images; those without structure (all 0) are twins of none.
        groups: the physical part that each shows; images of one part are not compared.
        on_image: called N times, as the comparison goes on.
    """
    shown = [index for index in range(len(thumbnails)) if thumbnails[index].any()]
    for _ in range(len(thumbnails) - len(shown)):
        on_image()
    if len(shown) <= _FEWEST:
        return []
    kept = Chosen(thumbnails, shown)
    _, numbers = np.unique([groups[index] for index in shown], return_inverse=True)
    near = nearest(describe(kept), numbers, min(_NEIGHBORS, len(kept) - 1))
    apart = _compared(kept, near, on_image)
    usual = _usual(near, apart)
    found = {
        (min(one, other), max(one, other)): difference / min(usual[one], usual[other])
        for one, others in enumerate(near.tolist())
        for other, difference in zip(others, apart[one].tolist(), strict=True)
        if difference < _NEAR * min(usual[one], usual[other])
    }
    return [Twins(shown[one], shown[other], nearness) for (one, other), nearness in sorted(found.items())]


def _compared(
    thumbnails: Thumbnails, near: NDArray[np.intp], on_image: Callable[[], None]
) -> NDArray[np.float64]:
    """(N, K) the difference from each neighbor, the same both ways; ∞ where there is no neighbor."""
    apart = np.full(near.shape, np.inf)
    for one, others in enumerate(near):
        wanted = np.flatnonzero((others >= 0) & np.isinf(apart[one]))
        if len(wanted):
            neighbors = others[wanted]
            measured = differences(thumbnails[one], [thumbnails[other] for other in neighbors])
            apart[one, wanted] = measured
            theirs, place = np.nonzero(near[neighbors] == one)  # it is a neighbor of some of its neighbors
            apart[neighbors[theirs], place] = measured[theirs]
        on_image()
    return apart


def _usual(near: NDArray[np.intp], apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) how far an image would be from its nearest neighbor if none were its twin; 0: unknown.

    It is what its neighbors are from their nearest; the upper quartile, as up to half of them may have twins.
    Where nearly every image has a twin, that would be the difference of twins; then it is what the farther
    neighbors foretell, if that is more.

    Not more than what is usual in the whole set, so that a rare kind of part, whose few images are alike, is
    not taken for copies.
    """
    ordered = np.sort(apart, axis=1)
    counts = np.isfinite(ordered).sum(axis=1)
    first = ordered[:, 0]
    usual = np.array([_upper_quartile(first[others[others >= 0]]) for others in near])
    foretold = np.array([_foretold(row[:count]) for row, count in zip(ordered, counts, strict=True)])
    if len(near) > 2 * _NEIGHBORS and np.mean(first < _NEAR * foretold) > _NEARLY_ALL:
        usual = np.maximum(usual, foretold)
    usual[counts < _FEWEST] = 0
    known = usual[usual > 0]
    return np.minimum(usual, np.median(known)) if len(known) else usual


def _upper_quartile(values: NDArray[np.float64]) -> float:
    return float(np.quantile(values, 0.75)) if len(values) else 0.0


def _foretold(ordered: NDArray[np.float64]) -> float:
    """The first of ordered differences, by the power of the rank that leads from the middle to the last.

    Differences from neighbors grow with a power of the rank, 2 / the number of ways in which parts differ.
    """
    if len(ordered) < _FEWEST or ordered[len(ordered) // 2 - 1] <= 0:
        return 0.0
    half, last = len(ordered) // 2, len(ordered)
    power = np.log(ordered[last - 1] / ordered[half - 1]) / np.log(last / half)
    return float(ordered[half - 1] * half**-power)

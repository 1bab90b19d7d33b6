"""Which images are near duplicates: nearer to each other than images of this set are by chance."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gainspect.data.near_duplicates.alignment import differences
from gainspect.data.near_duplicates.neighbors import describe, nearest
from gainspect.data.near_duplicates.thumbnail import Thumbnail

_NEIGHBORS = 16
"""Images that each is compared with: twice as many as a part usually has images."""
_FEWEST = 4
"""With fewer neighbors it cannot be said what is usual."""
_NEAR = 0.3
"""Of the usual difference. What two different parts share, a third does too; what only two share is theirs: at
0.3, seven tenths of what usually differs. Noise alone stays above 0.8, copies and second exposures below 0.2."""


class Twins(NamedTuple):
    """Two images that are nearer to each other than is usual in the set."""

    one: int
    other: int
    """Indices, `one` < `other`."""
    nearness: float
    """Their difference as a share of the usual one, 0…`_NEAR`."""


def find_twins(
    thumbnails: Sequence[Thumbnail],
    groups: Sequence[str],
    on_image: Callable[[], None] = lambda: None,
) -> list[Twins]:
    """Find near duplicates that are not known to show one part.

    The time grows with N log N, the memory with N. The same images in the same order give the same twins.

    Args:
        thumbnails: of N images; those without structure (all 0) are twins of none.
        groups: the physical part that each shows; images of one part are not compared.
        on_image: called N times, as the comparison goes on.
    """
    shown = [index for index, thumbnail in enumerate(thumbnails) if thumbnail.any()]
    for _ in range(len(thumbnails) - len(shown)):
        on_image()
    if len(shown) <= _FEWEST:
        return []
    kept = [thumbnails[index] for index in shown]
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
    thumbnails: list[Thumbnail], near: NDArray[np.intp], on_image: Callable[[], None]
) -> NDArray[np.float64]:
    """(N, K) the difference from each neighbor; of a pair the same both ways. ∞ where there is no neighbor."""
    known: dict[tuple[int, int], float] = {}
    for one, others in enumerate(near.tolist()):
        wanted = [other for other in others if other >= 0 and (min(one, other), max(one, other)) not in known]
        measured = differences(thumbnails[one], [thumbnails[other] for other in wanted]) if wanted else []
        known |= {
            (min(one, other), max(one, other)): float(difference)
            for other, difference in zip(wanted, measured, strict=True)
        }
        on_image()
    return np.array(
        [
            [known[min(one, other), max(one, other)] if other >= 0 else np.inf for other in others]
            for one, others in enumerate(near.tolist())
        ]
    )


def _usual(near: NDArray[np.intp], apart: NDArray[np.float64]) -> NDArray[np.float64]:
    """(N,) how far an image would be from its nearest neighbor if none were its twin.

    The larger of two estimates: what its neighbors are from their nearest, and what its own farther neighbors
    foretell (differences grow with a power of the rank); the first is too small where most images have a
    twin, the second where parts differ by noise only. Not more than what is usual in the whole set, so that a
    rare kind of part, whose few images are alike, is not taken for copies. 0: unknown.
    """
    ordered = np.sort(apart, axis=1)
    counts = np.isfinite(ordered).sum(axis=1)
    first = ordered[:, 0]
    around = np.array([_median(first[others[others >= 0]]) for others in near])
    foretold = np.array([_foretold(row[:count]) for row, count in zip(ordered, counts, strict=True)])
    usual = np.where(counts >= _FEWEST, np.maximum(around, foretold), 0.0)
    known = usual[usual > 0]
    return np.minimum(usual, np.median(known)) if len(known) else usual


def _median(values: NDArray[np.float64]) -> float:
    return float(np.median(values)) if len(values) else 0.0


def _foretold(ordered: NDArray[np.float64]) -> float:
    """The first of ordered differences, by the power of the rank that leads from the middle to the last."""
    if len(ordered) < _FEWEST or ordered[len(ordered) // 2 - 1] <= 0:
        return 0.0
    half, last = len(ordered) // 2, len(ordered)
    power = np.log(ordered[last - 1] / ordered[half - 1]) / np.log(last / half)
    return float(ordered[half - 1] * half**-power)

"""Which images are worth comparing: the nearest of each, found in N log N by random halvings."""

import numpy as np
from numpy.typing import NDArray

from gainspect.data.near_duplicates.thumbnail import SIDE, WINDOW, Thumbnail
from gainspect.data.near_duplicates.thumbnail_store import Thumbnails

_BAND = 10
"""Cycles across the image, up to which it is described: what survives JPEG and a thumbnail's smoothing."""
_TREES = 8
"""Each halves the set along other directions. In a set of 100,000 whose descriptions are pure noise (the
hardest), 97 % of twins at 0.05 of the usual squared distance are once in a leaf together, 75 % of those at
0.16; in one of 20,000, 99 % and 90 %."""
LEAF = 256
"""Images that are compared with each other without further halving; up to so many, all pairs are seen."""
_FARTHEST = 8.0
_STEPS = 127
"""A description is in whole numbers up to this, at the `_FARTHEST` from the mean in units of the spread. Sums
of them are exact, in any order."""

Descriptions = NDArray[np.float32]
"""(N, D) whole numbers, −`_STEPS`…`_STEPS`."""


def describe(thumbnails: Thumbnails) -> Descriptions:
    """Describe images by the strengths of their spatial frequencies, which a shift hardly changes.

    Each frequency counts in units of its spread in this set: what all images share (the fixture) does not
    count, and what differs much from part to part counts no more than what differs little.
    """
    described = np.empty((len(thumbnails), np.count_nonzero(_DESCRIBED)), np.float32)
    for place, row in enumerate(described):
        row[:] = _strengths(thumbnails[place])
    described /= np.linalg.norm(described, axis=1, keepdims=True)
    spread = described.std(axis=0) + 1e-3 * described.mean()
    described -= described.mean(axis=0)
    described /= spread * _FARTHEST
    np.clip(described, -1, 1, out=described)
    described *= _STEPS
    return np.rint(described, out=described)


def nearest(descriptions: Descriptions, groups: NDArray[np.intp], count: int) -> NDArray[np.intp]:
    """The nearest images of other groups, (N, count), nearest first; −1 where none was found.

    Args:
        descriptions: of N images.
        groups: (N,) the physical part that each shows.
        count: how many neighbors of each image.
    """
    found = np.full((len(descriptions), count), -1, np.intp)
    apart = np.full((len(descriptions), count), np.inf, np.float32)
    for leaf in leaves(descriptions):
        here = descriptions[leaf]
        squares = np.einsum("ij,ij->i", here, here)
        distances = squares[:, None] + squares - 2 * here @ here.T
        distances[groups[leaf][:, None] == groups[leaf]] = np.inf
        order = np.argsort(distances, axis=1, kind="stable")[:, :count]
        names, near = leaf[order], np.take_along_axis(distances, order, axis=1)
        # Of those that were found in another tree already, one stays.
        near[(names[:, :, None] == found[leaf][:, None]).any(axis=2)] = np.inf
        names, near = np.hstack([found[leaf], names]), np.hstack([apart[leaf], near])
        order = np.argsort(near, axis=1, kind="stable")[:, :count]
        found[leaf], apart[leaf] = (np.take_along_axis(values, order, axis=1) for values in (names, near))
    found[np.isinf(apart)] = -1
    return found


def leaves(descriptions: Descriptions) -> list[NDArray[np.intp]]:
    """Indices of up to `LEAF` images that lie together; every image is in one leaf of each tree."""
    rng = np.random.default_rng(0)
    done: list[NDArray[np.intp]] = []
    for _ in range(_TREES if len(descriptions) > LEAF else 1):
        parts = [np.arange(len(descriptions))]
        while len(parts[0]) > LEAF:
            direction = rng.choice(np.array([-1, 1], np.float32), descriptions.shape[1])
            along = descriptions @ direction
            parts = [half for part in parts for half in _halves(part, along)]
        done.extend(parts)
    return done


def _halves(part: NDArray[np.intp], along: NDArray[np.float32]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The upper half of a part, which is never smaller, first."""
    order = part[np.argsort(along[part], kind="stable")]
    middle = len(order) // 2
    return order[middle:], order[:middle]


def _strengths(thumbnail: Thumbnail) -> NDArray[np.float32]:
    spectrum = np.fft.rfft2(thumbnail.astype(np.float32) * WINDOW)
    return np.abs(spectrum[_DESCRIBED]).astype(np.float32)


def _described() -> NDArray[np.bool_]:
    """(SIDE, SIDE // 2 + 1) which frequencies are in a description."""
    rows, columns = np.fft.fftfreq(SIDE, 1 / SIDE)[:, None], np.arange(SIDE // 2 + 1)
    band = np.hypot(rows, columns)
    return np.asarray((band <= _BAND) & (band > 0))


_DESCRIBED = _described()

"""Where in an image it looks as it does around a region: what lies there can take the region's place."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.types import BoolMask

Place = tuple[slice, slice]

_COARSE = 256
"""Longest side of the image that is searched as a whole, pixels; in the image itself the place is refined."""
_RING = 0.03
"""Width of the ring around a region that is compared, as a share of the longer image side."""
_CANDIDATES = 16
"""Number of places that are compared exactly: the sums that find them are rounded."""
_ENOUGH = 8
"""Smallest number of pixels in a ring."""
_COMPARED = 4_000
"""Largest number of pixels of a ring that are compared at each place where one is refined."""


class Surroundings:
    """Finds places of an image by what is around a region.

    Args:
        image: (H, W, 3).
        forbidden: (H, W), True where neither a place may lie nor surroundings be compared.
    """

    def __init__(self, image: NDArray[np.uint8], forbidden: BoolMask) -> None:
        self.image = image
        self.forbidden = forbidden
        self.factor = ceil(max(forbidden.shape) / _COARSE)
        if self.factor == 1:
            self.coarse, self.coarse_forbidden = image, forbidden
        else:
            size = tuple(ceil(side / self.factor) for side in forbidden.shape[::-1])
            self.coarse = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
            covered = cv2.resize(forbidden.astype(np.float32), size, interpolation=cv2.INTER_AREA)
            self.coarse_forbidden = np.asarray(covered > 0, np.bool_)

    def similar(self, piece: BoolMask, place: Place) -> tuple[int, int] | None:
        """How far, down and to the right, it is to the place whose surroundings are most alike.

        Its distance is the mean squared difference of gray values in a ring around the piece.

        Args:
            piece: (h, w), the region's shape; not empty.
            place: where it lies.

        Returns:
            The distance in pixels; None if there is no place, or nothing around the region to compare.
        """
        if self.factor == 1:
            ring = Ring.around(piece, place, self.forbidden)
            return None if ring is None else _searched(self.image, self.forbidden, ring)
        y, x = ((np.argwhere(piece) + [side.start for side in place]) // self.factor).T
        shape = np.zeros(self.coarse_forbidden.shape, np.bool_)
        shape[y, x] = True
        rough = (slice(y.min(), y.max() + 1), slice(x.min(), x.max() + 1))
        coarse = Ring.around(shape[rough], rough, self.coarse_forbidden)
        found = None if coarse is None else _searched(self.coarse, self.coarse_forbidden, coarse)
        ring = None if found is None else Ring.around(piece, place, self.forbidden)
        if found is None or ring is None:
            return None
        start = (found[0] * self.factor, found[1] * self.factor)
        return refined(self.image, self.forbidden, ring, self.image[ring.window], start, self.factor)


@dataclass(frozen=True)
class Ring:
    """What is compared around a piece of a region."""

    window: Place
    """The piece with its ring, inside the image."""
    piece: BoolMask
    ring: BoolMask
    """(h, w), in the window."""

    @classmethod
    def around(cls, piece: BoolMask, place: Place, forbidden: BoolMask) -> "Ring | None":
        """None: too little around it may be compared."""
        width = max(2, round(_RING * max(forbidden.shape)))
        window, inner = widened(place, width, forbidden.shape)
        shape = np.pad(piece, width)[inner]
        ring = grown(piece, width)[inner] & ~shape & ~forbidden[window]
        return cls(window, shape, ring) if ring.sum() >= _ENOUGH else None


def grown(piece: BoolMask, margin: int) -> BoolMask:
    """(h + 2·margin, w + 2·margin): all pixels within the margin of a piece."""
    return within(np.pad(piece, margin), margin)


def within(region: BoolMask, margin: int) -> BoolMask:
    """(H, W): all pixels within a margin of a region that is not empty.

    The time of a distance transform does not grow with the margin, as that of a dilation does.
    """
    distance = cv2.distanceTransform((~region).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= margin, np.bool_)


def widened(place: Place, margin: int, shape: tuple[int, ...]) -> tuple[Place, Place]:
    """A place with a margin inside an image (H, W), and where that lies in the place with all its margin."""
    sides = [
        (max(0, side.start - margin), min(length, side.stop + margin))
        for side, length in zip(place, shape, strict=False)
    ]
    starts = [side.start - margin for side in place]
    inner = [slice(low - start, high - start) for (low, high), start in zip(sides, starts, strict=True)]
    return (slice(*sides[0]), slice(*sides[1])), (inner[0], inner[1])


def differences(
    image: NDArray[np.uint8], forbidden: BoolMask, ring: Ring, wanted: NDArray[np.uint8]
) -> NDArray[np.float32]:
    """How little each place of an image is alike around.

    Args:
        image: (H, W, 3).
        forbidden: (H, W), True where the piece may not lie.
        ring: what is compared around the piece.
        wanted: (h, w, 3), what the window of the ring should look like; no larger than the image.

    Returns:
        (H - h + 1, W - w + 1): the sum of the squared differences of gray values for each place of the
        window's upper left corner, rounded as sums of float32 are; infinite where the piece may not lie.
    """
    gray = all((array == array[:, :, :1]).all() for array in (image, wanted))
    channels = 1 if gray else 3  # one takes a fraction of the time of three
    whole, part = (np.ascontiguousarray(array[:, :, :channels], np.float32) for array in (image, wanted))
    found = cv2.matchTemplate(whole, part, cv2.TM_SQDIFF, mask=ring.ring.astype(np.float32))
    rough = np.asarray(found, np.float32) * np.float32(3 / channels)
    taken = cv2.matchTemplate(forbidden.astype(np.float32), ring.piece.astype(np.float32), cv2.TM_CCORR)
    return np.where(taken > 0.5, np.float32(np.inf), rough)  # half a pixel, as the sums are rounded


def _searched(image: NDArray[np.uint8], forbidden: BoolMask, ring: Ring) -> tuple[int, int] | None:
    """How far it is to the place in the whole image that is most alike around."""
    rough = differences(image, forbidden, ring, image[ring.window])
    likely = np.argpartition(rough, min(_CANDIDATES, rough.size) - 1, axis=None)[:_CANDIDATES]
    known = sorted(int(index) for index in likely if np.isfinite(rough.flat[index]))
    starts = [divmod(index, rough.shape[1]) for index in known]
    distances = [(y - ring.window[0].start, x - ring.window[1].start) for y, x in starts]
    return _most_alike(image, ring, image[ring.window], distances)


def refined(
    image: NDArray[np.uint8],
    forbidden: BoolMask,
    ring: Ring,
    wanted: NDArray[np.uint8],
    near: tuple[int, int],
    reach: int,
) -> tuple[int, int] | None:
    """How far it is to the place that is most alike around, of those near a distance.

    Args:
        image: as in `differences`.
        forbidden: as there.
        ring: as there.
        wanted: as there.
        near: how far it is about, down and to the right.
        reach: how much further or less far it may be.

    Returns:
        The distance in pixels; None if the piece may not lie at any of these places.
    """
    y, x = np.nonzero(ring.ring)
    chosen = slice(None, None, ceil(len(y) / _COMPARED))
    y, x = y[chosen], x[chosen]
    values = wanted[y, x].astype(np.int32)
    y, x = y + ring.window[0].start, x + ring.window[1].start
    places = []
    for down in range(near[0] - reach, near[0] + reach + 1):
        for across in range(near[1] - reach, near[1] + reach + 1):
            if _moved(ring.window, (down, across), forbidden.shape) is not None:
                difference = int(((image[y + down, x + across] - values) ** 2).sum())
                places.append((difference, (down, across)))
    free = (by for _, by in sorted(places) if not _overlaps(ring, by, forbidden))
    return _most_alike(image, ring, wanted, sorted(islice(free, _CANDIDATES)))


def _most_alike(
    image: NDArray[np.uint8], ring: Ring, wanted: NDArray[np.uint8], distances: Sequence[tuple[int, int]]
) -> tuple[int, int] | None:
    """The one of some distances at which the mean squared difference is smallest; None without any."""
    values = wanted[ring.ring].astype(np.int32)

    def difference(by: tuple[int, int]) -> int:
        moved = _moved(ring.window, by, image.shape)
        assert moved is not None
        return int(((image[moved][ring.ring] - values) ** 2).sum(dtype=np.int64))

    return min(distances, key=difference, default=None)


def _overlaps(ring: Ring, by: tuple[int, int], forbidden: BoolMask) -> bool:
    moved = _moved(ring.window, by, forbidden.shape)
    return moved is None or bool((forbidden[moved] & ring.piece).any())


def _moved(place: Place, by: tuple[int, int], shape: tuple[int, ...]) -> Place | None:
    """A place, moved; None if it is not inside the image (H, W) there."""
    down, across = (slice(side.start + step, side.stop + step) for side, step in zip(place, by, strict=True))
    inside = min(down.start, across.start) >= 0 and down.stop <= shape[0] and across.stop <= shape[1]
    return (down, across) if inside else None

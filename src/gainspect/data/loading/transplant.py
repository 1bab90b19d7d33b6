"""Transplants: counterfactual training images, in which a piece of one image is put onto another part.

The piece is a defect or, as a control, a patch of defect-free surface. The first kind teaches that the defect
makes a part NG, whichever part it is on. The second teaches that the seam, which both kinds have, does not.

A piece is put where the other part looks as its own did around it: a torn thread onto a thread, and not onto
the belt beside the screw.
"""

from collections.abc import Sequence
from math import ceil
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.repair import seamless
from gainspect.data.similar_place import Place, Ring, differences, refined, within
from gainspect.types import BoolMask, Image, Mask

_Pixel = TypeVar("_Pixel", np.uint8, np.bool_)

_COARSE = 96
"""Longest side of the images that are searched, pixels; in the images themselves the place is refined."""
_MARGIN = 3
"""What is put onto the host with a piece, pixels."""
_TURNS = 8
"""Quarters of a turn, of an image and of its mirror image."""
_AS_GOOD = 2.0
"""The place is drawn from those whose squared difference is at most this many times the least."""
_GRAIN = 3.0
"""Standard deviation of a Gaussian blur, pixels of that size; all detail that is finer counts as grain."""


class Host(NamedTuple):
    """A part that a piece can be put onto."""

    image: Image
    """(S, S, 3)"""
    room: BoolMask
    """(S, S), True where the image shows the part, not its border."""

    def shrunk(self, factor: int) -> "Host":
        """The same in a size that is searched."""
        return Host(_shrunk_image(self.image, factor), _shrunk_mask(self.room, factor) > 0.999)


class Piece(NamedTuple):
    """A piece of the image of a part, in its place there."""

    image: Image
    """(S, S, 3)"""
    room: BoolMask
    """(S, S), True where the image shows the part, not its border."""
    mask: BoolMask
    """(S, S), True in the defect, or in the patch; not empty."""
    shape: BoolMask
    """(S, S), True in what is put onto the host: the same with a margin, as a defect has a rim."""

    @classmethod
    def around(cls, image: Image, room: BoolMask, mask: BoolMask) -> "Piece":
        """A piece with its margin."""
        return cls(image, room, mask, within(mask, _MARGIN) & room)

    def shrunk(self, factor: int) -> "Piece":
        """The same in a size that is searched."""
        mask, shape = (_shrunk_mask(mask, factor) > 0 for mask in (self.mask, self.shape))
        return Piece(*Host(self.image, self.room).shrunk(factor), mask, shape)

    def turned(self, turn: int) -> "Piece":
        """By quarters of a turn; from 4 on mirrored too."""
        masks = (_turned(mask, turn) for mask in (self.room, self.mask, self.shape))
        return Piece(_turned(self.image, turn), *masks)

    def place(self) -> Place:
        """Where it lies."""
        left, top, width, height = cv2.boundingRect(self.shape.view(np.uint8))
        return slice(top, top + height), slice(left, left + width)

    def ring(self) -> Ring | None:
        """What is compared around it; None: there is too little."""
        place = self.place()
        return Ring.around(self.shape[place], place, self.shape)


class Transplant(NamedTuple):
    """A host with a piece of another part."""

    host: int
    """Which of the hosts it is."""
    image: Image
    """(S, S, 3)"""
    mask: Mask
    """(S, S), 1 in the piece."""


class _Fit(NamedTuple):
    """How well a turned piece fits onto a host, in the size that is searched."""

    host: int
    turn: int
    ring: Ring
    differences: NDArray[np.float32]
    """Mean squared difference around it by place; infinite where it may not lie."""


def transplant(hosts: Sequence[Host], piece: Piece, rng: np.random.Generator) -> Transplant | None:
    """Put a piece of an image onto that of some other parts, and turned or mirrored so, that it fits best.

    Args:
        hosts: images of parts that the piece can be put onto, all of its size.
        piece: a defect, or a patch of defect-free surface.
        rng: draws one of the places that fit about as well.

    Returns:
        The host with the piece, in brightness and color as there; None if it fits nowhere.
    """
    factor = ceil(len(piece.shape) / _COARSE)
    small, small_hosts = piece.shrunk(factor), [host.shrunk(factor) for host in hosts]
    turned = [small.turned(turn) for turn in range(_TURNS)]
    rings = [(turn, ring) for turn, other in enumerate(turned) if (ring := other.ring()) is not None]
    fits = []
    for index, host in enumerate(small_hosts):
        for turn, ring in rings:
            found = differences(host.image, ~host.room, ring, turned[turn].image[ring.window])
            if np.isfinite(found).any():
                fits.append(_Fit(index, turn, ring, found / np.float32(ring.ring.sum())))
    if not fits:
        return None
    best = min(fits, key=lambda fit: fit.differences.min())
    moved = _drawn(best, small_hosts[best.host], turned[best.turn], rng)
    if moved is None:
        return None
    near = moved[0] * factor, moved[1] * factor
    put = _put(hosts[best.host], piece.turned(best.turn), near, reach=factor)
    return None if put is None else Transplant(best.host, *put)


def _drawn(fit: _Fit, host: Host, piece: Piece, rng: np.random.Generator) -> tuple[int, int] | None:
    """How far the piece is moved to a place that is drawn; None if it fits nowhere."""
    window, least = fit.ring.window, fit.differences.min()
    best = _away(np.argwhere(fit.differences == least)[0], window)
    both = fit.ring.ring & host.room[_moved(window, best)] & piece.room[window]
    apart = host.image[_moved(window, best)][both].astype(np.float32) - piece.image[window][both]
    if not both.any() or apart.var(axis=0).sum() > _tolerated(host):
        return None
    # One gray value apart is as good as none: the sums are rounded.
    places = np.argwhere(fit.differences <= _AS_GOOD * least + 1)
    return _away(places[rng.integers(len(places))], window)


def _away(corner: NDArray[np.intp], window: Place) -> tuple[int, int]:
    """How far it is from a window to where its upper left corner comes to lie."""
    return int(corner[0]) - window[0].start, int(corner[1]) - window[1].start


def _tolerated(host: Host) -> float:
    """Largest variance of what a piece and a host differ by around it.

    A piece fits better than one even color would (whose variance is that of the host), but for the grain:
    that of two places differs by twice its variance.
    """
    smooth = cv2.GaussianBlur(host.image, (0, 0), _GRAIN).astype(np.float32)
    grain = host.image - smooth
    return float((smooth[host.room].var(axis=0) + 2 * grain[host.room].var(axis=0)).sum())


def _put(host: Host, piece: Piece, near: tuple[int, int], reach: int) -> tuple[Image, Mask] | None:
    """The host with the piece moved by about `near`, and the mask of the piece."""
    ring = piece.ring()
    if ring is None:
        return None
    by = refined(host.image, ~host.room, ring, piece.image[ring.window], near, reach)
    if by is None:
        return None
    own = piece.place()
    shape, place = piece.shape[own], _moved(own, by)
    true = host.room.copy()
    true[place] &= ~shape
    fitted = seamless(
        shape, place, host.image, true, piece.image, ~piece.shape & piece.room, (-by[0], -by[1])
    )
    if fitted is None:
        return None
    image = host.image.copy()
    image[place][shape] = fitted[shape]
    mask = np.zeros(piece.mask.shape, np.uint8)
    mask[place] = piece.mask[own]
    return image, mask


def _moved(place: Place, by: tuple[int, int]) -> Place:
    rows, columns = (slice(side.start + step, side.stop + step) for side, step in zip(place, by, strict=True))
    return rows, columns


def _turned(array: NDArray[_Pixel], turn: int) -> NDArray[_Pixel]:
    turned = np.rot90(array, turn % 4)
    return np.ascontiguousarray(turned[:, ::-1] if turn >= 4 else turned)


def _shrunk_image(image: Image, factor: int) -> Image:
    size = ceil(len(image) / factor)
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _shrunk_mask(mask: BoolMask, factor: int) -> NDArray[np.float32]:
    size = ceil(len(mask) / factor)
    shrunk = cv2.resize(mask.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.float32)

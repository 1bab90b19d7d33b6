"""Where images are repaired: around a region with a margin, and elsewhere, as a control."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gainspect.data.repair import drawn_place, pieces_of
from gainspect.data.similar_place import within
from gainspect.types import BoolMask

_MARGIN = 0.03
"""Margin by which a repair exceeds the evidence, as a share of the longer image side. Without it, the rim of
a defect would be smeared into the repair."""
MAX_REPAIRED = 0.5
"""Largest share of an image, or of its part, that is repaired; otherwise too little would be left of it."""
_MAX_COVERED = 1 / 3
"""Largest share of what looks like the part that the evidence covers; with more, it may be the defect."""
_DRAWS = 100
"""Number of places tried for each piece of a control."""


def with_margin(region: BoolMask) -> BoolMask:
    """The region, enlarged by the margin of a repair: all pixels within that distance of it."""
    if not region.any():
        return region.copy()
    return within(region, max(1, round(_MARGIN * max(region.shape))))


def control_regions(
    region: BoolMask, rng: np.random.Generator, count: int, part: BoolMask | None = None
) -> tuple[BoolMask, ...]:
    """The connected pieces of a region, moved to other places that overlap neither it nor each other.

    Args:
        region: (H, W), not empty.
        rng: draws the places.
        count: how many control regions to look for.
        part: (H, W), where the part is; each piece then lies on it with at least the share of its area that
            it has there in the region itself. None: it is not known, and pieces may lie anywhere; so too if
            the region covers more than `_MAX_COVERED` of it, for then it may be the defect itself.

    Returns:
        At most `count` regions (H, W) of the same area; fewer, or none, if there is no room.
    """
    if part is not None and (region & part).sum() > _MAX_COVERED * part.sum():
        part = None
    # The largest piece is placed first, because smaller ones find room more easily.
    pieces = [
        _Piece(piece, 0 if part is None else int((part[place] & piece).sum()))
        for piece, place in sorted(pieces_of(region), key=lambda found: -int(found[0].sum()))
    ]
    draw = _Places(region.shape, part, rng)
    drawn = (_scattered(pieces, region, draw) for _ in range(count))
    return tuple(control for control in drawn if control is not None)


class _Piece(NamedTuple):
    shape: BoolMask
    on_part: int
    """Number of its pixels that must lie on the part."""


class _Places:
    """Draws places for pieces: in the whole image, or around pixels of the part."""

    def __init__(self, shape: tuple[int, ...], part: BoolMask | None, rng: np.random.Generator) -> None:
        self.shape = shape
        self.part = part
        self.rng = rng
        step = max(1, max(shape) // 256)
        self.spots = None if part is None else step * np.argwhere(part[::step, ::step])

    def draw(self, piece: _Piece) -> tuple[slice, slice] | None:
        """A place for the piece; None if it lies less on the part there than it must."""
        if self.part is None or self.spots is None or not len(self.spots) or not piece.on_part:
            return drawn_place(piece.shape, self.shape, self.rng)
        center = self.spots[int(self.rng.integers(len(self.spots)))]
        y, x = (
            int(min(max(middle - side // 2, 0), whole - side))
            for middle, side, whole in zip(center, piece.shape.shape, self.shape, strict=True)
        )
        place = slice(y, y + piece.shape.shape[0]), slice(x, x + piece.shape.shape[1])
        return place if int((self.part[place] & piece.shape).sum()) >= piece.on_part else None


def _scattered(pieces: Sequence[_Piece], avoid: BoolMask, places: _Places) -> BoolMask | None:
    taken = avoid.copy()
    control = np.zeros_like(avoid)
    for piece in pieces:
        for _ in range(_DRAWS):
            place = places.draw(piece)
            if place is not None and not (taken[place] & piece.shape).any():
                taken[place] |= piece.shape
                control[place] |= piece.shape
                break
        else:
            return None
    return control

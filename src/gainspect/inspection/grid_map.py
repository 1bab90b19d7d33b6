"""A map as the network gives it, on its own grids; it is drawn in the image's pixels when somebody looks."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from gainspect.data.framing import Geometry, unletterbox
from gainspect.data.tiles import Tile
from gainspect.types import FloatMap


class Piece(NamedTuple):
    """The map of one frame: of the whole image, or of one tile of it."""

    values: FloatMap
    """(h, w), over the whole frame."""
    geometry: Geometry
    """How the image, or the tile, was letterboxed into the frame."""
    tile: Tile
    """Where it lies in the image."""


@dataclass(eq=False)
class GridMap:
    """One map of one image. Calling it draws it, (H, W) float32.

    Where tiles overlap, it has the largest of their values, so that no peak is averaged away.

    Args:
        shape: (H, W) of the image.
        least: what is drawn is at least this.
    """

    shape: tuple[int, int]
    least: float = -np.inf
    _pieces: list[Piece] = field(default_factory=list, init=False)

    def add(self, values: FloatMap, geometry: Geometry, tile: Tile) -> None:
        """Add what one frame says of the image; the values are copied."""
        self._pieces.append(Piece(np.array(values, np.float32), geometry, tile))

    def reaches(self, threshold: float) -> bool:
        """Whether something that is drawn could reach a threshold: it interpolates between values."""
        peak = max((float(piece.values.max()) for piece in self._pieces), default=self.least)
        # It may round up.
        return max(peak, self.least) >= threshold - 1e-5 * max(1.0, abs(threshold))

    def __call__(self) -> FloatMap:
        """Draw it."""
        if len(self._pieces) == 1 and (alone := self._pieces[0]).tile == Tile(0, 0, *self.shape):
            drawn = unletterbox(alone.values, alone.geometry)
        else:
            drawn = np.full(self.shape, -np.inf, np.float32)
            for values, geometry, tile in self._pieces:
                place = tile.of(drawn)
                np.maximum(place, unletterbox(values, geometry), out=place)
        return drawn if self.least == -np.inf else np.maximum(drawn, np.float32(self.least), out=drawn)

"""Tiles: the model sees an image much larger than its input in pieces, both in training and in inspection.

NumPy and OpenCV only.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gainspect.data.manifest import Manifest, Part
from gainspect.errors import GainspectError
from gainspect.types import Label, Mask
from gainspect.wording import plural

_Number = TypeVar("_Number", np.uint8, np.float32)

_DEFECTIVE_SHARE = 0.8
"""Share of the draws of a marked part that take a tile with some of the defect; the others take any tile."""


@dataclass(frozen=True)
class Tiling:
    """How images are cut into tiles."""

    tile: int
    """Side of the square tiles, in pixels of the original image."""
    overlap: float
    """Smallest overlap of neighboring tiles, as a share of the side, 0…1. Anything smaller than the overlap
    is completely inside some tile."""


@dataclass(frozen=True)
class Tile:
    """Position and size of a tile in its image, pixels."""

    top: int
    left: int
    height: int
    width: int

    def cuts(self, mask: Mask) -> bool:
        """Whether one of its edges goes through a marked area of its image, (H, W)."""
        bottom, right = self.top + self.height, self.left + self.width
        rows, columns = slice(self.top, bottom), slice(self.left, right)
        across = [
            mask[at - 1, columns] & mask[at, columns] for at in (self.top, bottom) if 0 < at < len(mask)
        ]
        down = [mask[rows, at - 1] & mask[rows, at] for at in (self.left, right) if 0 < at < mask.shape[1]]
        return any(bool(both.any()) for both in (*across, *down))

    def of(self, pixels: NDArray[_Number]) -> NDArray[_Number]:
        """The pixels of the tile in an image, mask or map (H, W, …), as a view."""
        return pixels[self.top : self.top + self.height, self.left : self.left + self.width]


def tiles_of(height: int, width: int, tiling: Tiling) -> list[Tile]:
    """Cut height × width into tiles that cover it, row by row; the last ones are shifted back to the edge.

    If a side of the image is shorter than a tile, the tile is as short as this side. An image that fits into
    one tile becomes a single tile.

    >>> [(tile.left, tile.width) for tile in tiles_of(100, 1000, Tiling(tile=400, overlap=0.25))]
    [(0, 400), (300, 400), (600, 400)]
    """
    return [
        Tile(top, left, min(tiling.tile, height), min(tiling.tile, width))
        for top in _starts(height, tiling)
        for left in _starts(width, tiling)
    ]


def _starts(length: int, tiling: Tiling) -> Iterator[int]:
    stride = max(1, int(tiling.tile * (1 - tiling.overlap)))
    last = max(0, length - tiling.tile)
    yield from range(0, last, stride)
    yield last


def draw_tile(
    shape: tuple[int, ...],
    mask: Mask | None,
    tiling: Tiling,
    rng: np.random.Generator,
    *,
    unknown: Mask | None = None,
    whole: bool = False,
) -> Tile:
    """Draw one of an image's tiles, as training sees it.

    Args:
        shape: (H, W, …) of the image.
        mask: (H, W), 0 or 1. If it marks a defect, four of five draws take a tile with some of it, with a
            probability in proportion to the number of its pixels, so that slivers at an edge are rare.
        tiling: how the image is cut.
        rng: the source of all randomness.
        unknown: (H, W), 1 where it is not known whether there is a defect; a tile with some of it, but none
            of the marked defect, is not drawn unless all are so.
        whole: whether part of a marked area says nothing, as of a box; a tile that cuts one is not drawn
            unless none shows one whole.
    """
    tiles = tiles_of(shape[0], shape[1], tiling)
    if mask is not None and unknown is not None:
        tiles = [tile for tile in tiles if tile.of(mask).any() or not tile.of(unknown).any()] or tiles
    if mask is not None and whole:
        uncut = [tile for tile in tiles if not tile.cuts(mask)]
        tiles = uncut if any(tile.of(mask).any() for tile in uncut) else tiles
    if mask is None or not mask.any() or rng.random() >= _DEFECTIVE_SHARE:
        return tiles[int(rng.integers(len(tiles)))]
    held = np.array([np.count_nonzero(tile.of(mask)) for tile in tiles], np.float64)
    return tiles[int(rng.choice(len(tiles), p=held / held.sum()))]


def marked_only(manifest: Manifest) -> Manifest:
    """Leave out NG parts whose defect is not marked, because it is unknown which of their tiles are OK.

    Raises:
        GainspectError: there are NG parts but none is marked, or a mask cannot be read.
    """
    kept = tuple(part for part in manifest.parts if part.label is Label.OK or _is_marked(manifest, part))
    defective = int(manifest.labels.sum())
    if defective and not any(part.label is Label.NG for part in kept):
        raise GainspectError(
            f"training with tiles needs marked defects, but none of {plural(defective, 'NG image')} has one",
            where=manifest.root,
            hint="Mark the defects, or train on whole images (without data.tile).",
        )
    return replace(manifest, parts=kept)


def _is_marked(manifest: Manifest, part: Part) -> bool:
    mask = manifest.mask(part)
    return mask is not None and bool(mask.any())

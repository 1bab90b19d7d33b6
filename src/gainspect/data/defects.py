"""How large the defects are for the model, and the input size that follows from it."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from gainspect.data.manifest import Manifest
from gainspect.data.preprocess import geometry_of, read_image, read_mask
from gainspect.data.tiles import Tiling
from gainspect.types import Label, Mask

SIZES = (256, 384, 512)
"""Input sides to choose from, pixels."""

SMALL_DEFECT = 4.0
"""Pixels across after resizing (one cell of the localization map): below it a defect is hard to see."""

_SHARE = 0.9
_TILE_STEP = 32
"""Sides of tiles that are chosen are multiples of this, pixels."""


@dataclass(frozen=True)
class SizeChoice:
    """An input size, perhaps with tiles, and what it was chosen on."""

    size: int
    """Side of the square input, pixels."""
    tile: int | None
    """Side of the tiles that images are cut into, pixels of the original; None = they are seen whole."""
    defects: int
    """Images with a marked defect that were measured."""
    median_px: float
    """Median size of their defects after resizing, pixels."""
    too_small: int
    """How many are still smaller than `SMALL_DEFECT`."""

    def __str__(self) -> str:
        if not self.defects:
            return f"{self._seen} (no defect is marked, so none was measured)."
        sentence = f"{self._seen}: the median defect is {self.median_px:.0f} px across there."
        if self.too_small:
            sentence += (
                f" {self.too_small} of {self.defects} stay under {SMALL_DEFECT:.0f} px and may be missed."
            )
        return sentence

    @property
    def _seen(self) -> str:
        whole = f"Images at {self.size} px"
        return whole if self.tile is None else f"Images in tiles of {self.tile} px, each at {self.size} px"


def defect_px(mask: Mask, size: int, tiling: Tiling | None = None) -> float:
    """Size of the largest connected defect of a mask after resizing: square root of its area, pixels.

    Args:
        mask: (H, W), not empty.
        size: input side, pixels.
        tiling: how the image is cut; None = it is seen whole.
    """
    height, width = (side if tiling is None else min(side, tiling.tile) for side in mask.shape)
    geometry = geometry_of(height, width, size)
    scale = geometry.content_height * geometry.content_width / (height * width)
    _, _, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return float(np.sqrt(statistics[1:, cv2.CC_STAT_AREA].max() * scale))


def choose_size(
    manifest: Manifest, *, tiling: Tiling | None = None, progress: Callable[[], None] | None = None
) -> SizeChoice:
    """Choose the smallest of `SIZES` at which nine of ten defects are not too small, else the largest.

    Where even there the median defect is too small, tiles are chosen too: the largest with which nine of ten
    defects are large enough, but none that would have to be enlarged.

    The test part is not looked at.

    Args:
        manifest: with or without splits.
        tiling: given by the user; None = whole images, unless their defects are too small.
        progress: called after each mask.

    Raises:
        GainspectError: an image or mask cannot be read.
    """
    masks = _Masks(tiling)
    for part in manifest.parts:
        if part.label is not Label.NG or part.mask is None or part.split == "test":
            continue
        masks.measure(read_mask(part.mask, read_image(part.image).shape))
        if progress is not None:
            progress()
    found, given = masks.at_sizes, None if tiling is None else tiling.tile
    if not masks.original:
        return SizeChoice(SIZES[1], given, 0, 0.0, 0)
    fit = (size for size in SIZES if np.mean(np.array(found[size]) >= SMALL_DEFECT) >= _SHARE)
    size = next(fit, SIZES[-1])
    tile = masks.tile() if tiling is None and np.median(found[size]) < SMALL_DEFECT else None
    # A tile of t pixels shows a defect at size/t of its size.
    sizes = np.array(found[size]) if tile is None else np.array(masks.original) * size / tile
    too_small = int((sizes < SMALL_DEFECT).sum())
    return SizeChoice(size, tile or given, len(sizes), float(np.median(sizes)), too_small)


class _Masks:
    """The sizes of the defects of all masks, pixels."""

    def __init__(self, tiling: Tiling | None) -> None:
        self.tiling = tiling
        self.at_sizes: dict[int, list[float]] = {size: [] for size in SIZES}
        self.original: list[float] = []
        self.longest_side = 0

    def measure(self, mask: Mask) -> None:
        """Take a mask (H, W) in; an empty one counts for nothing."""
        if not mask.any():
            return
        self.longest_side = max(self.longest_side, *mask.shape)
        self.original.append(defect_px(mask, max(mask.shape)))
        for size, sizes in self.at_sizes.items():
            sizes.append(defect_px(mask, size, self.tiling))

    def tile(self) -> int | None:
        """The largest side with which `_SHARE` of the defects are large enough; None if it helps nothing."""
        smallest = float(np.quantile(self.original, 1 - _SHARE))
        side = int(SIZES[-1] * smallest / SMALL_DEFECT) // _TILE_STEP * _TILE_STEP
        tile = max(SIZES[-1], side)
        return tile if tile < self.longest_side else None

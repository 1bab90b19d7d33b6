"""How large the defects are for the model, and the input size that follows from it."""

from collections import Counter
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.framing import geometry_of
from gainspect.data.manifest import Manifest
from gainspect.data.reading import read_image, read_mask
from gainspect.data.tiles import Tiling
from gainspect.types import Label, Mask

SIZES = (256, 384, 512)
"""Input sides to choose from, pixels."""

SMALL_DEFECT = 4.0
"""Pixels across after resizing (one cell of the localization map): below it a defect is hard to see."""

_SHARE = 0.9
_FEW = 5
_OTHERS = "others"
"""Types of defect with fewer than `_FEW` marked images are counted as one, under this name."""
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
    """Median of how far their defects are across after resizing, pixels."""
    finest: tuple[str, float] | None
    """Of several types of defect the one with the smallest median, and that median."""
    too_small: int
    """How many are still smaller than `SMALL_DEFECT`."""

    def __str__(self) -> str:
        if not self.defects:
            return f"{self._seen} (no defect is marked, so none was measured)."
        finest = "" if self.finest is None else " ({}, the finest type: {:.0f} px)".format(*self.finest)
        sentence = f"{self._seen}: the median defect is {self.median_px:.0f} px across there{finest}."
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
    """How far a defect is across after resizing, pixels: the diameter of the largest circle inside it.

    A crack is as thin as it is, however long.

    Args:
        mask: (H, W), not empty.
        size: input side, pixels.
        tiling: how the image is cut; None = it is seen whole.
    """
    return _across(mask) * _scale(mask, size, tiling)


def choose_size(manifest: Manifest, *, tiling: Tiling | None = None) -> SizeChoice:
    """Choose the smallest of `SIZES` at which nine of ten defects of each type are not too small.

    If there is none, the largest; and where even there the median defect of a type is too small, tiles: the
    largest with which nine of ten defects of each type are large enough, but none that must be enlarged.

    The test part is not looked at.

    Args:
        manifest: with or without splits.
        tiling: given by the user; None = whole images, unless their defects are too small.

    Raises:
        GainspectError: an image or mask cannot be read.
    """
    original, scales, kinds, longest = [], [], [], 0
    for part in manifest.parts:
        if part.label is not Label.NG or part.mask is None or part.split == "test":
            continue
        mask = read_mask(part.mask, read_image(part.image).shape)
        if mask.any():
            original.append(_across(mask))
            scales.append([_scale(mask, size, tiling) for size in SIZES])
            kinds.append(part.defect_type or "")
            longest = max(longest, *mask.shape)
    given = None if tiling is None else tiling.tile
    if not original:
        return SizeChoice(SIZES[1], given, 0, 0.0, None, 0)
    px = np.array(original)
    at_sizes = dict(zip(SIZES, px * np.array(scales).T, strict=True))
    of_kind = _indices(kinds)
    fit = (size for size, found in at_sizes.items() if _least_share(found, of_kind) >= _SHARE)
    size = next(fit, SIZES[-1])
    seen, tile = at_sizes[size], given
    if tiling is None and min(_medians(seen, of_kind).values()) < SMALL_DEFECT:
        tile = _tile(min(float(np.quantile(px[of], 1 - _SHARE)) for of in of_kind.values()))
        tile = tile if tile < longest else None
        seen = seen if tile is None else px * size / tile  # a tile of t pixels shows a defect at size/t
    medians = _medians(seen, of_kind)
    finest = min(medians.items(), key=lambda kind: kind[1])
    return SizeChoice(
        size=size,
        tile=tile,
        defects=len(seen),
        median_px=float(np.median(seen)),
        finest=finest if len(medians) > 1 else None,
        too_small=int((seen < SMALL_DEFECT).sum()),
    )


def _across(mask: Mask) -> float:
    """Diameter of the largest circle inside a mask (H, W), pixels."""
    x, y, width, height = cv2.boundingRect(mask)
    marked = np.pad(mask[y : y + height, x : x + width], 1)
    # Between twice as many pixels the middle of an even side is a pixel too.
    doubled = marked.repeat(2, axis=0).repeat(2, axis=1)
    return float(cv2.distanceTransform(doubled, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max())


def _scale(mask: Mask, size: int, tiling: Tiling | None) -> float:
    """Pixels after resizing a pixel of the original."""
    height, width = (side if tiling is None else min(side, tiling.tile) for side in mask.shape)
    geometry = geometry_of(height, width, size)
    return float(np.sqrt(geometry.content_height * geometry.content_width / (height * width)))


def _indices(kinds: list[str]) -> dict[str, NDArray[np.intp]]:
    """Where each kind is; those that are few are one."""
    counts = Counter(kinds)
    named = np.array([kind if counts[kind] >= _FEW else _OTHERS for kind in kinds])
    return {str(kind): np.flatnonzero(named == kind) for kind in np.unique(named)}


def _least_share(px: NDArray[np.float64], of_kind: dict[str, NDArray[np.intp]]) -> float:
    """Share of defects that are not too small, of the kind where it is least."""
    return min(float(np.mean(px[of] >= SMALL_DEFECT)) for of in of_kind.values())


def _medians(px: NDArray[np.float64], of_kind: dict[str, NDArray[np.intp]]) -> dict[str, float]:
    return {kind: float(np.median(px[of])) for kind, of in of_kind.items()}


def _tile(smallest: float) -> int:
    """The largest side of a tile in which a defect of `smallest` pixels is large enough; none is enlarged."""
    side = int(SIZES[-1] * smallest / SMALL_DEFECT) // _TILE_STEP * _TILE_STEP
    return max(SIZES[-1], side)

"""How large the defects are in the model's input, and the input size that is chosen from it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.framing import geometry_of
from gainspect.data.manifest import Manifest
from gainspect.data.tiles import Tiling
from gainspect.types import Label, Mask

SIZES = (256, 384, 512)
"""Input sides to choose from, pixels."""

SMALL_DEFECT = 4.0
"""A defect narrower than this after resizing, in pixels, is hard to see."""

_SHARE = 0.9
_FEW = 5
_OTHERS = "others"
"""Types of defect with fewer than `_FEW` marked images are counted together, under this name."""
_TILE_STEP = 32
"""The side of a chosen tile is a multiple of this, pixels."""


@dataclass(frozen=True)
class SizeChoice:
    """An input size, possibly with tiles, and what it was chosen from."""

    size: int
    """Side of the square input, pixels."""
    tile: int | None
    """Side of the tiles that images are cut into, in pixels of the original; None: no tiling."""
    defects: int
    """Number of images with a marked defect; these were measured."""
    median_px: float
    """Median width of their defects after resizing, pixels."""
    finest: tuple[str, float] | None
    """The type of defect with the smallest median, and that median; None if there is only one type."""
    too_small: int
    """How many defects are still smaller than `SMALL_DEFECT`."""
    outlined: bool = True
    """False: there is no outline, and boxes and strokes were measured in place of defects."""

    def __str__(self) -> str:
        if not self.defects:
            return f"{self._seen} (no defect is marked, so none was measured)."
        finest = "" if self.finest is None else " ({}, the finest type: {:.0f} px)".format(*self.finest)
        sentence = f"{self._seen}: at this size the median defect is {self.median_px:.0f} px wide{finest}."
        if self.too_small:
            sentence += (
                f" {self.too_small} of {self.defects} are less than {SMALL_DEFECT:.0f} px wide"
                " and may be missed."
            )
        if not self.outlined:
            sentence += " Boxes and strokes were measured: the defects themselves may be narrower."
        return sentence

    @property
    def _seen(self) -> str:
        whole = f"Images at {self.size} px"
        return whole if self.tile is None else f"Images in tiles of {self.tile} px, each at {self.size} px"


@dataclass(frozen=True)
class Defect:
    """The measures of one marked defect, of which its size in every input follows."""

    across: float
    """Diameter of the largest circle that fits into it, pixels of the original."""
    height: int
    width: int
    """Of its image, pixels."""
    kind: str = ""
    """The type of defect."""
    outlined: bool = True
    """Whether its outline was measured, not a box around it or strokes on it."""

    @classmethod
    def of(cls, mask: Mask, kind: str | None = None, *, outlined: bool = True) -> "Defect":
        """Measure a mask (H, W) that is not empty."""
        return cls(_across(mask), mask.shape[0], mask.shape[1], kind or "", outlined)

    def px(self, size: int, tiling: Tiling | None = None) -> float:
        """Its width after resizing to an input of `size` pixels; `tiling` as in `defect_px`."""
        height, width = (
            side if tiling is None else min(side, tiling.tile) for side in (self.height, self.width)
        )
        geometry = geometry_of(height, width, size)
        return self.across * float(
            np.sqrt(geometry.content_height * geometry.content_width / (height * width))
        )


def defect_px(mask: Mask, size: int, tiling: Tiling | None = None) -> float:
    """The width of a defect after resizing, pixels: the diameter of the largest circle that fits into it.

    The width of a crack does not depend on its length.

    Args:
        mask: (H, W), not empty.
        size: input side, pixels.
        tiling: how the image is cut into tiles; None: the model sees it whole.
    """
    return Defect.of(mask).px(size, tiling)


def choose_size(manifest: Manifest, *, tiling: Tiling | None = None) -> SizeChoice:
    """Choose the input size for a data set by `size_for`, from the marked defects outside the test part.

    Args:
        manifest: the parts, with or without splits.
        tiling: the user's choice; None: whole images, unless their defects are too small.

    Raises:
        GainspectError: an image or mask cannot be read.
    """
    defects = []
    for part in manifest.parts:
        if part.label is not Label.NG or part.mask is None or part.split == "test":
            continue
        mask = manifest.mask(part, manifest.image(part).shape)
        if mask is not None and mask.any():
            defects.append(Defect.of(mask, part.defect_type, outlined=part.outlined))
    return size_for(defects, tiling=tiling)


def size_for(defects: Sequence[Defect], *, tiling: Tiling | None = None) -> SizeChoice:
    """Choose the smallest of `SIZES` at which nine of ten defects of each type are not too small.

    If there is no such size, the largest one is chosen. If the median defect of some type is too small even
    then, tiles are chosen as well: the largest ones with which nine of ten defects of each type are large
    enough, but not so small that a tile would have to be enlarged.

    A box is as wide as its defect or wider, and a stroke has a width of its own: they are measured only where
    no defect is outlined.

    Args:
        defects: those that may be looked at: none of the test part.
        tiling: the user's choice; None: whole images, unless their defects are too small.
    """
    given = None if tiling is None else tiling.tile
    if not defects:
        return SizeChoice(SIZES[1], given, 0, 0.0, None, 0)
    outlined = [defect for defect in defects if defect.outlined]
    defects = outlined or defects
    at_sizes = {size: np.array([defect.px(size, tiling) for defect in defects]) for size in SIZES}
    of_kind = _indices([defect.kind for defect in defects])
    fit = (size for size, found in at_sizes.items() if _least_share(found, of_kind) >= _SHARE)
    size = next(fit, SIZES[-1])
    seen, tile = at_sizes[size], given
    if tiling is None and min(_medians(seen, of_kind).values()) < SMALL_DEFECT:
        px = np.array([defect.across for defect in defects])
        tile = _tile(min(float(np.quantile(px[of], 1 - _SHARE)) for of in of_kind.values()))
        tile = tile if tile < max(max(defect.height, defect.width) for defect in defects) else None
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
        outlined=bool(outlined),
    )


def _across(mask: Mask) -> float:
    """Diameter of the largest circle inside a mask (H, W), pixels."""
    x, y, width, height = cv2.boundingRect(mask)
    marked = np.pad(mask[y : y + height, x : x + width], 1)
    # At twice the resolution, the middle of a side with an even number of pixels is also a pixel.
    doubled = marked.repeat(2, axis=0).repeat(2, axis=1)
    return float(cv2.distanceTransform(doubled, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).max())


def _indices(kinds: list[str]) -> dict[str, NDArray[np.intp]]:
    """The indices of each kind; kinds with few members are merged into one."""
    counts = Counter(kinds)
    named = np.array([kind if counts[kind] >= _FEW else _OTHERS for kind in kinds])
    return {str(kind): np.flatnonzero(named == kind) for kind in np.unique(named)}


def _least_share(px: NDArray[np.float64], of_kind: dict[str, NDArray[np.intp]]) -> float:
    """The share of defects that are not too small, for the kind for which this share is smallest."""
    return min(float(np.mean(px[of] >= SMALL_DEFECT)) for of in of_kind.values())


def _medians(px: NDArray[np.float64], of_kind: dict[str, NDArray[np.intp]]) -> dict[str, float]:
    return {kind: float(np.median(px[of])) for kind, of in of_kind.items()}


def _tile(smallest: float) -> int:
    """The largest tile side at which a defect of `smallest` pixels is large enough; at least max(SIZES)."""
    side = int(SIZES[-1] * smallest / SMALL_DEFECT) // _TILE_STEP * _TILE_STEP
    return max(SIZES[-1], side)

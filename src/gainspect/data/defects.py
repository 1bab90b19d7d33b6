"""How large the defects are for the model, and the input size that follows from it."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from gainspect.data.manifest import Manifest
from gainspect.data.preprocess import geometry_of, read_image, read_mask
from gainspect.types import Label, Mask

SIZES = (256, 384, 512)
"""Input sides to choose from, pixels."""

SMALL_DEFECT = 4.0
"""Pixels across after resizing (one cell of the localization map): below it a defect is hard to see."""

_SHARE = 0.9


@dataclass(frozen=True)
class SizeChoice:
    """An input size and what it was chosen on."""

    size: int
    """Side of the square input, pixels."""
    defects: int
    """Images with a marked defect that were measured."""
    median_px: float
    """Median size of their defects after resizing, pixels."""
    too_small: int
    """How many are still smaller than `SMALL_DEFECT`."""

    def __str__(self) -> str:
        if not self.defects:
            return f"Images at {self.size} px (no defect is marked, so none was measured)."
        sentence = f"Images at {self.size} px: the median defect is {self.median_px:.0f} px across there."
        if self.too_small:
            sentence += (
                f" {self.too_small} of {self.defects} stay under {SMALL_DEFECT:.0f} px and may be missed."
            )
        return sentence


def defect_px(mask: Mask, size: int) -> float:
    """Size of the largest connected defect of a mask after resizing: square root of its area, pixels.

    Args:
        mask: (H, W), not empty.
        size: input side, pixels.
    """
    geometry = geometry_of(mask.shape[0], mask.shape[1], size)
    scale = geometry.content_height * geometry.content_width / mask.size
    _, _, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    return float(np.sqrt(statistics[1:, cv2.CC_STAT_AREA].max() * scale))


def choose_size(manifest: Manifest, *, progress: Callable[[], None] | None = None) -> SizeChoice:
    """Choose the smallest of `SIZES` at which nine of ten defects are not too small, else the largest.

    The test part is not looked at.

    Args:
        manifest: with or without splits.
        progress: called after each mask.

    Raises:
        GainspectError: an image or mask cannot be read.
    """
    found: dict[int, list[float]] = {size: [] for size in SIZES}
    for part in manifest.parts:
        if part.label is not Label.NG or part.mask is None or part.split == "test":
            continue
        mask = read_mask(part.mask, read_image(part.image).shape)
        if mask.any():
            for size, sizes in found.items():
                sizes.append(defect_px(mask, size))
        if progress is not None:
            progress()
    fit = (size for size in SIZES if found[size] and np.mean(np.array(found[size]) >= SMALL_DEFECT) >= _SHARE)
    default = SIZES[-1] if found[SIZES[0]] else SIZES[1]
    size = next(fit, default)
    sizes = found[size]
    return SizeChoice(
        size, len(sizes), float(np.median(sizes)) if sizes else 0.0, sum(px < SMALL_DEFECT for px in sizes)
    )

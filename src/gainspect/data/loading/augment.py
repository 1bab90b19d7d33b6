"""Augmentation of image and mask together, with a single strength parameter for progressive learning."""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.framing import PADDING
from gainspect.types import Image, Mask

DEFECT, IGNORED = 1, 2
"""Values of a mask in training: the defect, and what no loss counts."""

# The ranges at strength 1.
_TURN_DEGREES = 15.0
_SCALE = 0.2
_SHIFT = 0.08
_BRIGHTNESS = 40.0
_CONTRAST = 0.3
_NOISE = 8.0
_BLUR_SIGMA = 1.0

_TURNS = (None, cv2.ROTATE_90_COUNTERCLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)


class Augmented(NamedTuple):
    """An image and its mask, after they were augmented together."""

    image: Image
    mask: Mask
    turned: float = 0.0
    """Degrees, counter-clockwise, by which what was along the axes is turned."""
    whole: bool = True
    """Whether all of the defect is still in the frame."""


def augment(image: Image, mask: Mask, rng: np.random.Generator, strength: float) -> Augmented:
    """Augment a letterboxed image (S, S, 3) and its mask (S, S) together.

    Flips and quarter turns, a small affine transformation, brightness and contrast, noise, and blur.

    Args:
        image: RGB.
        mask: 0, `DEFECT`, or `IGNORED`.
        rng: the source of all randomness.
        strength: 0: no change; 1: the full ranges. Flips and turns happen at any strength above 0.
    """
    if strength <= 0:
        return Augmented(image, mask)
    image, mask = _flip_and_turn(image, mask, rng)
    moved = _affine(image, mask, rng, strength)
    return moved._replace(image=_photometric(moved.image, rng, strength))


def _flip_and_turn(image: Image, mask: Mask, rng: np.random.Generator) -> tuple[Image, Mask]:
    turn, flip = _TURNS[rng.integers(4)], bool(rng.integers(2))
    if turn is not None:
        image, mask = np.asarray(cv2.rotate(image, turn)), np.asarray(cv2.rotate(mask, turn))
    if flip:
        image, mask = np.asarray(cv2.flip(image, 1)), np.asarray(cv2.flip(mask, 1))
    return image, mask


def _affine(image: Image, mask: Mask, rng: np.random.Generator, strength: float) -> Augmented:
    side = image.shape[0]
    angle, zoom, *shift = rng.uniform(-strength, strength, 4) * (
        _TURN_DEGREES,
        _SCALE,
        _SHIFT * side,
        _SHIFT * side,
    )
    matrix = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), angle, 1 + zoom)
    matrix[:, 2] += shift
    moved = cv2.warpAffine(
        image, matrix, (side, side), borderMode=cv2.BORDER_CONSTANT, borderValue=(PADDING, PADDING, PADDING)
    )
    # Bilinear with a low threshold, because nearest-neighbor would lose defects that are one pixel wide.
    kept = _moved(mask == DEFECT, matrix)
    # A defect moved out of the frame would leave an NG label on a part that looks OK.
    if 2 * np.count_nonzero(kept) < np.count_nonzero(mask == DEFECT):
        return Augmented(image, mask)
    ignored = _moved(mask == IGNORED, matrix)
    labels = np.where(kept, DEFECT, np.where(ignored, IGNORED, 0)).astype(np.uint8)
    return Augmented(moved.astype(np.uint8), labels, angle, _stays_inside(mask == DEFECT, matrix))


def _stays_inside(region: NDArray[np.bool_], matrix: cv2.typing.MatLike) -> bool:
    """Whether the corners of a region's bounding box are still in the frame; so are those of none."""
    if not region.any():
        return True
    left, top, width, height = cv2.boundingRect(region.astype(np.uint8))
    across, down = (left - 0.5, left + width - 0.5), (top - 0.5, top + height - 0.5)
    corners = np.array([(x, y, 1) for x in across for y in down]) @ np.asarray(matrix).T
    return bool((corners >= -0.5).all() and (corners <= len(region) - 0.5).all())


def _moved(region: NDArray[np.bool_], matrix: cv2.typing.MatLike) -> NDArray[np.bool_]:
    if not region.any():
        return region
    coverage = cv2.warpAffine(region.astype(np.float32), matrix, region.shape[::-1], borderValue=0)
    return np.asarray(coverage >= 0.25)


def _photometric(image: Image, rng: np.random.Generator, strength: float) -> Image:
    contrast = 1 + strength * rng.uniform(-_CONTRAST, _CONTRAST)
    brightness = strength * rng.uniform(-_BRIGHTNESS, _BRIGHTNESS)
    tones = (np.arange(256) - PADDING) * contrast + PADDING + brightness
    pixels = np.asarray(cv2.LUT(image, np.clip(np.rint(tones), 0, 255).astype(np.uint8)), np.uint8)
    if rng.random() < 0.5:
        grain = rng.standard_normal(image.shape[:2], dtype=np.float32)
        grain *= np.float32(strength * rng.uniform(0, _NOISE))
        # OpenCV rounds and saturates the sum.
        pixels = np.asarray(cv2.add(pixels, cv2.merge([grain] * 3), dtype=cv2.CV_8U), np.uint8)
    if rng.random() < 0.3:
        sigma = max(0.1, strength * rng.uniform(0, _BLUR_SIGMA))
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma), np.uint8)
    return pixels

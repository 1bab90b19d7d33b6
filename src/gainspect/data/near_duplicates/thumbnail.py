"""What is compared of an image: its structure, without its light and without the finest grain."""

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.types import Image

SIDE = 64
"""Side of a thumbnail, pixels: it shows the grain of a surface, and one of each image (8 kB) can be kept."""
_SMOOTHING = 0.7
"""Sigma in pixels of the thumbnail. Below it, a shift by half a pixel would change the picture."""
_LIGHT = SIDE / 8
"""Sigma in pixels of the thumbnail. What varies more slowly is light."""
_FLAT = 0.05
"""Grey levels, root mean square: less structure than this is rounding."""

Thumbnail = NDArray[np.float16]
"""(SIDE, SIDE), mean square 1 under `WINDOW`; all 0 for an image without structure."""

_ARC = np.hanning(SIDE + 2)[1:-1]
WINDOW = np.outer(_ARC, _ARC).astype(np.float32)
"""(SIDE, SIDE) Hann window: what a shift moves across the border counts little."""


def thumbnail_of(image: Image) -> Thumbnail:
    """The thumbnail of an image (H, W, 3); its aspect ratio is not kept."""
    grey = image.mean(axis=2, dtype=np.float32)
    # The filter stands before the smaller grid, so that fine grain does not turn into coarse.
    double = cv2.resize(grey, (2 * SIDE, 2 * SIDE), interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(double, (0, 0), 2 * _SMOOTHING)
    cells = cv2.resize(smooth, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    structure = cells - cv2.GaussianBlur(cells, (0, 0), _LIGHT)
    strength = float(np.sqrt(np.mean(np.square(structure * WINDOW))))
    if strength < _FLAT:
        return np.zeros((SIDE, SIDE), np.float16)
    return np.asarray(structure / strength, np.float16)

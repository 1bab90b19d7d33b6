"""Where the part is in its image, so that controls fall on it and not on the belt beside it."""

import cv2
import numpy as np

from gainspect.types import BoolMask, Image

_SIDE = 128
"""Longer side at which the image is looked at, pixels; the average over an area removes its grain."""
_STEP = 16
"""A background changes by at most this within three pixels at that size, gray levels; an outline by more."""
_PLAIN = 0.9
"""Share of the border that must be background; otherwise the part is cut by it, or fills the image."""
_SMALLEST, _LARGEST = 0.05, 0.9
"""Shares of the image that a part can fill. Something smaller may be a defect on a plain surface."""


def part_of(image: Image) -> BoolMask | None:
    """Find a part that lies on a plain background: a belt, a tray, or the border of a letterbox.

    The background is what has no structure and is connected with the image's border through pixels without
    structure; light may fall off over it. The part is the rest, its holes included. The same pixels always
    give the same part.

    Args:
        image: (H, W, 3).

    Returns:
        (H, W), True on the part; None if it cannot be told, as when the part fills the whole image.
    """
    height, width = image.shape[:2]
    scale = min(1.0, _SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    window = np.ones((3, 3), np.uint8)
    plain = (cv2.dilate(small, window) - cv2.erode(small, window)).max(axis=2) <= _STEP
    border = np.ones(plain.shape, np.bool_)
    border[1:-1, 1:-1] = False
    if plain[border].mean() < _PLAIN:
        return None
    _, labels = cv2.connectedComponents(plain.astype(np.uint8), connectivity=4)
    background = np.isin(labels, np.unique(labels[border & plain]))
    # The outline has structure on both of its sides: the outer one goes, and with it wires and specks.
    solid = cv2.erode((~background).astype(np.uint8), window, borderType=cv2.BORDER_REPLICATE)
    solid = cv2.morphologyEx(solid, cv2.MORPH_OPEN, window)
    if not _SMALLEST <= solid.mean() <= _LARGEST:
        return None
    return np.asarray(cv2.resize(solid, (width, height), interpolation=cv2.INTER_NEAREST), np.bool_)

"""An image in small, with lines around what is marked in it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.report.drawing.heat import OUTLINE, resized
from gainspect.types import Image, Mask

IGNORED = (255, 176, 0)
"""RGB of the line around an ignored area: apart from `OUTLINE` with every common color blindness."""
_GAP = 3
"""Pixels from a marked area to the middle of its line, so that a small defect stays visible."""
_WIDTH = 2


def marked_picture(image: Image, defect: Mask | None, ignored: Mask | None, side: int) -> Image:
    """Scale an image, and draw a line around its marked defect and its ignored area.

    Args:
        image: (H, W, 3).
        defect: (H, W), 1 in the defect; None: none is marked.
        ignored: (H, W), 1 where nothing counts; None: nowhere.
        side: longer side of the picture, pixels.

    Returns:
        (H', W', 3); the smallest defect has a line too.
    """
    return with_marks(resized(image, side / max(image.shape[:2])), defect, ignored)


def with_marks(picture: Image, defect: Mask | None, ignored: Mask | None) -> Image:
    """Draw the same lines on a picture that is scaled already.

    Args:
        picture: (H', W', 3), of an image of (H, W).
        defect: see `marked_picture`.
        ignored: see `marked_picture`.
    """
    drawn = np.ascontiguousarray(picture).copy()
    for mask, color in ((ignored, IGNORED), (defect, OUTLINE)):
        if mask is not None and mask.any():
            around = cv2.dilate(_scaled(mask, drawn.shape), _disc(_GAP))
            contours, _ = cv2.findContours(around, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
            cv2.drawContours(drawn, contours, -1, color, _WIDTH, cv2.LINE_AA)
    return drawn


def _scaled(mask: Mask, shape: tuple[int, ...]) -> Mask:
    """1 wherever a pixel of the picture holds any of the mask."""
    height, width = shape[:2]
    shrinks = mask.shape[0] > height
    area = cv2.resize(
        mask.astype(np.float32),
        (width, height),
        interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_NEAREST,
    )
    return np.asarray(area > 0, np.uint8)


def _disc(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)

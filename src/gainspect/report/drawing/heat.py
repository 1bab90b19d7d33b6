"""Evidence as color on one calibrated scale: an OK part looks cold."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.policy import HeatScale
from gainspect.types import FloatMap, Image

_Number = TypeVar("_Number", np.uint8, np.float32)

COLORMAP = cv2.COLORMAP_INFERNO
"""Perceptually uniform and readable with every common color blindness."""
OUTLINE = (0, 213, 255)
"""RGB of outlines: apart from the color map and from grey."""
LOCALIZATION_SCALE = HeatScale(cold=0.2, hot=1)
"""Of the localization probability: what it is unsure of stays grey."""


def heat_of(values: FloatMap, scale: HeatScale) -> FloatMap:
    """(H, W) evidence → 0 (cold or less) … 1 (hot or more)."""
    span = max(scale.hot - scale.cold, 1e-9)
    return np.asarray(np.clip((values - scale.cold) / span, 0, 1), np.float32)


def heated(image: Image, heat: FloatMap) -> Image:
    """The grey image, colored the more the hotter; where it is cold it stays grey."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    alpha = (0.8 * np.sqrt(heat))[:, :, None]
    return (grey[:, :, None] * (1 - alpha) + colors_of(heat) * alpha).astype(np.uint8)


def colors_of(heat: FloatMap) -> Image:
    """(H, W, 3) of the color map; its dark beginning, which would read as shadow on the part, is left out."""
    index = (60 + 195 * heat).astype(np.uint8)
    return np.ascontiguousarray(cv2.applyColorMap(index, COLORMAP)[:, :, ::-1])


def contoured(image: Image, heat: FloatMap, width: int = 1) -> Image:
    """The grey image with lines at a quarter, half and three quarters of the scale."""
    drawn = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None], 3, axis=2)
    for level in (0.25, 0.5, 0.75):
        contours, _ = cv2.findContours((heat >= level).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        color = tuple(int(part) for part in colors_of(np.full((1, 1), level, np.float32))[0, 0])
        cv2.drawContours(drawn, contours, -1, color, width, cv2.LINE_AA)
    return np.asarray(drawn, np.uint8)


def outlined(image: Image, mask: NDArray[np.bool_], width: int = 1) -> Image:
    """The image with a line around a region (H, W)."""
    drawn = image.copy()
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(drawn, contours, -1, OUTLINE, width, cv2.LINE_AA)
    return drawn


def resized(array: NDArray[_Number], factor: float) -> NDArray[_Number]:
    """An image or map scaled by a factor, at least 1 pixel each way."""
    height, width = (max(1, round(side * factor)) for side in array.shape[:2])
    interpolation = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(array, (width, height), interpolation=interpolation), array.dtype)


def heat_layer(heat: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W) heat over 0…255 → (H, W, 4) RGBA, to be laid over a picture: what is cold is transparent."""
    share = np.asarray(heat / 255, np.float32)
    alpha = np.round(255 * np.sqrt(share)).astype(np.uint8)
    return np.dstack([colors_of(share), alpha])

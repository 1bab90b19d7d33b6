"""How an image lies in its file: the EXIF orientation, and turning pixels upright by it."""

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from gainspect.data.containers import exif_of, tiff_entries

_Array = TypeVar("_Array", bound=NDArray[Any])

UPRIGHT = 1
_TAG = 0x0112


def orientation_of(content: bytes) -> int:
    """The EXIF orientation of a PNG, JPEG, WebP or TIFF, 1 … 8; 1 (upright) where there is none.

    Source: CIPA DC-008 (Exif 2.32), tag Orientation.
    """
    value = next((value for tag, value in tiff_entries(exif_of(content)) if tag == _TAG), UPRIGHT)
    return value if 1 <= value <= 8 else UPRIGHT


def turns_sideways(orientation: int) -> bool:
    """Whether height and width change places when an image is turned upright."""
    return orientation >= 5


def upright(pixels: _Array, orientation: int) -> _Array:
    """Pixels (H, W, …) as stored, turned upright by the orientation of their file."""
    turned = np.swapaxes(pixels, 0, 1) if turns_sideways(orientation) else pixels
    if orientation in (3, 4, 7, 8):
        turned = turned[::-1]
    if orientation in (2, 3, 6, 7):
        turned = turned[:, ::-1]
    return np.ascontiguousarray(turned)  # type: ignore[return-value]

"""Reads image files as 8-bit RGB, and masks as 0 and 1. Damaged files are refused."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.types import Image, Mask

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp"})
"""Files in a folder that have one of these suffixes are images."""


def read_image(path: Path) -> Image:
    """Read an image file as (H, W, 3) RGB uint8, rotated upright by its EXIF orientation.

    Gray becomes three equal channels, alpha is dropped, and CMYK is converted. 16 bits become 8 bits over the
    full 16-bit range (value / 257, rounded).

    Raises:
        GainspectError: the file is missing, empty, damaged, cut off, too large, or not an image with 8 or 16
            bits per channel.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GainspectError(f"cannot read the image ({error.strerror})", where=path) from error
    return decode_image(content, path)


def decode_image(content: bytes, where: str | Path) -> Image:
    """Like `read_image`, but from the bytes of a file; `where` is the file's name in errors."""
    pixels = _decode(content, where, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    return np.ascontiguousarray(_as_8_bit(pixels, where)[:, :, ::-1])


def as_rgb8(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> Image:
    """Convert an array to (H, W, 3) RGB uint8, by the rules of `read_image`.

    Args:
        pixels: (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA; uint8 or uint16.

    Raises:
        GainspectError: the array has another shape or type, or is empty.
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[-1] if pixels.ndim == 3 else 0
    if channels not in (1, 3, 4) or not pixels.size:
        raise GainspectError(
            f"an array of shape {pixels.shape} is not an image",
            hint="Give (height, width) or (height, width, channels) with 1, 3 or 4 channels.",
        )
    pixels = _as_8_bit(pixels, None).reshape(*pixels.shape[:2], channels)
    rgb = np.repeat(pixels, 3, axis=2) if channels == 1 else pixels[:, :, :3]
    return np.ascontiguousarray(rgb)


def _as_8_bit(pixels: NDArray[np.integer | np.floating], where: str | Path | None) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise GainspectError(
            f"pixels are {pixels.dtype}", where=where, hint="Export the image with 8 or 16 bits per channel."
        )
    return np.asarray(pixels, np.uint8)


def read_mask(path: Path, shape: tuple[int, ...] | None = None) -> Mask:
    """Read a defect mask as (H, W) of 0 and 1; values above 127 are part of the defect.

    Args:
        path: a gray image with the values 0 and 255.
        shape: (H, W) of the image that the mask belongs to; None: the size is not compared.

    Raises:
        GainspectError: the mask cannot be read, or has another size than the image.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GainspectError(f"cannot read the mask ({error.strerror})", where=path) from error
    pixels = _decode(content, path, cv2.IMREAD_GRAYSCALE)
    if shape is not None and pixels.shape != tuple(shape[:2]):
        raise GainspectError(
            f"the mask is {pixels.shape[1]}×{pixels.shape[0]} px, its image {shape[1]}×{shape[0]} px",
            where=path,
            hint="Export the mask at the image's own size.",
        )
    return np.asarray(pixels > 127, np.uint8)


def _decode(content: bytes, where: str | Path, flags: int) -> NDArray[np.integer | np.floating]:
    if not content:
        raise GainspectError("the file is empty (0 bytes)", where=where, hint="Export it again.")
    # OpenCV fills the missing part of a cut-off file with gray, without an error.
    if _is_cut_off(content):
        raise GainspectError("the file is cut off (its end is missing)", where=where, hint="Copy it again.")
    if _has_another_length(content):
        raise GainspectError(
            "the file is damaged: its length differs from the one in its header",
            where=where,
            hint="Copy it again.",
        )
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        size = "CV_IO_MAX_IMAGE" in str(error)
        what = "the image is too large (over 268 million pixels)" if size else "cannot decode the image"
        raise GainspectError(what, where=where, hint="Cut it into smaller images." if size else "") from error
    if pixels is None:
        raise GainspectError(
            "this is not an image that can be read, or it is damaged",
            where=where,
            hint="PNG, JPEG, BMP, TIFF and WebP with 8 or 16 bits per channel can be read.",
        )
    return np.asarray(pixels)


def _is_cut_off(content: bytes) -> bool:
    """Whether a PNG, or a JPEG after its header, lacks its end mark (data may follow the end mark)."""
    if content.startswith(b"\x89PNG"):
        return b"IEND" not in content
    if not content.startswith(b"\xff\xd8\xff"):
        return False
    # Skip the header, because a thumbnail in it has its own end mark.
    place = 2
    while content[place : place + 1] == b"\xff" and content[place + 1 : place + 2] != b"\xda":
        place += 2 + int.from_bytes(content[place + 2 : place + 4], "big")
    # If the header points beyond the end of the file, it is damaged, and OpenCV reports this.
    return place < len(content) and content.find(b"\xff\xd9", place) < 0


def _has_another_length(content: bytes) -> bool:
    """Whether a WebP, which has no checksum, is longer or shorter than its header says."""
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return False
    return len(content) - 8 != int.from_bytes(content[4:8], "little")

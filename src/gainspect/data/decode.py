"""Reads image files as 8-bit RGB. Damaged files are refused."""

from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gainspect.data.containers import has_another_length, images_in, is_cut_off, is_jpeg
from gainspect.data.pnm import is_pnm, read_pnm
from gainspect.data.tiff import Pixels, is_tiff, read_tiff
from gainspect.errors import GainspectError
from gainspect.types import Image

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp"}
    | {".pgm", ".ppm", ".pnm"}
)
"""Of files in a folder that are taken for images, in any case."""


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
    """As `read_image`, from a file's bytes; `where` names them in errors."""
    if is_tiff(content) or is_pnm(content):
        read = read_tiff if is_tiff(content) else read_pnm
        pixels = _colored(read(content, where))
    else:
        pixels = _whole(content, where, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH)
    return np.ascontiguousarray(_as_8_bit(pixels, where))


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


def decode_samples(content: bytes, where: str | Path) -> Pixels:
    """The samples of a file as they are: (H, W), (H, W, 3) RGB or (H, W, 4) RGBA, of 8 or 16 bit.

    Raises:
        GainspectError: as `read_image`.
    """
    if is_tiff(content):
        return read_tiff(content, where)
    if is_pnm(content):
        return read_pnm(content, where)
    pixels = _whole(content, where, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA), pixels.dtype)
    return pixels if pixels.ndim == 2 else np.ascontiguousarray(pixels[:, :, ::-1])


def _whole(content: bytes, where: str | Path, flags: int) -> Pixels:
    """The one image of a file that is no TIFF, decoded by OpenCV."""
    if not content:
        raise GainspectError("the file is empty (0 bytes)", where=where, hint="Export it again.")
    # OpenCV fills what is missing of a cut-off file with grey, decodes the first of several images, and says
    # nothing of either.
    if is_cut_off(content):
        raise GainspectError("the file is cut off (its end is missing)", where=where, hint="Copy it again.")
    if has_another_length(content):
        raise GainspectError(
            "the file is damaged: its length differs from the one in its header",
            where=where,
            hint="Copy it again.",
        )
    if (count := images_in(content)) > 1:
        raise GainspectError(
            f"the file holds {count} images",
            where=where,
            hint="Save each image as a file of its own: each is judged alone.",
        )
    decoded = _by_opencv(content, where, flags)
    if is_jpeg(content):
        _refuse_what_libjpeg_warns_of(content, where)
    return decoded


def _by_opencv(content: bytes, where: str | Path, flags: int) -> Pixels:
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


def _refuse_what_libjpeg_warns_of(content: bytes, where: str | Path) -> None:
    """OpenCV tells nothing of data that end early or are corrupt, and gives grey or noise in their place."""
    try:
        simplejpeg.decode_jpeg(content, colorspace="GRAY", strict=True)
    except ValueError as error:
        raise GainspectError(
            f"the JPEG is damaged ({error})",
            where=where,
            hint="Copy it again, or save it again at its source.",
        ) from error


def _colored(pixels: Pixels) -> Pixels:
    return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)

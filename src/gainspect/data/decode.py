"""From a file to pixels: images as 8-bit RGB, masks as 0 and 1. What is damaged is refused."""

from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from gainspect.data.containers import has_another_length, images_in, is_cut_off, is_jpeg
from gainspect.data.pnm import is_pnm, read_pnm
from gainspect.data.tiff import Pixels, is_tiff, read_tiff
from gainspect.errors import GainspectError
from gainspect.types import Image, Mask

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp"}
    | {".pgm", ".ppm", ".pnm"}
)
"""Of files in a folder that are taken for images, in any case."""


def read_image(path: Path) -> Image:
    """Read an image file as (H, W, 3) RGB uint8, upright by its EXIF orientation.

    Grey becomes three equal channels, alpha is dropped, CMYK is converted; 16 bit becomes 8 bit over the
    container's full range (value / 257, rounded).

    Raises:
        GainspectError: missing, empty, damaged, cut off, too large, or not an image of 8 or 16 bit.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GainspectError(f"cannot read the image ({error.strerror})", where=path) from error
    return decode_image(content, path)


def decode_image(content: bytes, where: str | Path) -> Image:
    """As `read_image`, from a file's bytes; `where` names them in errors."""
    return np.ascontiguousarray(_as_8_bit(_decode(content, where, color=True), where))


def as_rgb8(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> Image:
    """An array that holds an image, as (H, W, 3) RGB uint8, by the rules of `read_image`.

    Args:
        pixels: (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA; uint8 or uint16.

    Raises:
        GainspectError: it is of another shape or type, or empty.
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[-1] if pixels.ndim == 3 else 0
    if channels not in (1, 3, 4) or not pixels.size:
        raise GainspectError(
            f"an array of shape {pixels.shape} is no image",
            hint="Give (height, width) or (height, width, 1, 3 or 4).",
        )
    pixels = _as_8_bit(pixels, None).reshape(*pixels.shape[:2], channels)
    rgb = np.repeat(pixels, 3, axis=2) if channels == 1 else pixels[:, :, :3]
    return np.ascontiguousarray(rgb)


def _as_8_bit(pixels: NDArray[np.integer | np.floating], where: str | Path | None) -> NDArray[np.uint8]:
    if pixels.dtype == np.uint16:
        return ((pixels.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if pixels.dtype != np.uint8:
        raise GainspectError(
            f"pixels are {pixels.dtype}", where=where, hint="Export the image with 8 or 16 bit per channel."
        )
    return np.asarray(pixels, np.uint8)


def read_mask(path: Path, shape: tuple[int, ...] | None = None) -> Mask:
    """Read a defect mask as (H, W) of 0 and 1; values above 127 are defect.

    Args:
        path: a grey image, 0 and 255.
        shape: (H, W) of the image that it belongs to; None = not compared.

    Raises:
        GainspectError: not readable, or of another size.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GainspectError(f"cannot read the mask ({error.strerror})", where=path) from error
    pixels = _as_8_bit(_decode(content, path, color=False), path)
    if shape is not None and pixels.shape != tuple(shape[:2]):
        raise GainspectError(
            f"the mask is {pixels.shape[1]}×{pixels.shape[0]} px, its image {shape[1]}×{shape[0]} px",
            where=path,
            hint="Export the mask at the image's own size.",
        )
    return np.asarray(pixels > 127, np.uint8)


def _decode(content: bytes, where: str | Path, *, color: bool) -> Pixels:
    """The one image of a file: (H, W) grey, or (H, W, 3) RGB where color is asked for."""
    if not content:
        raise GainspectError("the file is empty (0 bytes)", where=where, hint="Export it again.")
    if is_tiff(content):
        pixels = read_tiff(content, where)
        return _colored(pixels) if color else _grey(pixels)
    if is_pnm(content):
        pixels = read_pnm(content, where)
        return _colored(pixels) if color else _grey(pixels)
    # OpenCV fills what is missing of a cut-off file with grey, decodes the first of several images, and says
    # nothing of either.
    if is_cut_off(content):
        raise GainspectError("the file is cut off (its end is missing)", where=where, hint="Copy it again.")
    if has_another_length(content):
        raise GainspectError(
            "the file is not as long as it says: it is damaged", where=where, hint="Copy it again."
        )
    if (count := images_in(content)) > 1:
        raise GainspectError(
            f"the file holds {count} images",
            where=where,
            hint="Save each image as a file of its own: each is judged alone.",
        )
    decoded = _by_opencv(content, where, cv2.IMREAD_COLOR_RGB if color else cv2.IMREAD_GRAYSCALE)
    if is_jpeg(content):
        _refuse_what_libjpeg_warns_of(content, where)
    return decoded


def _by_opencv(content: bytes, where: str | Path, flags: int) -> Pixels:
    try:
        pixels = cv2.imdecode(np.frombuffer(content, np.uint8), flags | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:
        size = "CV_IO_MAX_IMAGE" in str(error)
        what = "the image is too large (over 268 million pixels)" if size else "cannot decode the image"
        raise GainspectError(what, where=where, hint="Cut it into smaller images." if size else "") from error
    if pixels is None:
        raise GainspectError(
            "this is not an image that can be read, or it is damaged",
            where=where,
            hint="PNG, JPEG, BMP, TIFF and WebP with 8 or 16 bit per channel can be read.",
        )
    return pixels  # type: ignore[return-value]  # what else it may be is refused by its type


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


def _grey(pixels: Pixels) -> Pixels:
    if pixels.ndim == 2:
        return pixels
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), pixels.dtype)

"""Reads image files as 8-bit RGB. Damaged files are refused."""

import io
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data import bmp
from gainspect.data.containers import fault_of, kind_of
from gainspect.data.containers.kinds import BMP, GIF, JPEG, PNM, TIFF
from gainspect.data.depth import Depth, to_8_bit
from gainspect.data.image_header import image_size
from gainspect.data.libjpeg import refuse_what_libjpeg_warns_of
from gainspect.data.orientation import orientation_of, upright
from gainspect.data.pnm import read_pnm
from gainspect.data.samples import Pixels, Samples
from gainspect.data.tiff import read_tiff
from gainspect.errors import GainspectError
from gainspect.types import Image

IMAGE_SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".tif", ".tiff", ".webp"}
    | {".pgm", ".ppm", ".pnm"}
)
"""Of files in a folder that are taken for images, in any case."""


def read_image(path: Path, depth: Depth | None = None) -> Image:
    """Read an image file as (H, W, 3) RGB uint8, rotated upright by its EXIF orientation.

    Gray becomes three equal channels, alpha is dropped, and CMYK is converted. Values become 8 bits over the
    range that their file states; those of 16-bit files, which state none, over the range of `depth`.

    Args:
        path: the file.
        depth: how many of their bits 16-bit files use; None: not known, so they are refused.

    Raises:
        GainspectError: the file is missing, empty, damaged, cut off, too large, not an image with 8 to 16
            bits per channel, or its values are not of `depth`.
    """
    return rgb8_of(read_samples(path), depth, path)


def decode_image(content: bytes, where: str | Path, depth: Depth | None = None) -> Image:
    """As `read_image`, from a file's bytes; `where` names them in errors."""
    return rgb8_of(image_samples(content, where), depth, where)


def read_samples(path: Path) -> Samples:
    """As `image_samples`, from a file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GainspectError(f"cannot read the image ({error.strerror})", where=path) from error
    return image_samples(content, path)


def image_samples(content: bytes, where: str | Path) -> Samples:
    """The samples of an image as its file holds them, (H, W) or (H, W, 3) RGB, rotated upright.

    Raises:
        GainspectError: as `read_image`, but for the depth.
    """
    kind = _require_whole(content, where)
    if kind == TIFF:
        return read_tiff(content, where)
    if kind == PNM:
        return read_pnm(content, where)
    if kind == BMP and bmp.has_own_order(content):
        return _without_alpha(bmp.read_own_order(content))
    if kind == GIF:
        _refuse_transparent_pixels(content, where)
    return Samples.of(_decoded(content, where, cv2.IMREAD_COLOR_RGB | cv2.IMREAD_ANYDEPTH))


def mask_samples(content: bytes, where: str | Path) -> Samples:
    """The samples of a mask: as `image_samples`, but alpha is kept, (H, W, 2) or (H, W, 4) RGBA.

    Raises:
        GainspectError: as `image_samples`, or the file has a channel that may be alpha or not.
    """
    kind = _require_whole(content, where)
    if kind == TIFF:
        return read_tiff(content, where, alpha=True)
    if kind == PNM:
        return read_pnm(content, where)
    if kind == BMP:
        bmp.refuse_what_may_be_alpha(content, where)
        if bmp.has_own_order(content):
            return bmp.read_own_order(content)
    pixels = _decoded(content, where, cv2.IMREAD_UNCHANGED)
    if pixels.ndim == 3 and pixels.shape[2] == 4:
        pixels = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA), pixels.dtype)
    elif pixels.ndim == 3:
        pixels = np.ascontiguousarray(pixels[:, :, ::-1])
    return Samples.of(upright(pixels, orientation_of(content)))  # OpenCV turns color images only


def as_rgb8(
    pixels: NDArray[np.uint8] | NDArray[np.uint16],
    depth: Depth | None = None,
    where: str | Path | None = None,
) -> Image:
    """Convert an array to (H, W, 3) RGB uint8, by the rules of `read_image`.

    Args:
        pixels: (H, W), (H, W, 1), (H, W, 3) RGB or (H, W, 4) RGBA; uint8 or uint16.
        depth: how many of their bits uint16 values use; None: not known, so they are refused.
        where: names the array in errors.

    Raises:
        GainspectError: the array has another shape or type, is empty, or its values are not of `depth`.
    """
    channels = 1 if pixels.ndim == 2 else pixels.shape[-1] if pixels.ndim == 3 else 0
    if channels not in (1, 3, 4) or not pixels.size:
        raise GainspectError(
            f"an array of shape {pixels.shape} is not an image",
            where=where,
            hint="Give (height, width) or (height, width, channels) with 1, 3 or 4 channels.",
        )
    return rgb8_of(Samples.of(pixels.reshape(*pixels.shape[:2], channels)[:, :, :3]), depth, where)


def rgb8_of(samples: Samples, depth: Depth | None, where: str | Path | None) -> Image:
    """(H, W, 3) RGB uint8 of samples (H, W), (H, W, 1) or (H, W, 3).

    Raises:
        GainspectError: the samples are not unsigned integers of 8 to 16 bits, or not of `depth`.
    """
    pixels = to_8_bit(samples, depth, where)
    pixels = pixels if pixels.ndim == 3 else pixels[:, :, None]
    return np.ascontiguousarray(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))


def _require_whole(content: bytes, where: str | Path) -> str:
    """The format of a file.

    Raises:
        GainspectError: it is none that is read, the file is cut off, or holds more than one image.
    """
    # OpenCV fills what is missing of a cut-off file with grey, decodes the first of several images, and says
    # nothing of either.
    if (fault := fault_of(content)) is not None:
        raise GainspectError(fault.what, where=where, hint=fault.hint)
    return kind_of(content) or ""


def _decoded(content: bytes, where: str | Path, flags: int) -> Pixels:
    """The image of a whole file that is no TIFF and no PNM, decoded by OpenCV."""
    stated = image_size(io.BytesIO(content))
    pixels = _by_opencv(content, where, flags)
    if stated is None or sorted(stated) != sorted(pixels.shape[:2]):
        raise GainspectError(
            "the file is damaged: its image has another size than its header says",
            where=where,
            hint="Copy it again.",
        )
    if kind_of(content) == JPEG:
        refuse_what_libjpeg_warns_of(content, where)
    return pixels


def _without_alpha(samples: Samples) -> Samples:
    return samples._replace(values=np.ascontiguousarray(samples.values[:, :, :3]))


def _refuse_transparent_pixels(content: bytes, where: str | Path) -> None:
    """Of a GIF, OpenCV gives no color for them that the file holds."""
    pixels = _by_opencv(content, where, cv2.IMREAD_UNCHANGED)
    if pixels.shape[2:] == (4,) and (pixels[:, :, 3] != 255).any():
        raise GainspectError(
            "the GIF has transparent pixels, which show nothing", where=where, hint="Save it as PNG."
        )


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

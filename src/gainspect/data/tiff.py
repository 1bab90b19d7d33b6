"""TIFF, read by tifffile. Kinds that are tested on known pixels are read; the rest is refused.

OpenCV decodes some of them to uninitialized memory or inverted, without a word.
"""

import io
import logging
import math
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from gainspect.data.image_header import image_size
from gainspect.data.orientation import orientation_of, upright
from gainspect.data.samples import Samples, without_filling
from gainspect.data.tiff_strips import require_all_strips
from gainspect.errors import GainspectError

_COLORS = {"MINISBLACK": 1, "MINISWHITE": 1, "PALETTE": 1, "RGB": 3, "YCBCR": 3}
"""Photometric interpretations that are read, and their samples per pixel (alpha aside)."""
_DEPTHS = (1, 8, 10, 12, 14, 16)
"""Bits per sample that are read."""
_COMPRESSIONS = (
    "NONE",
    "LZW",
    "DEFLATE",
    "ADOBE_DEFLATE",
    "PACKBITS",
    "JPEG",
)
"""Compressions that are read: those that tell when their data end early. Fax codes (CCITT) do not."""
_ASSOCIATED, _UNASSOCIATED = 1, 2
"""Kinds of alpha (tag ExtraSamples): colors multiplied by it, or as they are."""
_ORIENTATION_OUT_OF_RANGE = re.compile(r"TiffTag 274 .* is not a valid ORIENTATION")
"""What tifffile writes into its log; such an image counts as upright, as in other formats."""


def read_tiff(content: bytes, where: str | Path, *, alpha: bool = False) -> Samples:
    """The one image of a TIFF, upright by its orientation.

    Args:
        content: of the file.
        where: names it in errors.
        alpha: keep alpha, which is dropped otherwise.

    Returns:
        (H, W) grey or (H, W, 3) RGB, and with alpha (H, W, 2) or (H, W, 4); uint8 or uint16; samples of 10,
        12 or 14 bits state their range.

    Raises:
        GainspectError: it holds several images, a kind that is not read, or is damaged.
    """
    try:
        with _warnings_are_errors(), tifffile.TiffFile(io.BytesIO(content)) as file:
            pages = len(file.pages)
            page: Any = file.pages[0]
            bits = _refuse_unproven(page, pages, where)
            _refuse_further_images(page, where)
            _require_stated_size(content, page, where)
            require_all_strips(content, page, where)
            raw = _channels_last(page, np.asarray(page.asarray()), where)
            read = _samples(page, raw, bits)
            if alpha and raw.ndim == 3 and raw.shape[2] > _COLORS[page.photometric.name]:
                read = _with_alpha(page, read, raw, bits, where)
            return read._replace(values=upright(read.values, orientation_of(content)))
    except GainspectError:
        raise
    except Exception as error:  # tifffile and its codecs raise many kinds for a damaged file
        what = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise GainspectError(
            f"this TIFF cannot be decoded: it is damaged or cut off ({what})",
            where=where,
            hint="Copy it again.",
        ) from error


def _refuse_unproven(page: Any, pages: int, where: str | Path) -> int:
    """Bits per sample of a page that can be read.

    Raises:
        GainspectError: it cannot, or is not alone in its file.
    """
    if pages > 1 or page.subifds:
        count = f"{pages} images" if pages > 1 else "further images within its image"
        raise GainspectError(
            f"the file holds {count}",
            where=where,
            hint="Save each image as a file of its own: each is judged alone.",
        )
    photometric = getattr(page.photometric, "name", str(page.photometric))
    compression = getattr(page.compression, "name", str(page.compression))
    bits = set(page.bitspersample) if isinstance(page.bitspersample, tuple) else {page.bitspersample}
    faults = {
        f"photometric interpretation {photometric}": photometric not in _COLORS
        or (photometric == "YCBCR" and compression != "JPEG"),
        f"compression {compression}": compression not in _COMPRESSIONS,
        f"{'/'.join(map(str, sorted(bits)))} bits per sample": len(bits) > 1 or not bits <= set(_DEPTHS),
        "samples that are not unsigned integers": page.sampleformat not in (None, 1),
        f"{page.imagedepth} slices": page.imagedepth > 1,
        f"{page.samplesperpixel} samples per pixel": page.samplesperpixel - _COLORS.get(photometric, 1)
        not in (0, 1),
        "colors that are multiplied by its alpha": _ASSOCIATED in map(int, page.extrasamples),
        "JPEG compression and a further channel": compression == "JPEG"
        and page.samplesperpixel != _COLORS.get(photometric, 1),
        "a color table of 8 bits": photometric == "PALETTE" and 0 < int(np.max(page.colormap)) < 256,
    }
    if found := [fault for fault, is_there in faults.items() if is_there]:
        raise GainspectError(
            f"a TIFF with {found[0]} is not read",
            where=where,
            hint="Export it as gray or RGB with 8 or 16 bits per sample, uncompressed or with LZW.",
        )
    return int(bits.pop())


def _refuse_further_images(page: Any, where: str | Path) -> None:
    """Refuse a page whose description says that more images follow its own, without pages of their own.

    Raises:
        GainspectError: ImageJ and tifffile write such files.
    """
    description = str(page.description)
    images = 1
    if description.startswith("ImageJ=") and (found := re.search(r"^images=(\d+)", description, re.M)):
        images = int(found[1])
    elif found := re.match(r"(?:\{\"shape\": \[|shape=\()([\d, ]+)", description):
        sides = [int(side) for side in found[1].replace(" ", "").split(",") if side]
        images = math.prod(sides) // max(1, math.prod(page.shape))
    if images > 1:
        raise GainspectError(
            f"the file holds {images} images",
            where=where,
            hint="Save each image as a file of its own: each is judged alone.",
        )


def _require_stated_size(content: bytes, page: Any, where: str | Path) -> None:
    """The limit on pixels is held against what `image_size` finds: it must be what is decoded.

    Raises:
        GainspectError: it finds another size.
    """
    stated = image_size(io.BytesIO(content))
    decoded = [page.imagewidth * page.imagelength]
    if page.is_tiled:
        decoded.append(page.tilewidth * page.tilelength)
    if stated is None or stated[0] * stated[1] != max(decoded):
        raise GainspectError("this TIFF has another size than it says", where=where, hint="Copy it again.")


def _channels_last(page: Any, raw: NDArray[Any], where: str | Path) -> NDArray[Any]:
    pixels = np.moveaxis(raw, 0, -1) if page.axes.startswith("S") else raw
    if pixels.shape[:2] != (page.imagelength, page.imagewidth):
        raise GainspectError("this TIFF has another size than it says", where=where, hint="Copy it again.")
    return pixels


def _samples(page: Any, raw: NDArray[Any], bits: int) -> Samples:
    """Grey or RGB without alpha, dark at 0 where the range is stated."""
    pixels = raw
    if pixels.ndim == 3:
        pixels = pixels[:, :, : _COLORS[page.photometric.name]]
        pixels = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    if page.photometric.name == "PALETTE":
        # The table has 16 bit a value; its upper half is the color, whichever way the lower one was filled.
        table = (np.asarray(page.colormap, np.uint16) >> 8).astype(np.uint8)
        return Samples.of(np.ascontiguousarray(np.moveaxis(table[:, pixels], 0, -1)))
    inverted = page.photometric.name == "MINISWHITE"
    if bits == 16:
        return Samples(pixels.astype(np.uint16), None, inverted)
    highest = 2**bits - 1
    values = highest - pixels.astype(np.uint16) if inverted else pixels.astype(np.uint16)
    if bits <= 8:
        return Samples.of((values * (255 // highest)).astype(np.uint8))
    return Samples(values, highest)


def _with_alpha(page: Any, read: Samples, raw: NDArray[Any], bits: int, where: str | Path) -> Samples:
    """The samples with the alpha of their file, which is never inverted.

    Raises:
        GainspectError: nothing says that the further channel is alpha, and it holds something.
    """
    if _UNASSOCIATED not in map(int, page.extrasamples):
        without_filling(raw, where)
        return read
    color = read.values if read.values.ndim == 3 else read.values[:, :, None]
    if read.inverted:
        color = 65535 - color
    factor = 255 // (2**bits - 1) if bits <= 8 else 1
    alpha = (raw[:, :, -1:] * factor).astype(color.dtype)
    return read._replace(values=np.concatenate([color, alpha], axis=2), inverted=False)


@contextmanager
def _warnings_are_errors() -> Iterator[None]:
    """What tifffile writes into its log, in this thread, becomes an error."""
    found: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said = record.getMessage()
            if record.thread == threading.get_ident() and not _ORIENTATION_OUT_OF_RANGE.search(said):
                found.append(said)

    handler, logger = Collect(logging.WARNING), logging.getLogger("tifffile")
    logger.addHandler(handler)
    try:
        yield
        if found:
            raise ValueError(found[0])
    finally:
        logger.removeHandler(handler)

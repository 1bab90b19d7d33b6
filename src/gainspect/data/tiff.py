"""TIFF, read by tifffile. Kinds that are tested on known pixels are read; the rest is refused.

OpenCV decodes some of them to uninitialized memory or inverted, without a word.
"""

import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from gainspect.data.orientation import upright
from gainspect.data.samples import Samples
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
    "CCITTRLE",
    "CCITTFAX3",
    "CCITTFAX4",
)
"""Compressions that are read: those that tell when their data end early, as far as their kind can."""


def is_tiff(content: bytes) -> bool:
    """Whether a file begins as TIFF or BigTIFF does."""
    return content[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def read_tiff(content: bytes, where: str | Path) -> Samples:
    """The one image of a TIFF, upright by its orientation.

    Args:
        content: of the file.
        where: names it in errors.

    Returns:
        (H, W) grey or (H, W, 3) RGB, uint8 or uint16; samples of 10, 12 or 14 bits state their range.

    Raises:
        GainspectError: it holds several images, a kind that is not read, or is damaged.
    """
    try:
        with _warnings_are_errors(), tifffile.TiffFile(io.BytesIO(content)) as file:
            pages = len(file.pages)
            page: Any = file.pages[0]
            bits = _refuse_unproven(page, pages, where)
            pixels = page.asarray()
            read = _samples(page, np.asarray(pixels), bits, where)
            return read._replace(values=upright(read.values, _orientation(page)))
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
    }
    if found := [fault for fault, is_there in faults.items() if is_there]:
        raise GainspectError(
            f"a TIFF with {found[0]} is not read",
            where=where,
            hint="Export it as gray or RGB with 8 or 16 bits per sample.",
        )
    return int(bits.pop())


def _samples(page: Any, raw: NDArray[Any], bits: int, where: str | Path) -> Samples:
    """Grey or RGB, dark at 0 where the range is stated."""
    pixels = np.moveaxis(raw, 0, -1) if page.axes.startswith("S") else raw
    if pixels.ndim == 3:
        pixels = pixels[:, :, : _COLORS[page.photometric.name]]
        pixels = pixels[:, :, 0] if pixels.shape[2] == 1 else pixels
    if pixels.shape[:2] != (page.imagelength, page.imagewidth):
        raise GainspectError("this TIFF has another size than it says", where=where, hint="Copy it again.")
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


def _orientation(page: Any) -> int:
    tag = page.tags.get("Orientation")
    return 1 if tag is None else int(tag.value)


@contextmanager
def _warnings_are_errors() -> Iterator[None]:
    """What tifffile writes into its log, in this thread, becomes an error."""
    found: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.thread == threading.get_ident():
                found.append(record.getMessage())

    handler, logger = Collect(logging.WARNING), logging.getLogger("tifffile")
    logger.addHandler(handler)
    try:
        yield
        if found:
            raise ValueError(found[0])
    finally:
        logger.removeHandler(handler)

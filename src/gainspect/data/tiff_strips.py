"""The strips and tiles of a TIFF: all that its layout needs, within the file, and nothing behind them.

A decoder takes a missing one for zeros, without a word.
"""

from pathlib import Path
from typing import Any

from gainspect.data.containers import jpeg
from gainspect.data.containers.exif import end_of_tables
from gainspect.data.containers.fault import Fault, fault_behind
from gainspect.data.libjpeg import refuse_what_libjpeg_warns_of
from gainspect.errors import GainspectError

_MISSING = Fault("this TIFF cannot be decoded: it is damaged or cut off (strips or tiles are missing)")


def require_all_strips(content: bytes, page: Any, where: str | Path) -> None:
    """Refuse a page some of whose strips or tiles are missing, empty, too short, or beyond the file.

    Args:
        content: of the file.
        page: of tifffile.
        where: names the file in errors.

    Raises:
        GainspectError: so it is, or something lies behind them.
    """
    found = _fault(content, page)
    if found is not None:
        raise GainspectError(found.what, where=where, hint=found.hint)
    if page.compression.name == "JPEG":
        for stream in _jpegs(content, page):
            refuse_what_libjpeg_warns_of(stream, where)


def _fault(content: bytes, page: Any) -> Fault | None:
    strips = list(zip(page.dataoffsets, page.databytecounts, strict=False))
    sizes = _sizes(page)
    if not len(sizes) == len(page.dataoffsets) == len(page.databytecounts):
        return _MISSING
    if any(count <= 0 or offset <= 0 or offset + count > len(content) for offset, count in strips):
        return _MISSING
    ends = [offset + count for offset, count in strips]
    if page.compression.name == "NONE":
        if any(count < size for (_, count), size in zip(strips, sizes, strict=True)):
            return _MISSING
        ends = [offset + size for (offset, _), size in zip(strips, sizes, strict=True)]
        rest = content[max(*ends, end_of_tables(content)) :]
        if len(rest) >= sum(sizes) and rest.strip(b"\0"):
            return Fault(
                "as many bytes as a second image needs lie behind the first",
                "Save each image as a file of its own: each is judged alone.",
            )
    if page.compression.name == "JPEG":
        for stream, (width, height) in zip(_jpegs(content, page), _shapes(page), strict=True):
            if (found := _fault_of_jpeg(stream, width, height, page)) is not None:
                return found
    return fault_behind(content[max(*ends, end_of_tables(content)) :])


def _fault_of_jpeg(stream: bytes, width: int, height: int, page: Any) -> Fault | None:
    if (found := jpeg.fault(stream)) is not None:
        return found
    frame = jpeg.frame_of(stream)
    channels = page.samplesperpixel if page.planarconfig == 1 else 1
    if frame is None or frame.width != width or frame.height < height or len(frame.components) != channels:
        return _MISSING
    return None


def _jpegs(content: bytes, page: Any) -> list[bytes]:
    """The JPEG of each strip or tile, with the tables that all share."""
    tables = (page.jpegtables or b"")[:-2]
    strips = zip(page.dataoffsets, page.databytecounts, strict=True)
    streams = (content[offset : offset + count] for offset, count in strips)
    return [tables + stream[2:] if tables else stream for stream in streams]


def _shapes(page: Any) -> list[tuple[int, int]]:
    """Width and height of each strip or tile that the layout needs, in order."""
    planes = page.samplesperpixel if page.planarconfig == 2 else 1
    width, length = page.imagewidth, page.imagelength
    if page.is_tiled:
        across, down = -(-width // page.tilewidth), -(-length // page.tilelength)
        return [(page.tilewidth, page.tilelength)] * (across * down * planes)
    rows = max(1, min(page.rowsperstrip, length))
    return [(width, min(rows, length - first)) for first in range(0, length, rows)] * planes


def _sizes(page: Any) -> list[int]:
    """Bytes of each strip or tile, uncompressed."""
    channels = page.samplesperpixel if page.planarconfig == 1 else 1
    bits = page.bitspersample
    return [height * -(-width * channels * bits // 8) for width, height in _shapes(page)]

"""The size that an image file states in its header, read before anything is decoded."""

import io
import math
import os
import re
from pathlib import Path
from typing import BinaryIO, Literal

from gainspect.errors import GainspectError

MAX_MPX = 64.0
"""Largest decoded size of an image, in millions of pixels, unless a caller or LIMIT sets another."""
LIMIT = "GAINSPECT_MAX_MPX"
"""The environment variable that sets the limit for training and evaluation, and elsewhere the default."""
RAISE_BY_ENVIRONMENT = f"Set the environment variable {LIMIT} to read larger ones."
"""The hint of a refusal, where a caller has no option of its own for the limit."""
_ENCODED_SLACK = 2**26
"""Bytes that a file may have besides its pixels: metadata, thumbnails."""
_BYTES_PER_PIXEL = 8
"""Of the largest pixels that are read: four channels of 16 bit."""
_MAX_DIRECTORIES = 64
"""TIFF directories (pages) that are looked at."""
_MOST_STRAY_BYTES = 2**16
"""Of a JPEG, before a marker."""
_PNM = re.compile(rb"P([1-7])")
_TIFF_TYPES = {1: 1, 3: 2, 4: 4, 16: 8}
"""Sizes of the TIFF types that a width or height may have."""
_TILE_WIDTH, _TILE_LENGTH = 322, 323


def require_within(source: Path | bytes, max_mpx: float, *, where: str | Path, hint: str = "") -> None:
    """Refuse an image file whose decoded size is over the limit; nothing is decoded for that.

    A file whose header states no size that can be read passes: its decoder refuses it.

    Args:
        source: the file, or its content.
        max_mpx: the limit, in millions of decoded pixels.
        where: names the file in errors.
        hint: how to raise the limit, as a sentence.

    Raises:
        GainspectError: the image is over the limit, or the file is longer than any image within it.
    """
    try:
        if isinstance(source, bytes):
            length, size = len(source), image_size(io.BytesIO(source))
        else:
            with source.open("rb") as file:
                length, size = file.seek(0, io.SEEK_END), image_size(file)
    except (OSError, OverflowError):
        return  # the reader says what is wrong
    if size is not None:
        require_size(*size, max_mpx, where=where, hint=hint)
    require_length(length, max_mpx, where=where, hint=hint)


def require_length(length: int, max_mpx: float, *, where: str | Path, hint: str = "") -> None:
    """Refuse a file that is longer than any image within the limit.

    Args:
        length: bytes of the file.
        max_mpx: the limit, in millions of decoded pixels.
        where: names the file in errors.
        hint: how to raise the limit, as a sentence.

    Raises:
        GainspectError: it is longer.
    """
    if length > max_mpx * 1e6 * _BYTES_PER_PIXEL + _ENCODED_SLACK:
        raise GainspectError(
            f"the file has {length / 1e6:,.0f} MB, more than any image of {max_mpx:g} Mpx",
            where=where,
            hint=_advice(hint),
        )


def require_size(
    width: int, height: int, max_mpx: float, *, where: str | Path | None, hint: str = ""
) -> None:
    """Refuse an image of this size if it is over the limit.

    >>> require_size(9000, 9000, 64, where="a.png", hint="Raise the limit with max_mpx.")
    Traceback (most recent call last):
    gainspect.errors.GainspectError: a.png: the image has 9000 × 9000 px = 81 Mpx, the limit is 64 Mpx. \
Raise the limit with max_mpx. Or cut the image into smaller ones.
    """
    if width * height > max_mpx * 1e6:
        raise GainspectError(
            f"the image has {width} × {height} px = {width * height / 1e6:,.4g} Mpx, "
            f"the limit is {max_mpx:g} Mpx",
            where=where,
            hint=_advice(hint),
        )


def _advice(hint: str) -> str:
    return f"{hint} Or cut the image into smaller ones." if hint else "Cut the image into smaller ones."


def require_limit(max_mpx: object = None) -> float:
    """A limit in millions of pixels that can be applied; None: that of the environment, else `MAX_MPX`.

    Raises:
        GainspectError: it is not a positive number.
    """
    if max_mpx is None:
        return _limit_of_environment()
    if isinstance(max_mpx, bool) or not isinstance(max_mpx, int | float) or not 0 < max_mpx < math.inf:
        shown = " ".join(repr(max_mpx).split())[:80]
        raise GainspectError(
            f"max_mpx is {shown}", hint="Give the largest image in millions of pixels, a number above 0."
        )
    return float(max_mpx)


def _limit_of_environment() -> float:
    text = os.environ.get(LIMIT, "").strip()
    try:
        limit = float(text or MAX_MPX)
    except ValueError:
        limit = math.nan
    if not 0 < limit < math.inf:
        raise GainspectError(
            f"{LIMIT} is {text!r}", hint="Set it to a number above 0, in millions of pixels."
        )
    return limit


def image_size(file: BinaryIO) -> tuple[int, int] | None:
    """Width and height that a PNG, JPEG, BMP, WebP, TIFF, GIF or PNM states; None for anything else.

    Of a TIFF it is the largest page or tile. Only the header is read, whatever the file's length.
    """
    file.seek(0)
    head = file.read(64)
    if head.startswith(b"\x89PNG\r\n\x1a\n") and head[12:16] == b"IHDR":
        return _numbers(head[16:24], 4, "big")
    if head.startswith(b"\xff\xd8"):
        return _jpeg(file)
    if head.startswith(b"BM"):
        return _bmp(head)
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _webp(head)
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff(file, head)
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return _numbers(head[6:10], 2, "little")
    if _PNM.match(head):
        return _pnm(file)
    return None


def may_have_16_bits(path: Path) -> bool:
    """Whether an image file may hold more than 8 bits a sample: some PNG, and any TIFF and PNM."""
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError:
        return False  # the reader says what is wrong
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return head[24:25] == b"\x10"
    return head[:2] in (b"II", b"MM") or _PNM.match(head) is not None


def _numbers(two: bytes, size: int, order: Literal["big", "little"]) -> tuple[int, int] | None:
    """Two unsigned numbers of `size` bytes, one after the other."""
    if len(two) < 2 * size:
        return None
    return int.from_bytes(two[:size], order), int.from_bytes(two[size : 2 * size], order)


def _jpeg(file: BinaryIO) -> tuple[int, int] | None:
    """The largest frame header (SOF) before the first scan; a file has one, unless it was made to mislead."""
    file.seek(2)
    largest: tuple[int, int] | None = None
    for byte in iter(lambda: _marker(file), b""):
        if byte[0] in (0xD9, 0xDA):
            return largest
        if byte[0] == 0 or byte[0] == 1 or 0xD0 <= byte[0] <= 0xD8:
            continue
        length = int.from_bytes(file.read(2), "big")
        if length < 2:
            return largest
        if 0xC0 <= byte[0] <= 0xCF and byte[0] not in (0xC4, 0xC8, 0xCC):
            frame = file.read(min(length - 2, 5))
            found = _numbers(frame[1:], 2, "big")
            if found is not None:
                largest = _larger(largest, (found[1], found[0]))
            file.seek(length - 2 - len(frame), io.SEEK_CUR)
        else:
            file.seek(length - 2, io.SEEK_CUR)
    return largest


def _marker(file: BinaryIO) -> bytes:
    """The second byte of the next marker, past stray bytes, as decoders do; empty: there is none."""
    marked = False
    for _ in range(_MOST_STRAY_BYTES):
        byte = file.read(1)
        if not byte or (marked and byte != b"\xff"):
            return byte
        marked = byte == b"\xff"
    return b""


def _bmp(head: bytes) -> tuple[int, int] | None:
    if int.from_bytes(head[14:18], "little") == 12:  # the header of OS/2
        return _numbers(head[18:22], 2, "little")
    if len(head) < 26:
        return None
    width, height = (int.from_bytes(head[at : at + 4], "little", signed=True) for at in (18, 22))
    return abs(width), abs(height)  # a negative height: the rows run downward


def _webp(head: bytes) -> tuple[int, int] | None:
    kind = head[12:16]
    if kind == b"VP8X" and len(head) >= 30:
        width, height = (int.from_bytes(head[at : at + 3], "little") + 1 for at in (24, 27))
        return width, height
    if kind == b"VP8 " and len(head) >= 30:
        width, height = (int.from_bytes(head[at : at + 2], "little") & 0x3FFF for at in (26, 28))
        return width, height
    if kind == b"VP8L" and len(head) >= 25:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return None


def _tiff(file: BinaryIO, head: bytes) -> tuple[int, int] | None:
    """The largest of the first pages and their tiles, in both byte orders, TIFF and BigTIFF."""
    little, large = head[:1] == b"I", head[2:4] in (b"+\0", b"\0+")

    def number(content: bytes) -> int:
        return int.from_bytes(content, "little" if little else "big")

    pointer, count_size, entry = (8, 8, 20) if large else (4, 2, 12)
    place = number(head[8:16] if large else head[4:8])
    largest: tuple[int, int] | None = None
    seen: set[int] = set()
    while place and place not in seen and len(seen) < _MAX_DIRECTORIES:
        seen.add(place)
        file.seek(place)
        count = number(file.read(count_size))
        entries = file.read(min(count, 4096) * entry)
        sides = {256: 0, 257: 0, _TILE_WIDTH: 0, _TILE_LENGTH: 0}
        for start in range(0, len(entries) - entry + 1, entry):
            tag, kind = number(entries[start : start + 2]), number(entries[start + 2 : start + 4])
            if tag in sides and kind in _TIFF_TYPES:
                value = start + 4 + pointer
                sides[tag] = number(entries[value : value + _TIFF_TYPES[kind]])
        if sides[256] and sides[257]:
            largest = _larger(largest, (sides[256], sides[257]))
        if largest is not None:  # a tile is decoded whole, also where it is larger than its image
            largest = _larger(largest, (sides[_TILE_WIDTH], sides[_TILE_LENGTH]))
        place = number(file.read(pointer)) if count <= 4096 else 0
    return largest


def _pnm(file: BinaryIO) -> tuple[int, int] | None:
    """P1 … P6 and PAM (P7); comments may stand anywhere in the header."""
    file.seek(0)
    header = file.read(2**16)
    if header.startswith(b"P7"):
        found = [re.search(rb"^%s\s+(\d{1,12})\s" % name, header, re.M) for name in (b"WIDTH", b"HEIGHT")]
        sides = [int(match[1]) for match in found if match]
    else:
        words = re.sub(rb"#[^\n\r]*", b" ", header[2:]).split(maxsplit=2)[:2]
        sides = [int(word) for word in words if word.isdigit() and len(word) <= 12]
    return (sides[0], sides[1]) if len(sides) == 2 else None


def _larger(one: tuple[int, int] | None, other: tuple[int, int]) -> tuple[int, int]:
    return other if one is None or other[0] * other[1] > one[0] * one[1] else one

"""PBM, PGM and PPM by their own rules: OpenCV ignores their largest value and swaps the bytes of 16 bit."""

import re

import numpy as np
from numpy.typing import NDArray

from gainspect.data.samples import Samples
from gainspect.errors import GainspectError

_NUMBER = rb"(?:\s|#[^\r\n]*[\r\n])+(\d{1,9})"
_HEADER = re.compile(rb"P([2356])" + _NUMBER * 3 + rb"\s")
_HEADER_OF_BITS = re.compile(rb"P([14])" + _NUMBER * 2 + rb"\s")
_DAMAGED = "the header of the PNM is damaged"
_LENGTH = "the file is not as long as it says: it is damaged, or holds several images"


def read_pnm(content: bytes, where: object) -> Samples:
    """The one image of a PNM: (H, W) grey or (H, W, 3) RGB.

    The header states the largest value; up to 255 it becomes 255. 65535 counts as not stated: programs write
    it whatever their camera gives.

    Args:
        content: of the file.
        where: names it in errors.

    Raises:
        GainspectError: the header is damaged, or the file is longer or shorter than it says.
    """
    if content[:2] in (b"P1", b"P4"):
        return _bits(content, where)
    header = _HEADER.match(content)
    width, height, largest = map(int, header.groups()[1:]) if header else (0, 0, 0)
    if header is None or not 0 < width * height <= 2**28 or not 0 < largest < 2**16:
        raise GainspectError(_DAMAGED, where=str(where), hint="Export it again.")
    kind, rest = int(header[1]), content[header.end() :]
    shape = (height, width, 3) if kind in (3, 6) else (height, width)
    count = width * height * (3 if kind in (3, 6) else 1)
    values = _written(rest, where) if kind in (2, 3) else _raw(rest, largest, count)
    if len(values) != count or (values > largest).any():
        raise _other_length(where)
    pixels = values.reshape(shape)
    if largest < 256:
        return Samples.of(np.round(pixels * (255 / largest)).astype(np.uint8))
    return Samples(pixels.astype(np.uint16), largest if largest < 65535 else None)


def _bits(content: bytes, where: object) -> Samples:
    """PBM: black is 1. Its rows are padded to bytes, or its digits written one by one."""
    header = _HEADER_OF_BITS.match(content)
    width, height = map(int, header.groups()[1:]) if header else (0, 0)
    if header is None or not 0 < width * height <= 2**28:
        raise GainspectError(_DAMAGED, where=str(where), hint="Export it again.")
    rest = content[header.end() :]
    if header[1] == b"4":
        rows = _raw(rest, 255, height * -(-width // 8)).astype(np.uint8)
        if len(rows) != height * -(-width // 8):
            raise _other_length(where)
        ones = np.unpackbits(rows.reshape(height, -1), axis=1)[:, :width]
    else:
        digits = np.frombuffer(b"".join(re.sub(rb"#[^\r\n]*", b"", rest).split()), np.uint8) - ord("0")
        if len(digits) != width * height or (digits > 1).any():
            raise _other_length(where)
        ones = digits.reshape(height, width)
    return Samples.of(np.where(ones == 1, 0, 255).astype(np.uint8))


def _other_length(where: object) -> GainspectError:
    return GainspectError(_LENGTH, where=str(where), hint="Save each image as a file of its own, whole.")


def _raw(rest: bytes, largest: int, count: int) -> NDArray[np.uint32]:
    size = 1 if largest < 256 else 2
    # A line end that a program put behind the pixels is no pixel.
    rest = rest[:-1] if len(rest) == count * size + 1 and rest.endswith(b"\n") else rest
    whole = rest[: len(rest) // size * size]
    values = np.frombuffer(whole, np.uint8 if size == 1 else ">u2").astype(np.uint32)
    return values if len(whole) == len(rest) else values[:0]


def _written(rest: bytes, where: object) -> NDArray[np.uint32]:
    if not rest[-1:].isspace():
        raise GainspectError(
            "the file may be cut off: it ends within a number", where=str(where), hint="Copy it again."
        )
    try:
        return np.array(re.sub(rb"#[^\r\n]*", b"", rest).split(), dtype=np.uint32)
    except (ValueError, OverflowError) as error:
        raise GainspectError(
            "its pixels are no numbers", where=str(where), hint="Export it again."
        ) from error

"""Run lengths of COCO: by columns, runs of 0 and 1 in turn, beginning with 0; as numbers or as a string."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.types import Mask

_LARGEST = 2**31
"""No count and no picture is larger."""
_DIGITS = 7
"""Of a number in a string, at most: 5 bits each."""


def decode_rle(counts: object, size: object, where: str, limit: int = _LARGEST) -> Mask:
    """The mask that run lengths stand for.

    >>> decode_rle([1, 2, 3], [2, 3], "a.json").tolist()
    [[0, 1, 0], [1, 0, 0]]

    Args:
        counts: run lengths, or the string of them that the COCO API writes.
        size: height and width.
        where: names the place in errors.
        limit: pixels at most.

    Returns:
        (H, W).

    Raises:
        GainspectError: they are not run lengths, or not of as many pixels as the size has.
    """
    height, width = _size(size, where, limit)
    runs = _from_string(counts, where) if isinstance(counts, str) else _from_numbers(counts, where)
    if int(runs.sum()) != height * width:
        raise GainspectError(
            f"its run lengths are of {int(runs.sum())} pixels, its size is {width}×{height}", where=where
        )
    values = np.arange(len(runs), dtype=np.uint8) & np.uint8(1)
    return np.ascontiguousarray(np.repeat(values, runs).reshape(width, height).T)


def encode_rle(mask: Mask) -> dict[str, object]:
    """A mask (H, W) of 0 and 1 as COCO writes it, `{"size": [height, width], "counts": string}`."""
    flat = np.concatenate([[0], np.asarray(mask, np.uint8).T.ravel()])
    starts = np.flatnonzero(np.diff(flat))
    runs = np.diff(np.concatenate([[0], starts, [mask.size]]))
    return {"size": [int(side) for side in mask.shape], "counts": _to_string(runs.tolist())}


def _size(size: object, where: str, limit: int) -> tuple[int, int]:
    sides = list(size) if isinstance(size, Sequence) and not isinstance(size, str) else []
    if len(sides) != 2 or not all(type(side) is int and 0 < side < _LARGEST for side in sides):
        raise GainspectError("the size of its run lengths is not height and width", where=where)
    height, width = sides
    if height * width > limit:
        raise GainspectError(f"its size is {width}×{height}, over the limit", where=where)
    return height, width


def _from_numbers(counts: object, where: str) -> NDArray[np.int64]:
    listed = counts if isinstance(counts, list) else None
    if listed is None or not all(type(n) is int and 0 <= n < _LARGEST for n in listed):
        raise GainspectError("its run lengths are not numbers from 0 on", where=where)
    return np.array(listed, np.int64)


def _from_string(text: str, where: str) -> NDArray[np.int64]:
    """The numbers of a string: digits of 5 bits, lowest first; bit 6 says that more follow.

    The last digit's highest bit is the sign. From the fourth number on it is the difference from the one
    before the last, as neighboring columns have runs of about the same length.
    Source: `rleFrString` in the COCO API, https://github.com/cocodataset/cocoapi.
    """
    numbers: list[int] = []
    value = digits = 0
    for character in text:
        digit = ord(character) - 48
        if not 0 <= digit < 64 or digits == _DIGITS:
            raise GainspectError("its run lengths are not a string of COCO", where=where)
        value |= (digit & 31) << 5 * digits
        digits += 1
        if not digit & 32:
            if digit & 16:
                value -= 1 << 5 * digits
            numbers.append(value + (numbers[-2] if len(numbers) > 2 else 0))
            value = digits = 0
    if digits or not all(0 <= n < _LARGEST for n in numbers):
        raise GainspectError("its run lengths are not a string of COCO", where=where)
    return np.array(numbers, np.int64)


def _to_string(runs: list[int]) -> str:
    """Source: `rleToString` in the COCO API."""
    text: list[str] = []
    for place, run in enumerate(runs):
        value = run - runs[place - 2] if place > 2 else run
        while True:
            digit, value = value & 31, value >> 5
            more = value != (-1 if digit & 16 else 0)
            text.append(chr(48 + (digit | 32 if more else digit)))
            if not more:
                break
    return "".join(text)

"""Run lengths of Label Studio's brush: bits in a row, of the bytes of an RGBA picture.

Source: https://github.com/thi-ng/umbrella/tree/develop/packages/rle-pack, which Label Studio uses.
"""

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.types import Mask

_CHANNELS = 4
_BYTE = 8


def decode_brush(numbers: object, height: int, width: int, where: str) -> Mask:
    """The mask that a brush drew: what is not transparent.

    Args:
        numbers: the bytes, each 0…255.
        height: of the picture.
        width: of the picture.
        where: names the place in errors.

    Returns:
        (height, width) of 0 and 1.

    Raises:
        GainspectError: they are not run lengths, or of another size.
    """
    listed = numbers if isinstance(numbers, list) else None
    if listed is None or not all(type(n) is int and 0 <= n < 256 for n in listed):
        raise GainspectError("its run lengths are not a list of bytes", where=where)
    bits = _Bits(bytes(listed), where)
    count, word = bits.read(32), bits.read(5) + 1
    if count != height * width * _CHANNELS or word != _BYTE:
        raise GainspectError(
            f"its run lengths are of {count} values of {word} bits, its size is {width}×{height}", where=where
        )
    sizes = [bits.read(4) + 1 for _ in range(4)]
    values = np.empty(count, np.uint8)
    done = 0
    while done < count:
        repeated = bits.read(1)
        end = done + 1 + bits.read(sizes[bits.read(2)])
        if end > count:
            raise GainspectError("its run lengths reach beyond its picture", where=where)
        values[done:end] = bits.read(_BYTE) if repeated else bits.read_bytes(end - done)
        done = end
    return (values.reshape(height, width, _CHANNELS)[:, :, -1] > 0).astype(np.uint8)


class _Bits:
    """Reads numbers of any length from bytes, the highest bit first."""

    def __init__(self, content: bytes, where: str) -> None:
        self._bits = np.unpackbits(np.frombuffer(content, np.uint8))
        self._content, self._where = content, where
        self._next = 0

    def read(self, bits: int) -> int:
        """The next number of so many bits.

        Raises:
            GainspectError: there are not as many.
        """
        first, end = self._taken(bits)
        covering = int.from_bytes(self._content[first // 8 : -(-end // 8)], "big")
        return covering >> (-end % 8) & (1 << bits) - 1

    def read_bytes(self, count: int) -> NDArray[np.uint8]:
        """The next bytes, wherever they begin.

        Raises:
            GainspectError: there are not as many.
        """
        first, end = self._taken(count * _BYTE)
        return np.packbits(self._bits[first:end])

    def _taken(self, bits: int) -> tuple[int, int]:
        first, self._next = self._next, self._next + bits
        if self._next > len(self._bits):
            raise GainspectError("its run lengths end too early", where=self._where)
        return first, self._next

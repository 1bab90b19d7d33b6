"""How many bits the values of 16-bit files use: found once, over a data set, and never from one image.

A camera of 10, 12 or 14 bits often saves its values in 16-bit files, which do not say so. Read over all 16
bits, they are nearly black.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gainspect.data.samples import Pixels, Samples
from gainspect.errors import GainspectError
from gainspect.wording import plural

USUAL = (8, 10, 12, 14, 16)
"""Bits of the cameras there are."""
_DARKER = 1.5
"""An image whose largest value is smaller than that of every training image by more than this factor has
another depth, or was exposed in another way: 14 bits in place of 16 make a factor of 4."""
_GAP = 3
"""Images of one depth differ in their largest values, but not in two groups with this factor between them."""


@dataclass(frozen=True)
class Depth:
    """How many of their bits the values of 16-bit files use."""

    bits: int
    """8 … 16: the largest possible value is 2^bits − 1."""
    darkest: int = 0
    """The largest value of the darkest image in the training; 0: not known."""

    @property
    def highest(self) -> int:
        """The value of full brightness."""
        return int(2**self.bits - 1)

    def __str__(self) -> str:
        return f"{self.bits} bits (0–{self.highest})"


FULL = Depth(16)
"""All of their bits."""


def require_bits(bits: object) -> int:
    """A number of bits that a 16-bit file can use.

    Raises:
        GainspectError: it is anything else.
    """
    if isinstance(bits, bool) or not isinstance(bits, int) or not 8 <= bits <= 16:
        raise GainspectError(f"bits is {bits!r}", hint="Give a whole number from 8 to 16.")
    return bits


class DepthFinder:
    """Finds the depth of the 16-bit files of a data set; images are added one by one.

    Args:
        bits: the depth, if it is set; None: the smallest of `USUAL` that holds all values.
    """

    def __init__(self, bits: int | None = None) -> None:
        self._bits = bits
        self._peaks: list[tuple[int, str]] = []
        """The largest value of each 16-bit image, as stored, and its name."""

    @property
    def images(self) -> int:
        """Number of 16-bit files."""
        return len(self._peaks)

    def add(self, samples: Samples, where: str | Path) -> None:
        """Take an image into account, if its file does not state its depth.

        Raises:
            GainspectError: it has larger values than the depth that is set allows.
        """
        if samples.highest is not None:
            return
        peak = int(samples.values.max())
        if self._bits is not None and peak >= 2**self._bits:
            raise GainspectError(
                f"its values reach {peak}, but data.bits is set to {Depth(self._bits)}",
                where=where,
                hint="Set data.bits to what the camera gives, or leave it out.",
            )
        self._peaks.append((peak, Path(where).name))

    @property
    def depth(self) -> Depth | None:
        """The depth; None if there was no 16-bit file."""
        if not self._peaks:
            return None
        smallest = next(b for b in USUAL if max(self._peaks)[0] < 2**b)
        return Depth(smallest if self._bits is None else self._bits, min(self._peaks)[0])

    def require_one_depth(self) -> None:
        """Refuse images in two groups with a gap between their largest values, unless the depth is set.

        One hot pixel in a camera's 12 bits, or a second camera, would else make the others nearly black.

        Raises:
            GainspectError: with an example of each group.
        """
        ordered = sorted(self._peaks)
        for count, ((low, dark), (high, bright)) in enumerate(pairwise(ordered), start=1):
            if self._bits is None and high > _GAP * low:
                reach = "reaches" if count == 1 else "reach"
                raise GainspectError(
                    f"16-bit images seem to be of more than one depth: {plural(count, 'image')} {reach} at "
                    f"most {low} (such as {dark}), the others at least {high} (such as {bright})",
                    hint="Take out the odd ones (a hot pixel, another camera, a dark frame); if they belong "
                    "together, set the bits: --set data.bits=16.",
                )

    def __str__(self) -> str:
        found = "set" if self._bits is not None else "found over the training and validation part"
        return (
            f"{plural(self.images, '16-bit image')}: read as {self.depth}, as {found}; values reach "
            f"{max(self._peaks)[0]}."
        )


def to_8_bit(samples: Samples, depth: Depth | None, where: str | Path | None) -> NDArray[np.uint8]:
    """The values over 0…255, in the shape that they have.

    Args:
        samples: 8-bit ones, others with the range that their file states, or 16-bit ones without.
        depth: of 16-bit ones without a stated range; None: not known.
        where: names the image in errors.

    Raises:
        GainspectError: the values are not unsigned integers of 8 to 16 bits; or they have no stated range and
            `depth` is None, or holds smaller values only, or all images that it was found on are far
            brighter.
    """
    values = samples.values
    if values.dtype not in (np.uint8, np.uint16):
        raise GainspectError(
            f"pixels are {values.dtype}", where=where, hint="Export the image with 8 or 16 bits per channel."
        )
    if samples.highest is not None:
        return _scaled(values, samples.highest)
    if depth is None:
        raise GainspectError(
            "this is a 16-bit image, and how many of its bits are used is not known: the training had none",
            where=where,
            hint="Export it with 8 bits as in the training, say the bits (`inspect --bits 12`, in Python "
            "bits=12), or train with such images.",
        )
    _refuse_another_range(samples, depth, where)
    return _scaled(depth.highest - values if samples.inverted else values, depth.highest)


def _refuse_another_range(samples: Samples, depth: Depth, where: str | Path | None) -> None:
    peak = int(samples.values.max())
    if peak > depth.highest:
        raise GainspectError(
            f"its values reach {peak}, but 16-bit files are read as {depth}, as in the training",
            where=where,
            hint="Export it as in the training; or train again with all bits (data.bits=16).",
        )
    if _DARKER * peak < depth.darkest:
        raise GainspectError(
            f"its values reach only {peak}, those of the darkest image in the training {depth.darkest}: "
            "it has another depth, or another exposure",
            where=where,
            hint="Export it as in the training, or train with such images.",
        )


def _scaled(values: Pixels, highest: int) -> NDArray[np.uint8]:
    if highest == 255 and values.dtype == np.uint8:
        return np.asarray(values, np.uint8)
    return ((values.astype(np.uint32) * 255 + highest // 2) // highest).astype(np.uint8)

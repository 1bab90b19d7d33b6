"""What a decoder gives: the samples of an image, and what their file says of their range."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError

Pixels = NDArray[np.integer[Any] | np.floating[Any]]
"""(H, W) or (H, W, channels), as a file holds them."""


class Samples(NamedTuple):
    """The samples of one image."""

    values: Pixels
    highest: int | None
    """The value of full brightness (255; 4095 in a file that states 12 bits). None: a 16-bit file, which does
    not state how many of its bits are used."""
    inverted: bool = False
    """Whether 0 is white; only where `highest` is None, otherwise `values` are already turned round."""

    @classmethod
    def of(cls, pixels: Pixels) -> "Samples":
        """Samples of a file or array that states nothing but its type."""
        return cls(pixels, 255 if pixels.dtype == np.uint8 else None)


def without_filling(pixels: Pixels, where: str | Path) -> Pixels:
    """(H, W, channels) without the last channel, of which the file does not say that it is alpha.

    Raises:
        GainspectError: it holds something.
    """
    filling = pixels[:, :, -1]
    if (filling != filling.flat[0]).any():
        raise GainspectError(
            "the file has a further channel and does not say whether it is alpha",
            where=where,
            hint="Save it without that channel, or as PNG with alpha.",
        )
    return np.ascontiguousarray(pixels[:, :, :-1])

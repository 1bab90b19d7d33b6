"""BMP of 32 bits whose bytes stand in an order of its own: OpenCV takes each for blue, green, red."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gainspect.data.containers.bmp import BGR, Layout, layout
from gainspect.data.samples import Samples, without_filling


def has_own_order(content: bytes) -> bool:
    """Whether a BMP names other places for red, green and blue than the usual ones."""
    found = layout(content)
    return found is not None and found.bits == 32 and found.masks != BGR


def read_own_order(content: bytes) -> Samples:
    """(H, W, 3) RGB or, of a file with alpha, (H, W, 4) RGBA; the file is whole, see `containers`."""
    found = layout(content)
    assert found is not None
    masks = [*found.masks, found.alpha] if found.alpha else [*found.masks]
    return Samples.of(np.ascontiguousarray(_bytes(content, found)[:, :, list(map(_place, masks))]))


def refuse_what_may_be_alpha(content: bytes, where: str | Path) -> None:
    """Refuse a BMP of 32 bits that does not name the fourth byte of its pixels, and has something in it.

    Some programs write alpha there; OpenCV drops it.

    Raises:
        GainspectError: so it is.
    """
    found = layout(content)
    if found is None or found.bits != 32 or found.alpha:
        return
    places = [_place(mask) for mask in found.masks]
    unnamed = [place for place in range(4) if place not in places]
    without_filling(_bytes(content, found)[:, :, [*places, *unnamed]], where)


def _bytes(content: bytes, found: Layout) -> NDArray[np.uint8]:
    """(H, W, 4), the upper row first."""
    size = (found.height, found.width, 4)
    pixels = np.frombuffer(content, np.uint8, found.row * found.height, found.offset).reshape(size)
    return pixels if found.downward else pixels[::-1]


def _place(mask: int) -> int:
    return (mask.bit_length() - 1) // 8

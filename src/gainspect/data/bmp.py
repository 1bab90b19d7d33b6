"""BMP of 32 bits whose bytes stand in an order of its own: OpenCV takes each for blue, green, red."""

import numpy as np

from gainspect.data.containers.bmp import BGR, layout
from gainspect.data.samples import Samples


def has_own_order(content: bytes) -> bool:
    """Whether a BMP names other places for red, green and blue than the usual ones."""
    found = layout(content)
    return found is not None and found.bits == 32 and found.masks != BGR


def has_alpha(content: bytes) -> bool:
    """Whether a BMP says that the fourth byte of its pixels is alpha."""
    found = layout(content)
    return found is not None and found.alpha > 0


def read_own_order(content: bytes) -> Samples:
    """(H, W, 3) RGB or, of a file with alpha, (H, W, 4) RGBA; the file is whole, see `containers`."""
    found = layout(content)
    assert found is not None
    size = (found.height, found.width, 4)
    pixels = np.frombuffer(content, np.uint8, found.row * found.height, found.offset).reshape(size)
    masks = [*found.masks, found.alpha] if found.alpha else [*found.masks]
    places = [(mask.bit_length() - 1) // 8 for mask in masks]
    return Samples.of(np.ascontiguousarray(pixels[slice(None) if found.downward else slice(None, None, -1), :, places]))

"""What is in memory at once: a few images, and of large ones fewer."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # the command line knows the usual number without loading NumPy
    from gainspect.types import Image

_Item = TypeVar("_Item")

USUAL_BATCH = 8
"""Images that are judged at once, where nobody says how many."""
MOST_PIXELS = 2**25
"""A batch takes no further image once its images have so many pixels together (100 MB as RGB)."""


def pixels_of_image(image: "Image") -> int:
    """How many pixels an image (H, W, 3) has."""
    return int(image.shape[0] * image.shape[1])


def batches(items: Iterable[_Item], count: int, pixels: Callable[[_Item], int]) -> Iterator[list[_Item]]:
    """Cut items into batches, in order; an item is taken only when the batch before it is done.

    Args:
        items: images, or what holds one.
        count: of items in a batch, at most.
        pixels: how many an item has.

    >>> list(batches([5, 2**24, 2**24, 1, 2, 3], 3, int))
    [[5, 16777216, 16777216], [1, 2, 3]]
    >>> list(batches([2**25, 1, 2**25, 1], 3, int))
    [[33554432], [1, 33554432], [1]]
    """
    batch: list[_Item] = []
    held = 0
    for item in items:
        batch.append(item)
        held += pixels(item)
        if len(batch) == count or held >= MOST_PIXELS:
            yield batch
            batch, held = [], 0
    if batch:
        yield batch

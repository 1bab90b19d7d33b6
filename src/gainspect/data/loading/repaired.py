"""Repairs as training images: what the reason check will show the network, it has seen in training.

Without its defect a part is OK; with another place repaired, a defective part stays defective, and a good one
stays good. The first is the counterfactual of GAIN-MTL ("remove the defect, and it is OK") in the image; the
other two say that a repair as such means nothing.
"""

import numpy as np

from gainspect.data.repair import repair
from gainspect.data.repair_regions import MAX_REPAIRED, control_regions, with_margin
from gainspect.types import BoolMask, Fill, Image, Mask


def without_defect(image: Image, mask: Mask, room: Mask, fill: Fill) -> Image | None:
    """The part with its defect repaired; None if too little of it would be left.

    Args:
        image: (S, S, 3).
        mask: (S, S), 1 in the defect; not empty.
        room: (S, S), 1 where the image shows its part, and not the border of the frame.
        fill: what the region is filled with.
    """
    region = _around(mask, room)
    return _repaired(image, region, room, avoid=region, fill=fill)


def repaired_elsewhere(
    image: Image, shape: Mask, room: Mask, rng: np.random.Generator, fill: Fill
) -> Image | None:
    """The part with a region in the shape of a defect repaired that lies elsewhere; None if there is no room.

    Args:
        image: (S, S, 3).
        shape: (S, S), 1 in the defect of this image, or of another; not empty.
        room: as in `without_defect`.
        rng: draws the place.
        fill: what the region is filled with.
    """
    region = _around(shape, room)
    found = control_regions(region, rng, 1, room > 0) if region.any() else ()
    return _repaired(image, found[0] & (room > 0), room, avoid=region, fill=fill) if found else None


def _around(mask: Mask, room: Mask) -> BoolMask:
    """With the margin of a repair, but not beyond the image."""
    return with_margin(mask > 0) & (room > 0)


def _repaired(image: Image, region: BoolMask, room: Mask, avoid: BoolMask, fill: Fill) -> Image | None:
    if not region.any() or region.sum() > MAX_REPAIRED * room.sum():
        return None
    return repair(image, region, avoid=avoid | (room == 0), fill=fill)

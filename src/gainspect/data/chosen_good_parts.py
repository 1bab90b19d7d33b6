"""Which good parts of a training repairs come from."""

import numpy as np

from gainspect.data.framing import content_mask, letterbox
from gainspect.data.good_parts import GoodParts
from gainspect.data.manifest import Manifest, Part, spread_over
from gainspect.types import Label

_IMAGES = 24
"""Largest number of good parts. Where parts lie in any direction, few of them are alike."""


def chosen_good_parts(taught: Manifest, size: int) -> GoodParts | None:
    """Frames of OK images, spread evenly over the manifest; of each group one, if these are enough.

    Args:
        taught: what a network is trained on.
        size: side of the network's frames, pixels.

    Returns:
        None: there is no OK image.

    Raises:
        GainspectError: an image cannot be read.
    """
    good = [part for part in taught.parts if part.label is Label.OK]
    groups: dict[str, Part] = {}
    for part in good:
        groups.setdefault(part.group, part)
    if len(groups) >= _IMAGES:
        good = list(groups.values())
    if not good:
        return None
    framed = [letterbox(taught.image(part), size) for part in spread_over(good, _IMAGES)]
    shown = [content_mask(geometry) > 0 for _, geometry in framed]
    return GoodParts(np.stack([frame for frame, _ in framed]), np.stack(shown))

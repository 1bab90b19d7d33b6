"""How many NG images have a marked defect, and how many OK images contradict their mask."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from gainspect.data.manifest import Manifest
from gainspect.types import Label

MOST = 0.5
"""Of an image: a defect that covers more is unusual."""


@dataclass(frozen=True)
class Marking:
    """How many images of one part of the data show where their defect is."""

    ng: int
    without_mask: int
    empty: int
    """NG images, those of them without a mask, and those whose mask marks nothing."""
    ok_marked: int
    """OK images whose mask marks something; the label counts, not the mask."""
    covering: int = 0
    """NG images whose mask covers most of them."""

    @property
    def marked(self) -> int:
        """NG images with a marked defect."""
        return self.ng - self.without_mask - self.empty

    @property
    def lacking(self) -> str:
        """Which of the NG images have no marked defect, as a clause.

        >>> Marking(ng=30, without_mask=12, empty=3, ok_marked=0).lacking
        '12 have no mask and 3 an empty one'
        """
        if not self.empty:
            return f"{_have(self.without_mask)} no mask"
        if not self.without_mask:
            return f"{_have(self.empty)} an empty mask"
        return f"{_have(self.without_mask)} no mask and {self.empty} an empty one"


def marking_of(manifest: Manifest, shares: Mapping[Path, float]) -> Marking:
    """Count the images of one part of the data.

    Args:
        manifest: the parts.
        shares: of each mask file, the share of its image that it marks, 0…1.
    """
    masks = {label: [part.mask for part in manifest.parts if part.label is label] for label in Label}
    ng = [shares[mask] for mask in masks[Label.NG] if mask is not None]
    return Marking(
        ng=len(masks[Label.NG]),
        without_mask=masks[Label.NG].count(None),
        empty=sum(share == 0 for share in ng),
        ok_marked=sum(shares[mask] > 0 for mask in masks[Label.OK] if mask is not None),
        covering=sum(share > MOST for share in ng),
    )


def _have(count: int) -> str:
    return f"{count} {'has' if count == 1 else 'have'}"

"""How many NG images have a marked defect, and how many OK images contradict their mask."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from gainspect.data.manifest import Manifest
from gainspect.types import Label


@dataclass(frozen=True)
class Marking:
    """How many images of one part of the data show where their defect is."""

    ng: int
    without_mask: int
    empty: int
    """NG images, those of them without a mask, and those whose mask marks nothing."""
    ok_marked: int
    """OK images whose mask marks something; the label counts, not the mask."""

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


def marking_of(manifest: Manifest, marked: Collection[Path]) -> Marking:
    """Count the images of one part of the data.

    Args:
        manifest: the parts.
        marked: the mask files that mark something.
    """
    ng = [part for part in manifest.parts if part.label is Label.NG]
    without = sum(part.mask is None for part in ng)
    ok = sum(part.label is Label.OK and part.mask in marked for part in manifest.parts)
    return Marking(len(ng), without, len(ng) - without - sum(part.mask in marked for part in ng), ok)


def _have(count: int) -> str:
    return f"{count} {'has' if count == 1 else 'have'}"

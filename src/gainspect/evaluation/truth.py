"""What is marked in an image, and which of its pixels count."""

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from gainspect.data.manifest import Manifest, Part
from gainspect.data.strokes import with_surroundings
from gainspect.metrics.cam import peak_in_mask
from gainspect.types import BoolMask, FloatMap, Label

_Kind = TypeVar("_Kind", bound=np.generic)


class Truth(NamedTuple):
    """The marks of one image."""

    mask: BoolMask
    """(H, W), True in the defect; all False for OK."""
    ignored: BoolMask | None = None
    """(H, W), True where no figure counts; None: every pixel counts."""

    @property
    def marked(self) -> BoolMask | None:
        """The mask, if it marks anything."""
        return self.mask if self.mask.any() else None

    def counted(self, values: NDArray[_Kind]) -> NDArray[_Kind]:
        """Of a map (H, W), the values that count: (H, W), or (N,) where some do not."""
        return values if self.ignored is None else values[~self.ignored]

    def points_at_defect(self, evidence: FloatMap) -> bool | None:
        """Whether evidence (H, W) peaks in the defect; None where none is marked."""
        if self.marked is None:
            return None
        return peak_in_mask(self.counted(evidence), self.counted(self.mask))


def truth_of(manifest: Manifest, part: Part, shape: tuple[int, ...]) -> Truth | None:
    """What is known of an image; None for an NG image whose defect is not marked.

    An OK part has no defect, so its mask counts as empty. Around strokes it is not known whether there is a
    defect, so no figure counts what lies there.

    Args:
        manifest: the data set.
        part: one of its parts.
        shape: (H, W, …) of its image.

    Raises:
        GainspectError: its mask cannot be read.
    """
    marks = manifest.marks(part, shape)
    if marks is not None and part.label is Label.NG and part.mask_kind == "scribble":
        marks = with_surroundings(marks)
    ignored = None if marks is None or marks.ignored is None else marks.ignored.astype(np.bool_)
    if part.label is Label.OK:
        return Truth(np.zeros(shape[:2], np.bool_), ignored)
    if marks is None or not marks.defect.any():
        return None
    return Truth(marks.defect.astype(np.bool_), ignored)

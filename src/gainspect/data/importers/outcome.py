"""What became of a set of labels: parts, what was left of them, and what is odd."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from gainspect.data.importers.annotations import Left
from gainspect.data.manifest import Part
from gainspect.types import Label


@dataclass
class Outcome:
    """What became of a set of labels."""

    parts: list[Part] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    """The name of each part's image in the source."""
    left: list[Left] = field(default_factory=list)
    notes: list[Left] = field(default_factory=list)
    """Images that are taken although something about them is odd."""
    ok_by_absence: list[Left] = field(default_factory=list)
    """Images that are taken for OK because nothing in them is a defect, not because something says so."""
    drawn: int = 0
    """Images with a mask that was drawn of their shapes, and is no file of the source."""
    remarks: list[str] = field(default_factory=list)
    """Sentences on the whole."""

    def to_json(self) -> dict[str, Any]:
        """Counts."""
        return {
            "ok": sum(part.label is Label.OK for part in self.parts),
            "ng": sum(part.label is Label.NG for part in self.parts),
            "masks": Counter(part.mask_kind or "outline" for part in self.parts if part.mask is not None),
            "drawn": self.drawn,
            "ignore_masks": sum(part.ignore is not None for part in self.parts),
            "types": Counter(part.defect_type for part in self.parts if part.defect_type),
            "splits": Counter(part.split for part in self.parts if part.split),
            "left": Counter(item.why for item in self.left),
            "notes": Counter(item.why for item in self.notes),
            "ok_by_absence": _counted(self.ok_by_absence),
        }


def _counted(items: Sequence[Left]) -> dict[str, dict[str, Any]]:
    """By reason: how many there are, and the first one."""
    count = Counter(item.why for item in items)
    first = {item.why: item.name for item in reversed(items)}
    return {why: {"count": count[why], "example": first[why]} for why in count}

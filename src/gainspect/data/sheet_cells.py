"""A data set in cells of one label, type of defect and split, and which images of each are shown."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gainspect.data.doubts import DOUBTS, Doubt
from gainspect.data.manifest import SPLITS, Manifest, Part, Split
from gainspect.types import Label

MOST_SHOWN = 1000
"""Of all cells together at most so many images are shown, but at least one of each cell."""


@dataclass(frozen=True)
class SheetCell:
    """The images of one label, type of defect and split."""

    label: Label
    defect_type: str
    """"" if it has no name."""
    split: Split | None
    images: int
    groups: int
    doubtful: int
    """How many of the images are doubtful."""
    shown: tuple[Part, ...]
    """The doubtful ones first, the most serious doubts first; then others, evenly out of their names. Of many
    doubtful ones so many that a quarter is left for others."""

    @property
    def more(self) -> int:
        """How many images are not shown."""
        return self.images - len(self.shown)


def cells_of(
    manifest: Manifest, doubts: Mapping[str, Sequence[Doubt]], per_cell: int
) -> tuple[SheetCell, ...]:
    """Sort the images into cells: OK first, then NG by type; in each, training, validation, test, no split.

    The order of the images in the manifest changes nothing.

    Args:
        manifest: the data set.
        doubts: of each doubtful image, by its name in tables.
        per_cell: images to show of a cell; fewer if they would come to more than `MOST_SHOWN`.
    """
    cells: dict[tuple[bool, str, int], list[Part]] = defaultdict(list)
    for part in manifest.parts:
        split = len(SPLITS) if part.split is None else SPLITS.index(part.split)
        cells[part.label is Label.NG, part.defect_type or "", split].append(part)
    count = max(1, min(per_cell, MOST_SHOWN // max(1, len(cells))))
    found = []
    for (is_ng, kind, split), parts in sorted(cells.items()):
        parts.sort(key=manifest.key)
        doubtful = sorted(
            (part for part in parts if manifest.key(part) in doubts),
            key=lambda part: _seriousness(doubts[manifest.key(part)]),
        )
        others = [part for part in parts if manifest.key(part) not in doubts]
        first = doubtful[: count - min(len(others), count // 4)]
        found.append(
            SheetCell(
                label=Label.NG if is_ng else Label.OK,
                defect_type=kind,
                split=(*SPLITS, None)[split],
                images=len(parts),
                groups=len({part.group for part in parts}),
                doubtful=len(doubtful),
                shown=(*first, *evenly(others, count - len(first))),
            )
        )
    return tuple(found)


def evenly(parts: Sequence[Part], count: int) -> list[Part]:
    """So many of them at equal distances, in their order; all if there are no more, none below 1."""
    taken = min(len(parts), max(0, count))
    return [parts[(2 * place + 1) * len(parts) // (2 * taken)] for place in range(taken)]


def _seriousness(doubts: Sequence[Doubt]) -> list[int]:
    """What doubtful images are sorted by: the most serious doubt, then the next one."""
    return [DOUBTS.index(doubt.code) for doubt in doubts] + [len(DOUBTS)]

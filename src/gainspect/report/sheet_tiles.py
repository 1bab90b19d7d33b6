"""What a contact sheet shows of one image, and how its doubts and cells are called."""

from collections.abc import Sequence
from dataclasses import dataclass

from gainspect.data.doubts import Doubt
from gainspect.data.manifest import Split
from gainspect.data.sheet_cells import SheetCell
from gainspect.report.texts import Wording
from gainspect.types import Label


@dataclass(frozen=True)
class SheetTile:
    """One image of a contact sheet."""

    name: str
    """Its name in tables."""
    picture: bytes | None
    """JPEG with lines around what is marked; None: the image cannot be read."""
    doubts: tuple[Doubt, ...]
    unmarked: bool
    """Whether it is NG and nothing is marked in it, which is said of images without a doubt."""


@dataclass(frozen=True)
class SheetRow:
    """A cell, and what is shown of it."""

    cell: SheetCell
    tiles: Sequence[SheetTile]


def doubt_in_words(doubt: Doubt, wording: Wording) -> list[str]:
    """What is doubtful; then its size, or its twin if it has a single one."""
    said = [wording(f"doubt_{doubt.code}")]
    if doubt.ratio is not None:
        said.append(wording("sheet_ratio", ratio=doubt.ratio))
    if len(doubt.others) == 1:
        said.append(doubt.others[0])
    return said


def kind_in_words(cell: SheetCell, wording: Wording) -> str:
    """Label and type of defect."""
    if cell.label is Label.OK and not cell.defect_type:
        return wording("ok")
    return f"{wording(cell.label)}: {cell.defect_type or wording('unnamed')}"


def split_in_words(split: Split | None, wording: Wording) -> str:
    """How a part of the split is called."""
    return wording(f"sheet_split_{split or 'none'}")


def cell_in_words(cell: SheetCell, wording: Wording) -> str:
    """How many images a cell has, how many are doubtful, and how many are not shown."""
    key = "sheet_cell_image" if cell.images == 1 else "sheet_cell_part" if cell.groups == 1 else "sheet_cell"
    said = [wording(key, n=cell.images, groups=cell.groups)]
    if cell.doubtful:
        said.append(wording("sheet_doubtful", n=cell.doubtful))
    if cell.more:
        said.append(wording("sheet_more", shown=len(cell.shown), n=cell.more))
    return "; ".join(said)

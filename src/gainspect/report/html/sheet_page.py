"""The contact sheet of a data set as a page."""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

from gainspect.data.doubts import DOUBTS, Doubt
from gainspect.data.importers.imported_folder import data_name
from gainspect.data.manifest import SPLITS, Manifest, Split
from gainspect.data.sheet_cells import SheetCell
from gainspect.report.html.page import write_page
from gainspect.report.html.pictures import Picture, within_budget
from gainspect.report.sheet_tiles import (
    SheetRow,
    SheetTile,
    cell_in_words,
    doubt_in_words,
    kind_in_words,
    split_in_words,
)
from gainspect.report.texts import Wording
from gainspect.types import Label

_PICTURE_BYTES = 9 * 2**20
"""Largest size of all pictures together, before base64 encoding, which adds a third."""


def write_sheet_page(
    rows: Sequence[SheetRow],
    manifest: Manifest,
    doubts: Mapping[str, Sequence[Doubt]],
    out: Path,
    wording: Wording,
    *,
    checked: bool,
) -> None:
    """Write a contact sheet as one HTML file.

    Args:
        rows: the cells, those of one label and type one after the other.
        manifest: the data set.
        doubts: of each doubtful image, shown or not, by its name in tables.
        out: HTML file to write.
        wording: the texts in the language of the page.
        checked: whether the images were checked; otherwise those that are not listed may be doubtful too.

    Raises:
        GainspectError: the page cannot be written, or is too large.
    """
    rows = _fitted(rows)
    found = Counter(code for each in doubts.values() for code in {doubt.code for doubt in each})
    write_page(
        "sheet.html.j2",
        out,
        wording,
        name=data_name(manifest.root),
        counts=counts_of(manifest),
        splits=[s for s in (*SPLITS, None) if any(row.cell.split == s for row in rows)],
        checked=checked,
        doubted=len(doubts),
        doubts={code: found[code] for code in DOUBTS if found[code]},
        blocks=[_Block.of(list(each), wording) for _, each in groupby(rows, key=_kind)],
        uri=lambda content: Picture("", content).uri,
        in_words=SimpleNamespace(split=split_in_words, cell=cell_in_words, doubt=doubt_in_words),
    )


class _Block(NamedTuple):
    """The cells of one label and type."""

    kind: str
    """In words."""
    rows: list[SheetRow]
    cells: dict[Split | None, SheetCell]

    @classmethod
    def of(cls, rows: list[SheetRow], wording: Wording) -> "_Block":
        cells = {row.cell.split: row.cell for row in rows}
        return cls(kind_in_words(rows[0].cell, wording), rows, cells)


def _kind(row: SheetRow) -> tuple[Label, str]:
    return row.cell.label, row.cell.defect_type


def counts_of(manifest: Manifest) -> dict[str, int]:
    """The numbers of its images and parts."""
    ng = int(manifest.labels.sum())
    groups = len({part.group for part in manifest.parts})
    return {"n": len(manifest.parts), "groups": groups, "ok": len(manifest.parts) - ng, "ng": ng}


def _fitted(rows: Sequence[SheetRow]) -> list[SheetRow]:
    """The same with smaller pictures, if they would be too large together."""
    tiles = [tile for row in rows for tile in row.tiles]
    sets = [[] if tile.picture is None else [Picture("", tile.picture)] for tile in tiles]
    fitted = iter(within_budget(sets, _PICTURE_BYTES))
    return [SheetRow(row.cell, [_with_picture(tile, next(fitted)) for tile in row.tiles]) for row in rows]


def _with_picture(tile: SheetTile, pictures: Sequence[Picture]) -> SheetTile:
    picture = pictures[0].content if pictures else None
    return SheetTile(tile.name, picture, tile.doubts, tile.unmarked)

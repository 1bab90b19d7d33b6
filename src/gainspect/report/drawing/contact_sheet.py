"""A contact sheet as PNG: the images of each cell side by side, their names below."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np

from gainspect.files import atomic_path
from gainspect.report.drawing.heat import OUTLINE, resized
from gainspect.report.drawing.letters import Lettering
from gainspect.report.drawing.marked_picture import IGNORED
from gainspect.report.drawing.name_line import PAPER, name_letters, name_line
from gainspect.report.drawing.overlay import to_png
from gainspect.report.sheet_tiles import (
    SheetRow,
    SheetTile,
    cell_in_words,
    doubt_in_words,
    kind_in_words,
    split_in_words,
)
from gainspect.report.texts import Wording
from gainspect.types import Image

_SIDE = 180
"""Longer side of a picture, pixels."""
_COLUMNS = 8
_GAP = 14
_MARGIN = 24
_WIDTH = 2 * _MARGIN + _COLUMNS * _SIDE + (_COLUMNS - 1) * _GAP
_LINE = 24
"""Height of a line below a picture, pixels."""
_FRAME = 3
_DOUBTFUL = (194, 65, 12)
_MISSING = 225
"""Gray value in the place of an image that cannot be read."""
_HIGHEST = 20_000
"""A sheet that would be higher goes on in a further file, pixels."""


def write_contact_sheet(
    rows: Sequence[SheetRow], title: Sequence[str], out: Path, wording: Wording
) -> tuple[list[Path], Lettering]:
    """Write a contact sheet; a very long one goes on in NAME-2.png and so on.

    Args:
        rows: the cells, those of one label and type one after the other.
        title: lines at its top.
        out: the PNG file to write.
        wording: the texts in the language of the sheet.

    Returns:
        The files, and the fonts; their sentence says which letters they lack.

    Raises:
        GainspectError: a file cannot be written.
    """
    letters = name_letters([*title, *_texts(rows, wording)])
    written: list[Path] = []
    strips: list[Image] = []
    for strip in _strips(rows, title, letters, wording):
        if strips and sum(len(one) for one in strips) + len(strip) > _HIGHEST:
            written.append(_save(strips, out, len(written)))
            strips = []
        strips.append(strip)
    written.append(_save(strips, out, len(written)))
    return written, letters


def _save(strips: Sequence[Image], out: Path, before: int) -> Path:
    path = out if not before else out.with_name(f"{out.stem}-{before + 1}{out.suffix}")
    content = to_png(np.vstack([*strips, _blank(_MARGIN)]))
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)
    return path


def _texts(rows: Sequence[SheetRow], wording: Wording) -> Iterator[str]:
    """All that is written, for the choice of fonts."""
    yield from _legend_texts(wording)
    for row in rows:
        yield kind_in_words(row.cell, wording)
        yield _heading(row, wording)
        for tile in row.tiles:
            yield tile.name
            yield from _said(tile, wording)


def _strips(
    rows: Sequence[SheetRow], title: Sequence[str], letters: Lettering, wording: Wording
) -> Iterator[Image]:
    """The sheet from top to bottom, in pieces (h, `_WIDTH`, 3)."""
    yield _blank(_MARGIN)
    for place, text in enumerate(title):
        yield _text(text, letters, 30 if place else 52)
    yield _legend(letters, wording)
    for kind, cells in groupby(rows, key=lambda row: kind_in_words(row.cell, wording)):
        yield _blank(_GAP)
        heading = _text(kind, letters, 46)
        heading[:2, _MARGIN:-_MARGIN] = 200
        yield heading
        for row in cells:
            yield _text(_heading(row, wording), letters, 32)
            for start in range(0, len(row.tiles), _COLUMNS):
                yield _pictures(row.tiles[start : start + _COLUMNS], letters, wording)


def _heading(row: SheetRow, wording: Wording) -> str:
    return f"{split_in_words(row.cell.split, wording)}: {cell_in_words(row.cell, wording)}"


def _pictures(tiles: Sequence[SheetTile], letters: Lettering, wording: Wording) -> Image:
    """One line of pictures, with their names and what is doubtful."""
    drawn = [_drawn(tile) for tile in tiles]
    said = [_said(tile, wording) for tile in tiles]
    high = max(len(picture) for picture in drawn)
    lines = 1 + max(map(len, said))
    strip = _blank(high + lines * _LINE + 2 * _FRAME + _GAP)
    for place, (tile, picture, texts) in enumerate(zip(tiles, drawn, said, strict=True)):
        height, width = picture.shape[:2]
        top, left = high - height + _FRAME, _MARGIN + place * (_SIDE + _GAP) + (_SIDE - width) // 2
        if tile.doubts:
            strip[top - _FRAME : top + height + _FRAME, left - _FRAME : left + width + _FRAME] = _DOUBTFUL
        strip[top : top + height, left : left + width] = picture
        for number, text in enumerate((tile.name, *texts)):
            line = _clipped(name_line(text, letters, _SIDE + 8, _LINE))
            across = _MARGIN + place * (_SIDE + _GAP) - 4
            below = high + 2 * _FRAME + number * _LINE
            strip[below : below + _LINE, across : across + line.shape[1]] = line
    return strip


def _drawn(tile: SheetTile) -> Image:
    if tile.picture is None:
        return np.full((_SIDE // 2, _SIDE, 3), _MISSING, np.uint8)
    pixels = cv2.imdecode(np.frombuffer(tile.picture, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None  # written by ourselves
    image = np.ascontiguousarray(np.asarray(pixels, np.uint8)[:, :, ::-1])
    return resized(image, _SIDE / max(image.shape[:2]))


def _said(tile: SheetTile, wording: Wording) -> list[str]:
    """The lines below its name."""
    unmarked = [wording("sheet_unmarked")] if tile.unmarked else []
    return [line for doubt in tile.doubts for line in doubt_in_words(doubt, wording)] + unmarked


def _legend_texts(wording: Wording) -> list[str]:
    return [wording(key) for key in ("sheet_defect", "sheet_ignored", "sheet_framed")]


def _legend(letters: Lettering, wording: Wording) -> Image:
    legend = _blank(32)
    left = _MARGIN + 8
    for text, color in zip(_legend_texts(wording), (OUTLINE, IGNORED, _DOUBTFUL), strict=True):
        cv2.rectangle(legend, (left, 9), (left + 18, 23), color, 2 if color != _DOUBTFUL else 3, cv2.LINE_AA)
        line = _clipped(name_line(text, letters, _WIDTH // 3, 28))
        legend[2:30, left + 22 : left + 22 + line.shape[1]] = line
        left += 22 + line.shape[1] + 16
    return legend


def _text(text: str, letters: Lettering, height: int) -> Image:
    strip = _blank(height)
    line = name_line(text, letters, _WIDTH - 2 * _MARGIN, height)
    strip[:, _MARGIN - 8 : _MARGIN - 8 + line.shape[1]] = line
    return strip


def _clipped(line: Image) -> Image:
    """Without the empty right end of a line."""
    inked = np.flatnonzero((line != PAPER).any(axis=(0, 2)))
    return line[:, : inked[-1] + 2] if inked.size else line[:, :1]


def _blank(height: int) -> Image:
    return np.full((height, _WIDTH, 3), PAPER, np.uint8)

"""A CSV table of images and classes, with boxes or without: one row each, as Roboflow and others write it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, cast

from gainspect.data.importers.annotations import (
    AnnotatedImage,
    AnnotatedSet,
    Box,
    Geometry,
    Left,
    Shape,
    attempted,
    ring,
)
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.layouts import tree_of
from gainspect.data.importers.source import Source
from gainspect.data.importers.split_names import split_in
from gainspect.data.manifest import Split
from gainspect.data.tables import LABEL_WORDS, Row, fold_header, read_rows, split_of
from gainspect.errors import GainspectError

_IMAGES = (
    *("filename", "file", "file_name", "image", "image_name", "image_path", "img", "filepath", "path"),
    *("파일", "파일명"),
)
_CLASSES = (
    *("label", "labels", "class", "class_name", "classname", "category", "defect", "defect_type"),
    *("라벨", "판정", "불량유형"),
)
"""What these columns may be called, the likeliest first."""
_BOX = ("xmin", "ymin", "xmax", "ymax")
_SIZE = ("width", "height")
_OTHERS = ("split", "group", "part", "mask", "defect_type")
_SUFFIXES = (".csv", ".tsv")
NO_MASK = "its mask is not there"
_OWN = frozenset({"manifest.csv", "split.csv"})


class _Columns(NamedTuple):
    """How a table calls what it says."""

    image: str
    class_: str
    box: bool
    known: tuple[str, ...]


def _columns(file: Path) -> _Columns | None:
    """The columns of a table by its first line; None: it names no images or no classes."""
    try:
        with file.open(encoding="utf-8-sig") as opened:
            header = [fold_header(name).strip('"') for name in re.split("[,;\t]", opened.readline(10_000))]
    except (OSError, UnicodeError):
        return None
    image = next((name for name in _IMAGES if name in header), None)
    class_ = next((name for name in _CLASSES if name in header), None)
    if image is None or class_ is None:
        return None
    box = set(_BOX) <= set(header)
    others = [name for name in (*_SIZE, *_OTHERS) if name in header and name != class_]
    return _Columns(image, class_, box, (image, class_, *(_BOX if box else ()), *others))


def _tables(files: Iterable[Path], source: Source) -> list[tuple[Path, _Columns]]:
    others = (file for file in files if file.name.casefold() not in _OWN or file == source.only)
    found = ((file, _columns(file)) for file in others)
    return [(file, columns) for file, columns in found if columns is not None]


def _recognize(source: Source) -> str | None:
    found = _tables(source.some(*_SUFFIXES), source)
    if not found or _is_folder_layout(source):
        return None
    file, columns = found[0]
    return f"{source.named(file)} has the columns {columns.image} and {columns.class_}"


def _is_folder_layout(source: Source) -> bool:
    """Whether it is meant for the folder layout; if that cannot be read, its own error helps most."""
    folders = tree_of(source).at("images").files
    return any(LABEL_WORDS.get(name) for folder in folders for name in folder[:2])


def _read(source: Source) -> AnnotatedSet:
    tables = _tables(source.with_suffix(*_SUFFIXES), source)
    if not tables:
        raise GainspectError("no CSV here has a column of images and one of classes", where=source.path)

    def read(left: list[Left]) -> Iterator[AnnotatedImage]:
        for file, columns in tables:
            yield from _images_of(file, columns, source, left)

    return AnnotatedSet.of(read)


def _images_of(file: Path, columns: _Columns, source: Source, left: list[Left]) -> Iterator[AnnotatedImage]:
    source.used.add(file)
    rows_of: dict[Path, list[Row]] = defaultdict(list)
    notes: dict[Path, str] = {}
    named = source.named(file)
    for row in read_rows(file, known=columns.known, required=(columns.image, columns.class_)):
        name = row.values[columns.image].strip()
        match = source.image(name, file)
        if match.file is None:
            left.append(Left(f"{named}, {row.place}", match.note, name))
            continue
        rows_of[match.file].append(row)
        notes[match.file] = match.note
    for image, rows in rows_of.items():
        read = _image(image, rows, columns, named, notes[image])
        written = _one(rows, "mask", named)
        mask = source.image(written, file).file if written else None
        if written and mask in (None, image):
            source.used.add(image)
            left.append(Left(source.named(image), NO_MASK, written))
        else:
            yield replace(read, mask=None if read.shapes else mask)


def _image(image: Path, rows: Sequence[Row], columns: _Columns, named: str, note: str) -> AnnotatedImage:
    place = f"{named}, {rows[0].place}"
    shapes: list[Shape] = []
    tags: list[str] = []
    for row in rows:
        class_, where = row.text(columns.class_), f"{named}, {row.place}"
        geometry = _box(row, where) if columns.box else None
        if class_ and geometry is None:
            tags.append(class_)
        elif geometry is not None:
            shapes.append(Shape(class_, geometry, where))
    split = split_of(_one(rows, "split", named), place) if "split" in columns.known else split_in(named)
    return AnnotatedImage(
        image,
        place,
        shapes=tuple(shapes),
        tags=tuple(dict.fromkeys(tags)),
        annotated=bool(shapes or tags),
        size=_size(rows[0]),
        split=cast(Split | None, split),
        group=_one(rows, "group", named),
        part=_one(rows, "part", named),
        defect_type=None if columns.class_ == "defect_type" else _one(rows, "defect_type", named) or None,
        extra=_extra(rows, columns),
        notes=(note,) if note else (),
    )


def _box(row: Row, where: str) -> Geometry | None:
    """The box of a row; None: the class is said of the image."""
    texts = [row.text(name) for name in _BOX]
    if not any(texts):
        return None

    def build() -> Box:
        (left, top), (right, bottom) = ring(texts, where).tolist()
        if right <= left or bottom <= top:
            raise GainspectError("its box ends before it begins", where=where)
        return Box(left, top, right, bottom)

    return attempted(build)


def _size(row: Row) -> tuple[int, int] | None:
    """Height and width, if both are stated as whole numbers."""
    width, height = (row.text(name) for name in _SIZE)
    if all(text.isascii() and text.isdigit() and int(text[:9]) > 0 for text in (width, height)):
        return int(height[:9]), int(width[:9])
    return None


def _one(rows: Sequence[Row], column: str, named: str) -> str:
    """The value of a column in all rows of an image; "" if there is none.

    Raises:
        GainspectError: they differ.
    """
    values = list(dict.fromkeys(row.text(column) for row in rows))
    if len(values) > 1:
        raise GainspectError(
            f"the rows of one image have different values of {column}, {values[0]!r} and {values[1]!r}",
            where=f"{named}, {rows[-1].place}",
        )
    return values[0]


def _extra(rows: Sequence[Row], columns: _Columns) -> Mapping[str, str]:
    """Free columns in which all rows of an image agree."""
    names = [name for name in rows[0].values if name not in columns.known]
    return {
        name: rows[0].values[name].strip()
        for name in names
        if len({row.values[name].strip() for row in rows}) == 1
    }


TABLE = Importer(
    name="table",
    title="CSV table of images and classes",
    recognizes="a CSV with columns such as filename and class, and labels of no other format",
    reads="a class a row, or a box with xmin, ymin, xmax, ymax; split, group, part, "
    "mask and defect_type where there are such columns; an image without a class is not labelled",
    leaves="columns that say nothing to gainspect: kept as they are",
    tried_on="the format's description only",
    recognize=_recognize,
    read=_read,
    fallback=True,
)

"""YOLO: a text file an image, beside it or in labels/, with segments, boxes or oriented boxes.

Source: https://docs.ultralytics.com/datasets.
"""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

from gainspect.data.importers.annotations import (
    AnnotatedImage,
    AnnotatedSet,
    Box,
    Geometry,
    Left,
    Points,
    Polygon,
    Shape,
    attempted,
    ring,
)
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.source import NOT_THERE, Match, Source
from gainspect.data.importers.split_names import label_in
from gainspect.data.importers.yolo_layout import Layout, layout_of, name_lists
from gainspect.errors import GainspectError
from gainspect.types import MaskKind

BEYOND_LIST = "a class beyond the list of names"
_FEW = 20
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
_FARTHEST = 2.0
"""Of a position that is a share of the picture; what lies farther off is written in pixels."""


def _recognize(source: Source) -> str | None:
    listing = next((file for file in name_lists(source)), None)
    if listing is not None and listing == source.only:
        return f"{source.named(listing)} lists the names of classes"
    paired = (file for file in _texts(source) if _image_of(file, source).file is not None)
    for file in islice(paired, _FEW):
        if _has_rows(file, source):
            return f"{source.named(file)} has rows of numbers, and is called like an image"
        if listing is not None and not source.head(file).strip():
            return f"{source.named(listing)} lists the names of classes, {source.named(file)} has no row"
    return None


def _texts(source: Source) -> list[Path]:
    """Text files that may hold the labels of one image each; beside a data.yaml that was named, all."""
    if source.only is None or source.only in name_lists(source):
        return sorted(item.path for item in source.others if item.why == ".txt")
    return source.with_suffix(".txt")


def _has_rows(file: Path, source: Source) -> bool:
    """Whether a text file begins with a row of the number of a class, and four positions or more."""
    lines = source.head(file).decode("utf-8", "replace").strip().splitlines()
    cells = lines[0].split() if lines else []
    return len(cells) >= 5 and cells[0].isdecimal() and all(map(_NUMBER.fullmatch, cells))


def _image_of(labels: Path, source: Source) -> Match:
    """The image beside the labels, or where images/ stands for labels/ in their path; or by its stem."""
    place = labels.with_suffix("")
    below = _labels_folder(labels, source)
    places = [place]
    if below is not None:
        places += [below.with_name(name) / place.relative_to(below) for name in ("images", "Images")]
    for there in places:
        if found := source.images_at(there):
            return source.several(found) if len(found) > 1 else Match(found[0])
    return source.image_of_stem(labels.stem, labels) if below is not None else Match(None, NOT_THERE)


def _labels_folder(file: Path, source: Source) -> Path | None:
    """The nearest folder of the set above a file that is called labels/."""
    above = (folder for folder in file.parents if folder.is_relative_to(source.root))
    return next((folder for folder in above if folder.name.casefold() == "labels"), None)


def _read(source: Source) -> AnnotatedSet:
    layout = layout_of(source)
    texts = [file for file in _texts(source) if file not in layout.lists]
    pairs = {file: _image_of(file, source) for file in texts}
    labeled = {found.file for found in pairs.values() if found.file is not None}
    oriented = _are_oriented_boxes(source, [file for file, found in pairs.items() if found.file is not None])

    def images(left: list[Left]) -> Iterator[AnnotatedImage]:
        for file, found in pairs.items():
            where = source.named(file)
            if found.file is None:
                if found.note != NOT_THERE or _labels_folder(file, source) or _has_rows(file, source):
                    left.append(Left(where, found.note))
                continue
            shapes, beyond = _shapes(source.text(file), layout, where, oriented=oriented)
            notes = (found.note, BEYOND_LIST if beyond else "")
            yield AnnotatedImage(
                file=found.file,
                place=where,
                shapes=tuple(shapes),
                split=layout.split_of(found.file, source),
                notes=tuple(note for note in notes if note),
            )
        for image in source.images if source.only not in pairs else ():
            if image not in labeled:
                split = layout.split_of(image, source)
                yield AnnotatedImage(
                    file=image,
                    place=source.named(image),
                    annotated=False,
                    label=label_in(Path(source.named(image)).parent.as_posix()),
                    split=split,
                    not_taken=source.unclear.get(image, ""),
                )

    return AnnotatedSet.of(images, named=tuple(dict.fromkeys(layout.names.values())))


def _shapes(text: str, layout: Layout, where: str, *, oriented: bool) -> tuple[list[Shape], bool]:
    """The shapes of a file, and whether one is of a class that no list names."""
    shapes: list[Shape] = []
    beyond = False
    kind: MaskKind | None = "box" if oriented else None
    for number, line in enumerate(text.splitlines(), 1):
        cells, place = line.split(), f"{where}, line {number}"
        if not cells:
            continue
        if not re.fullmatch(r"\d{1,6}(\.0+)?", cells[0]):
            raise GainspectError(
                f"the row begins with {cells[0]!r}, not with the number of a class", where=place
            )
        of = int(float(cells[0]))
        beyond |= bool(layout.names) and of not in layout.names
        geometry = attempted(partial(_geometry, cells[1:], place, layout.key_points))
        shapes.append(Shape(layout.names.get(of, f"class {of}"), geometry, place, relative=True, kind=kind))
    return shapes, beyond


def _geometry(cells: Sequence[str], place: str, key_points: bool) -> Geometry:
    if len(cells) == 4 or (key_points and len(cells) > 4):
        x, y, width, height = _shares(cells[:4], place).ravel().tolist()
        return Box(x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    if len(cells) == 5:
        raise GainspectError("its row has a score: these are predictions, not labels", where=place)
    return Polygon((_shares(cells, place),))


def _shares(cells: Sequence[str], place: str) -> Points:
    points = ring(cells, place)
    if (abs(points) > _FARTHEST).any():
        raise GainspectError("its positions are not shares of width and height", where=place)
    return points


def _are_oriented_boxes(source: Source, files: Sequence[Path]) -> bool:
    """Whether all rows have four corners: segments would have another number of them somewhere."""
    some = False
    for file in files:
        for line in source.text(file).splitlines():
            cells = line.split()
            if cells and len(cells) != 9:
                return False
            some |= bool(cells)
    return some


YOLO = Importer(
    name="yolo",
    title="YOLO",
    recognizes="text files with rows of numbers, called like the images, beside them or in labels/",
    reads="segments, boxes, oriented boxes; names and splits from data.yaml, classes.txt, obj.names; a file "
    "without rows is of an image that was looked at, without a file nobody did",
    leaves="key points; an image with a row of six numbers (a prediction with its score) is not taken",
    tried_on="a real export",
    recognize=_recognize,
    read=_read,
)

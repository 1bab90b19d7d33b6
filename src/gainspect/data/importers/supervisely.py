"""Supervisely: meta.json, and img/ with ann/ for each dataset, one JSON an image.

Source: https://developer.supervisely.com/getting-started/supervisely-annotation-format. Whole numbers are
those of pixels there, whose centers they stand for; others are positions.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from gainspect.data.image_header import require_limit
from gainspect.data.importers.annotations import (
    AnnotatedImage,
    AnnotatedSet,
    Box,
    Damaged,
    Geometry,
    Left,
    Line,
    Pixels,
    Points,
    Polygon,
    Shape,
)
from gainspect.data.importers.bitmaps import pixels_of_image
from gainspect.data.importers.fields import Record, from_base64, pairs, records, stated_size
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.source import Match, Source
from gainspect.data.importers.split_names import split_in
from gainspect.data.manifest import Split
from gainspect.data.tables import SPLIT_WORDS
from gainspect.errors import GainspectError

_FEW = 5
_MOST = 4
"""Bytes of a bitmap's PNG for a pixel of the largest picture, at most."""


def _recognize(source: Source) -> str | None:
    if not any(file.name == "meta.json" for file in source.with_suffix(".json")):
        return None
    for file in _annotations(source)[:_FEW]:
        if _is_supervisely(source.looks_like_json(file)):
            return f"there is meta.json, and {source.named(file)} has objects and a size"
    return None


def _annotations(source: Source) -> list[Path]:
    return [f for f in source.with_suffix(".json") if f.parent.name.casefold() == "ann" or f == source.only]


def _is_supervisely(content: object) -> bool:
    return isinstance(content, dict) and {"objects", "size"} <= content.keys()


def _read(source: Source) -> AnnotatedSet:
    files = _annotations(source)
    if not files:
        raise GainspectError("no folder ann/ here has JSON files", where=source.path)
    named: dict[str, None] = {}
    for meta in (file for file in source.with_suffix(".json") if file.name == "meta.json"):
        classes = records(source.json(meta), "classes", source.named(meta))
        named |= dict.fromkeys(str(record.get("title")) for record in classes)

    def images(left: list[Left]) -> Iterator[AnnotatedImage]:
        for file in files:
            content, where = source.json(file), source.named(file)
            if not _is_supervisely(content):
                raise GainspectError("it has no objects and size of Supervisely", where=file)
            found = _found(file, source)
            if found.file is None:
                left.append(Left(where, found.note, file.stem))
            else:
                yield _image(content, where, found, source)

    return AnnotatedSet.of(images, named=tuple(named))


def _found(file: Path, source: Source) -> Match:
    """The image that an annotation is called after, as a rule with its suffix: a.png.json."""
    name = Path(file.stem)
    beside = file.parent.with_name("img") / name
    if beside.is_file():
        return Match(beside)
    found = source.image(name.name, file)
    return found if found.file is not None else source.image_of_stem(file.stem, file)


def _image(content: Record, where: str, found: Match, source: Source) -> AnnotatedImage:
    size = content["size"]
    if not isinstance(size, dict):
        raise GainspectError("its size is not height and width", where=where)
    split, tags = _tags(content, where)
    assert found.file is not None
    return AnnotatedImage(
        file=found.file,
        place=where,
        shapes=tuple(
            shape
            for number, record in enumerate(records(content, "objects", where), 1)
            for shape in _shapes(record, f"{where}, object {number}")
        ),
        tags=tags,
        size=stated_size(size.get("height"), size.get("width")),
        split=split or split_in(Path(source.named(found.file)).parent.as_posix()),
        notes=(found.note,) if found.note else (),
    )


def _tags(content: Record, where: str) -> tuple[Split | None, tuple[str, ...]]:
    """The split, which Supervisely says by a tag, and the other tags."""
    names = [record.get("name") for record in records(content, "tags", where)]
    if not all(isinstance(name, str) for name in names):
        raise GainspectError("a tag has no name", where=where)
    words = [str(name) for name in names]
    splits = {split_in(word) for word in words if word.casefold() in SPLIT_WORDS}
    split = splits.pop() if len(splits) == 1 else None
    return split, tuple(dict.fromkeys(word for word in words if word.casefold() not in SPLIT_WORDS))


def _shapes(record: Record, place: str) -> Iterator[Shape]:
    name = record.get("classTitle")
    if not isinstance(name, str):
        raise GainspectError("the object has no classTitle", where=place)
    try:
        for geometry in _geometries(record, place):
            yield Shape(name, geometry, place)
    except GainspectError as error:
        yield Shape(name, Damaged(error.what), place)


def _geometries(record: Record, place: str) -> list[Geometry]:
    kind = record.get("geometryType")
    if kind == "bitmap":
        return [_bitmap(record.get("bitmap"), place)]
    points = record.get("points")
    if kind not in ("polygon", "rectangle", "line", "polyline", "point") or not isinstance(points, dict):
        return [Damaged(f"an object of the kind {kind!r} is not read")]
    outer = pairs(points.get("exterior"), place)
    interior = points.get("interior") or []
    if not isinstance(interior, list):
        raise GainspectError("its interior is not a list of outlines", where=place)
    match kind:
        case "polygon":
            return [Polygon((_placed(outer),), tuple(_placed(pairs(hole, place)) for hole in interior))]
        case "rectangle" if len(outer) == 2:
            low, high = outer.min(axis=0), outer.max(axis=0)
            (left, top), (right, bottom) = low, high + 1 if _are_whole(outer) else high
            return [Box(left, top, right, bottom)]
        case "line" | "polyline" if len(outer) > 1:
            return [Line(_placed(outer))]
        case "point" if len(outer) > 0:
            placed = _placed(outer)
            return [Line(placed[number : number + 1]) for number in range(len(placed))]
    return [Damaged(f"it is a {kind} of {len(outer)} points")]


def _are_whole(points: Points) -> bool:
    return bool((points == np.floor(points)).all())


def _placed(points: Points) -> Points:
    """Positions of points: the centers of pixels, where whole numbers are written."""
    return points + 0.5 if _are_whole(points) else points


def _bitmap(record: object, place: str) -> Pixels:
    """A PNG, packed by zlib or not, with the column and row of its first pixel."""
    origin = record.get("origin") if isinstance(record, dict) else None
    if not isinstance(record, dict) or not isinstance(origin, list):
        raise GainspectError("its bitmap has no data and origin", where=place)
    if len(origin) != 2 or not all(type(side) is int for side in origin):
        raise GainspectError("its bitmap's origin is not a column and a row", where=place)
    left, top = origin
    content = _unpacked(from_base64(record.get("data"), place), place)
    return pixels_of_image(content, place, left=left, top=top)


def _unpacked(content: bytes, place: str) -> bytes:
    if content.startswith(b"\x89PNG"):
        return content
    limit = int(require_limit() * 1e6) * _MOST
    try:
        unpacker = zlib.decompressobj()
        unpacked = unpacker.decompress(content, limit)
    except zlib.error as error:
        raise GainspectError("its bitmap is not packed by zlib", where=place) from error
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise GainspectError("its bitmap is cut off or too large", where=place)
    return unpacked


SUPERVISELY = Importer(
    name="supervisely",
    title="Supervisely",
    recognizes="meta.json, and JSON files in ann/ beside img/",
    reads="polygons with holes, bitmaps, rectangles, lines, points; tags of the image as its classes, train, "
    "val and test as its split",
    leaves="tags of objects, values of tags; an image with a cuboid, graph or alpha mask is not taken",
    tried_on="the format's description only",
    recognize=_recognize,
    read=_read,
)

"""LabelMe: one JSON an image, with all its shapes; the image beside it or embedded.

Source: `labelme/label_file.py`, `labelme/utils/shape.py` of https://github.com/wkentaro/labelme, 3 to 5.
"""

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from gainspect.data.importers.annotations import (
    AnnotatedImage,
    AnnotatedSet,
    Box,
    Damaged,
    Ellipse,
    Geometry,
    Left,
    Line,
    Points,
    Polygon,
    Shape,
)
from gainspect.data.importers.bitmaps import pixels_of_image
from gainspect.data.importers.fields import Record, file_name, from_base64, pairs, records, stated_size
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.source import Source
from gainspect.data.importers.split_names import split_in
from gainspect.errors import GainspectError
from gainspect.types import MaskKind

OTHER_JSON = "a JSON file of no LabelMe annotation"
_BOXES = ("rectangle", "rotation", "oriented_rectangle")
"""Shapes that are boxes, turned or not; forks write the last two, with their corners."""
_NO_FLAG = "__ignore__"
"""A flag that LabelMe writes for its own use."""


def _recognize(source: Source) -> str | None:
    for file in source.some(".json"):
        if _is_labelme(source.looks_like_json(file)):
            return f"{source.named(file)} has shapes and the path of their image"
    return None


def _is_labelme(content: object) -> bool:
    return isinstance(content, dict) and {"shapes", "imagePath"} <= content.keys()


def _read(source: Source) -> AnnotatedSet:
    def images(left: list[Left]) -> Iterator[AnnotatedImage]:
        for file in source.with_suffix(".json"):
            content = source.json(file)
            if not _is_labelme(content):
                source.used.discard(file)
                left.append(Left(source.named(file), OTHER_JSON))
            elif (image := _image(content, file, source, left)) is not None:
                yield image

    return AnnotatedSet.of(images)


def _image(content: Record, file: Path, source: Source, left: list[Left]) -> AnnotatedImage | None:
    where = source.named(file)
    name, data = content["imagePath"], content.get("imageData")
    if not isinstance(name, str):
        raise GainspectError("its imagePath is not text", where=file)
    found = source.image(name, file)
    if found.file is None and not data:
        left.append(Left(where, found.note, name))
        return None
    shapes = [
        shape
        for number, record in enumerate(records(content, "shapes", where), 1)
        for shape in _shapes(record, f"{where}, shape {number}")
    ]
    flags = content.get("flags") or {}
    if not isinstance(flags, dict):
        raise GainspectError("its flags are not named", where=file)
    return AnnotatedImage(
        file=found.file,
        place=where,
        shapes=tuple(shapes),
        tags=tuple(flag for flag, is_set in flags.items() if is_set is True and flag != _NO_FLAG),
        size=stated_size(content.get("imageHeight"), content.get("imageWidth")),
        split=split_in(Path(where).parent.as_posix()),
        content=partial(from_base64, data, where),
        name=file_name(name, f"{file.stem}.png"),
        notes=(found.note,) if found.file and found.note else (),
    )


def _shapes(record: Record, place: str) -> Iterator[Shape]:
    """The shape of a record, or one for each of its points."""
    name = record.get("label")
    if not isinstance(name, str):
        raise GainspectError("the shape has no label", where=place)
    try:
        points = pairs(record.get("points"), place)
        kind: MaskKind | None = "box" if record.get("shape_type") in _BOXES else None
        for geometry in _geometries(record, points, place):
            yield Shape(name, geometry, place, kind=kind)
    except GainspectError as error:
        yield Shape(name, Damaged(error.what), place)


def _geometries(record: Record, points: Points, place: str) -> list[Geometry]:
    kind = record.get("shape_type") or "polygon"  # older files have none
    match kind, len(points):
        case "polygon", _:
            return [Polygon((points,))]
        case "rectangle", 2:
            (left, top), (right, bottom) = points.min(axis=0), points.max(axis=0)
            return [Box(left, top, right, bottom)]
        case _, 4 if kind in _BOXES:
            return [Polygon((points,))]
        case "circle", 2:
            radius = math.dist(points[0], points[1])
            return [Ellipse(points[0, 0], points[0, 1], radius, radius)]
        case (("line" | "linestrip"), _) if len(points) > 1:
            return [Line(points)]
        case (("point" | "points"), _) if len(points) > 0:
            return [Line(points[number : number + 1]) for number in range(len(points))]
        case "mask", 2:
            left, top = (math.floor(side) for side in points.min(axis=0))
            content = from_base64(record.get("mask"), place)
            return [pixels_of_image(content, place, left=left, top=top)]
    return [Damaged(f"it is a {kind!r} of {len(points)} points")]


LABELME = Importer(
    name="labelme",
    title="LabelMe",
    recognizes="JSON files with `shapes` and `imagePath`, one an image",
    reads="polygons, rectangles, circles, lines, points, masks; flags that are set as classes of the image; "
    "embedded images where the file is not there",
    leaves="flags, groups and descriptions of shapes",
    tried_on="a real export",
    recognize=_recognize,
    read=_read,
)

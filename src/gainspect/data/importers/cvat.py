"""CVAT for images 1.1: one XML of images with all their shapes.

Source: https://docs.cvat.ai/docs/other/xml_format.
"""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element

from gainspect.data.image_header import require_limit
from gainspect.data.importers.annotations import (
    AnnotatedImage,
    AnnotatedSet,
    Box,
    Damaged,
    Ellipse,
    Geometry,
    Left,
    Line,
    Pixels,
    Points,
    Polygon,
    Shape,
    ring,
)
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.rle import decode_rle
from gainspect.data.importers.source import SEVERAL, Match, Source
from gainspect.data.importers.split_names import split_in
from gainspect.data.manifest import Split
from gainspect.errors import GainspectError

_ROOT = re.compile(rb"<annotations[\s>]")


def _recognize(source: Source) -> str | None:
    for file in source.some(".xml"):
        if _ROOT.search(source.head(file)):
            return f"{source.named(file)} is an XML file of CVAT's annotations"
    return None


def _read(source: Source) -> AnnotatedSet:
    files = [f for f in source.with_suffix(".xml") if _ROOT.search(source.head(f)) or f == source.only]
    if not files:
        raise GainspectError("no XML file here has annotations of CVAT", where=source.path)
    named: dict[str, None] = {}
    for file in files:
        root = source.xml(file)
        if root.tag != "annotations":
            raise GainspectError("the file has no annotations of CVAT", where=file)
        if root.find("track") is not None:
            raise GainspectError(
                "it holds the tracks of a video",
                where=file,
                hint="Export the task as «CVAT for images 1.1», with its frames.",
            )
        named |= dict.fromkeys(name.text for name in root.iterfind("meta//label/name") if name.text)

    def images(left: list[Left]) -> Iterator[AnnotatedImage]:
        for file in files:  # one of them in memory
            root = source.xml(file)
            split = split_in(root.findtext("meta//subset", "")) or split_in(source.named(file))
            for element in root.iterfind("image"):
                if (image := _image(element, split, file, source, left)) is not None:
                    yield image

    return AnnotatedSet.of(images, named=tuple(named))


def _image(
    element: Element, split: Split | None, file: Path, source: Source, left: list[Left]
) -> AnnotatedImage | None:
    name, subset = element.get("name"), element.get("subset", "")
    place = f"{source.named(file)}, image {element.get('id', name)}"
    if not name:
        raise GainspectError("the image has no name", where=place)
    found = _found(name, subset, file, source)
    if found.file is None:
        left.append(Left(place, found.note, name))
        return None
    shapes: list[Shape] = []
    tags: list[str] = []
    for number, drawn in enumerate(element, 1):
        shown = f"{place}, {drawn.tag} {number}"
        label = drawn.get("label")
        if label is None:
            raise GainspectError("the shape has no label", where=shown)
        if drawn.tag == "tag":
            tags.append(label)
        elif drawn.get("outside") != "1":  # of a track: it is not in this frame
            shapes += (Shape(label, geometry, shown) for geometry in _geometries(drawn, shown))
    return AnnotatedImage(
        file=found.file,
        place=place,
        shapes=tuple(shapes),
        tags=tuple(dict.fromkeys(tags)),
        size=_size(element, place),
        split=split_in(subset) or split_in(PurePosixPath(name).parent.as_posix()) or split,
        notes=(found.note,) if found.note else (),
    )


def _found(name: str, subset: str, file: Path, source: Source) -> Match:
    """An image by its name, and by its subset's folder where several have the name."""
    found = source.image(name, file)
    return source.image(f"{subset}/{name}", file) if subset and found.note == SEVERAL else found


def _geometries(element: Element, place: str) -> list[Geometry]:
    """What is drawn; several for the points of one element."""
    try:
        match element.tag:
            case "polygon":
                return [Polygon((_points(element, place),))]
            case "polyline":
                return [Line(_points(element, place))]
            case "points":
                points = _points(element, place)
                return [Line(points[number : number + 1]) for number in range(len(points))]
            case "box":
                left, top, right, bottom = _numbers(element, place, "xtl", "ytl", "xbr", "ybr")
                return [Box(left, top, right, bottom, _angle(element, place))]
            case "ellipse":
                x, y, half_width, half_height = _numbers(element, place, "cx", "cy", "rx", "ry")
                return [Ellipse(x, y, half_width, half_height, _angle(element, place))]
            case "mask":
                return [_mask(element, place)]
    except GainspectError as error:
        return [Damaged(error.what)]
    return [Damaged(f"a shape of the kind {element.tag!r} is not read")]


def _points(element: Element, place: str) -> Points:
    """Points of "x,y;x,y;…"."""
    points = element.get("points", "")
    if not points:
        raise GainspectError("it has no points", where=place)
    return ring((number for point in points.split(";") for number in _pair(point, place)), place)


def _pair(point: str, place: str) -> list[str]:
    pair = point.split(",")
    if len(pair) != 2:
        raise GainspectError("its points are not pairs of numbers", where=place)
    return pair


def _numbers(element: Element, place: str, *names: str) -> list[float]:
    """Attributes that come in pairs, as numbers."""
    for name in names:
        if name not in element.attrib:
            raise GainspectError(f"it has no {name}", where=place)
    return [float(number) for number in ring((element.attrib[name] for name in names), place).ravel()]


def _angle(element: Element, place: str) -> float:
    """Degrees clockwise, 0 where none are stated."""
    angle, _ = ring((element.get("rotation", "0"), "0"), place)[0]
    return float(angle)


def _mask(element: Element, place: str) -> Pixels:
    """Run lengths by rows within a box, beginning with what is not in the mask."""
    left, top, width, height = (
        _whole(element.get(name), place) for name in ("left", "top", "width", "height")
    )
    counts = [_whole(count, place) for count in element.get("rle", "").split(",")]
    limit = int(require_limit() * 1e6)
    return Pixels(partial(decode_rle, counts, [height, width], place, limit, by_rows=True), left, top)


def _whole(text: str | None, place: str) -> int:
    if text is None or not re.fullmatch(r"\s*-?\d{1,9}\s*", text):
        raise GainspectError("its mask is not run lengths, left, top, width and height", where=place)
    return int(text)


def _size(element: Element, place: str) -> tuple[int, int] | None:
    """Height and width, if both are stated."""
    stated = element.get("height"), element.get("width")
    if None in stated:
        return None
    try:
        height, width = (_whole(side, place) for side in stated)
    except GainspectError as error:
        raise GainspectError("the image's width and height are not numbers", where=place) from error
    return height, width


CVAT = Importer(
    name="cvat",
    title="CVAT for images 1.1",
    recognizes="an XML file with `<annotations>`, as a rule annotations.xml",
    reads="polygons, boxes and ellipses with their rotation, masks, polylines and points (as wide as "
    "`--line-width`), tags as classes of the image; the split from the subset, "
    "or the name of the folder or file",
    leaves="attributes, z-order (all shapes count), whether something is occluded; an image with a cuboid or "
    "skeleton is not taken, tracks of videos are refused",
    tried_on="a real export",
    recognize=_recognize,
    read=_read,
)

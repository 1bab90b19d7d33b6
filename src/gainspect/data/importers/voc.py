"""Pascal VOC: an XML an image with boxes, class masks as palette PNG, lists of images; CVAT's export too.

Source: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html; labelmap.txt:
https://docs.cvat.ai/docs/manual/advanced/formats/format-voc.
"""

import math
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from xml.etree.ElementTree import Element

import numpy as np

from gainspect.data.importers.annotations import (
    AnnotatedImage,
    AnnotatedSet,
    Box,
    Geometry,
    Left,
    Pixels,
    Polygon,
    Shape,
    attempted,
    ring,
)
from gainspect.data.importers.class_masks import ClassMasks, class_masks_of
from gainspect.data.importers.fields import stated_size
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.source import Match, Source
from gainspect.data.importers.split_names import label_in, split_in
from gainspect.data.importers.voc_layout import Entry, Key, entries_of, is_annotation, is_class_mask, is_mask
from gainspect.errors import GainspectError

_IMAGES = ("JPEGImages", "images", "")
_WHOLE = re.compile(r"\d{1,9}")
_SAME = 0.5
"""Share of a box that what a mask shows in it extends over, at least, if they are of one object."""

MASK_DAMAGED = "its mask cannot be read"
IN_TWO_LISTS = "it is listed for several parts of the split"


def _recognize(source: Source) -> str | None:
    for file in source.some(".xml"):
        if is_annotation(file, source):
            return f"{source.named(file)} is an XML file with one annotation"
    if source.only is None:
        for image in source.images:
            if is_class_mask(image, source):
                return f"{source.named(image)} is a mask in SegmentationClass/"
    return None


def _read(source: Source) -> AnnotatedSet:
    entries = entries_of(source)
    if not entries:
        raise GainspectError("no XML file here has an annotation of Pascal VOC", where=source.path)
    masks = class_masks_of(source)
    finder = _Images(source)

    def images(left: list[Left]) -> Iterator[AnnotatedImage]:
        for key, entry in entries.items():
            root = None if entry.xml is None else source.xml(entry.xml)
            if root is not None and root.tag != "annotation":
                raise GainspectError("the file has no annotation of Pascal VOC", where=entry.xml)
            labels = entry.xml or entry.mask or entry.lists[0]
            place = source.named(labels) if labels not in entry.lists else f"{source.named(labels)}, {key[1]}"
            found = finder.of(key, root, labels)
            if found.file is None:
                left.append(Left(place, found.note, key[1]))
                continue
            yield _image(entry, root, found, place, masks, source)

    return AnnotatedSet.of(images, named=masks.named)


class _Images:
    """Finds the image of an entry."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._among = {image for image in source.images if not is_mask(image, source)}
        # Masks are read with their images; those of instances are not images of their own.
        source.used |= set(source.images) - self._among

    def of(self, key: Key, root: Element | None, labels: Path) -> Match:
        """The image at its place below JPEGImages/, by its stem, or by the file name in the XML."""
        folder, name = key
        for images in _IMAGES:
            found = self._source.images_at(folder / images / name)
            if len(found) == 1:
                return Match(found[0])
        by_stem = self._source.image_of_stem(Path(name).name, labels, among=self._among)
        if by_stem.file is not None or root is None:
            return by_stem
        written = root.findtext("filename", "")
        by_name = self._source.image(written, labels, among=self._among) if written else by_stem
        return by_name if by_name.file is not None else by_stem


def _image(
    entry: Entry, root: Element | None, found: Match, place: str, masks: ClassMasks, source: Source
) -> AnnotatedImage:
    assert found.file is not None
    size, shapes = None if root is None else _size(root), list[Shape]()
    not_taken = ""
    if entry.mask is not None:
        source.used.add(entry.mask)
        try:
            size, shapes = masks.shapes(entry.mask, source.named(entry.mask))
        except GainspectError:
            not_taken = MASK_DAMAGED
    if root is not None:
        masks_of = {shape.name: shape.geometry for shape in shapes}
        shapes += [shape for shape in _objects(root, place) if not _is_shown(shape, masks_of.get(shape.name))]
    folder = Path(source.named(found.file)).parent.as_posix()
    annotated, split = root is not None or entry.mask is not None, split_in(folder)
    if entry.splits:
        split = next(iter(entry.splits)) if len(entry.splits) == 1 else None
    notes = (found.note, IN_TWO_LISTS if len(entry.splits) > 1 else "")
    return AnnotatedImage(
        file=found.file,
        place=place,
        shapes=tuple(shapes),
        annotated=annotated,
        label=None if annotated else label_in(folder),
        size=size,
        split=split,
        notes=tuple(note for note in notes if note),
        not_taken=not_taken,
    )


def _size(root: Element) -> tuple[int, int] | None:
    """Height and width; None where they are not stated, or as 0."""
    height, width = (root.findtext(f"size/{side}", "").strip() for side in ("height", "width"))
    if not (_WHOLE.fullmatch(height) and _WHOLE.fullmatch(width)):
        return None
    return stated_size(int(height), int(width))


def _objects(root: Element, place: str) -> Iterator[Shape]:
    for number, element in enumerate(root.iterfind("object"), 1):
        shown = f"{place}, object {number}"
        name = element.findtext("name", "").strip()
        if not name:
            raise GainspectError("the object has no name", where=shown)
        difficult = element.findtext("difficult", "0").strip() not in ("0", "")
        yield Shape(name, attempted(partial(_geometry, element, shown)), shown, crowd=difficult)


def _is_shown(shape: Shape, mask: Geometry | None) -> bool:
    """Whether a box is around what the mask of its class shows: they reach about as far."""
    box = shape.geometry
    if not isinstance(box, Box) or not isinstance(mask, Pixels):
        return False
    pixels = mask.decode()
    top, left = max(math.floor(box.top), 0), max(math.floor(box.left), 0)
    inside = np.argwhere(pixels[top : math.ceil(box.bottom), left : math.ceil(box.right)])
    if not len(inside):
        return False
    height, width = inside.max(axis=0) - inside.min(axis=0) + 1
    return bool(height * width >= _SAME * (box.bottom - box.top) * (box.right - box.left))


def _geometry(element: Element, place: str) -> Geometry:
    outline = element.find("polygon")
    if outline is not None and len(outline):
        corners = {corner.tag: corner.text for corner in outline}
        count = len(corners) // 2
        return Polygon(
            (ring((corners.get(f"{axis}{n}") for n in range(1, count + 1) for axis in "xy"), place),)
        )
    box = element.find("bndbox")
    if box is None:
        raise GainspectError("it has no bndbox", where=place)
    sides = [(box.findtext(side) or "").strip() for side in ("xmin", "ymin", "xmax", "ymax")]
    (left, top), (right, bottom) = ring(sides, place).tolist()
    if all(map(_WHOLE.fullmatch, sides)) and left > 0 and top > 0:
        left, top = left - 1, top - 1  # whole numbers are those of pixels, from 1 on
    return Box(left, top, right, bottom)


VOC = Importer(
    name="voc",
    title="Pascal VOC",
    recognizes="XML files with one `<annotation>` each, or masks in SegmentationClass/",
    reads="boxes (whole numbers, from 1 on, are the first and last pixel), polygons as Roboflow writes them, "
    "class masks with the names of labelmap.txt or class_names.txt, 255 and difficult objects as ignored, "
    "splits from ImageSets/ or folders; boxes of objects that a mask shows are not drawn",
    leaves="SegmentationObject/, poses, parts, truncated and occluded",
    tried_on="another program's export",
    recognize=_recognize,
    read=_read,
)

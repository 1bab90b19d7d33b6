"""COCO: one JSON of images, categories and annotations; polygons, run lengths in both forms, boxes, crowds.

Source: https://cocodataset.org/#format-data; SA-1B: the README of https://github.com/facebookresearch/segment-anything.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from gainspect.data.image_header import require_limit
from gainspect.data.importers.annotations import (
    AnnotatedImage,
    AnnotatedSet,
    Box,
    Damaged,
    Geometry,
    Left,
    Pixels,
    Polygon,
    Shape,
    attempted,
    ring,
)
from gainspect.data.importers.classes import ROLE, Role
from gainspect.data.importers.fields import stated_size
from gainspect.data.importers.importer import Importer
from gainspect.data.importers.rle import decode_rle
from gainspect.data.importers.source import Source
from gainspect.data.importers.split_names import split_in
from gainspect.data.importers.unrecognized import damaged
from gainspect.errors import GainspectError
from gainspect.types import MASK_KINDS, MaskKind

NO_IMAGE_LISTED = "labels of an image that their file does not list"
_WHOLE = "segment"
"""The class of what Segment Anything found, which has none."""


def _recognize(source: Source) -> str | None:
    for file in source.some(".json"):
        content = source.looks_like_json(file)
        if isinstance(content, dict) and {"images", "annotations"} <= content.keys():
            return f"{source.named(file)} has images and annotations"
    return None


def _read(source: Source) -> AnnotatedSet:
    files = [
        file
        for file in source.with_suffix(".json")
        if isinstance(content := source.looks_like_json(file), dict) and "images" in content
    ]
    # Not only where none is left: the images of a file that is passed over would seem to have no labels.
    if (fault := damaged(source, ".json")) is not None:
        raise fault
    if not files:
        raise GainspectError("no JSON file here has images and annotations", where=source.path)
    named: dict[str, None] = {}
    stated: dict[str, set[str]] = defaultdict(set)
    for file in files:
        named |= dict.fromkeys(_categories(source.json(file), source.named(file)).values())
        for category in source.json(file).get("categories") or []:
            stated[category["name"]].add(str(category.get(ROLE, "")))
    roles = {name: role for name, (role, *others) in stated.items() if role in set(Role) and not others}

    def images(left: list[Left]) -> Iterator[AnnotatedImage]:
        for file in files:  # one of them in memory
            yield from _images_of(source.json(file), source.named(file), file, source, left)

    return AnnotatedSet.of(images, named=tuple(named), stated=roles)


def _images_of(
    content: Any, where: str, file: Path, source: Source, left: list[Left]
) -> Iterator[AnnotatedImage]:
    categories = _categories(content, where)
    drawn: dict[Any, list[tuple[int, Mapping[str, Any]]]] = defaultdict(list)
    for number, annotation in enumerate(_records(content, "annotations", where)):
        drawn[_key(annotation.get("image_id"))].append((number, annotation))
    split = split_in(source.named(file))
    for image in _records(content, "images", where):
        shown = f"{where}, image {image.get('id')}"
        name = image.get("file_name")
        if not isinstance(name, str):
            raise GainspectError("the image has no file_name", where=shown)
        size, found = stated_size(image.get("height"), image.get("width")), source.image(name, file)
        belonging = drawn.pop(_key(image.get("id")), [])
        if found.file is None:
            left.append(Left(shown, found.note, name))
            continue
        shapes: list[Shape] = []
        tags: list[str] = []
        for number, annotation in belonging:
            place = f"{where}, annotation {annotation.get('id', number)}"
            of = _key(annotation.get("category_id"))
            called = categories.get(of, f"class {of}")
            geometry = _geometry(annotation, size, place)
            if geometry is None:
                tags.append(called)
            else:
                crowd, kind = annotation.get("iscrowd") in (1, True), annotation.get("mask_kind")
                known: MaskKind | None = kind if isinstance(kind, str) and kind in MASK_KINDS else None
                shapes.append(Shape(called, geometry, place, crowd=crowd, kind=known))
        yield AnnotatedImage(
            file=found.file,
            place=shown,
            shapes=tuple(shapes),
            tags=tuple(dict.fromkeys(tags)),
            size=size,
            split=split,
            group=_text(image.get("group")),
            part=_text(image.get("part")),
            notes=(found.note,) if found.note else (),
        )
    for of, annotations in drawn.items():
        left += [
            Left(f"{where}, annotation {a.get('id', n)}", NO_IMAGE_LISTED, f"image {of}")
            for n, a in annotations
        ]


def _geometry(annotation: Mapping[str, Any], size: tuple[int, int] | None, place: str) -> Geometry | None:
    """What is drawn; None: nothing, the class is said of the image."""
    segmentation, box = annotation.get("segmentation"), annotation.get("bbox")
    if isinstance(segmentation, dict):
        stated = segmentation.get("size")
        if size is not None and stated != list(size):
            return Damaged(f"its run lengths are for another size, {stated}, than its image has")
        limit = int(require_limit() * 1e6)
        return Pixels(partial(decode_rle, segmentation.get("counts"), stated, place, limit))
    if isinstance(segmentation, list) and segmentation:
        rings = segmentation if isinstance(segmentation[0], list) else [segmentation]
        return attempted(lambda: Polygon(tuple(ring(_numbers(points, place), place) for points in rings)))
    if segmentation:
        return Damaged("its segmentation is neither polygons nor run lengths")
    if not box:
        return None
    return attempted(lambda: _box(box, place))


def _box(box: object, place: str) -> Box:
    corner = ring(_numbers(box, place), place)
    if len(corner) != 2:
        raise GainspectError("its bbox is not left, top, width and height", where=place)
    (left, top), (width, height) = corner.tolist()
    return Box(left, top, left + width, top + height)


def _numbers(listed: object, place: str) -> list[object]:
    if not isinstance(listed, list):
        raise GainspectError("its points are not a list", where=place)
    return listed


def _categories(content: Any, where: str) -> dict[Any, str]:
    listed = content.get("categories") or []
    if not isinstance(listed, list) or not all(
        isinstance(c, dict) and isinstance(c.get("name"), str) for c in listed
    ):
        raise GainspectError("its categories are not a list of ids and names", where=where)
    return {_key(category.get("id")): category["name"] for category in listed}


def _records(content: Any, key: str, where: str) -> list[Mapping[str, Any]]:
    listed = content.get(key, []) if isinstance(content, dict) else None
    if not isinstance(listed, list) or not all(isinstance(record, dict) for record in listed):
        raise GainspectError(f"its {key} are not a list of records", where=where)
    return listed


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _key(identity: object) -> object:
    """An id as it is compared: some tools write numbers as text in one place only."""
    return identity if isinstance(identity, (int, float)) else str(identity)


def _recognize_segments(source: Source) -> str | None:
    for file in source.some(".json", most=3):
        if _is_segments(source.looks_like_json(file)):
            return f"{source.named(file)} has one image and its annotations"
    return None


def _is_segments(content: Any) -> bool:
    return isinstance(content, dict) and isinstance(content.get("image"), dict) and "annotations" in content


def _read_segments(source: Source) -> AnnotatedSet:
    def images(left: list[Left]) -> Iterator[AnnotatedImage]:
        for file in source.with_suffix(".json"):
            content, where = source.json(file), source.named(file)
            if not _is_segments(content):
                continue
            image = dict(content["image"])
            identity = image.setdefault("id", image.get("image_id"))
            drawn = _records(content, "annotations", where)
            one = {
                "images": [image],
                "annotations": [{**shape, "image_id": identity, "category_id": 0} for shape in drawn],
                "categories": [{"id": 0, "name": _WHOLE}],
            }
            yield from _images_of(one, where, file, source, left)

    return AnnotatedSet.of(images, named=(_WHOLE,))


COCO = Importer(
    name="coco",
    title="COCO",
    recognizes="a JSON file with `images` and `annotations`, beside, above or below the images",
    reads="polygons, run lengths (numbers or string), boxes where nothing else is drawn, crowds as ignored, "
    "annotations without any of these as a class of the image; the split from the name of file or folder; "
    "group, part, mask_kind and what classes mean as gainspect exports them",
    leaves="keypoints, captions, attributes, panoptic segments",
    tried_on="a real export",
    recognize=_recognize,
    read=_read,
)
SEGMENT_ANYTHING = Importer(
    name="segment-anything",
    title="Segment Anything (SA-1B)",
    recognizes="JSON files with one `image` and its `annotations` each",
    reads="run lengths as string, all of one class, `segment`",
    leaves="points, boxes and scores",
    tried_on="a real export",
    recognize=_recognize_segments,
    read=_read_segments,
)

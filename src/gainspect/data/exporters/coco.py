"""COCO: images, and a JSON a split. What COCO has no word for is written beside, as the importer reads it.

Source: https://cocodataset.org/#format-data.
"""

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from gainspect.data.exporters.outlines import outlines
from gainspect.data.exporters.places import copied, free_names
from gainspect.data.importers.classes import ROLE, Role
from gainspect.data.importers.rle import encode_rle
from gainspect.data.manifest import Manifest, Part
from gainspect.files import write_text
from gainspect.types import Label, Mask

DEFECT, IGNORE = "defect", "ignore"
"""Categories of defects without a type, and of regions that are ignored (as crowds)."""


def write_coco(
    manifest: Manifest, folder: Path, *, polygons: bool = False, on_image: Callable[[], None] = lambda: None
) -> list[str]:
    """Write images/ and annotations/instances_<split>.json.

    A defect is one annotation with all its regions, an NG image without a mask one without segmentation.
    Masks of OK images are not written, as nothing uses them. `group` and `part` of an image and `mask_kind`
    of an annotation and `ROLE` of a category are gainspect's own keys.

    Args:
        manifest: the data.
        folder: an empty folder.
        polygons: whether defects are written as polygons along the edges of pixels, not as run lengths.
        on_image: called after each image.

    Returns:
        Sentences on what is not written.

    Raises:
        GainspectError: an image or mask cannot be read.
        OSError: the folder cannot be written.
    """
    categories = _categories(manifest)
    images: dict[str, list[dict[str, Any]]] = defaultdict(list)
    annotations: dict[str, list[dict[str, Any]]] = defaultdict(list)
    places = free_names([_place(part, manifest) for part in manifest.parts])
    drawn = 0
    for number, (part, place) in enumerate(zip(manifest.parts, places, strict=True), 1):
        split: str = part.split or "all"
        height, width = manifest.shape(part)
        copied(part.image, folder / "images" / place)
        image = {"id": number, "file_name": str(place), "height": height, "width": width}
        images[split].append(image | {k: v for k, v in (("group", part.group), ("part", part.part)) if v})
        for annotation in _annotations(part, (height, width), manifest, categories, polygons=polygons):
            drawn += 1
            annotations[split].append({"id": drawn, "image_id": number, **annotation})
        on_image()
    listed = [
        {
            "id": id_,
            "name": name,
            "supercategory": "" if name == IGNORE else DEFECT,
            ROLE: str(Role.IGNORE if name == IGNORE else Role.DEFECT),
        }
        for name, id_ in categories.items()
    ]
    for split in images:
        content = {"images": images[split], "annotations": annotations[split], "categories": listed}
        write_text(folder / f"annotations/instances_{split}.json", json.dumps(content, ensure_ascii=False))
    columns = list(dict.fromkeys(name for part in manifest.parts for name in part.extra))
    return [f"COCO has no free columns: {', '.join(columns)} are not written."] if columns else []


def _categories(manifest: Manifest) -> dict[str, int]:
    """Ids of the types of defects, and of what is ignored."""
    types = {part.defect_type or DEFECT for part in manifest.parts if part.label is Label.NG}
    return {name: id_ for id_, name in enumerate([*sorted(types - {IGNORE}), IGNORE], 1)}


def _place(part: Part, manifest: Manifest) -> PurePosixPath:
    """Its path, without images/ and without folders outside of the manifest's."""
    pieces = [piece for piece in PurePosixPath(manifest.key(part)).parts if piece not in ("..", "/")]
    return PurePosixPath(*(pieces[1:] if len(pieces) > 1 and pieces[0].casefold() == "images" else pieces))


def _annotations(
    part: Part, shape: tuple[int, int], manifest: Manifest, categories: dict[str, int], *, polygons: bool
) -> list[dict[str, Any]]:
    marks = manifest.marks(part, shape)
    found: list[dict[str, Any]] = []
    if part.label is Label.NG:
        of = {"category_id": categories[part.defect_type or DEFECT], "iscrowd": 0}
        if marks is None or not marks.defect.any():
            found.append({**of, "segmentation": [], "bbox": [], "area": 0})
        else:
            kind = {"mask_kind": part.mask_kind} if part.mask_kind else {}
            found.append({**of, **_drawn(marks.defect, polygons=polygons), **kind})
    if marks is not None and marks.ignored is not None and marks.ignored.any():
        found.append({"category_id": categories[IGNORE], "iscrowd": 1, **_drawn(marks.ignored)})
    return found


def _drawn(mask: Mask, *, polygons: bool = False) -> dict[str, Any]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, bottom, left, right = (int(n) for n in (rows[0], rows[-1], columns[0], columns[-1]))
    return {
        "segmentation": _rings(mask) if polygons else encode_rle(mask),
        "bbox": [left, top, right - left + 1, bottom - top + 1],
        "area": int(np.count_nonzero(mask)),
    }


def _rings(mask: Mask) -> list[list[int]]:
    return [[value for corner in ring for value in corner] for ring in outlines(mask)]

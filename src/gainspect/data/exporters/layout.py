"""The folder layout: images/<split>/{normal,defective}, masks/ beside it, and split.csv."""

import csv
import io
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from gainspect.data.exporters.places import copied, free_names
from gainspect.data.manifest import Manifest, Part
from gainspect.data.tables import meant_by
from gainspect.errors import GainspectError
from gainspect.files import write_text
from gainspect.types import Label
from gainspect.wording import plural

_COLUMNS = ("file", "label", "defect_type", "group", "part", "split")
_MEANT = (*_COLUMNS, "image", "mask")
"""Columns that the layout's reader knows."""
_SOURCE = "exported_from"
"""The free column of what each image was called."""


def write_folder(
    manifest: Manifest, folder: Path, *, on_image: Callable[[], None] = lambda: None
) -> list[str]:
    """Write images/, masks/ (PNG of 0 and 255) and split.csv. Masks of OK images are not written.

    Args:
        manifest: the data.
        folder: an empty folder.
        on_image: called after each image.

    Returns:
        Sentences on what the layout cannot hold.

    Raises:
        GainspectError: an image or mask cannot be read, or has regions to ignore, which the layout cannot
            hold.
        OSError: the folder cannot be written.
    """
    places = free_names([_place(part) for part in manifest.parts])
    extras = list(dict.fromkeys(name for part in manifest.parts for name in part.extra))
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow([*_COLUMNS, _SOURCE, *map(_free, extras)])
    for part, place in zip(manifest.parts, places, strict=True):
        copied(part.image, folder / "images" / place)
        _write_mask(part, folder / "masks" / place.with_suffix(".png"), manifest)
        known = (str(place), part.label, part.defect_type or "", part.group, part.part, part.split or "")
        table.writerow([*known, manifest.key(part), *(part.extra.get(name, "") for name in extras)])
        on_image()
    write_text(folder / "split.csv", text.getvalue())
    kinds = sum(part.mask_kind is not None for part in manifest.parts)
    if not kinds:
        return []
    verb = "shows a box or strokes" if kinds == 1 else "show boxes or strokes"
    return [f"{plural(kinds, 'mask')} {verb}, which this layout cannot say: read from it, outlines."]


def _place(part: Part) -> PurePosixPath:
    label = "normal" if part.label is Label.OK else "defective"
    return PurePosixPath(*([part.split] if part.split else []), label, part.image.name)


def _free(name: str) -> str:
    taken = name.casefold() in (*_MEANT, _SOURCE) or meant_by(name, _MEANT) is not None
    return f"source_{name}" if taken else name


def _write_mask(part: Part, target: Path, manifest: Manifest) -> None:
    if part.mask is None and part.ignore is None:
        return
    marks = manifest.marks(part, manifest.shape(part))
    if marks is None:
        return
    if marks.ignored is not None and marks.ignored.any():
        raise GainspectError(
            "the image has regions to ignore, which the folder layout cannot hold",
            where=part.image,
            hint="Export as COCO, which has them as crowds.",
        )
    if part.label is Label.NG and marks.defect.any():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(cv2.imencode(".png", marks.defect * np.uint8(255))[1].tobytes())

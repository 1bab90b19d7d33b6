"""Small folders of images and labels, as tools write them."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gainspect.data.importers.choices import Choices
from gainspect.data.importers.classes import Role
from gainspect.data.importers.imported_folder import Imported, import_source
from gainspect.data.manifest import Manifest, read_manifest
from gainspect.report.terminal.image_bar import image_bar


def photo(path: Path, height: int = 40, width: int = 60) -> Path:
    """A gray image with noise; the same for the same name."""
    rng = np.random.default_rng(list(path.name.encode()))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), rng.integers(90, 130, (height, width, 3), dtype=np.uint8))
    return path


def coco(
    path: Path,
    images: Sequence[tuple[str, int, int]],
    annotations: Sequence[dict[str, Any]],
    classes: Sequence[str] = ("scratch",),
) -> Path:
    """A COCO file: images by name, height and width, with ids from 1; annotations as they are."""
    content = {
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes, 1)],
        "images": [
            {"id": number, "file_name": name, "height": height, "width": width}
            for number, (name, height, width) in enumerate(images, 1)
        ],
        "annotations": [
            {"id": number, "category_id": 1, "iscrowd": 0, **annotation}
            for number, annotation in enumerate(annotations, 1)
        ],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def imported(
    source: Path,
    out: Path,
    *,
    defect: Sequence[str] = (),
    ok: Sequence[str] = (),
    ignore: Sequence[str] = (),
    background: Sequence[str] = (),
    **choices: Any,
) -> tuple[Imported, Manifest]:
    """Import, and read the manifest that it made."""
    said = {Role.DEFECT: defect, Role.OK: ok, Role.IGNORE: ignore, Role.BACKGROUND: background}
    classes = {role: tuple(names) for role, names in said.items() if names}
    done = import_source(
        source, Choices(classes=classes, **choices), out, lambda title, total: image_bar(title, total, None)
    )
    return done, read_manifest(done.manifest_file)


def fates(folder: Path) -> dict[str, str]:
    """What import.csv says became of each file."""
    with (folder / "import.csv").open(encoding="utf-8", newline="") as file:
        return {row["file"]: row["became"] for row in csv.DictReader(file)}


def native(name: str) -> Path:
    """A real export beside the repository; the test skips without it."""
    place = Path(__file__).parents[2] / "shared" / "data" / "native" / name
    if not place.is_dir():
        pytest.skip(f"no {name} (real exports lie in ../shared/data/native)")
    return place


def by_centers(
    rings: Sequence[Any], height: int, width: int, shift: tuple[float, float] = (0, 0)
) -> NDArray[np.bool_]:
    """(height, width) True where a pixel's center, moved by (x, y), is in one of the rings: matplotlib's."""
    from matplotlib.path import Path as Outline

    inside = np.zeros((height, width), np.bool_)
    for ring in rings:
        outline = np.asarray(ring, float).reshape(-1, 2)
        left, top = np.clip(np.floor(outline.min(axis=0)) - 1, 0, (width, height)).astype(int)
        right, bottom = np.clip(np.ceil(outline.max(axis=0)) + 1, 0, (width, height)).astype(int)
        y, x = np.mgrid[top:bottom, left:right] + 0.5
        centers = np.stack([x.ravel() + shift[0], y.ravel() + shift[1]], axis=1)
        inside[top:bottom, left:right] |= Outline(outline).contains_points(centers).reshape(x.shape)
    return inside


def agrees(mask: NDArray[Any], rings: Sequence[Any]) -> bool:
    """Whether a mask holds the pixels whose centers lie in rings; those on an edge may be in it or not."""
    moves = [(1e-5, 2e-5), (-2e-5, 1e-5), (-1e-5, -2e-5), (2e-5, -1e-5)]
    near = np.array([by_centers(rings, *mask.shape[:2], move) for move in moves])
    certain = (near == near[0]).all(axis=0)
    return bool(((mask > 0) == near[0])[certain].all())

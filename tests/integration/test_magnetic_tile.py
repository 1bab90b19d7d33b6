"""Magnetic Tile as it is: counts against those of its own statistics. Skips without the data."""

import json
from pathlib import Path

import pytest

from gainspect.data.importers import load_manifest
from gainspect.data.loading.dataset import Draw, TrainingSet
from gainspect.types import Label

pytestmark = pytest.mark.mt


def test_its_images_tiles_and_types_are_those_of_its_statistics(magnetic_tile: Path) -> None:
    manifest = load_manifest(magnetic_tile)
    expected = json.loads((magnetic_tile / "stats.json").read_text())["counts"]
    counts: dict[str, int] = {}
    for part in manifest.parts:
        key = f"{part.split} / {part.label.upper()} / {part.defect_type or 'free'}"
        counts[key] = counts.get(key, 0) + 1
    assert counts == expected
    sides = [{part.group for part in manifest.split(name).parts} for name in ("train", "test")]
    assert len(sides[0] | sides[1]) == 214
    assert not sides[0] & sides[1]
    assert all(part.mask is not None for part in manifest.parts if part.label is Label.NG)


def test_its_defects_survive_on_other_tiles(magnetic_tile: Path) -> None:
    manifest = load_manifest(magnetic_tile).split("train")
    data = TrainingSet(manifest, seed=1, transplants=1.0)
    defective = [index for index, part in enumerate(manifest.parts) if part.label is Label.NG]
    for place, index in enumerate(defective[::20]):
        sample = data[Draw(index, epoch=0, place=place, size=256, strength=1.0)]
        assert sample.target and sample.has_mask and sample.mask.any()

"""The data check sees what a training would: its split, its size, and its refusals in its own words."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gainspect.config import RunConfig, load_config
from gainspect.data.defect_size import choose_size
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest, save_manifest
from gainspect.data.synthetic import SyntheticSpec, generate
from gainspect.errors import GainspectError
from gainspect.jobs.check_data import check_data
from gainspect.training.settle import complete_split, settle
from gainspect.types import Label


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("check") / "data"
    generate(SyntheticSpec(size=96, parts={"train": 16, "test": 8}, views=1), folder)
    return folder


def _saved(root: Path, change: Callable[[Manifest], Manifest]) -> Path:
    """The same images under another manifest, which lies beside them."""
    path = root / "other.csv"
    save_manifest(change(load_manifest(root)), path)
    return path


def _without_splits(manifest: Manifest) -> Manifest:
    return replace(manifest, parts=tuple(replace(part, split=None) for part in manifest.parts))


def _all_ok(manifest: Manifest) -> Manifest:
    return replace(manifest, parts=tuple(part for part in manifest.parts if part.label is Label.OK))


def _one_ng(manifest: Manifest) -> Manifest:
    defective = [part for part in manifest.parts if part.label is Label.NG]
    return _without_splits(replace(manifest, parts=(*_all_ok(manifest).parts, defective[0])))


def _crossing(manifest: Manifest) -> Manifest:
    named = tuple(
        replace(part, group="one") if i in (0, len(manifest.parts) - 1) else part
        for i, part in enumerate(sorted(manifest.parts, key=lambda part: part.split or ""))
    )
    return replace(manifest, parts=named)


@pytest.mark.parametrize("settings", [{}, {"training.seed": 3}, {"data.size": 128}, {"data.tile": 64}])
@pytest.mark.parametrize("change", [lambda manifest: manifest, _without_splits])
def test_split_size_and_tile_are_those_of_a_training(
    root: Path, settings: dict[str, int], change: Callable[[Manifest], Manifest]
) -> None:
    config = load_config(overrides=dict(settings))
    data = _saved(root, change)
    config, manifest, choice, *_ = settle(config, load_manifest(data))
    report = check_data(load_config(overrides=dict(settings)), data)
    assert (report.size, report.tile) == (config.data.size, config.data.tile)
    for split in ("train", "val", "test"):
        assert sum(row.images for row in report.contents if row.split == split) == len(
            manifest.split(split).parts
        )
    assert report.settled[1:] == (() if choice is None else (str(choice),))
    assert f"{len(manifest.split('val').parts)} val" in report.settled[0]


@pytest.mark.parametrize("change", [_all_ok, _one_ng, _crossing])
def test_what_a_training_refuses_is_an_error_in_the_same_words(
    root: Path, change: Callable[[Manifest], Manifest]
) -> None:
    data = _saved(root, change)
    with pytest.raises(GainspectError) as refused:
        settle(RunConfig(), load_manifest(data))
    report = check_data(RunConfig(), data)
    found = next(finding for finding in report.findings if finding.code == "train-refuses")
    assert found.severity == "error"
    assert refused.value.what in found.what
    assert found.hint == refused.value.hint
    assert report.size == 384
    assert report.heights == (96, 96)  # the rest was checked


def test_the_size_is_chosen_from_what_can_be_read(root: Path, tmp_path: Path) -> None:
    for file in root.rglob("*.*"):
        target = tmp_path / file.relative_to(root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(file.read_bytes())
    whole = complete_split(RunConfig(), load_manifest(tmp_path))
    broken = next(part for part in whole.split("train").parts if part.label is Label.NG)
    broken.image.write_bytes(b"")
    rest = choose_size(replace(whole, parts=tuple(part for part in whole.parts if part is not broken)))
    with pytest.raises(GainspectError):
        settle(RunConfig(), whole)
    report = check_data(RunConfig(), tmp_path)
    assert [finding.code for finding in report.findings if finding.severity == "error"] == ["unreadable"]
    assert (report.size, report.settled[1]) == (rest.size, str(rest))


def test_how_the_split_came_about_is_said(root: Path) -> None:
    named = check_data(RunConfig(), root).settled[0]
    assert named.endswith("val is drawn by part from the training part, with seed 1.")
    drawn = check_data(RunConfig(), _saved(root, _without_splits)).settled[0]
    assert drawn.endswith("val and test are drawn by part, with seed 1.")
    whole = _saved(root, lambda manifest: settle(RunConfig(), manifest).manifest)
    assert check_data(RunConfig(), whole).settled[0].startswith("Split, as named: ")


def test_16_bit_images_are_read_as_in_the_training(root: Path, tmp_path: Path) -> None:
    """12 bits of 16 are found and said; an image of the test part beyond them is a finding, not a refusal."""
    data = shutil.copytree(root, tmp_path / "data")
    for part in load_manifest(data).parts:
        gray = cv2.imread(str(part.image), cv2.IMREAD_GRAYSCALE)
        assert gray is not None
        cv2.imwrite(str(part.image), gray.astype(np.uint16) * 16)
    config = RunConfig.model_validate({"data": {"size": 96}})
    report = check_data(config, data)
    said = settle(config, load_manifest(data)).depth
    assert said is not None and said in report.settled and "read as 12 bits" in said
    assert not report.has_errors
    bright = next(part for part in load_manifest(data).parts if part.split == "test")
    cv2.imwrite(str(bright.image), np.full((96, 96), 60000, np.uint16))
    found = {finding.code: finding for finding in check_data(config, data).findings}
    assert "its values reach 60000" in found["unreadable"].where[0]
    eight = check_data(config.with_data(bits=8), data)
    assert len({f.code: f for f in eight.findings}["unreadable"].where) == len(load_manifest(data).parts)


def test_mask_values_are_those_of_the_training(root: Path, tmp_path: Path) -> None:
    data = shutil.copytree(root, tmp_path / "data")
    for part in load_manifest(data).parts:
        if part.mask is not None:
            mask = (cv2.imread(str(part.mask), cv2.IMREAD_GRAYSCALE) > 0).astype(np.uint8)
            mask[:2] = 255
            cv2.imwrite(str(part.mask), mask)
    config = RunConfig.model_validate({"data": {"size": 96}})
    found = {finding.code: finding for finding in check_data(config, data).findings}
    assert "more than two values" in found["mask-unreadable"].where[0]
    assert "--mask-values" in found["mask-unreadable"].hint
    said = check_data(config.with_data(mask_values={"1": "긁힘", "255": "ignore"}), data)
    assert not said.has_errors
    assert {row.defect_type for row in said.contents if row.label == "NG"} <= {"긁힘", *types_of(root)}


def types_of(root: Path) -> set[str]:
    return {part.defect_type or "" for part in load_manifest(root).parts}

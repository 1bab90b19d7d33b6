"""The page of disputed labels, of a run whose networks are stood in for by one that finds dark spots."""

import json
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import numpy as np
import pytest

from gainspect.config import RunConfig, save_config
from gainspect.data.manifest import Manifest, Part, save_manifest
from gainspect.data.unchanged import DataRecord
from gainspect.errors import GainspectError
from gainspect.evaluation.validation_verdicts import (
    ValidationVerdicts,
    checked_verdicts,
    read_validation_verdicts,
    save_validation_verdicts,
)
from gainspect.files import write_json
from gainspect.jobs import review_labels as module
from gainspect.jobs.review_labels import review_labels
from gainspect.training.run_folder import RunFolder
from gainspect.types import Label
from report_parts import Spots, bundle, parts

ALARMS = {"part4.png", "part8.png"}
"""OK with a dark spot."""
SPLITS = ("train", "val", "val", "test")


class Asked(Spots):
    """Counts the images that it judges."""

    def __init__(self, asked: list[np.ndarray]) -> None:
        self.asked = asked

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        self.asked.extend(images)
        return super().__call__(images)


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    """A quarter is for training, a half for validation, a quarter for the test."""
    found = parts(tmp_path / "data")
    split = [replace(part, split=SPLITS[place // 2 % 4]) for place, part in enumerate(found.parts)]
    return replace(found, parts=tuple(split))


@pytest.fixture
def run(tmp_path: Path, manifest: Manifest) -> RunFolder:
    """A finished run."""
    run = RunFolder(tmp_path / "라벨 런")
    run.path.mkdir()
    save_config(RunConfig(), run.config_file)
    save_manifest(manifest, run.split_file)
    record = DataRecord.of(manifest)
    write_json(run.files_file, dict(record.files))
    data = {"root": str(manifest.root), "fingerprint": record.fingerprint}
    write_json(run.environment_file, {"data": data})
    policy = bundle().description.policy
    write_json(run.result_file, {"policy": policy.model_dump(mode="json"), "epoch": 3})
    save_validation_verdicts(judged(manifest.split("val")), run.validation_file)
    return run


def judged(validation: Manifest) -> ValidationVerdicts:
    return checked_verdicts(Spots(), validation, {"evidence": 0.3}, 0.3)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """What the networks judge again."""
    found: list[np.ndarray] = []
    monkeypatch.setattr(module, "trained_backend", lambda run, device: Asked(found))
    monkeypatch.setattr(module, "last_average", lambda run, device: Asked(found))
    return found


def articles(page: Path) -> list[tuple[str, str]]:
    """Name and content of each row."""
    text = page.read_text(encoding="utf-8")
    found = re.findall(r'<article class="row" data-image="(.*?)"(.*?)</article>', text, re.S)
    return [(unescape(name), content) for name, content in found]


def expected(verdicts: ValidationVerdicts) -> list[str]:
    """By the score alone, with the threshold 0.5; the probability of the label, class by class, decides."""
    labels, scores = verdicts.labels, verdicts.scores
    means = {True: scores[labels].mean(), False: (1 - scores[~labels]).mean()}
    own = {
        image.image: (image.score if image.label is Label.NG else 1 - image.score)
        - means[image.label is Label.NG]
        for image in verdicts.images
        if (image.score >= 0.5) != (image.label is Label.NG)
    }
    return sorted(own, key=own.__getitem__)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_disputed_labels_come_most_doubtful_first_and_nothing_of_the_test_is_judged(
    run: RunFolder, manifest: Manifest, asked: list[np.ndarray], tmp_path: Path, language: str
) -> None:
    out = tmp_path / "review.html"
    reviewed = review_labels(run.path, out, most=100, language=language)
    verdicts = read_validation_verdicts(run.validation_file)
    names = [name for name, _ in articles(out)]
    assert names == expected(verdicts) and set(names) & ALARMS
    assert reviewed.shown == len(names) == reviewed.found.labels
    assert reviewed.data == manifest.root
    assert len(asked) == len(names)  # once for its pictures; no mask is disputed
    of_test = {manifest.key(part) for part in manifest.split("test").parts}
    assert not of_test & set(names)
    page = out.read_text(encoding="utf-8")
    assert {"en": "The test part (6 images) is never judged here", "ko": "시험용 이미지 6장은"}[
        language
    ] in page
    assert {"en": "6 training images are not here", "ko": "학습용 이미지 6장은"}[language] in page


def test_choices_and_pictures_are_those_of_the_label(
    run: RunFolder, manifest: Manifest, asked: list[np.ndarray], tmp_path: Path
) -> None:
    out = tmp_path / "review.html"
    review_labels(run.path, out, most=100)
    labels = {manifest.key(part): part.label for part in manifest.parts}
    for name, content in articles(out):
        choices = re.findall(r'type="radio" name="choice-\d+" value="(\w+)"', content)
        pictures = re.findall(r'<img src="data:image/jpeg[^"]+" alt="(.*?)"', content)
        if labels[name] is Label.NG:
            assert choices == ["right", "ok", "mask", "unsure"]
            assert pictures == ["Image", "Image, mask", "Evidence", "Close-up"]
        else:
            assert choices == ["right", "ng", "unsure"]
            assert pictures == ["Image", "Evidence", "Close-up"]


def test_only_the_most_doubtful_are_shown_and_judged(
    run: RunFolder, asked: list[np.ndarray], tmp_path: Path
) -> None:
    out = tmp_path / "review.html"
    reviewed = review_labels(run.path, out, most=1)
    all_of_them = len(reviewed.found.found)
    assert all_of_them > 1 and len(articles(out)) == 1 == len(asked)
    assert f"The 1 most doubtful are shown, {all_of_them - 1} more are not." in out.read_text("utf-8")


def test_out_of_fold_each_image_is_judged_by_the_network_of_its_fold(
    run: RunFolder, manifest: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdicts = judged(replace(manifest, parts=manifest.split("val").parts))
    images = [
        image.model_copy(update={"fold": place % 3 + 1, "fold_score": image.score})
        for place, image in enumerate(verdicts.images)
    ]
    carried = {"folds": 3, "method": "none", "losses": {}, "maps": ()}
    stored = {**verdicts.model_dump(), "images": images, "carried": carried, "split": "folds"}
    save_validation_verdicts(ValidationVerdicts.model_validate(stored), run.validation_file)
    config = RunConfig()
    training = config.training.model_copy(update={"folds": 3})
    save_config(config.model_copy(update={"training": training}), run.config_file)
    asked: dict[str, list[np.ndarray]] = {}

    def network(fold: RunFolder, device: str) -> Spots:
        return Asked(asked.setdefault(fold.path.name, []))

    monkeypatch.setattr(module, "last_average", network)
    reviewed = review_labels(run.path, tmp_path / "review.html", most=100)
    wanted = [one.verdict.fold for one in reviewed.found.found]
    assert {name: len(images) for name, images in asked.items()} == {
        str(fold): wanted.count(fold) for fold in set(wanted)
    }
    page = (tmp_path / "review.html").read_text("utf-8")
    assert "by the one of 3 networks that was not trained on it" in page
    assert [name for name, _ in articles(tmp_path / "review.html")] == expected(verdicts)


def test_a_disputed_mask_is_measured(
    run: RunFolder, manifest: Manifest, asked: list[np.ndarray], tmp_path: Path
) -> None:
    verdicts = read_validation_verdicts(run.validation_file)
    caught = [image for image in verdicts.images if image.label is Label.NG and image.score >= 0.5]
    moved = {image.image: image.model_copy(update={"points_at_defect": False}) for image in caught[:2]}
    images = tuple(moved.get(image.image, image) for image in verdicts.images)
    save_validation_verdicts(verdicts.model_copy(update={"images": images}), run.validation_file)
    reviewed = review_labels(run.path, tmp_path / "review.html", most=100)
    masks = reviewed.found.masks
    assert {one.verdict.image for one in masks} == set(moved)

    def inside(part: Part) -> float:
        evidence = Spots()(manifest.image(part)[None])["evidence"][0].astype(float)
        mask = manifest.mask(part)
        assert mask is not None
        return float(evidence[mask > 0].sum() / evidence.sum())

    known = {manifest.key(part): part for part in manifest.parts}
    for one in masks:
        assert one.inside == pytest.approx(inside(known[one.verdict.image]), abs=1e-5)
    assert [one.inside for one in masks] == sorted(one.inside or 0 for one in masks)


@pytest.mark.parametrize("split", ["train", "test"])
def test_verdicts_of_other_images_are_refused(
    run: RunFolder, manifest: Manifest, tmp_path: Path, split: str
) -> None:
    save_validation_verdicts(judged(manifest.split(split)), run.validation_file)
    with pytest.raises(GainspectError, match="that the run was not validated on"):
        review_labels(run.path, tmp_path / "review.html", most=100)
    assert not (tmp_path / "review.html").exists()


def test_a_run_that_has_not_ended_is_refused(run: RunFolder, tmp_path: Path) -> None:
    run.result_file.unlink()
    with pytest.raises(GainspectError, match="has not ended"):
        review_labels(run.path, tmp_path / "review.html", most=100)


def test_the_stored_run_is_as_it_was(run: RunFolder, asked: list[np.ndarray], tmp_path: Path) -> None:
    before = {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()}
    review_labels(run.path, tmp_path / "review.html", most=100)
    assert {file: file.read_bytes() for file in run.path.rglob("*") if file.is_file()} == before
    assert json.loads(before[run.result_file])["epoch"] == 3

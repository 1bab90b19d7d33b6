"""Training with folds: a network that does not know a part judges it, once; a kill changes nothing."""

import hashlib
import json
import shutil
import signal
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from command_line import Run
from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest
from gainspect.data.masks import Marks
from gainspect.errors import GainspectError
from gainspect.evaluation.goals import point_of
from gainspect.evaluation.validation_verdicts import ValidationVerdicts, read_validation_verdicts
from gainspect.inspection.bundle import read_bundle
from gainspect.jobs import review_labels
from gainspect.report.html.pictures import Picture
from gainspect.training import folds, launch
from gainspect.training.run_folder import RunFolder
from gainspect.types import Image, Verdict

pytestmark = pytest.mark.slow

FOLDS = 3
SETTINGS: dict[str, Any] = {
    "strategy": "S1",
    "data": {"size": 64, "val_fraction": 0.3},
    "model": {"backbone": "test_efficientnet", "weights": "none"},
    "training": {"epochs": 1, "batch_size": 7, "workers": 0, "folds": FOLDS},
}
CONFIG = RunConfig.model_validate(SETTINGS)

KILLED = """
import os, signal, sys
from pathlib import Path
from lightning.pytorch import Trainer
from gainspect.cli import main

save = Trainer.save_checkpoint

def save_and_stop(trainer, path, *arguments):
    save(trainer, path, *arguments)
    if Path(path).parts[-3] == "2":
        os.kill(os.getpid(), signal.SIGKILL)

Trainer.save_checkpoint = save_and_stop
main()
"""
"""`gainspect`, which is killed after the epoch of its second fold."""


@pytest.fixture(scope="module")
def finished(parts: Manifest, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """An uninterrupted run."""
    return folds.train(CONFIG, parts, tmp_path_factory.mktemp("runs") / "whole")


@pytest.fixture
def copied(finished: RunFolder, tmp_path: Path) -> RunFolder:
    """The same, to change."""
    shutil.copytree(finished.path, tmp_path / "run")
    return RunFolder(tmp_path / "run")


def verdicts_of(run: RunFolder) -> ValidationVerdicts:
    return read_validation_verdicts(run.validation_file)


def assert_equal_runs(one: RunFolder, two: RunFolder) -> None:
    assert one.validation_file.read_bytes() == two.validation_file.read_bytes()
    a, b = load_file(one.best_checkpoint), load_file(two.best_checkpoint)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    timed = {"seconds", "announced", "validation"}
    results = [{k: v for k, v in run.result().items() if k not in timed} for run in (one, two)]
    assert results[0] == results[1]


def test_each_training_and_validation_part_is_judged_once_and_none_of_the_test(
    finished: RunFolder, parts: Manifest
) -> None:
    found = verdicts_of(finished)
    known = [part for part in parts.parts if part.split != "test"]
    assert Counter(image.image for image in found.images) == Counter(parts.key(part) for part in known)
    fold_of = {image.group: image.fold for image in found.images}
    assert {(image.group, image.fold) for image in found.images} == set(fold_of.items())
    for number in range(1, FOLDS + 1):
        trained = {part.group for part in finished.fold(number).manifest().split("train").parts}
        assert trained == {group for group, fold in fold_of.items() if fold != number}


def test_a_review_judges_again_as_the_folds_did(
    finished: RunFolder, parts: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again: dict[str, float] = {}
    draw = review_labels.disputed_pictures

    def seen(image: Image, marks: Marks | None, verdict: Verdict, *more: Any) -> list[Picture]:
        again[hashlib.sha256(image.tobytes()).hexdigest()] = verdict.score
        return draw(image, marks, verdict, *more)

    monkeypatch.setattr(review_labels, "disputed_pictures", seen)
    before = {file: file.read_bytes() for file in finished.path.rglob("*") if file.is_file()}
    found = review_labels.review_labels(finished.path, tmp_path / "review.html", most=100).found
    known = {parts.key(part): part for part in parts.parts if part.split != "test"}
    own = {
        hashlib.sha256(parts.image(known[one.verdict.image]).tobytes()).hexdigest(): one.verdict.fold_score
        for one in found.found
    }
    assert again == pytest.approx(own, abs=1e-6) and len(own) > 1
    assert {file: file.read_bytes() for file in finished.path.rglob("*") if file.is_file()} == before


def test_a_part_is_judged_by_the_last_average_of_its_fold(finished: RunFolder) -> None:
    """After one epoch the network that a fold kept is its last one, and has judged the same images."""
    own = {
        image.image: image.score
        for number in range(1, FOLDS + 1)
        for image in verdicts_of(finished.fold(number)).images
    }
    found = verdicts_of(finished)
    assert {image.image: image.fold_score for image in found.images} == pytest.approx(own, abs=1e-6)
    thresholds = {
        (held.region_threshold, str(held.map_thresholds))
        for held in (
            read_validation_verdicts(finished.fold(number).held_out_file) for number in range(1, FOLDS + 1)
        )
    }
    assert thresholds == {(found.region_threshold, str(found.map_thresholds))}


def test_the_last_network_is_trained_on_all_and_keeps_its_last_epoch(
    finished: RunFolder, parts: Manifest
) -> None:
    manifest = finished.manifest()
    assert {part.split for part in manifest.parts} == {"train", "test"}
    assert manifest.split("test").parts == parts.split("test").parts
    seen = json.loads(finished.seen_file.read_text())
    assert len(seen["files"]["train"]) == len(manifest.split("train").parts)
    assert seen["files"]["val"] == seen["pixels"]["val"] == []
    result = finished.result()
    assert result["epoch"] == CONFIG.training.epochs
    assert set(result["validation"]) >= {"loss/total"}
    assert "ap" not in result["validation"]
    assert result["policy"]["split"] == "folds"
    assert result["operating_point"]["procedure"]["carried"]["folds"] == FOLDS


def test_a_run_killed_in_its_second_fold_resumes_to_what_it_would_have_been(
    finished: RunFolder, parts_folder: Path, tmp_path: Path
) -> None:
    killed = RunFolder(tmp_path / "killed")
    settings = tmp_path / "settings.yaml"
    settings.write_text(json.dumps(SETTINGS))
    arguments = ["train", "--data", parts_folder, "--out", killed.path, "--config", settings, "--folds", "3"]
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert "3 folds, then one network on all parts; 1 epoch each." in " ".join(done.stdout.split())
    assert "With 3 further trainings: under a minute." in " ".join(done.stdout.split())
    assert done.stdout.count("Instead: ") == 1  # before the first fold, not before the second
    assert killed.fold(1).result_file.exists() and not killed.fold(2).result_file.exists()
    first = killed.fold(1).result_file.stat().st_mtime_ns
    folds.resume(killed.path)
    assert killed.fold(1).result_file.stat().st_mtime_ns == first
    assert_equal_runs(killed, finished)
    assert folds.resume(killed.path) == killed


def test_a_run_stopped_while_it_judges_or_before_its_last_training_resumes(
    finished: RunFolder, copied: RunFolder
) -> None:
    for file in (copied.result_file, copied.validation_file, copied.fold(3).held_out_file):
        file.unlink()
    shutil.rmtree(copied.best_checkpoint.parent)
    kept = copied.fold(2).held_out_file.stat().st_mtime_ns
    with pytest.raises(GainspectError, match="out-of-fold verdicts of this run are missing"):
        launch.resume(copied.path)
    folds.resume(copied.path)
    assert copied.fold(2).held_out_file.stat().st_mtime_ns == kept
    assert_equal_runs(copied, finished)


def test_folds_that_are_there_are_taken_as_they_are(
    finished: RunFolder, parts: Manifest, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    shutil.copytree(finished.folds_folder, run.folds_folder)
    files = [run.fold(number).result_file for number in range(1, FOLDS + 1)]
    before = [file.stat().st_mtime_ns for file in files]
    folds.train(CONFIG, parts, run.path)
    assert [file.stat().st_mtime_ns for file in files] == before
    assert_equal_runs(run, finished)


def test_folds_of_another_configuration_or_other_data_are_refused(
    finished: RunFolder, parts: Manifest, tmp_path: Path
) -> None:
    shutil.copytree(finished.folds_folder, tmp_path / "run" / "folds")
    other = RunConfig.model_validate(SETTINGS | {"training": SETTINGS["training"] | {"lr": 1e-4}})
    with pytest.raises(
        GainspectError, match=r"fold 1 was trained with another configuration \(training\.lr\)"
    ):
        folds.train(other, parts, tmp_path / "run")
    fewer = replace(parts, parts=parts.parts[1:])
    with pytest.raises(GainspectError, match="fold 1 was trained with other data"):
        folds.train(CONFIG, fewer, tmp_path / "run")
    two = RunConfig.model_validate(SETTINGS | {"training": SETTINGS["training"] | {"folds": 2}})
    with pytest.raises(GainspectError, match="the run has 2 folds, and there is '3' beside them"):
        folds.train(two, parts, tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["folds"]
    with pytest.raises(GainspectError, match="already exists"):
        folds.train(CONFIG, parts, finished.path)


def test_bad_input_is_a_sentence(
    finished: RunFolder, parts: Manifest, parts_folder: Path, tmp_path: Path, run: Run
) -> None:
    ordinary = tmp_path / "ordinary"
    with pytest.raises(GainspectError, match=r"training\.folds: this trains one network"):
        launch.train(CONFIG, parts, ordinary)
    for count in ("1", "0", "-2"):
        refused = run("train", "--data", parts_folder, "--out", ordinary, "--folds", count)
        assert (refused.returncode, "training.folds" in refused.stderr) == (2, True)
    many = ("train", "--data", parts_folder, "--out", ordinary, "--size", "64", "--folds", "11")
    refused = run(*many)
    assert refused.returncode == 2
    assert "11 folds need 11 NG groups, and training and validation part have 10" in refused.stderr
    assert not ordinary.exists()
    refused = run("train", "--resume", finished.fold(1).path, "--folds", "3")
    assert (refused.returncode, "a run that has no folds" in refused.stderr) == (2, True)
    refused = run("train", "--resume", finished.path, "--folds", "4")
    assert (refused.returncode, "a run that has 3 folds" in refused.stderr) == (2, True)
    with pytest.raises(GainspectError, match="this run has no folds"):
        folds.resume(finished.fold(1).path)


def test_the_run_is_exported_evaluated_calibrated_and_reported(
    copied: RunFolder, tmp_path: Path, run: Run
) -> None:
    done = run("train", "--resume", copied.path, "--folds", "3")
    assert done.returncode == 0, done.stderr
    assert "Bounds of the procedure" in done.stdout
    bundle = read_bundle(copied.bundle_file)
    card = bundle.contents["model_card.md"].decode()
    assert "judged by a network that was not trained on it" in card
    assert "| val | 0 | 0 | not counted |" in card
    assert "none is marked in validation" not in card
    assert bundle.description.policy == copied.policy()
    point = point_of(bundle)
    assert point is not None and point.procedure is not None
    assert point.procedure.carried == verdicts_of(copied).carried
    for command in (
        ("evaluate", copied.path),
        ("report", copied.path, "--out", tmp_path / "report.html"),
        ("report", copied.path, "--out", tmp_path / "ko.html", "--lang", "ko"),
        (
            "calibrate",
            copied.bundle_file,
            "--run",
            copied.path,
            "--threshold",
            "0.5",
            "--out",
            tmp_path / "b.gain",
        ),
        ("bundle", "show", copied.bundle_file),
    ):
        done = run(*command)
        assert done.returncode == 0, (command, done.stderr)
    assert "bounds of this procedure" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert read_bundle(tmp_path / "b.gain").description.policy.split == "folds"
    refused = run("evaluate", copied.path, "--split", "val")
    assert (refused.returncode, "no val part" in refused.stderr) == (2, True)


def test_the_data_may_have_moved(copied: RunFolder, parts_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(parts_folder, tmp_path / "moved")
    for environment in copied.path.rglob("environment.json"):
        content = json.loads(environment.read_text())
        content["data"]["root"] = str(tmp_path / "gone")
        environment.write_text(json.dumps(content))
    copied.result_file.unlink()
    with pytest.raises(GainspectError, match="does not exist"):
        folds.resume(copied.path)
    folds.resume(copied.path, data=tmp_path / "moved")
    assert copied.result()["policy"]["split"] == "folds"

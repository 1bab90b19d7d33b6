"""Training from an earlier network: what it takes over, where its images stay, and figures of both."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from command_line import Run
from gainspect.config import RunConfig
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.data.synthetic import SyntheticSpec, generate
from gainspect.errors import GainspectError
from gainspect.evaluation.old_and_new import OldAndNew
from gainspect.jobs.run_export import export_run
from gainspect.training.checkpoint import load_state
from gainspect.training.launch import train
from gainspect.training.run_folder import RunFolder
from gainspect.training.settle import complete_split
from small_runs import CLASSIFIER

pytestmark = pytest.mark.slow

OPTIONS = (
    *("--strategy", "S1", "--backbone", "test_efficientnet", "--weights", "none", "--size", "64"),
    *("--epochs", "1", "--no-bundle", "--set", "training.batch_size=7", "--set", "training.workers=0"),
)


@pytest.fixture(scope="module")
def earlier(parts_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """A run on the folder of small parts, with its bundle."""
    run = train(CLASSIFIER, load_manifest(parts_folder), tmp_path_factory.mktemp("earlier") / "run")
    export_run(run, run.bundle_file, formats=("onnx", "torch"))
    return run


@pytest.fixture(scope="module")
def further(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other parts of the same kind, without any split."""
    folder = tmp_path_factory.mktemp("further") / "data"
    generate(
        SyntheticSpec(seed=7, size=64, parts={"train": 20, "test": 10}, views=1, defects=("stain",)), folder
    )
    manifest = load_manifest(folder)
    rows = [(manifest.key(part), part.label.value, part.group) for part in manifest.parts]
    with (folder / "manifest.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label", "group"), *rows])
    return folder


def _config(earlier: Path, **training: object) -> RunConfig:
    values = CLASSIFIER.model_dump()
    values["model"]["init"] = str(earlier)
    values["training"].update(training)
    return RunConfig.model_validate(values)


def _unnamed(manifest: Manifest) -> Manifest:
    return replace(manifest, parts=tuple(replace(part, split=None) for part in manifest.parts))


@pytest.mark.parametrize("of", ["run", "bundle"])
def test_the_first_step_begins_where_the_earlier_network_ended(
    earlier: RunFolder, further: Path, tmp_path: Path, run: Run, of: str
) -> None:
    path = earlier.path if of == "run" else earlier.bundle_file
    # Without a step of any size, the network is still the earlier one.
    still = ("--set", "training.lr=1e-30", "--set", "training.weight_decay=0", "--set", "training.ema=0")
    result = run("train", "--data", further, "--out", tmp_path / "new", "--init", path, *OPTIONS, *still)
    assert result.returncode == 0, result.stderr
    assert "Taken over: backbone, classification head." in result.stdout
    before = load_state(earlier.best_checkpoint)["model"]
    after = load_state(RunFolder(tmp_path / "new").best_checkpoint)["model"]
    parameters = [key for key in before if "running" not in key and "num_batches" not in key]
    torch.testing.assert_close({k: after[k] for k in parameters}, {k: before[k] for k in parameters})
    told = RunFolder(tmp_path / "new").environment()["weights"]
    assert told.startswith("earlier network") and "backbone" in told
    found = OldAndNew.model_validate_json(RunFolder(tmp_path / "new").earlier_file.read_bytes())
    kinds = [(row.parts, row.network) for row in found.rows]
    new = [("new", "earlier"), ("new", "this")]
    assert kinds == ([("old", "earlier"), ("old", "this"), *new] if of == "run" else new)
    assert bool(found.sentences) == (of == "bundle")
    if of == "run":
        own = earlier.result()["validation"]
        row = found.rows[0]
        assert row.figures == pytest.approx({name: own[name] for name in row.figures}, abs=1e-5)


def test_images_of_the_earlier_network_stay_where_they_were_and_further_ones_are_divided(
    earlier: RunFolder, parts_folder: Path, further: Path
) -> None:
    old, new = load_manifest(parts_folder), load_manifest(further)
    parts = (*_unnamed(old).parts, *new.parts)
    together = Manifest(Path("/"), parts)
    done = complete_split(_config(earlier.path), together)
    assert [part.image for part in done.parts] == [part.image for part in parts]
    before = {part.image: part.split for part in earlier.manifest().parts}
    assert {part.image: part.split for part in done.parts[: len(old.parts)]} == before
    own = {split: [part for part in done.parts[len(old.parts) :] if part.split == split] for split in
           ("train", "val", "test")}  # fmt: skip
    assert all(own.values())


def test_a_validation_part_is_not_taken_from_what_the_earlier_network_was_trained_on(
    earlier: RunFolder, parts_folder: Path
) -> None:
    named = load_manifest(parts_folder)  # train and test; each run draws its validation part
    done = complete_split(_config(earlier.path, seed=5), named)
    assert {p.image: p.split for p in done.parts} == {p.image: p.split for p in earlier.manifest().parts}


def test_a_test_part_is_not_taken_from_what_the_earlier_network_was_trained_on(
    earlier: RunFolder, parts_folder: Path
) -> None:
    named = load_manifest(parts_folder)
    parts = tuple(replace(part, split="train") for part in named.parts)  # each run draws the other two
    done = complete_split(_config(earlier.path, seed=5), replace(named, parts=parts))
    assert {p.image: p.split for p in done.parts} == {p.image: p.split for p in earlier.manifest().parts}


def test_a_split_that_would_test_on_seen_images_is_refused(earlier: RunFolder, parts_folder: Path) -> None:
    trained = {part.image for part in earlier.manifest().parts if part.split == "train"}
    manifest = load_manifest(parts_folder)
    chosen = next(part for part in manifest.parts if part.image in trained)
    parts = tuple(replace(p, split="test") if p.group == chosen.group else p for p in manifest.parts)
    with pytest.raises(GainspectError, match="has seen 1 image that the data keep") as refused:
        complete_split(_config(earlier.path), replace(manifest, parts=parts))
    assert chosen.image.name in str(refused.value)


def test_no_fold_can_judge_what_the_earlier_network_was_trained_on(
    earlier: RunFolder, parts_folder: Path
) -> None:
    with pytest.raises(GainspectError, match="no fold could judge them as new"):
        complete_split(_config(earlier.path, folds=2), load_manifest(parts_folder))


def test_seen_images_are_those_of_both(earlier: RunFolder, further: Path, tmp_path: Path) -> None:
    done = train(_config(earlier.path), load_manifest(further), tmp_path / "run")
    seen = json.loads(done.seen_file.read_text())
    before = json.loads(earlier.seen_file.read_text())
    for kind in ("files", "pixels"):
        for split in ("train", "val"):
            assert set(before[kind][split]) < set(seen[kind][split])


def test_another_backbone_is_refused_and_so_is_what_is_no_network(
    earlier: RunFolder, further: Path, tmp_path: Path, run: Run
) -> None:
    out = ("--data", further, "--out", tmp_path / "new")
    result = run("train", *out, "--init", earlier.path, *OPTIONS, "--backbone", "test_resnet")
    assert result.returncode == 2
    assert "its backbone is test_efficientnet" in result.stderr
    assert "--backbone test_efficientnet" in result.stderr
    shutil.copytree(earlier.path, tmp_path / "begun")
    (tmp_path / "begun" / "training.json").unlink()
    result = run("train", *out, "--init", tmp_path / "begun", *OPTIONS)
    assert result.returncode == 2
    assert "has not ended" in result.stderr
    assert not (tmp_path / "new").exists()

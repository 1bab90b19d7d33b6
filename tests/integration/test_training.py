"""Training whole: every strategy learns, a run repeats itself, and survives kill and Ctrl-C."""

import csv
import io
import json
import math
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import timm
import torch
from pydantic import ValidationError
from rich.console import Console
from safetensors.torch import load_file

from clocks import Ticking
from gainspect.config import RunConfig, load_config
from gainspect.data.decode import read_image
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.data.masks import read_mask
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import assess
from gainspect.evaluation.validation_figures import validation_figures
from gainspect.evaluation.validation_verdicts import (
    checked_verdicts,
    least_region,
    map_thresholds,
    save_validation_verdicts,
)
from gainspect.inspection.inspector import Inspector
from gainspect.strategies import STRATEGIES
from gainspect.training import callbacks
from gainspect.training import estimate as estimating
from gainspect.training.familiar import read_familiar
from gainspect.training.launch import resume, train
from gainspect.training.run_folder import RunFolder
from gainspect.training.trained import good_parts_for, last_average, trained_backend, trained_inspector
from gainspect.types import Label
from gainspect.wording import plural

TINY = {
    "data": {"size": 64, "val_fraction": 0.3},
    "model": {
        "backbone": "test_efficientnet",
        "weights": "none",
        "attention_channels": 16,
        "fpn_channels": 16,
    },
    "training": {
        "epochs": 4,
        "batch_size": 7,
        "lr": 2e-3,
        "workers": 0,
        "monitor": "right_reason_at_recall",
    },
}

STOPPED = """
import os, signal, sys
from lightning.pytorch import Trainer
from gainspect.cli import main

_, name, moment, *arguments = sys.argv
sys.argv[1:] = arguments
# Where the tests run in the background of a shell, Ctrl-C is ignored, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
save = Trainer.save_checkpoint

def stop(*_):
    os.kill(os.getpid(), signal.Signals[name])

def save_and_stop(trainer, *arguments):
    third = trainer.current_epoch == 2
    if third and moment == "while it is written":
        os.fsync = stop
    save(trainer, *arguments)
    if third:
        stop()

Trainer.save_checkpoint = save_and_stop
main()
"""
"""`gainspect`, which sends itself a signal around the checkpoint of its third epoch."""


def tiny(strategy: str = "S6", **training: Any) -> RunConfig:
    return RunConfig.model_validate(TINY | {"strategy": strategy, "training": TINY["training"] | training})


def log_of(run: RunFolder) -> list[dict[str, str]]:
    with run.log_file.open() as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


def weights_of(run: RunFolder) -> dict[str, torch.Tensor]:
    return load_file(run.best_checkpoint)


def assert_equal_runs(one: RunFolder, two: RunFolder) -> None:
    assert log_of(one) == log_of(two)
    a, b = weights_of(one), weights_of(two)
    assert a.keys() == b.keys()
    assert all(torch.equal(a[name], b[name]) for name in a)
    timed = {"seconds", "announced", "validation"}
    results = [{k: v for k, v in run.result().items() if k not in timed} for run in (one, two)]
    assert results[0] == results[1]


@pytest.fixture(scope="module")
def finished(parts: Manifest, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """An uninterrupted run of S6."""
    return train(tiny(), parts, tmp_path_factory.mktemp("runs") / "whole")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_every_strategy_learns_a_few_images_by_heart(strategy: str, parts: Manifest, tmp_path: Path) -> None:
    """Trained on ten images five times an epoch, verdicts are right and localization lies on the masks.

    All settings are the defaults, but for these: the backbone is a tiny one without weights, and batches are
    small, which is fast; there is no augmentation and there are no transplants, because what is to be known
    by heart must stay the same.
    """
    chosen = [part for part in parts.parts if part.split == "train"][::2]
    assert {part.label for part in chosen} == {Label.OK, Label.NG}
    again = [replace(part, split="val", group=f"val {part.group}") for part in chosen]
    manifest = replace(parts, parts=(*(5 * chosen), *again, *parts.split("test").parts))
    settings = {
        "strategy": strategy,
        "data": {"size": 64},
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "training": {"batch_size": 8, "start_strength": 0.0, "end_strength": 0.0, "transplants": 0.0},
    }
    run = train(RunConfig.model_validate(settings), manifest, tmp_path / "run")
    verdicts = list(trained_inspector(run).inspect_many([part.image for part in chosen]))
    assert [verdict.score >= 0.5 for verdict in verdicts] == [part.label is Label.NG for part in chosen]
    found = [verdict.evidence.localization for verdict in verdicts]
    assert (found[0] is not None) == ("localization" in STRATEGIES[strategy].weights)
    if found[0] is not None:
        shapes = [read_image(part.image).shape for part in chosen]
        marked = [
            np.zeros(shape[:2], np.uint8) if part.mask is None else read_mask(part.mask, shape)
            for part, shape in zip(chosen, shapes, strict=True)
        ]
        region, truth = np.array(found) > 0.5, np.array(marked) > 0
        assert (region & truth).sum() / (region | truth).sum() > 0.6


@pytest.mark.slow
def test_the_same_seed_gives_the_same_run(
    finished: RunFolder, parts: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where it is told beforehand how long it will take, which is measured."""
    monkeypatch.setattr(estimating, "time", Ticking(10.0012))
    monkeypatch.setattr(callbacks, "time", Ticking(2.128))
    text = io.StringIO()
    console = Console(file=text, width=200)
    again = train(tiny(), parts, tmp_path / "again", console=console)
    assert_equal_runs(finished, again)
    assert len(again.manifest().split("train").parts) // tiny().training.batch_size == 1
    # By this clock reading a batch, a step, and judging the validation part take 10 s each.
    assert "4 epochs of 1 step: about 2 minutes on this machine." in text.getvalue()
    # Of one step, 30 and 180 epochs are as many as there ever are; each takes 30 s.
    assert "Instead: --quick (30 epochs) about 15 minutes, --thorough (180 epochs) about" in text.getvalue()
    assert again.result()["announced"] == {"epochs": 4, "seconds": 120.014, "taken": 8.512}
    assert again.result()["seconds"] == 8.512


@pytest.mark.slow
def test_images_that_are_kept_change_nothing(finished: RunFolder, parts: Manifest, tmp_path: Path) -> None:
    """Not at all, and by worker processes that share what they keep."""
    assert_equal_runs(finished, train(tiny(cache_gb=0), parts, tmp_path / "none"))
    handlers = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGCHLD)]
    assert_equal_runs(finished, train(tiny(cache_gb=0.01, workers=2), parts, tmp_path / "shared"))
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGCHLD)] == handlers


@pytest.mark.slow
def test_another_seed_gives_another_run(finished: RunFolder, parts: Manifest, tmp_path: Path) -> None:
    assert log_of(finished) != log_of(train(tiny(seed=2), parts, tmp_path / "other"))


def _stopped(
    by: signal.Signals, moment: str, parts_folder: Path, run: RunFolder
) -> subprocess.CompletedProcess[str]:
    """A training of the command line, like `finished`, that a signal stops in its third epoch."""
    settings = run.path.with_suffix(".yaml")
    settings.write_text(json.dumps(tiny().model_dump(mode="json")))
    arguments = ["train", "--data", str(parts_folder), "--out", str(run.path), "--config", str(settings)]
    done = [sys.executable, "-c", STOPPED, by.name, moment, *arguments]
    return subprocess.run(done, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize(("moment", "kept"), [("while it is written", 2), ("after it is written", 3)])
def test_a_killed_run_resumes_to_what_it_would_have_been(
    finished: RunFolder, parts_folder: Path, tmp_path: Path, moment: str, kept: int
) -> None:
    killed = RunFolder(tmp_path / "killed")
    process = _stopped(signal.SIGKILL, moment, parts_folder, killed)
    assert process.returncode == -signal.SIGKILL, process.stderr
    assert len(log_of(killed)) == 3  # the log is written first
    assert not killed.result_file.exists()
    with pytest.raises(GainspectError, match="has not ended"):
        killed.result()
    text = io.StringIO()
    resume(killed.path, console=Console(file=text, width=200))
    assert f"{plural(4 - kept, 'epoch')} of 1 step" in text.getvalue()
    assert killed.result()["announced"]["epochs"] == 4 - kept
    assert len(log_of(killed)) == 4
    assert_equal_runs(killed, finished)


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on_and_leaves_a_run_that_does(
    finished: RunFolder, parts_folder: Path, tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "run")
    process = _stopped(signal.SIGINT, "while it is written", parts_folder, run)
    assert process.returncode == 130, process.stderr
    assert f"gainspect train --resume {run.path}" in " ".join(process.stdout.split())
    assert "Traceback" not in process.stderr
    assert not [p for p in run.path.rglob(".*") if p.is_file()]  # no half-written files
    resume(run.path)
    assert_equal_runs(run, finished)


@pytest.mark.slow
def test_a_run_folder_says_what_it_used(finished: RunFolder, parts: Manifest) -> None:
    assert finished.config() == tiny().resolved().with_data(bits=None)
    environment = finished.environment()
    said = {name: version.partition("+")[0] for name, version in environment["packages"].items()}
    for package in (torch, timm, lightning, np):
        assert said[package.__name__] == package.__version__.partition("+")[0]
    assert environment["weights"] == "random initialization"
    assert finished.manifest().fingerprint() == environment["data"]["fingerprint"]
    assert len(log_of(finished)) == 4
    assert not list(finished.path.rglob("*.ckpt")) + list(finished.path.rglob("*.pth"))


@pytest.mark.slow
def test_the_latest_candidate_within_one_standard_error_of_the_best_is_kept(finished: RunFolder) -> None:
    """S6 has all its losses from 3/4 of the run on: epochs 3 and 4 are candidates."""
    figures = {
        epoch: float(row["right_reason_at_recall"])
        for epoch, row in enumerate(log_of(finished), start=1)
        if epoch >= 3
    }
    validated = finished.manifest().split("val").parts
    defective = len({part.group for part in validated if part.label is Label.NG})
    best = max(figures.values())
    error = math.sqrt(best * (1 - best) / defective)
    expected = max(epoch for epoch, figure in figures.items() if figure >= best - error)
    assert finished.result()["epoch"] == expected


@pytest.mark.slow
def test_without_a_figure_the_last_average_is_kept(parts: Manifest, tmp_path: Path) -> None:
    """At a learning rate of 0 an early epoch is as good, and still the last one is kept."""
    run = train(tiny("S1", epochs=2, lr=1e-9, monitor=None), parts, tmp_path / "run")
    assert run.result()["epoch"] == 2 and len(log_of(run)) == 2
    kept, last = (network(run).graph.model.state_dict() for network in (trained_backend, last_average))
    assert kept.keys() == last.keys() and all(torch.equal(kept[name], last[name]) for name in kept)


@pytest.mark.slow
def test_what_is_stored_of_the_validation_part_is_what_judging_it_anew_gives(
    finished: RunFolder, tmp_path: Path
) -> None:
    """All figures of all maps for the log; and for the policy two passes that know nothing of each other."""
    validation, backend = finished.manifest().split("val"), trained_backend(finished)
    whole = assess(Inspector(backend, threshold=0.5), validation)
    figures = validation_figures(whole, finished.config().training.monitor_recall)
    kept = log_of(finished)[finished.result()["epoch"] - 1]
    assert {name: kept[name] for name in figures} == {name: str(value) for name, value in figures.items()}
    thresholds = map_thresholds(whole)
    peaks = [image.evidence_peak for image in whole.images if image.label is Label.OK]
    good = good_parts_for(finished.config(), finished.manifest())
    assert good is not None and good.packed() == finished.good_parts_file.read_bytes()
    anew = checked_verdicts(backend, validation, thresholds, least_region(thresholds, peaks), good=good)
    familiar = read_familiar(finished.familiar_file)
    assert familiar is not None
    save_validation_verdicts(anew.model_copy(update={"training": familiar.inputs}), tmp_path / "anew.json")
    assert (tmp_path / "anew.json").read_bytes() == finished.validation_file.read_bytes()


@pytest.mark.slow
def test_resuming_an_ended_run_changes_nothing(finished: RunFolder) -> None:
    before = {p: p.stat().st_mtime_ns for p in finished.path.rglob("*") if p.is_file()}
    resume(finished.path)
    assert {p: p.stat().st_mtime_ns for p in finished.path.rglob("*") if p.is_file()} == before


@pytest.mark.slow
def test_a_folder_in_use_is_refused(finished: RunFolder, parts: Manifest) -> None:
    with pytest.raises(GainspectError, match="already exists"):
        train(tiny(), parts, finished.path)


@pytest.mark.slow
def test_early_stop_on_a_named_figure(parts: Manifest, tmp_path: Path) -> None:
    run = train(tiny("S1", epochs=30, patience=1, monitor="ap", lr=1e-7), parts, tmp_path / "run")
    # Three defective of six images can be ranked in twenty ways, so this must happen before the end.
    figures = [float(row["ap"]) for row in log_of(run)]
    better = [now > max(figures[:epoch]) for epoch, now in enumerate(figures) if epoch]
    assert better == [True] * (len(figures) - 2) + [False]
    assert len(figures) < 30


def test_a_figure_that_there_cannot_be_is_refused_before_anything_is_trained(
    parts: Manifest, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError, match=r"there is no figure 'beauty'; choose one of right_reason_at"):
        tiny("S1", epochs=1, monitor="beauty")
    unmarked = replace(parts, parts=tuple(replace(part, mask=None) for part in parts.parts))
    with pytest.raises(GainspectError, match="pointing_game needs marked defects"):
        train(tiny("S1", epochs=1, monitor="pointing_game"), unmarked, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_by_a_loss_the_epoch_with_the_smallest_is_kept(parts: Manifest, tmp_path: Path) -> None:
    run = train(tiny("S1", epochs=3, monitor="loss/total"), parts, tmp_path / "run")
    losses = [float(row["loss/total"]) for row in log_of(run)]
    assert run.result()["epoch"] == 1 + int(np.argmin(losses))


@pytest.mark.slow
def test_a_broken_image_is_one_sentence_from_a_worker_too(parts_folder: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(parts_folder, data)
    manifest = load_manifest(data)
    for part in manifest.split("train").parts:
        part.image.write_bytes(b"")
    with pytest.raises(GainspectError) as caught:
        train(tiny("S1", epochs=1, workers=1), manifest, tmp_path / "run")
    assert "Traceback" not in str(caught.value)
    assert str(caught.value).endswith("the file is empty (0 bytes). Export it again.")


def test_a_full_disk_is_a_clear_error(
    parts: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(GainspectError, match="No space left on device"):
        train(tiny("S1", epochs=1), parts, tmp_path / "run")


def test_defaults_are_a_valid_configuration() -> None:
    assert load_config() == RunConfig()


@pytest.mark.slow
def test_a_compiled_backbone_computes_the_same(
    parts: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Traced whole, forward and backward, but left to eager kernels: C++ takes a minute to compile."""
    from torch._dynamo.utils import counters

    compiler = torch.compile
    monkeypatch.setattr(torch, "compile", partial(compiler, backend="aot_eager"))
    counters.clear()
    settings = {"epochs": 1, "start_strength": 0.0}
    plain = train(tiny("S9", **settings), parts, tmp_path / "plain")
    assert not counters["stats"]
    compiled = train(tiny("S9", **settings, compile=True), parts, tmp_path / "compiled")
    assert counters["stats"]["unique_graphs"] >= 1 and not counters["graph_break"]
    (expected,), (found,) = log_of(plain), log_of(compiled)
    for name in (column for column in expected if column.startswith("loss/")):
        assert float(found[name]) == pytest.approx(float(expected[name]), rel=1e-3), name


@pytest.mark.slow
def test_a_missing_compiler_is_said_in_words(
    parts: Manifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch._inductor.config as inductor

    monkeypatch.setattr(inductor.cpp, "cxx", (None, str(tmp_path / "no-compiler")))
    monkeypatch.setattr(inductor, "fx_graph_cache", False)
    with pytest.raises(
        GainspectError, match=r"training\.compile: the backbone cannot be compiled.*C\+\+.*compile=false"
    ):
        train(tiny("S1", epochs=1, compile=True), parts, tmp_path / "run")

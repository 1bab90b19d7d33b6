"""Two processes train as one does, and end together."""

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from torch.nn.modules.batchnorm import _BatchNorm

import frozen_rank
from gainspect.config import RunConfig
from gainspect.data.importers import load_manifest
from gainspect.data.loading.dataset import batches, epoch_order
from gainspect.data.loading.epoch_batches import rank_share
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.jobs.run_comparison import compare_strategies
from gainspect.jobs.run_training import run_training
from gainspect.jobs.training_ranks import training_ranks
from gainspect.training.checkpoint import load_state
from gainspect.training.launch import resume, train
from gainspect.training.run_folder import RunFolder
from gainspect.training.settle import settle
from gainspect.training.together import together
from gainspect.types import Label
from small_runs import stops_after

TINY = {
    "data": {"size": 64, "val_fraction": 0.3},
    "model": {
        "backbone": "test_efficientnet",
        "weights": "none",
        "attention_channels": 16,
        "fpn_channels": 16,
    },
    "training": {"epochs": 3, "batch_size": 4, "lr": 1e-4, "workers": 0},
}
COMMAND = """
import signal
# Where the tests run in the background of a shell, Ctrl-C is ignored, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
from gainspect.cli import main
main()
"""
QUIET = Console(quiet=True)

pytestmark = [
    pytest.mark.slow(minutes=2),
    pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX"),
]


def tiny(strategy: str = "S6", **training: Any) -> RunConfig:
    return RunConfig.model_validate(TINY | {"strategy": strategy, "training": TINY["training"] | training})


FROZEN = (sys.executable, frozen_rank.__file__)


@pytest.fixture
def frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """BatchNorm keeps its statistics: otherwise each rank would take those of its own images."""
    monkeypatch.setattr(_BatchNorm, "training", frozen_rank.NEVER_TRAINING, raising=False)


@pytest.fixture(scope="module")
def partly_marked(parts: Manifest) -> Manifest:
    """Every other NG part has no mask, so that ranks have unequally many of them."""
    bare = [part for part in parts.parts if part.label is Label.NG][::2]
    return replace(
        parts, parts=tuple(replace(part, mask=None) if part in bare else part for part in parts.parts)
    )


def rows(run: RunFolder) -> list[dict[str, float]]:
    with run.log_file.open() as file:
        return [{k: float(v) for k, v in row.items() if k != "seconds" and v} for row in csv.DictReader(file)]


def differences(one: RunFolder, other: RunFolder) -> torch.Tensor:
    """How far each number of two trained networks and of their averages is apart."""
    first, second = (load_state(run.last_checkpoint)["state_dict"] for run in (one, other))
    assert first.keys() == second.keys()
    return torch.cat([(first[name].double() - second[name].double()).abs().flatten() for name in first])


def assert_same_training(one: RunFolder, other: RunFolder) -> None:
    apart = differences(one, other)
    # Sums are rounded otherwise. Where a cell is nearly 0 before a ReLU, that opens it in one of the two, and
    # AdamW makes steps of up to the learning rate, 1e-4, of its small gradient: in a channel or two. What is
    # not the same arithmetic moves nearly all weights so far.
    assert (apart > 1e-6).double().mean() < 1e-2 and apart.max() < 1e-4
    for expected, found in zip(rows(one), rows(other), strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert one.result()["epoch"] == other.result()["epoch"]


@pytest.mark.usefixtures("frozen")
def test_two_ranks_train_what_one_process_trains(partly_marked: Manifest, tmp_path: Path) -> None:
    """All losses of S6 come in one after the other, with balanced draws; S9 has all at once, without."""
    before = sys.excepthook, torch.get_num_threads(), dict(os.environ)
    with together(2, 1, FROZEN) as ranks:
        for config in (tiny("S6", epochs=4), tiny("S9", sampler="natural")):
            one = train(config, partly_marked, tmp_path / f"{config.strategy}-one")
            two = train(config, partly_marked, tmp_path / f"{config.strategy}-two", ranks=ranks)
            assert_same_training(one, two)
            files = [{path.relative_to(run.path) for path in run.path.rglob("*")} for run in (one, two)]
            assert files[0] == files[1]
            assert [run.environment()["processes"] for run in (one, two)] == [1, 2]
    assert (sys.excepthook, torch.get_num_threads(), dict(os.environ)) == before
    other = train(tiny("S9", sampler="natural", seed=2), partly_marked, tmp_path / "other")
    assert (differences(two, other) > 1e-6).double().mean() > 0.5  # what a difference is


@pytest.mark.usefixtures("frozen")
def test_a_run_goes_on_with_any_number_of_ranks(partly_marked: Manifest, tmp_path: Path) -> None:
    """Two for an epoch, then one, then two again are the run of one process."""
    whole = train(tiny("S9"), partly_marked, tmp_path / "whole")
    parted = RunFolder(tmp_path / "parted")
    with stops_after(1), together(2, 1, FROZEN) as ranks:
        train(tiny("S9"), partly_marked, parted.path, console=QUIET, ranks=ranks)
    with stops_after(2):
        resume(parted.path, console=QUIET)
    with together(2, 1, FROZEN) as ranks:
        resume(parted.path, ranks=ranks)
    assert_same_training(whole, parted)


def test_an_image_that_another_rank_cannot_read_is_the_sentence_that_one_process_says(
    parts_folder: Path, tmp_path: Path
) -> None:
    shutil.copytree(parts_folder, tmp_path / "data")
    config = tiny("S1")
    settled = settle(config, load_manifest(tmp_path / "data")).manifest
    labels = settled.split("train").labels
    order = epoch_order(labels, balanced=True, seed=config.training.seed, epoch=0)
    batch = batches(order, config.training.batch_size, epoch=0, size=64, strength=0.0)[0]
    leads, follows = ({draw.part for draw in rank_share(batch, labels, rank, 2)} for rank in range(2))
    broken = settled.split("train").parts[(follows - leads).pop()].image
    broken.write_bytes(b"")
    with (
        pytest.raises(GainspectError, match=f"{broken.name}: the file is empty .* Export it again"),
        training_ranks(2, 1, None) as ranks,
    ):
        train(config, settled, tmp_path / "run", ranks=ranks)


def test_a_job_with_folds_and_a_comparison_train_on_ranks(
    parts: Manifest, parts_folder: Path, tmp_path: Path
) -> None:
    """One set of files, written once, whoever trains; with processes that load images."""
    console = Console(record=True, width=400, quiet=False, file=io.StringIO())
    config = tiny("S1", folds=2, epochs=1, workers=1)
    run = run_training(config, parts_folder, tmp_path / "run", console=console, bundle=False, devices=2)
    assert run.validation_file.is_file()
    assert [run.fold(number).environment()["processes"] for number in (1, 2)] == [2, 2]
    said = console.export_text()
    assert [said.count(f"Fold {number} of 2") for number in (1, 2)] == [1, 1]
    assert said.count("S1 epoch 1 ") == 3
    compare_strategies(tiny(epochs=1), parts, ["S1"], [1], tmp_path / "compared", devices=2)
    assert RunFolder(tmp_path / "compared" / "S1-seed1").environment()["processes"] == 2
    assert (tmp_path / "compared" / "compare.csv").is_file()
    assert not torch.distributed.is_initialized()


@contextmanager
def training(parts_folder: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """`gainspect train --devices 2`, for so many epochs that it must be stopped; it has saved the first."""
    settings = tmp_path / "settings.yaml"
    settings.write_text(json.dumps(tiny("S1", epochs=5000).model_dump(mode="json")))
    arguments = ["train", "--data", parts_folder, "--out", tmp_path / "run", "--config", settings]
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, *map(str, arguments), "--devices", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"TMPDIR": str(tmp_path)},
    )
    try:
        end = time.monotonic() + 120
        while not RunFolder(tmp_path / "run").last_checkpoint.is_file():
            assert process.poll() is None and time.monotonic() < end
            time.sleep(0.1)
        assert len(followers(tmp_path)) == 1
        yield process
    finally:
        process.kill()
        process.communicate()


def followers(folder: Path) -> list[int]:
    """The ranks that run which were started with a folder of temporary files."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"{folder}/gainspect-".encode() in (process / "cmdline").read_bytes():
                found.append(int(process.name))
    return found


def gone(folder: Path) -> bool:
    """Whether none of them runs any more; waits for it."""
    end = time.monotonic() + 20
    while followers(folder) and time.monotonic() < end:
        time.sleep(0.1)
    return not followers(folder)


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
@pytest.mark.parametrize("by", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_what_stops_rank_0_stops_all(parts_folder: Path, tmp_path: Path, by: str) -> None:
    with training(parts_folder, tmp_path) as process:
        process.send_signal(signal.Signals[by])
        said, _ = process.communicate(timeout=60)
        assert gone(tmp_path)
    if by == "SIGKILL":
        assert process.returncode == -signal.SIGKILL
    else:
        assert process.returncode == 130, said
        assert said.splitlines()[-1] == f"Stopped. Continue with: gainspect train --resume {tmp_path / 'run'}"
        assert not list(tmp_path.glob("gainspect-*"))
    assert "Traceback" not in said
    assert load_state(RunFolder(tmp_path / "run").last_checkpoint)["epoch"] >= 0


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="looks for processes in /proc")
def test_a_rank_that_is_killed_ends_the_training_with_a_sentence(parts_folder: Path, tmp_path: Path) -> None:
    with training(parts_folder, tmp_path) as process:
        os.kill(followers(tmp_path)[0], signal.SIGKILL)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said.splitlines()[-1].startswith(
        "Error process 1 of the training ended with code -9. Continue with"
    )
    assert "Traceback" not in said


def test_torchrun_starts_the_ranks_itself(parts_folder: Path, tmp_path: Path) -> None:
    """What it prints and writes is that of rank 0, and what it trains is what ranks that we start train."""
    settings = tmp_path / "settings.yaml"
    settings.write_text(json.dumps(tiny("S1").model_dump(mode="json")))
    script = tmp_path / "gainspect_command.py"
    script.write_text(COMMAND)
    arguments = ["train", "--data", parts_folder, "--out", tmp_path / "run", "--config", settings]
    torchrun = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", script]

    line = [sys.executable, *torchrun, *arguments, "--no-bundle", "--devices", "2"]
    environment = os.environ | {"COLUMNS": "400"}
    done = subprocess.run(list(map(str, line)), capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert [done.stdout.count(f"S1 epoch {epoch} ") for epoch in (1, 2, 3)] == [1, 1, 1]
    assert done.stdout.count("Next: gainspect evaluate") == 1
    with training_ranks(2, 1, None) as ranks:
        own = train(tiny("S1"), load_manifest(parts_folder), tmp_path / "own", ranks=ranks)
    assert differences(RunFolder(tmp_path / "run"), own).max() == 0
    assert rows(RunFolder(tmp_path / "run")) == rows(own)

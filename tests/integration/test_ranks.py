"""Two processes train as one does, and end together."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.jobs.run_comparison import compare_strategies
from gainspect.jobs.run_training import resume_training, run_training
from gainspect.training import callbacks
from gainspect.training.checkpoint import load_state
from gainspect.training.launch import resume, train
from gainspect.training.ranks import ALONE, Ranks
from gainspect.training.run_folder import RunFolder
from gainspect.training.selection import EpochFigures
from gainspect.training.together import together
from gainspect.types import Label

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

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")]


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


@contextmanager
def stops_after(epoch: int) -> Iterator[None]:
    """Ctrl-C when the line of an epoch is printed; its checkpoint is there."""

    def stop(_: object, row: EpochFigures) -> None:
        if row["epoch"] == epoch:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(callbacks.EpochLines, "add", stop)
        yield


def rows(run: RunFolder) -> list[dict[str, float]]:
    with run.log_file.open() as file:
        return [{k: float(v) for k, v in row.items() if k != "seconds" and v} for row in csv.DictReader(file)]


def difference(one: RunFolder, other: RunFolder) -> float:
    """Largest difference of two trained networks and of their averages."""
    first, second = (load_state(run.last_checkpoint)["state_dict"] for run in (one, other))
    assert first.keys() == second.keys()
    return max(float((first[name].double() - second[name].double()).abs().max()) for name in first)


def assert_same_training(one: RunFolder, other: RunFolder) -> None:
    assert difference(one, other) < 1e-5
    for expected, found in zip(rows(one), rows(other), strict=True):
        assert found == pytest.approx(expected, rel=1e-4, abs=1e-5)
    assert one.result()["epoch"] == other.result()["epoch"]


def left_behind(folder: Path) -> list[str]:
    """Command lines of ranks that were started with a folder of temporary files and still run."""
    lines = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            line = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if f"{folder}/gainspect-" in line:
            lines.append(line)
    return lines


@pytest.mark.usefixtures("frozen")
def test_two_ranks_train_what_one_process_trains(partly_marked: Manifest, tmp_path: Path) -> None:
    """All losses of S6 come in one after the other, with balanced draws; S9 has all at once, without."""
    with together(2, 1, FROZEN) as ranks:
        for config in (tiny("S6", epochs=4), tiny("S9", sampler="natural")):
            one = train(config, partly_marked, tmp_path / f"{config.strategy}-one")
            two = train(config, partly_marked, tmp_path / f"{config.strategy}-two", ranks=ranks)
            assert_same_training(one, two)
            files = [{path.relative_to(run.path) for path in run.path.rglob("*")} for run in (one, two)]
            assert files[0] == files[1]
            assert [run.environment()["processes"] for run in (one, two)] == [1, 2]
    other = train(tiny("S9", sampler="natural", seed=2), partly_marked, tmp_path / "other")
    assert difference(two, other) > 1e-3  # what a difference is


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

"""The model of the epoch that is kept, and what a resumed run knows of it."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import nn

from gainspect.data.manifest import Manifest, Part
from gainspect.training.callbacks import Monitor
from gainspect.training.checkpoint import load_state
from gainspect.training.run_folder import RunFolder
from gainspect.types import Label


@pytest.fixture
def monitor(tmp_path: Path) -> Monitor:
    parts = tuple(Part(Path(f"{i}.png"), Label.NG, group=f"g{i}") for i in range(16))
    return Monitor(RunFolder(tmp_path), Manifest(tmp_path, parts), "figure", lambda row: None)


def keep(monitor: Monitor, figures: list[float]) -> None:
    model = nn.Linear(1, 1)
    for epoch, figure in enumerate(figures, start=1):
        nn.init.constant_(model.weight, epoch)
        task = cast(Any, SimpleNamespace(kept_model=model))
        monitor._keep_if_good(task, {"epoch": epoch, "figure": figure})


def test_the_model_of_the_kept_epoch_is_on_disk(monitor: Monitor) -> None:
    keep(monitor, [0.5, 0.8, 0.75, 0.2])
    found = load_state(monitor.run.best_checkpoint)
    assert found["epoch"] == 3
    assert torch.equal(found["model"]["weight"], torch.full((1, 1), 3.0))


def test_a_resumed_run_knows_what_was_kept(monitor: Monitor) -> None:
    keep(monitor, [0.5, 0.8, 0.75])
    resumed = Monitor(monitor.run, monitor.validation, "figure", lambda row: None)
    resumed.load_state_dict(monitor.state_dict())
    assert (resumed.selection.best, resumed.selection.kept) == (
        monitor.selection.best,
        monitor.selection.kept,
    )
    assert resumed.selection.kept is not None and resumed.selection.kept["epoch"] == 3

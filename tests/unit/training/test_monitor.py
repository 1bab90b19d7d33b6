"""Which epoch is kept: the latest within one standard error of the best, by hand."""

import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from torch import nn

from gainspect.data.manifest import Manifest, Part
from gainspect.errors import GainspectError
from gainspect.training.checkpoint import load_state
from gainspect.training.monitor import Monitor
from gainspect.training.run import RunFolder
from gainspect.types import Label

NG_GROUPS = 16
ERROR = math.sqrt(0.8 * 0.2 / NG_GROUPS)  # 0.1


@pytest.fixture
def monitor(tmp_path: Path) -> Monitor:
    # Two images of each defective part count once, and OK parts do not count.
    parts = [Part(Path(f"{i}.png"), Label.NG, group=f"g{i // 2}") for i in range(2 * NG_GROUPS)]
    parts += [Part(Path(f"ok{i}.png"), Label.OK, group=f"ok{i}") for i in range(50)]
    return Monitor(RunFolder(tmp_path), Manifest(tmp_path, tuple(parts)), lambda row: None)


def keep(monitor: Monitor, figures: list[float]) -> int:
    task = cast(Any, SimpleNamespace(judged_model=nn.Linear(1, 1)))
    for epoch, figure in enumerate(figures, start=1):
        monitor._keep_if_good(task, {"epoch": epoch, "figure": figure, "ap": 0.5}, "figure")
    return int(load_state(monitor.run.best_checkpoint)["epoch"])


@pytest.mark.parametrize(
    ("figures", "kept"),
    [
        ([0.5, 0.8, 0.8 - ERROR + 1e-6], 3),
        ([0.5, 0.8, 0.8 - ERROR - 1e-6], 2),
        ([0.8, 0.75, 0.6, 0.72, 0.5], 4),
        ([0.2, 0.4, 0.6, 0.8], 4),
        ([1.0, 1.0, 0.999], 2),  # a share of 1 has no standard error
    ],
)
def test_the_latest_within_one_standard_error_of_the_best_is_kept(
    monitor: Monitor, figures: list[float], kept: int
) -> None:
    assert keep(monitor, figures) == kept
    assert monitor.kept is not None and monitor.kept["epoch"] == kept
    assert monitor.best is not None and monitor.best["figure"] == max(figures)


def test_a_resumed_run_knows_what_was_kept(monitor: Monitor, tmp_path: Path) -> None:
    keep(monitor, [0.5, 0.8, 0.75])
    resumed = Monitor(monitor.run, monitor.validation, lambda row: None)
    resumed.load_state_dict(monitor.state_dict())
    assert (resumed.best, resumed.kept) == (monitor.best, monitor.kept)


def test_an_unknown_figure_is_named_with_those_there_are(monitor: Monitor) -> None:
    task = cast(Any, SimpleNamespace(judged_model=nn.Linear(1, 1)))
    row: dict[str, float | int] = {"epoch": 1, "ap": 0.5, "loss/total": 1.0}
    with pytest.raises(GainspectError, match=r"no validation figure .beauty..*Choose one of epoch, ap"):
        monitor._keep_if_good(task, row, "beauty")

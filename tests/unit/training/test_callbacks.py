"""The model of the epoch that is kept, what a resumed run knows of it, and when a run stops early."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from lightning.pytorch.trainer.states import TrainerFn
from torch import nn

from gainspect.config import Direction
from gainspect.data.manifest import Manifest, Part
from gainspect.strategies import STRATEGIES, strategy
from gainspect.training.callbacks import EpochBar, Monitor, Patience
from gainspect.training.checkpoint import load_state
from gainspect.training.ranks import ALONE
from gainspect.training.run_folder import RunFolder
from gainspect.training.task import InspectionTask
from gainspect.types import Label


@pytest.fixture
def monitor(tmp_path: Path) -> Monitor:
    parts = tuple(Part(Path(f"{i}.png"), Label.NG, group=f"g{i}") for i in range(16))
    return Monitor(RunFolder(tmp_path), Manifest(tmp_path, parts), "figure", lambda row: None)


def keep(monitor: Monitor, figures: list[float]) -> None:
    model = nn.Linear(1, 1)
    for epoch, figure in enumerate(figures, start=1):
        nn.init.constant_(model.weight, epoch)
        task = cast(Any, SimpleNamespace(kept_model=model, ranks=ALONE))
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


def stops_at(
    figures: list[float], complete_from: int, patience: int, better: Direction = "max"
) -> int | None:
    """The epoch, counted from 1, at whose end Lightning is told to stop; None = it never is."""

    class Task(InspectionTask):
        epoch = 0

        def __init__(self) -> None:  # without a model
            nn.Module.__init__(self)

        @property
        def is_complete(self) -> bool:
            return self.epoch >= complete_from

    task, callback = Task(), Patience("figure", patience, better)
    trainer = SimpleNamespace(
        state=SimpleNamespace(fn=TrainerFn.FITTING),
        sanity_checking=False,
        fast_dev_run=False,
        should_stop=False,
        current_epoch=0,
        strategy=SimpleNamespace(reduce_boolean_decision=lambda decision, **_: decision),
    )
    for epoch, figure in enumerate(figures, start=1):
        task.epoch = epoch
        trainer.callback_metrics = {"figure": torch.tensor(figure)}
        callback.on_train_epoch_end(cast(Any, trainer), task)
        if trainer.should_stop:
            return epoch
    return None


@given(
    figures=st.lists(st.sampled_from([0.25, 0.5, 0.75, 1.0]), min_size=1, max_size=12),
    complete_from=st.integers(1, 6),
    patience=st.integers(1, 4),
)
def test_patience_counts_candidate_epochs_since_the_best_one(
    figures: list[float], complete_from: int, patience: int
) -> None:
    expected, best = None, 0
    for epoch in range(complete_from, len(figures) + 1):
        if not best or figures[epoch - 1] > figures[best - 1]:
            best = epoch
        if epoch - best >= patience:
            expected = epoch
            break
    assert stops_at(figures, complete_from, patience) == expected


@pytest.mark.parametrize("epochs", [4, 6, 20])
@pytest.mark.parametrize("name", STRATEGIES)
def test_a_candidate_has_had_a_full_epoch_with_all_its_losses_at_full_weight(name: str, epochs: int) -> None:
    """Proof by counting: of ten steps an epoch, those at full weight before the first candidate is saved."""

    class Run(InspectionTask):
        """Where a training stands, without a model."""

        steps_done = 0
        steps_per_epoch = 10

        def __init__(self) -> None:
            nn.Module.__init__(self)
            self.model = cast(Any, SimpleNamespace(strategy=strategy(name)))
            self.stages = strategy(name).stages
            self.total_steps = 10 * epochs

        @property
        def global_step(self) -> int:
            return self.steps_done

    task, at_full_weight = Run(), 0
    for _ in range(epochs):
        for _ in range(10):
            weights = task.model.strategy.weights_at(task.progress, task.stages)
            at_full_weight += weights == dict(task.model.strategy.weights)
            task.steps_done += 1
        if task.is_complete:
            break
    assert task.is_complete
    assert at_full_weight >= 10


def test_of_a_loss_patience_waits_for_a_smaller_one() -> None:
    falling = [0.9, 0.8, 0.7, 0.6]
    assert stops_at(falling, 1, 1, "min") is None
    assert stops_at(falling, 1, 1, "max") == 2


def test_the_bar_counts_epochs_from_1() -> None:
    """As the lines and log.csv do; Lightning's own counts from 0."""
    bar = EpochBar()
    bar._trainer = cast(Any, SimpleNamespace(max_epochs=12))
    assert [bar._get_train_description(epoch) for epoch in (0, 11)] == ["epoch 1 of 12", "epoch 12 of 12"]

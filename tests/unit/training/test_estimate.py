"""The announced time, on a clock that only what is timed moves on."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import torch
from torch import Tensor, nn

from gainspect.config import RunConfig
from gainspect.data.loading.dataset import Sample
from gainspect.data.manifest import Manifest, Part
from gainspect.training import estimate as module
from gainspect.training.ranks import ALONE
from gainspect.types import Label

IMAGE, STEP, JUDGING, BATCH = 0.25, 3.0, 0.5, 4


class Clock:
    now = 100.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()

    def assess(_: object, manifest: Manifest, **__: object) -> None:
        clock.now += JUDGING * len(manifest.parts)

    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(module, "assess", assess)
    monkeypatch.setattr(module, "TorchBackend", lambda *_, **__: SimpleNamespace(size=64))
    return clock


class Images:
    def __init__(self, clock: Clock) -> None:
        self.clock = clock

    def __getitem__(self, _: int) -> Sample:
        self.clock.now += IMAGE
        return Sample(*(torch.zeros(1) for _ in Sample._fields))


def _task(clock: Clock, workers: int, steps: Iterator[float]) -> Any:
    model = nn.Linear(1, 1)

    def objective(model: nn.Module, batch: Sample, progress: float) -> tuple[Tensor, None]:
        assert progress == 1.0  # all losses
        clock.now += next(steps)
        return model(batch.image).sum(), None

    return SimpleNamespace(
        model=model,
        config=RunConfig().with_data(size=64, tile=None).with_epochs(16),
        data=Images(clock),
        workers=workers,
        objective=objective,
        batches=lambda _: [list(range(BATCH))] * 7,
        drawn=SimpleNamespace(share=list),
        ranks=ALONE,
    )


@pytest.mark.parametrize(
    ("workers", "step"),
    [(0, STEP + BATCH * IMAGE), (2, STEP), (1, STEP)],  # beside the steps, or before each
)
def test_steps_and_validation_of_all_epochs_are_counted(clock: Clock, workers: int, step: float) -> None:
    parts = tuple(Part(Path(f"{i}.png"), Label.OK, group=f"g{i}") for i in range(20))
    task = _task(clock, workers, iter([9 * STEP, STEP, STEP]))  # the first one warms up
    before = {name: value.clone() for name, value in task.model.state_dict().items()}
    found = module.estimate(cast(Any, task), Manifest(Path(), parts), epochs=5, device="cpu", bf16=False)
    assert found == pytest.approx(5 * (7 * step + 20 * JUDGING))
    assert all(torch.equal(value, before[name]) for name, value in task.model.state_dict().items())
    assert all(parameter.grad is None for parameter in task.model.parameters())


def test_without_a_validation_part_only_steps_are_counted(clock: Clock) -> None:
    task = _task(clock, 2, iter([STEP, STEP, STEP]))
    found = module.estimate(cast(Any, task), Manifest(Path(), ()), epochs=5, device="cpu", bf16=False)
    assert found == pytest.approx(5 * 7 * STEP)

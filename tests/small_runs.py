"""The smallest trainings that run through: of one epoch, on pictures of 64 px."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from rich.console import Console

from gainspect.config import RunConfig, load_config
from gainspect.jobs.run_training import run_training
from gainspect.training import callbacks
from gainspect.training.run_folder import RunFolder
from gainspect.training.selection import EpochFigures

CLASSIFIER = RunConfig.model_validate(
    {
        "strategy": "S1",
        "data": {"size": 64, "val_fraction": 0.3},
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "training": {"epochs": 1, "batch_size": 7, "workers": 0},
    }
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


def trained_on(data: Path, out: Path, *, bundle: bool = True) -> RunFolder:
    """A run of the usual strategy, with its bundle where one is asked for."""
    settings = {
        "model.backbone": "test_efficientnet",
        "model.weights": "none",
        "data.size": 64,
        "training.epochs": 1,
    }
    return run_training(load_config(None, settings), data, out, console=Console(), bundle=bundle)

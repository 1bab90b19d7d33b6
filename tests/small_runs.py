"""The smallest trainings that run through: of one epoch, on pictures of 64 px."""

from pathlib import Path

from rich.console import Console

from gainspect.config import RunConfig, load_config
from gainspect.jobs.run_training import run_training
from gainspect.training.run_folder import RunFolder

CLASSIFIER = RunConfig.model_validate(
    {
        "strategy": "S1",
        "data": {"size": 64, "val_fraction": 0.3},
        "model": {"backbone": "test_efficientnet", "weights": "none"},
        "training": {"epochs": 1, "batch_size": 7, "workers": 0},
    }
)


def trained_on(data: Path, out: Path) -> RunFolder:
    """A run of the usual strategy, with its bundle."""
    settings = {
        "model.backbone": "test_efficientnet",
        "model.weights": "none",
        "data.size": 64,
        "training.epochs": 1,
    }
    return run_training(load_config(None, settings), data, out, console=Console())

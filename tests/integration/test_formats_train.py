"""Each public set, folders of classes and tables: imported, and trained for an epoch."""

from pathlib import Path

import pytest
from rich.console import Console

from drawn_labels import imported
from drawn_sets import INSIDE, SETS
from gainspect.config import load_config
from gainspect.jobs.run_training import run_training


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_a_set_trains(name: str, tmp_path: Path) -> None:
    SETS[name](tmp_path / "set")
    source = tmp_path / "set" / INSIDE.get(name, "")
    done, manifest = imported(source, tmp_path / "out")
    if done.record["one_class"]:
        done, manifest = imported(source, tmp_path / "out", resplit=True)
    settings = {
        "model.backbone": "test_efficientnet",
        "model.weights": "none",
        "data.size": 64,
        "training.epochs": 1,
    }
    trained = run_training(load_config(None, settings), tmp_path / "out", tmp_path / "run", console=Console())
    assert trained.result_file.is_file()
    assert len(trained.manifest().parts) == len(manifest.parts)

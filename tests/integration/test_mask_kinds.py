"""Boxes and scribbles from the manifest to the figures: trained, compared, chosen by and told apart."""

import csv
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from gainspect.config import load_config
from gainspect.data.loading.dataset import boxed
from gainspect.data.manifest import Manifest, Part, save_manifest
from gainspect.data.synthetic import SyntheticSpec, generate
from gainspect.jobs.run_evaluation import run_evaluation
from gainspect.jobs.run_training import run_training
from gainspect.training.run_folder import RunFolder
from gainspect.types import Label


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, str]:
    """A training on boxes and scribbles, without any outline, and what it said."""
    root = tmp_path_factory.mktemp("kinds")
    spec = SyntheticSpec(size=64, parts={"train": 20, "test": 8}, views=1, defects=("pit", "stain"))
    parts = generate(spec, root / "data")

    def inexact(part: Part, index: int) -> Part:
        mask = parts.mask(part)
        if part.label is Label.OK or mask is None:
            return part
        box = index % 2 == 0
        path = root / f"{part.image.stem}.png"
        drawn = boxed(mask) if box else mask * (np.arange(64)[:, None] == np.argmax(mask.sum(axis=1)))
        cv2.imwrite(str(path), drawn.astype(np.uint8) * 255)
        return replace(part, mask=path, mask_kind="box" if box else "scribble")

    rows = tuple(inexact(part, index) for index, part in enumerate(parts.parts))
    save_manifest(Manifest(root, rows), root / "manifest.csv")
    settings = {
        "model.backbone": "test_efficientnet",
        "model.weights": "none",
        "data.size": 64,
        "training.epochs": 1,
    }
    console = Console(record=True, width=200)
    found = run_training(load_config(None, settings), root / "manifest.csv", root / "run", console=console)
    return found, console.export_text()


def test_a_training_says_what_masks_are_and_compares_epochs_by_what_they_support(
    run: tuple[RunFolder, str],
) -> None:
    folder, said = run
    assert "show boxes and" in said and "no single pixel in a box is taken for a defect" in said
    with folder.log_file.open(encoding="utf-8") as file:
        (epoch,) = csv.DictReader(file)
    assert {"right_reason_at_recall", "pointing_game", "energy_inside"} <= set(epoch)
    assert not {"cam_iou", "localization_iou"} & set(epoch)
    assert set(folder.policy().map_thresholds) == {"cam", "attention", "localization", "evidence"}


def test_an_evaluation_tells_them_apart(run: tuple[RunFolder, str], tmp_path: Path) -> None:
    summary = run_evaluation(run[0].path, out=tmp_path, runtime="torch")["all labels"]
    assert {kind: row["n"] for kind, row in summary["other_masks"].items()} == {"box": 2, "scribble": 2}
    assert summary["maps"] == {} and summary["right_reason_rate"]["value"] is None
    assert summary["classification"]["half"]["recall"]["n"] == 4

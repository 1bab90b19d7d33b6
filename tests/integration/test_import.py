"""From the labels of a tool to a training, on the command line."""

from pathlib import Path

import cv2
import pytest

from command_line import Run
from drawn_labels import coco
from gainspect.data.manifest import Manifest
from gainspect.data.synthetic import SyntheticSpec, generate
from gainspect.training.run_folder import RunFolder
from gainspect.types import Label


def _as_coco(made: Manifest, folder: Path) -> None:
    """Outlines as polygons; images without a defect are listed too."""
    images, annotations = [], []
    for number, part in enumerate(made.parts, 1):
        name = f"{part.split}_{part.image.name}"
        (folder / "images").mkdir(parents=True, exist_ok=True)
        (folder / "images" / name).write_bytes(part.image.read_bytes())
        images.append((name, 64, 64))
        mask = made.mask(part)
        if part.label is Label.NG and mask is not None:
            rings, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
            drawn = [ring.reshape(-1).tolist() for ring in rings if len(ring) > 2]
            annotations.append({"image_id": number, "segmentation": drawn, "bbox": [0, 0, 8, 8]})
    coco(folder / "annotations/labels.json", images, annotations)


@pytest.fixture
def made(tmp_path: Path) -> Manifest:
    """Synthetic parts with their masks."""
    return generate(SyntheticSpec(size=64, parts={"train": 30, "test": 10}, views=1), tmp_path / "made")


@pytest.fixture
def exported(made: Manifest, tmp_path: Path) -> Path:
    """The parts in COCO."""
    _as_coco(made, tmp_path / "set")
    return tmp_path / "set"


def test_the_command_says_what_it_made(run: Run, exported: Path, tmp_path: Path) -> None:
    command = ("data", "import", exported, "--out", tmp_path / "out", "--group", r"_([\w-]+)\.")
    done = run(*command)
    assert done.returncode == 0, done.stderr
    assert "from coco" in done.stdout
    assert "Class 'scratch': defect, by its name" in done.stdout
    assert run("data", "check", tmp_path / "out").returncode in (0, 1)
    assert "Unchanged" in run(*command).stdout


def test_a_second_value_of_an_option_is_explained(run: Run, exported: Path, tmp_path: Path) -> None:
    command = ("data", "import", exported, "--out", tmp_path / "out")
    refused = run(*command, "--ok", "1", "2")
    assert refused.returncode == 2 and "'2' belongs to no option" in refused.stderr
    assert "--ok A --ok B" in refused.stderr and not (tmp_path / "out").exists()
    assert "--nonsense" in run(*command, "--nonsense").stderr


def test_questions_are_errors_with_the_options_to_give(run: Run, exported: Path, tmp_path: Path) -> None:
    asked = run("data", "import", exported, "--out", tmp_path / "out", "--unlabeled", "maybe")
    assert asked.returncode == 2
    assert "neither ok nor skip" in asked.stderr
    (exported / "images/extra.png").write_bytes(next(exported.rglob("*.png")).read_bytes())
    asked = run("data", "import", exported, "--out", tmp_path / "out")
    assert asked.returncode == 2
    assert "1 image has no labels, such as images/extra.png" in asked.stderr
    assert not (tmp_path / "out").exists()


def test_formats_are_listed(run: Run) -> None:
    listed = run("data", "formats").stdout
    assert "coco" in listed
    assert "a real export" in listed


def test_labels_are_checked_directly(run: Run, exported: Path) -> None:
    shown = run("data", "check", exported)
    assert shown.returncode in (0, 1)
    assert "from coco" in shown.stdout
    assert not list(exported.parent.glob("*labels*"))


@pytest.mark.slow
def test_labels_are_trained_on_directly_and_the_run_is_resumed_without_them(
    run: Run, exported: Path, tmp_path: Path
) -> None:
    (exported / "images/extra.png").write_bytes(next(exported.rglob("*.png")).read_bytes())
    settings = [
        *("--backbone", "test_efficientnet", "--weights", "none", "--size", "64"),
        *("--epochs", "1", "--no-bundle"),
    ]
    command = ["train", "--data", exported, "--out", tmp_path / "run", *settings]
    asked = run(*command)
    assert asked.returncode == 2
    assert "--import unlabeled=ok" in asked.stderr
    trained = run(*command, "--import", "unlabeled=skip")
    assert trained.returncode == 0, trained.stderr
    folder = RunFolder(tmp_path / "run")
    count = len(folder.manifest().parts)
    assert (folder.labels_folder / "manifest.csv").is_file()
    assert run(*command, "--import", "unlabeled=skip").returncode == 2  # there is a run already
    # Elsewhere, with the labels gone: masks lie in the run, images are linked.
    (exported / "annotations/labels.json").unlink()
    (tmp_path / "run").rename(tmp_path / "moved")
    assert len(RunFolder(tmp_path / "moved").manifest().parts) == count

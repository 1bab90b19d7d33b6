"""Trainings on the labels of a tool that move between one command and the next."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from command_line import Run
from gainspect.config import RunConfig
from gainspect.data.importers.choices import Choices
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.evaluation.saved_verdicts import METRICS, PREDICTIONS
from gainspect.jobs.import_data import import_data
from gainspect.jobs.run_comparison import compare_strategies
from gainspect.jobs.run_training import resume_training, run_training
from gainspect.training.run_folder import RunFolder
from small_runs import CLASSIFIER, stops_after
from tool_exports import samples_of, write_coco

pytestmark = pytest.mark.slow
QUIET = Console(quiet=True)


def classifier(**training: int) -> RunConfig:
    return CLASSIFIER.model_copy(update={"training": CLASSIFIER.training.model_copy(update=training)})


@pytest.fixture
def source(parts: Manifest, tmp_path: Path) -> Path:
    """Parts in COCO."""
    write_coco(samples_of(parts), tmp_path / "source")
    return tmp_path / "source"


def trained(source: Path, out: Path, epochs: int = 2, *, bundle: bool = False) -> RunFolder:
    choices = Choices(unlabeled="skip")
    return run_training(classifier(epochs=epochs), source, out, console=QUIET, choices=choices, bundle=bundle)


def losses_of(run: RunFolder) -> list[list[str]]:
    """The log but for its seconds, which are last."""
    return [line.split(",")[:-1] for line in run.log_file.read_text().splitlines()]


def test_a_training_goes_on_from_where_the_labels_are_now(source: Path, tmp_path: Path) -> None:
    whole = trained(source, tmp_path / "whole")
    with stops_after(1):
        trained(source, tmp_path / "run")
    moved = source.rename(tmp_path / "moved")
    with pytest.raises(GainspectError, match="give its new place with --data"):
        resume_training(tmp_path / "run", console=QUIET, bundle=False)
    run = resume_training(tmp_path / "run", data=moved, console=QUIET, bundle=False)
    assert losses_of(run) == losses_of(whole)
    assert run.result()["policy"] == whole.result()["policy"]
    assert resume_training(tmp_path / "run", console=QUIET, bundle=False).result() == run.result()


def test_folds_go_on_where_run_and_labels_are_now(source: Path, tmp_path: Path) -> None:
    with stops_after(1):
        run_training(classifier(folds=2, epochs=2), source, tmp_path / "run", console=QUIET, bundle=False)
    run = RunFolder((tmp_path / "run").rename(tmp_path / "elsewhere"))
    moved = source.rename(tmp_path / "moved")
    assert not run.validation_file.exists()
    resume_training(run.path, data=moved, console=QUIET, bundle=False)
    assert run.result_file.is_file() and len(run.manifest().parts) == 30


def test_a_training_does_not_go_on_with_other_labels(source: Path, tmp_path: Path) -> None:
    with stops_after(1):
        trained(source, tmp_path / "run")
    moved = source.rename(tmp_path / "moved")
    file = moved / "annotations/labels.json"
    content = file.read_text()
    labels = json.loads(content)
    first = labels["annotations"][0]["image_id"]
    labels["annotations"] = [one for one in labels["annotations"] if one["image_id"] != first]
    file.write_text(json.dumps(labels))
    with pytest.raises(GainspectError, match=r"was ng in the training, and now is ok.*train anew"):
        resume_training(tmp_path / "run", data=moved, console=QUIET, bundle=False)
    assert not RunFolder(tmp_path / "run").result_file.exists()
    file.write_text(content)
    assert resume_training(tmp_path / "run", data=moved, console=QUIET, bundle=False).result_file.exists()


def test_commands_on_a_run_take_its_labels_from_their_new_place(
    run: Run, source: Path, tmp_path: Path
) -> None:
    folder = trained(source, tmp_path / "run", 1, bundle=True)
    before = run("evaluate", folder.path)
    assert before.returncode == 0, before.stderr
    figures = (folder.evaluation_folder() / METRICS).read_bytes()
    commands: dict[str, tuple[str | Path, ...]] = {
        "evaluate": ("evaluate", folder.path),
        "report": ("report", folder.path),
        "export": ("export", folder.path, "--out", tmp_path / "again.gain"),
        "review": ("data", "review", folder.path),
        "sheet": ("data", "sheet", folder.path, "--out", tmp_path / "sheet.html", "--no-check"),
        "resume": ("train", "--resume", folder.path),
    }
    for name, command in commands.items():
        place = source = source.rename(tmp_path / f"for_{name}")
        if name != "resume":  # there is nothing left to read
            refused = run(*command)
            assert refused.returncode == 2 and "give its new place with --data" in refused.stderr, name
        done = run(*command, "--data", place)
        assert done.returncode == 0, f"{name}: {done.stderr}"
        assert len(folder.manifest().parts) == 30
        again = run(*command, "--data", place, "--import", "unlabeled=ok")
        assert again.returncode == 2 and "something else than it did for the training" in again.stderr
    assert (folder.evaluation_folder() / METRICS).read_bytes() == figures


def test_a_comparison_of_labels_is_that_of_an_import(source: Path, tmp_path: Path) -> None:
    imported = import_data(source, Choices(), tmp_path / "imported").folder
    for data, out in ((source, "direct"), (imported, "other")):
        compare_strategies(CLASSIFIER, data, ["S1"], [1], tmp_path / out, runtime="torch")
    judged = [RunFolder(tmp_path / out / "S1-seed1").evaluation_folder() for out in ("direct", "other")]
    for file in (PREDICTIONS, METRICS):
        assert (judged[0] / file).read_bytes() == (judged[1] / file).read_bytes()
    labels = tmp_path / "direct" / "labels"
    assert RunFolder(tmp_path / "direct" / "S1-seed1").data_root == labels.resolve()
    made = labels.stat().st_ino
    compare_strategies(CLASSIFIER, source, ["S1"], [1], tmp_path / "direct", runtime="torch")
    assert labels.stat().st_ino == made


def test_of_several_processes_one_imports(source: Path, tmp_path: Path) -> None:
    console = Console(record=True, width=400, file=io.StringIO())
    out = tmp_path / "out"
    even = classifier(batch_size=8)
    compare_strategies(even, source, ["S1"], [1], out, runtime="torch", devices=2, console=console)
    assert console.export_text().count("from coco") == 1
    assert RunFolder(out / "S1-seed1").environment()["processes"] == 2

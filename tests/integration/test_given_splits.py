"""Sets that come with only some of the parts train, val and test, and sets that are divided anew."""

import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import drawn_sets
import tool_exports
from command_line import Run
from drawn_labels import imported
from format_samples import painted
from gainspect.config import RunConfig
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Split
from gainspect.data.splits import PUBLISHED
from gainspect.errors import GainspectError
from gainspect.evaluation.saved_verdicts import read_divided_anew
from gainspect.jobs.check_data import check_data
from gainspect.report.texts import Wording
from gainspect.training.settle import complete_split
from small_runs import trained_on
from tool_exports import Sample

_OPTIONS = (
    *("--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--epochs", "1"),
    *("--set", "training.workers=0"),
)
Splits = Sequence[Split]


def _dealt(splits: Splits) -> dict[Split, list[Sample]]:
    """Images for each split, half of them defective."""
    samples = [sample for sample, _ in painted(12)]
    return {
        split: [s for number, s in enumerate(samples) if splits[number // 2 % len(splits)] == split]
        for split in splits
    }


def _yolo(folder: Path, splits: Splits) -> None:
    """A folder for each split, and data.yaml, as Roboflow writes them."""
    for split, samples in _dealt(splits).items():
        tool_exports.write_yolo(samples, folder / split)
        (folder / split / "data.yaml").unlink()
    entries = "".join(f"{split}: ../{split}/images\n" for split in splits)
    (folder / "data.yaml").write_text(f"{entries}nc: 1\nnames: ['{tool_exports.CLASS}']\n")


def _voc(folder: Path, splits: Splits) -> None:
    """All images in one folder, and a list of each split."""
    dealt = _dealt(splits)
    tool_exports.write_voc([sample for samples in dealt.values() for sample in samples], folder)
    (folder / "ImageSets/Main").mkdir(parents=True)
    for split, samples in dealt.items():
        names = "\n".join(Path(sample.name).stem for sample in samples)
        (folder / "ImageSets/Main" / f"{split}.txt").write_text(names)


LAYOUTS = {"yolo": _yolo, "voc": _voc}


@pytest.mark.parametrize("write", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("splits", [("train", "val"), ("train", "test"), ("train",)], ids="+".join)
def test_given_splits_stay_and_what_is_missing_comes_out_of_the_training_part(
    write: Callable[[Path, Splits], None], splits: Splits, tmp_path: Path
) -> None:
    write(tmp_path / "set", splits)
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    given = {part.image.name: part.split for part in manifest.parts}
    dealt = {sample.name: split for split, samples in _dealt(splits).items() for sample in samples}
    assert given == dealt
    assert any("--resplit" in remark for remark in done.record["remarks"]) == ("test" not in splits)
    settled = complete_split(RunConfig(), load_manifest(tmp_path / "out"))
    assert {part.split for part in settled.parts} == {"train", "val", "test"}
    missing = {"val", "test"} - set(splits)
    for part in settled.parts:
        before = given[part.image.name]
        assert part.split == before or (before == "train" and part.split in missing)
    said = check_data(RunConfig(), tmp_path / "out").settled[0]
    drawn = " and ".join(split for split in ("val", "test") if split in missing)
    assert f"; {drawn} {'are' if len(missing) > 1 else 'is'} drawn by part from the training part" in said
    _, anew = imported(tmp_path / "set", tmp_path / "anew", resplit=True)
    assert {part.split for part in anew.parts} == {"train", "val", "test"}
    assert {part.image.name: part.extra[PUBLISHED] for part in anew.parts} == given


def test_a_set_without_a_training_part_is_said_to_need_another_split(run: Run, tmp_path: Path) -> None:
    _yolo(tmp_path / "set", ("test",))
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [remark for remark in done.record["remarks"] if "No image is named train" in remark]
    with pytest.raises(GainspectError, match=r"no part is named train.*--resplit"):
        complete_split(RunConfig(), manifest)
    checked = run("data", "check", tmp_path / "out")
    assert checked.returncode == 1
    assert "no part is named train" in checked.stdout
    _, anew = imported(tmp_path / "set", tmp_path / "out", resplit=True)
    assert {part.split for part in complete_split(RunConfig(), anew).parts} == {"train", "val", "test"}


@pytest.mark.slow
def test_a_set_without_a_test_goes_all_the_way(run: Run, tmp_path: Path) -> None:
    _yolo(tmp_path / "set", ("train", "val"))
    trained = run("train", "--data", tmp_path / "set", "--out", tmp_path / "run", *_OPTIONS)
    assert trained.returncode == 0, trained.stderr
    assert "No image is named test" in trained.stdout
    assert "8 train, 12 val, 4 test; test is drawn by part from the training part" in trained.stdout
    evaluated = run("evaluate", tmp_path / "run")
    assert evaluated.returncode == 0, evaluated.stderr
    assert "4 images of 4 parts" in evaluated.stdout
    # The set itself names no test part, and a bundle knows of no other.
    assert run("data", "import", tmp_path / "set", "--out", tmp_path / "parts").returncode == 0
    refused = run("evaluate", tmp_path / "run/model.gain", "--data", tmp_path / "parts")
    assert refused.returncode == 2
    assert "the data has no test part (it has train, val)" in refused.stderr


@pytest.mark.slow
def test_a_set_that_was_divided_anew_says_so_wherever_its_figures_are(run: Run, tmp_path: Path) -> None:
    drawn_sets.mvtec_ad(tmp_path / "set", 16)
    imported(tmp_path / "set", tmp_path / "parts", resplit=True)
    trained = trained_on(tmp_path / "parts", tmp_path / "run")
    said = Wording("en")("divided_anew")
    with zipfile.ZipFile(trained.bundle_file) as bundle:
        assert said in bundle.read("model_card.md").decode()
    for target in ((trained.path,), (trained.bundle_file, "--data", tmp_path / "parts")):
        out = tmp_path / "figures" / str(len(target))
        evaluated = run("evaluate", *target, "--out", out)
        assert said in evaluated.stdout, evaluated.stderr
        assert read_divided_anew(out / "metrics.json")
    for language in ("en", "ko"):
        report = tmp_path / f"{language}.html"
        assert run("report", trained.path, "--lang", language, "--out", report).returncode == 0
        assert Wording(language)("divided_anew") in report.read_text(encoding="utf-8")
    # Without another split nothing is said.
    drawn_sets.class_folders(tmp_path / "plain", 12)
    imported(tmp_path / "plain", tmp_path / "others")
    plain = run("evaluate", trained.bundle_file, "--data", tmp_path / "others")
    assert plain.returncode == 0, plain.stderr
    assert said not in plain.stdout

"""Figures stand on data that the model has not seen, and a run on the data that it was trained on."""

import csv
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from gainspect.data.importers import load_manifest
from gainspect.data.seen import SEEN, pixel_sha256
from gainspect.data.unchanged import older_fingerprint
from gainspect.errors import GainspectError
from gainspect.inspection.bundle import read_bundle, write_bundle
from gainspect.jobs.run_comparison import compare_strategies, train_or_resume
from gainspect.jobs.run_evaluation import run_evaluation
from gainspect.jobs.run_export import export_run
from gainspect.jobs.write_report import write_inspection_report
from gainspect.training.launch import resume, train
from gainspect.training.run_folder import RunFolder
from small_runs import CLASSIFIER

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def trained(parts_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with data, the run trained on them, and its bundle."""
    folder = tmp_path_factory.mktemp("seen")
    shutil.copytree(parts_folder, folder / "data")
    run = train(CLASSIFIER, load_manifest(folder / "data"), folder / "run")
    export_run(run, run.bundle_file, formats=("onnx",))
    return folder


@pytest.fixture
def place(trained: Path, tmp_path: Path) -> Path:
    """The same, to change."""
    shutil.copytree(trained, tmp_path / "place")
    environment = tmp_path / "place" / "run" / "environment.json"
    content = json.loads(environment.read_text())
    content["data"]["root"] = str(tmp_path / "place" / "data")
    environment.write_text(json.dumps(content))
    return tmp_path / "place"


def parts_of(place: Path, split: str) -> list[dict[str, str]]:
    with (place / "run" / "split.csv").open() as file:
        return [row for row in csv.DictReader(file) if row["split"] == split]


def test_a_bundle_holds_the_hashes_of_its_training_and_validation_images(place: Path) -> None:
    bundle = read_bundle(place / "run" / "model.gain")
    listed = json.loads(bundle.contents[SEEN])
    for split in ("train", "val"):
        images = [place / "data" / row["image"] for row in parts_of(place, split)]
        assert images
        files = [hashlib.sha256(image.read_bytes()).hexdigest() for image in images]
        assert listed["files"][split] == sorted(files)
        pixels = [pixel_sha256(np.ascontiguousarray(cv2.imread(str(image))[:, :, ::-1])) for image in images]
        assert listed["pixels"][split] == sorted(pixels)


def with_seen_image(place: Path) -> tuple[Path, str]:
    """Other data, whose test part has a training image: renamed, and saved anew."""
    other = place / "other"
    names = ["image,label,mask,group,split"]
    for row in parts_of(place, "test"):
        target = other / row["image"]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(place / "data" / row["image"], target)
        names.append(f"{row['image']},{row['label']},,{row['group']},test")
    source = next(row for row in parts_of(place, "train") if row["label"] == "ok")
    cv2.imwrite(str(other / "renamed.bmp"), cv2.imread(str(place / "data" / source["image"])))
    names.append("renamed.bmp,ok,,renamed,test")
    (other / "manifest.csv").write_text("\n".join(names) + "\n")
    return other, "renamed.bmp"


def test_a_test_part_with_a_seen_image_is_refused_or_told(place: Path) -> None:
    bundle, (other, name) = place / "run" / "model.gain", with_seen_image(place)
    count = len(parts_of(place, "test")) + 1
    with pytest.raises(
        GainspectError, match=rf"1 of {count} images of the test part .*renamed\.bmp \(train\)"
    ):
        run_evaluation(bundle, data=other, out=place / "out")
    assert not (place / "out").exists()
    (summary,) = run_evaluation(bundle, data=other, out=place / "out", seen="allow").values()
    assert summary["seen"] == {name: "train"} and summary["images"]["n"] == count
    assert json.loads((place / "out" / "metrics.json").read_text())["all labels"]["seen"] == {name: "train"}
    with pytest.raises(GainspectError, match="--seen allow"):
        write_inspection_report(bundle, data=other, out=place / "report.html")
    write_inspection_report(bundle, data=other, out=place / "report.html", seen="allow")
    page = (place / "report.html").read_text()
    assert "has seen 1 of them" in page and "renamed.bmp (training)" in page and "never seen" not in page


def test_never_seen_is_said_where_it_is_true_and_known(place: Path) -> None:
    run = place / "run"
    (summary,) = run_evaluation(run, out=place / "out").values()
    assert summary["seen"] == {}
    write_inspection_report(run, data=None, out=place / "report.html")
    assert "images that the model has never seen" in (place / "report.html").read_text()
    whole = read_bundle(run / "model.gain")
    bare = {name: content for name, content in whole.contents.items() if name != SEEN}
    write_bundle(place / "bare.gain", whole.description, bare)
    (summary,) = run_evaluation(place / "bare.gain", data=place / "data", out=place / "out").values()
    assert summary["seen"] is None
    for language in ("en", "ko"):
        out = place / f"{language}.html"
        write_inspection_report(place / "bare.gain", data=place / "data", out=out, language=language)
        page = out.read_text()
        assert "never seen" not in page and "검증에 쓰지 않은" not in page
        assert "holds no hashes" in page or "해시가 없어" in page


def test_training_and_validation_parts_are_judged_when_they_are_asked_for(place: Path) -> None:
    for split in ("train", "val"):
        (summary,) = run_evaluation(place / "run", out=place / "out", split=split).values()
        assert set(summary["seen"].values()) == {split}
        assert len(summary["seen"]) == len(parts_of(place, split))


def test_all_parts_are_judged_when_they_are_asked_for_and_the_seen_ones_named(place: Path) -> None:
    (summary,) = run_evaluation(place / "run", out=place / "out", split="all").values()
    seen = {row["image"]: split for split in ("train", "val") for row in parts_of(place, split)}
    assert summary["seen"] == seen
    assert summary["images"]["n"] == len(seen) + len(parts_of(place, "test"))
    write_inspection_report(place / "run", data=None, out=place / "all.html", split="all")
    page = (place / "all.html").read_text()
    assert f"has seen {len(seen)} of them" in page and "never seen" not in page
    with pytest.raises(GainspectError, match=r"no other part .*--split train or val or test or all"):
        run_evaluation(place / "run", out=place / "out", split="other")


def test_a_run_without_a_list_of_seen_images_makes_one(place: Path) -> None:
    expected = (place / "run" / SEEN).read_bytes()
    (place / "run" / SEEN).unlink()
    run_evaluation(place / "run", out=place / "out", runtime="torch")
    assert (place / "run" / SEEN).read_bytes() == expected


def test_a_comparison_with_seen_images_is_refused_before_it_is_trained(place: Path) -> None:
    source, target = parts_of(place, "train")[0], parts_of(place, "test")[0]
    shutil.copy(place / "data" / source["image"], place / "data" / target["image"])
    manifest = load_manifest(place / "data")
    with pytest.raises(GainspectError, match="images of the test part were seen"):
        compare_strategies(CLASSIFIER, manifest, ["S1"], [1], place / "compared")
    assert not (place / "compared").exists()


def uses(place: Path) -> dict[str, Any]:
    run = RunFolder(place / "run")

    def go_on() -> None:
        run.result_file.unlink(missing_ok=True)  # as if it had been stopped
        resume(run.path)

    return {
        "evaluate": lambda: run_evaluation(run.path, out=place / "out"),
        "evaluate the checkpoint": lambda: run_evaluation(run.path, out=place / "out", runtime="torch"),
        "export": lambda: export_run(run, place / "b.gain", formats=("onnx",)),
        "report": lambda: write_inspection_report(run.path, data=None, out=place / "report.html"),
        "compare": lambda: train_or_resume(CLASSIFIER, load_manifest(place / "data"), run.path, None),
        "resume": go_on,
    }


USES = ["evaluate", "evaluate the checkpoint", "export", "report", "compare", "resume"]


@pytest.mark.parametrize("use", USES)
def test_data_that_changed_are_refused_whatever_the_run_is_used_for(place: Path, use: str) -> None:
    # One grey value of one training image, in a file of the same name.
    name = sorted(row["image"] for row in parts_of(place, "train"))[0]
    image = cv2.imread(str(place / "data" / name))
    image[0, 0, 0] ^= 1
    cv2.imwrite(str(place / "data" / name), image)
    with pytest.raises(GainspectError, match=rf"{name} has changed since the training.*train anew"):
        uses(place)[use]()
    assert not (place / "out").exists() and not (place / "b.gain").exists()


def test_labels_that_changed_are_refused(place: Path) -> None:
    table = place / "run" / "split.csv"
    text = table.read_text()
    table.write_text(text.replace(",test", ",train", 1))
    with pytest.raises(GainspectError, match="labels, groups, defect types or splits have changed"):
        run_evaluation(place / "run", out=place / "out")
    table.write_text(text)
    manifest = load_manifest(place / "run" / "split.csv", root=place / "data")
    with pytest.raises(GainspectError, match="is gone since the training"):
        other = [part for part in manifest.parts if part.split != "test"][1:]
        kept = [part for part in manifest.parts if part.split == "test"]
        train_or_resume(CLASSIFIER, type(manifest)(manifest.root, (*other, *kept)), place / "run", None)


@pytest.mark.parametrize("use", USES)
def test_runs_of_older_versions_are_still_used(place: Path, use: str) -> None:
    run = RunFolder(place / "run")
    manifest, environment = run.manifest(), run.environment()
    environment["data"]["fingerprint"] = older_fingerprint(manifest)
    run.environment_file.write_text(json.dumps(environment))
    run.files_file.unlink()
    uses(place)[use]()
    (place / "data" / parts_of(place, "test")[0]["image"]).write_bytes(b"changed")
    with pytest.raises(GainspectError, match=r"have changed since the training .an older run"):
        RunFolder(place / "run").manifest()

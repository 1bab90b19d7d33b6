"""Commands take the labels of a tool as they are: what comes out is that of an import of them."""

import csv
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from command_line import Run
from drawn_labels import photo
from gainspect.config import RunConfig, save_config
from gainspect.data.importers import load_manifest
from gainspect.data.importers.choices import Choices
from gainspect.data.importers.classes import Role
from gainspect.data.manifest import Manifest, save_manifest
from gainspect.data.mask_values import MaskValues
from gainspect.data.seen import SEEN, SeenImages
from gainspect.data.unchanged import DataRecord
from gainspect.errors import GainspectError
from gainspect.evaluation.saved_verdicts import DECISIONS, METRICS, PREDICTIONS
from gainspect.files import write_json
from gainspect.inspection import inspector as inspector_module
from gainspect.inspection.bundle import read_bundle, seen_of, write_bundle
from gainspect.jobs import run_calibration
from gainspect.jobs.correct_data import correct_data
from gainspect.jobs.import_data import import_data
from gainspect.jobs.judged_data import data_for
from gainspect.jobs.labeled_data import briefly_prepared, data_of_run, prepared
from gainspect.jobs.run_calibration import calibrate, write_calibrated
from gainspect.jobs.run_evaluation import run_evaluation
from gainspect.jobs.write_model_rows import write_model_rows
from gainspect.jobs.write_report import write_inspection_report
from gainspect.jobs.write_sheet import write_sheet
from gainspect.training.run_folder import RunFolder
from report_parts import Spots, parts
from report_parts import bundle as described
from tool_exports import samples_of, write_coco

LABELS = "annotations/labels.json"


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twelve OK and twelve NG parts in COCO, which bundles here judge by their dark spots."""
    for module in (inspector_module, run_calibration):
        monkeypatch.setattr(module, "open_backend", lambda *given: Spots())
    write_coco(samples_of(parts(tmp_path / "made")), tmp_path / "source")
    return tmp_path / "source"


@pytest.fixture
def imported(source: Path, tmp_path: Path) -> Path:
    """The same, imported by hand."""
    return import_data(source, Choices(), tmp_path / "imported").folder


def bundle_in(folder: Path, seen: SeenImages | None = None, **training: object) -> Path:
    description = described().description
    settled = {**description.training, "validation": {}, "environment": {"weights": "none"}, **training}
    description = description.model_copy(
        update={"formats": {"onnx": ("model.onnx",)}, "schema_version": 2, "training": settled}
    )
    seen = seen or SeenImages({"f" * 64: "train"}, {})
    contents = {"model.onnx": b"a graph", SEEN: seen.to_json()}
    return write_bundle(folder / "spots.gain", description, contents).path


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def contents_of(folder: Path) -> dict[str, bytes | str]:
    """Files by their path, links as where they lead to."""
    return {
        str(file.relative_to(folder)): str(file.readlink()) if file.is_symlink() else file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if not file.is_dir()
    }


def test_an_evaluation_gives_the_figures_of_an_import(source: Path, imported: Path, tmp_path: Path) -> None:
    bundle = bundle_in(tmp_path)
    for data, out in ((source, "direct"), (imported, "other")):
        run_evaluation(bundle, data=data, split="all", check=True, out=tmp_path / out)
    for file in (PREDICTIONS, DECISIONS, METRICS):
        assert (tmp_path / "direct" / file).read_bytes() == (tmp_path / "other" / file).read_bytes()
    kept = tmp_path / "direct" / "labels"
    rows = rows_of(tmp_path / "direct" / PREDICTIONS)
    assert len(rows) == 24 and all((kept / row["image"]).is_file() for row in rows)
    assert not (tmp_path / "other" / "labels").exists()
    made = kept.stat().st_ino
    run_evaluation(bundle, data=source, split="all", out=tmp_path / "direct")
    assert kept.stat().st_ino == made  # not imported again


def test_without_a_split_all_is_to_be_chosen(source: Path, tmp_path: Path) -> None:
    bundle = bundle_in(tmp_path)
    with pytest.raises(GainspectError) as refused:
        run_evaluation(bundle, data=source, out=tmp_path / "out")
    assert (refused.value.where, refused.value.hint) == (str(source), "Choose --split all.")
    divided = Choices(resplit=True)
    (summary,) = run_evaluation(bundle, data=source, choices=divided, out=tmp_path / "out").values()
    tested = load_manifest(tmp_path / "out" / "labels").split("test")
    assert 0 < summary["images"]["n"] == len(tested.parts) < 24


def test_meanings_of_mask_values_are_for_masks_of_the_users_own(
    source: Path, imported: Path, tmp_path: Path
) -> None:
    meanings = {"1": "defect", "255": "ignore"}
    bundle = read_bundle(bundle_in(tmp_path, config={"data": {"mask_values": meanings}}))

    def marked(data: Path, values: MaskValues | None = None) -> int:
        manifest = data_for(bundle, data, values)
        return sum(int(np.sum(mask)) for part in manifest.parts if (mask := manifest.mask(part)) is not None)

    own = tmp_path / "made"
    save_manifest(parts(own), own / "manifest.csv")
    linked = import_data(own, Choices(group=r"\d+"), tmp_path / "linked").folder
    drawn = [cv2.imread(str(file), cv2.IMREAD_GRAYSCALE) for file in (imported / "masks").iterdir()]
    assert marked(imported) == sum(int(np.count_nonzero(mask)) for mask in drawn) > 0
    assert marked(imported / "manifest.csv") == marked(imported)
    assert marked(own) == marked(linked) == 0  # as said for the training: 255 is ignored
    assert marked(own, MaskValues.parse("255=defect")) == marked(linked, MaskValues.parse("255=defect")) > 0


def test_a_report_is_that_of_an_import_and_names_the_source(
    source: Path, imported: Path, tmp_path: Path
) -> None:
    bundle = bundle_in(tmp_path)
    for data, name in ((source, "direct"), (imported, "other")):
        write_inspection_report(bundle, data=data, out=tmp_path / name / "page.html")
    direct, other = tmp_path / "direct", tmp_path / "other"
    assert (direct / "page.csv").read_bytes() == (other / "page.csv").read_bytes()
    page = (direct / "page.html").read_text(encoding="utf-8")
    assert page == (other / "page.html").read_text(encoding="utf-8")
    assert "<dd>source: 24 images" in page
    kept = direct / "page-labels"
    assert all((kept / row["image"]).is_file() for row in rows_of(direct / "page.csv"))


def test_a_policy_is_that_of_an_import_and_the_images_count_as_seen(
    source: Path, imported: Path, tmp_path: Path
) -> None:
    bundle = bundle_in(tmp_path)
    chosen, other = (calibrate(bundle, None, data=data) for data in (source, imported))
    assert (chosen.policy, chosen.point, chosen.parts) == (other.policy, other.point, other.parts)
    written = write_calibrated(chosen, tmp_path / "new.gain")
    seen = seen_of(written)
    assert seen is not None
    assert list(seen.among(load_manifest(imported)).values()) == 24 * ["val"]
    assert written.contents == write_calibrated(other, tmp_path / "other.gain").contents


def test_an_error_names_the_source_and_not_a_temporary_folder(
    source: Path, imported: Path, tmp_path: Path
) -> None:
    manifest = load_manifest(imported)
    trained = replace(manifest, parts=tuple(replace(part, split="train") for part in manifest.parts[:2]))
    bundle = bundle_in(tmp_path, SeenImages.of(trained))
    with pytest.raises(GainspectError, match="was trained on 2 of 24 images") as refused:
        calibrate(bundle, None, data=source)
    assert refused.value.where == str(source)
    with pytest.raises(GainspectError) as refused, briefly_prepared(source, None) as folder:
        raise GainspectError("odd", where=folder / "images" / "a.png", hint="Mend it.")
    assert str(refused.value) == f"{source}, images/a.png: odd. Mend it."
    assert not folder.exists()
    with pytest.raises(GainspectError) as refused, briefly_prepared(imported, None) as folder:
        raise GainspectError("odd", where=folder)
    assert (folder, refused.value.where) == (imported, str(imported))


def test_a_sheet_is_that_of_an_import(source: Path, imported: Path, tmp_path: Path) -> None:
    for data, name in ((source, "direct"), (imported, "other")):
        write_sheet(data, tmp_path / f"{name}.html", per_cell=4)
    page = (tmp_path / "direct.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "other.html").read_text(encoding="utf-8")
    assert "source" in page and "NG: scratch" in page


def test_rows_of_a_model_have_the_labels_as_reference(source: Path, imported: Path, tmp_path: Path) -> None:
    verdicts = tmp_path / "verdicts.jsonl"
    records = [
        {"image": image.name, "sha256": hashlib.sha256(image.read_bytes()).hexdigest(), "verdict": "ok"}
        for image in sorted((source / "images").iterdir())
    ]
    bundle = {"error": None, "bundle": "b" * 64}
    verdicts.write_text("".join(json.dumps(record | bundle) + "\n" for record in records))
    made = [
        write_model_rows([verdicts], tmp_path / f"{data.name}.csv", reference=data).rows
        for data in (source, imported)
    ]
    assert made[0] == made[1] and len(made[0]) == 24
    assert sum(row.reference == "ng" for row in made[0]) == 12
    table = tmp_path / "people.csv"
    table.write_text("part,reference\n" + "".join(f"{row.part},{row.reference}\n" for row in made[0]))
    assert write_model_rows([verdicts], tmp_path / "rows.csv", reference=table).rows == made[0]


def test_corrections_are_of_an_import(source: Path, tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("image,correction\nimages/None_part1.png,ok\n")
    with pytest.raises(GainspectError, match=r"labels of a tool \(coco\).*gainspect data import .*source"):
        correct_data(source, tmp_path / "c.csv", tmp_path / "new.csv")
    with pytest.raises(GainspectError, match="no such file or folder"):
        correct_data(tmp_path / "gone", tmp_path / "c.csv", tmp_path / "new.csv")
    folder = import_data(source, Choices(), tmp_path / "imported").folder
    assert correct_data(folder, tmp_path / "c.csv", tmp_path / "new.csv").to_ok == ("images/None_part1.png",)


COMMANDS: dict[str, tuple[str, ...]] = {
    "evaluate": ("evaluate", "BUNDLE", "--data", "SOURCE", "--out", "OUT"),
    "report": ("report", "BUNDLE", "--data", "SOURCE", "--out", "OUT.html"),
    "calibrate": ("calibrate", "BUNDLE", "--data", "SOURCE", "--out", "OUT.gain"),
    "compare": ("compare", "--data", "SOURCE", "--out", "OUT", "--weights", "none"),
    "train": ("train", "--data", "SOURCE", "--out", "OUT", "--weights", "none"),
    "check": ("data", "check", "SOURCE"),
    "export": ("data", "export", "SOURCE", "--format", "coco", "--out", "OUT"),
    "sheet": ("data", "sheet", "SOURCE", "--out", "OUT.html"),
    "rows": ("msa", "rows", "VERDICTS", "--out", "OUT.csv", "--reference", "SOURCE"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_labels_do_not_say_is_asked_with_the_option(
    run: Run, command: str, source: Path, tmp_path: Path
) -> None:
    photo(source / "images" / "extra.png", 96, 96)
    (tmp_path / "verdicts.jsonl").touch()
    places = {
        "BUNDLE": str(bundle_in(tmp_path)),
        "SOURCE": str(source),
        "VERDICTS": str(tmp_path / "verdicts.jsonl"),
        "OUT": str(tmp_path / "out"),
    }
    arguments = [places.get(word, word.replace("OUT", places["OUT"])) for word in COMMANDS[command]]
    before = set(tmp_path.iterdir())
    asked = run(*arguments)
    assert asked.returncode == 2
    assert "1 image has no labels, such as images/extra.png" in asked.stderr
    assert "As an option of this command: --import NAME=VALUE" in asked.stderr
    assert set(tmp_path.iterdir()) == before
    refused = run(*arguments, "--import", "unlabeled=maybe")
    assert refused.returncode == 2 and "neither ok nor skip" in refused.stderr


def test_an_error_that_asks_for_no_choice_speaks_of_no_option(source: Path, tmp_path: Path) -> None:
    labels = next(source.rglob("*.json"))
    labels.write_text(labels.read_text()[:-9])
    with pytest.raises(GainspectError, match="not JSON") as refused:
        prepared(source, Choices(unlabeled="ok"), tmp_path / "out")
    assert refused.value.where == str(labels) and "--import" not in str(refused.value)


def test_the_answer_is_taken(run: Run, source: Path, tmp_path: Path) -> None:
    extra = photo(source / "images" / "extra.png", 96, 96)
    bundle = bundle_in(tmp_path)
    command = ("evaluate", bundle, "--data", source, "--split", "all", "--out", tmp_path / "out")
    assert run(*command, "--import", "unlabeled=ok").returncode == 0
    judged = {row["image"]: row["label"] for row in rows_of(tmp_path / "out" / PREDICTIONS)}
    assert judged[f"images/{extra.name}"] == "ok" and len(judged) == 25
    assert run(*command, "--import", "unlabeled=skip").returncode == 0
    assert len(rows_of(tmp_path / "out" / PREDICTIONS)) == 24
    alone = run("evaluate", bundle, "--import", "unlabeled=ok")
    assert alone.returncode == 2 and "--import says how data are read, and there are none" in alone.stderr


def run_of(data: Manifest, path: Path) -> RunFolder:
    """A run of these parts, as far as it remembers its data: every other group is for validation."""
    run = RunFolder(path)
    path.mkdir(exist_ok=True)
    split = ("train", "val", "test")
    groups = {
        group: split[place % 3] for place, group in enumerate(sorted({part.group for part in data.parts}))
    }
    manifest = replace(data, parts=tuple(replace(part, split=groups[part.group]) for part in data.parts))  # type: ignore[arg-type]
    save_manifest(manifest, run.split_file)
    record = DataRecord.of(manifest)
    write_json(run.files_file, dict(record.files))
    place = {"root": str(manifest.root.resolve()), "fingerprint": record.fingerprint}
    write_json(run.environment_file, {"data": place})
    save_config(RunConfig().with_data(size=64, bits=None), run.config_file)
    return run


@pytest.fixture
def labeled_run(source: Path, tmp_path: Path) -> RunFolder:
    """A run that was trained on the labels."""
    folder = import_data(source, Choices(), RunFolder(tmp_path / "run").labels_folder).folder
    return run_of(load_manifest(folder), tmp_path / "run")


@pytest.fixture
def moved(labeled_run: RunFolder, source: Path) -> Path:
    """Where the labels are now."""
    return source.rename(source.with_name("moved"))


def test_labels_that_moved_are_imported_into_the_run(labeled_run: RunFolder, moved: Path) -> None:
    with pytest.raises(GainspectError, match=r"links into .*source, which is gone: give its new place"):
        labeled_run.manifest()
    assert data_of_run(labeled_run, moved) == labeled_run.labels_folder
    manifest = labeled_run.manifest()
    assert {os.path.realpath(part.image) for part in manifest.parts} == {
        str(image) for image in (moved / "images").iterdir()
    }
    made = labeled_run.labels_folder.stat().st_ino
    assert data_of_run(labeled_run, moved, Choices()) == labeled_run.labels_folder
    assert labeled_run.labels_folder.stat().st_ino == made
    # The run elsewhere, or its labels by themselves: nothing is imported.
    elsewhere = RunFolder(labeled_run.path.rename(moved.with_name("elsewhere")))
    assert data_of_run(elsewhere, elsewhere.labels_folder) == elsewhere.labels_folder
    assert data_of_run(elsewhere, elsewhere.labels_folder / "manifest.csv") is not None
    assert len(elsewhere.manifest().parts) == 24
    assert data_of_run(elsewhere, None) is None


def _edit(change: Callable[[dict[str, list[dict[str, object]]]], None]) -> Callable[[Path], None]:
    def edit(source: Path) -> None:
        content = json.loads((source / LABELS).read_text())
        change(content)
        (source / LABELS).write_text(json.dumps(content))

    return edit


def _marks_another(content: dict[str, list[dict[str, object]]]) -> None:
    content["annotations"].append({**content["annotations"][0], "id": 99, "image_id": 1})


def _moves_a_polygon(content: dict[str, list[dict[str, object]]]) -> None:
    content["annotations"][0]["segmentation"] = [[1, 1, 9, 1, 9, 9, 1, 9, 0, 5]]


def _draws_a_box(content: dict[str, list[dict[str, object]]]) -> None:
    content["annotations"][0]["segmentation"] = [[1, 1, 9, 1, 9, 9, 1, 9]]


def _renames_the_class(content: dict[str, list[dict[str, object]]]) -> None:
    content["categories"][0]["name"] = "dent"


def _another_picture(source: Path) -> None:
    photo(source / "images" / "None_part0.png", 96, 96)


CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a label": (
        _edit(_marks_another),
        r"the label of images/None_part0\.png was ok in the training, and now is ng",
    ),
    "a mask": (_edit(_moves_a_polygon), r"masks/None_part1\.png\.png has changed since the training"),
    "a kind of mask": (
        _edit(_draws_a_box),
        r"the kind of mask of images/None_part1\.png was .*and now is box",
    ),
    "a type": (
        _edit(_renames_the_class),
        r"the defect type of .* was scratch in the training, and now is dent",
    ),
    "a picture": (_another_picture, r"images/None_part0\.png has changed since the training"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_labels_that_say_something_else_are_refused_and_the_run_stays(
    labeled_run: RunFolder, moved: Path, change: str
) -> None:
    edit, said = CHANGES[change]
    edit(moved)
    before = contents_of(labeled_run.path)
    with pytest.raises(GainspectError, match=said) as refused:
        data_of_run(labeled_run, moved)
    assert refused.value.where == str(moved)
    assert "train anew" in refused.value.hint
    assert contents_of(labeled_run.path) == before


def test_an_image_that_is_gone_is_named_and_a_further_one_does_not_count(
    labeled_run: RunFolder, moved: Path
) -> None:
    def add(content: dict[str, list[dict[str, object]]]) -> None:
        content["images"].append({"id": 77, "file_name": "more.png", "height": 96, "width": 96})

    photo(moved / "images" / "more.png", 96, 96)
    _edit(add)(moved)
    data_of_run(labeled_run, moved)
    assert len(labeled_run.manifest().parts) == 24
    (moved / "images" / "None_part0.png").unlink()
    with pytest.raises(GainspectError, match=r"images/None_part0\.png is gone since the training"):
        data_of_run(labeled_run, moved)


def test_the_choices_of_a_run_are_those_of_its_training(
    source: Path, tmp_path: Path, labeled_run: RunFolder
) -> None:
    photo(source / "images" / "extra.png", 96, 96)
    choices = Choices(unlabeled="ok", classes={Role.DEFECT: ("scratch",)})
    folder = import_data(source, choices, RunFolder(tmp_path / "other").labels_folder).folder
    other = run_of(load_manifest(folder), tmp_path / "other")
    moved = source.rename(tmp_path / "moved")
    for said in (None, choices):
        assert data_of_run(other, moved, said) == other.labels_folder
    assert len(other.manifest().parts) == 25
    for run in (other, labeled_run):
        with pytest.raises(GainspectError, match="--import says something else than it did for the training"):
            data_of_run(run, moved, Choices(unlabeled="skip"))


def test_a_run_of_a_data_folder_is_given_that_folder(source: Path, imported: Path, tmp_path: Path) -> None:
    run = run_of(load_manifest(imported), tmp_path / "run")
    with pytest.raises(
        GainspectError, match=r"labels of a tool \(coco\), and the run was trained on a data"
    ) as no:
        data_of_run(run, source)
    assert str(imported) in no.value.hint and str(run.bundle_file) in no.value.hint
    moved = source.rename(tmp_path / "moved")
    with pytest.raises(GainspectError, match=rf"`gainspect data import SOURCE --out {imported}`"):
        run.manifest()
    import_data(moved, Choices(), imported)
    assert len(run.manifest().parts) == 24
    again = imported.rename(tmp_path / "again")
    assert data_of_run(run, again) == again
    assert data_of_run(run, again / "manifest.csv") == again / "manifest.csv"
    # A folder whose manifest has a name of its own looks like classes of images in folders.
    folder = tmp_path / "own"
    for name in ("good/a.png", "good/b.png", "bad/c.png", "bad/d.png"):
        photo(folder / name)
    (folder / "parts.csv").write_text(
        "image,label\ngood/a.png,ok\ngood/b.png,ok\nbad/c.png,ng\nbad/d.png,ng\n"
    )
    own = run_of(load_manifest(folder / "parts.csv"), tmp_path / "own_run")
    assert data_of_run(own, folder.rename(tmp_path / "there")) == tmp_path / "there"
    with pytest.raises(GainspectError, match="not a run folder"):
        data_of_run(RunFolder(tmp_path / "there"), tmp_path / "there")


def test_a_sheet_of_a_run_shows_its_split(labeled_run: RunFolder, source: Path, tmp_path: Path) -> None:
    save_manifest(labeled_run.manifest(), labeled_run.labels_folder / "divided.csv")
    wanted, by_folder, by_table, elsewhere = (tmp_path / f"{name}.html" for name in "abcd")
    write_sheet(labeled_run.labels_folder / "divided.csv", wanted, per_cell=4)
    write_sheet(labeled_run.path, by_folder, per_cell=4)
    write_sheet(labeled_run.split_file, by_table, per_cell=4)
    moved = source.rename(source.parent / "new")
    with pytest.raises(GainspectError, match="give its new place with --data"):
        write_sheet(labeled_run.path, elsewhere, per_cell=4)
    write_sheet(labeled_run.path, elsewhere, per_cell=4, moved=moved)
    page = wanted.read_text(encoding="utf-8")
    assert page == by_folder.read_text(encoding="utf-8") == by_table.read_text(encoding="utf-8")
    assert elsewhere.read_text(encoding="utf-8") == page.replace("· source<", "· new<").replace(
        ">source ·", ">new ·"
    )
    assert "Validation" in page and "No split" not in page
    with pytest.raises(GainspectError, match="--data says where the data of a run are"):
        write_sheet(moved, elsewhere, per_cell=4, moved=moved)

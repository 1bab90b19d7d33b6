"""The folder that an import makes: complete or not there, made once, never over something else."""

import csv
import json
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import cv2
import numpy as np
import pytest

import drawn_sets
from drawn_labels import coco, fates, imported, photo
from gainspect.data.image_header import LIMIT
from gainspect.data.importers import conversion
from gainspect.data.importers.choices import Choices
from gainspect.data.importers.imported_folder import Imported, import_source
from gainspect.data.importers.registry import IMPORTERS, importer_of
from gainspect.data.importers.rendering import BARE, NO_DEFECT, NOT_SEEN
from gainspect.data.importers.source import MAY_BE_MEANT, SEVERAL, Source
from gainspect.data.manifest import Part, read_manifest
from gainspect.errors import GainspectError
from gainspect.report.terminal.import_lines import import_lines
from gainspect.types import Label

_BOX = {"image_id": 1, "bbox": [4, 4, 10, 10]}


@pytest.fixture
def labeled(tmp_path: Path) -> Path:
    """Two images, one of them with a scratch."""
    for name in ("lot1_a.png", "lot2_b.png"):
        photo(tmp_path / "set" / name)
    coco(tmp_path / "set/a.json", [("lot1_a.png", 40, 60), ("lot2_b.png", 40, 60)], [_BOX])
    return tmp_path / "set"


def _tree(folder: Path) -> set[str]:
    return {file.relative_to(folder).as_posix() for file in folder.rglob("*") if not file.is_dir()}


def test_images_are_linked_or_copied_and_masks_drawn(labeled: Path, tmp_path: Path) -> None:
    _, manifest = imported(labeled, tmp_path / "out")
    assert _tree(tmp_path / "out") == {
        *("images/lot1_a.png", "images/lot2_b.png", "masks/lot1_a.png.png"),
        *("manifest.csv", "import.csv", "import.json"),
    }
    assert all(part.image.is_symlink() for part in manifest.parts)
    _, copied = imported(labeled, tmp_path / "copied", copy=True)
    assert not any(part.image.is_symlink() for part in copied.parts)
    assert [p.image.read_bytes() for p in copied.parts] == [p.image.read_bytes() for p in manifest.parts]
    assert [(p.label, p.mask_kind, p.defect_type) for p in manifest.parts] == [
        (Label.NG, "box", "scratch"),
        (Label.OK, None, None),
    ]


def test_without_links_images_are_copied(
    labeled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError("no right to make links")

    monkeypatch.setattr(Path, "symlink_to", refused)
    _, manifest = imported(labeled, tmp_path / "out")
    assert not any(part.image.is_symlink() for part in manifest.parts)


def test_unchanged_is_not_made_again(labeled: Path, tmp_path: Path) -> None:
    imported(labeled, tmp_path / "out")
    before = (tmp_path / "out/manifest.csv").stat().st_ino
    done, _ = imported(labeled, tmp_path / "out")
    assert done.unchanged
    assert (tmp_path / "out/manifest.csv").stat().st_ino == before


def test_what_is_required_of_it_comes_before_it_takes_its_place(labeled: Path, tmp_path: Path) -> None:
    def require(folder: Path) -> None:
        found = read_manifest(folder / "manifest.csv")
        assert [part.label for part in found.parts] == [Label.NG, Label.OK]
        raise GainspectError("not these")

    def progress(title: str, total: int) -> AbstractContextManager[Callable[[], None]]:
        return nullcontext(lambda: None)

    with pytest.raises(GainspectError, match="not these"):
        import_source(labeled, Choices(), tmp_path / "out", progress, require=require)
    assert [file.name for file in tmp_path.iterdir()] == ["set"]
    imported(labeled, tmp_path / "out", group=r"lot\d")
    before = (tmp_path / "out/manifest.csv").stat().st_ino
    with pytest.raises(GainspectError, match="not these"):
        import_source(labeled, Choices(), tmp_path / "out", progress, require=require)
    assert (tmp_path / "out/manifest.csv").stat().st_ino == before
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "set"]


def test_other_choices_or_labels_replace_it(labeled: Path, tmp_path: Path) -> None:
    imported(labeled, tmp_path / "out")
    done, manifest = imported(labeled, tmp_path / "out", group=r"lot\d")
    assert not done.unchanged
    assert [part.group for part in manifest.parts] == ["lot1", "lot2"]
    coco(labeled / "a.json", [("lot1_a.png", 40, 60), ("lot2_b.png", 40, 60)], [{**_BOX, "image_id": 2}])
    _, manifest = imported(labeled, tmp_path / "out", group=r"lot\d")
    assert [part.label for part in manifest.parts] == [Label.OK, Label.NG]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["out", "set"]


def test_an_error_half_way_leaves_what_was_there(
    labeled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(labeled, tmp_path / "out")
    before = _tree(tmp_path / "out")

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(conversion, "save_manifest", full)
    with pytest.raises(OSError, match="No space"):
        imported(labeled, tmp_path / "out", copy=True)
    assert _tree(tmp_path / "out") == before
    assert not (tmp_path / ".out.partial").exists()


def test_what_a_killed_import_left_is_taken_away(labeled: Path, tmp_path: Path) -> None:
    (tmp_path / ".out.partial/images").mkdir(parents=True)
    (tmp_path / ".out.partial/images/stray.png").write_bytes(b"half")
    imported(labeled, tmp_path / "out")
    assert "images/stray.png" not in _tree(tmp_path / "out")
    assert not (tmp_path / ".out.partial").exists()


def test_nothing_else_is_overwritten(labeled: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/a.txt").write_text("mine")
    with pytest.raises(GainspectError, match="no import made"):
        imported(labeled, tmp_path / "mine")
    with pytest.raises(GainspectError, match="lies in its source"):
        imported(labeled, labeled / "out")
    imported(labeled, tmp_path / "out")
    with (tmp_path / "out/manifest.csv").open("a") as file:
        file.write("\n")
    with pytest.raises(GainspectError, match="was changed since the import"):
        imported(labeled, tmp_path / "out", copy=True)


def test_it_lies_in_its_source_or_not_wherever_its_path_leads(
    labeled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = _tree(labeled)
    (tmp_path / "beside").mkdir()
    (tmp_path / "link").symlink_to(labeled, target_is_directory=True)
    (labeled / "empty").mkdir()
    (tmp_path / "to_empty").symlink_to(labeled / "empty", target_is_directory=True)
    monkeypatch.chdir(labeled)
    inside = ("out", ".", "../beside/../set/out", "../link/out", "../link", "../to_empty", "empty/..")
    for within in inside:
        with pytest.raises(GainspectError, match="lies in its source"):
            imported(labeled, Path(within))
    with pytest.raises(GainspectError, match="lies in its source"):
        imported(tmp_path / "link", labeled / "out")
    assert _tree(labeled) == before and not any((labeled / "empty").iterdir())
    _, manifest = imported(Path(), Path("../out"))
    assert [part.image.name for part in manifest.parts] == ["lot1_a.png", "lot2_b.png"]
    assert all(part.image.is_file() for part in manifest.parts)
    monkeypatch.chdir(tmp_path / "beside")
    done, _ = imported(labeled, Path("../beside/../out2"))
    assert (tmp_path / "out2/manifest.csv").is_file() and not done.unchanged


def test_what_is_taken_for_ok_because_nothing_is_a_defect_is_said(tmp_path: Path) -> None:
    for name in ("ng.png", "feature.png", "crowd.png", "bare.png", "bare2.png", "extra.png"):
        photo(tmp_path / "set" / name)
    listed = [(name, 40, 60) for name in ("ng.png", "feature.png", "crowd.png", "bare.png", "bare2.png")]
    shapes = [
        _BOX,
        {**_BOX, "image_id": 2, "category_id": 2},
        {**_BOX, "image_id": 2, "category_id": 3},
        {**_BOX, "image_id": 3, "iscrowd": 1},
    ]
    coco(tmp_path / "set/a.json", listed, shapes, ("scratch", "hole", "bg"))
    done, _ = imported(tmp_path / "set", tmp_path / "out", ok=["hole"], defect=["scratch"], unlabeled="ok")
    with (tmp_path / "out/import.csv").open(encoding="utf-8", newline="") as file:
        detail = {row["file"]: row["detail"] for row in csv.DictReader(file) if row["became"] == "image"}
    assert detail == {
        "ng.png": "",
        "feature.png": f"taken for OK: {NO_DEFECT} (hole: ok, bg: background)",
        "crowd.png": f"taken for OK: {NO_DEFECT} (scratch: only regions that are ignored)",
        "bare.png": f"taken for OK: {BARE}",
        "bare2.png": f"taken for OK: {BARE}",
        "extra.png": f"taken for OK: {NOT_SEEN}",
    }
    said = [line for line in import_lines(done) if "for OK" in line]
    assert said == [
        f"Taken for OK, 2 images, such as feature.png: {NO_DEFECT}.",
        f"Taken for OK, 2 images, such as bare.png: {BARE}.",
        f"Taken for OK, 1 image, such as extra.png: {NOT_SEEN}.",
    ]


def test_an_ok_that_the_labels_state_is_not_taken_for_one(tmp_path: Path) -> None:
    photo(tmp_path / "set/a.png")
    coco(tmp_path / "set/a.json", [("a.png", 40, 60)], [{"image_id": 1}], ("good",))
    done, _ = imported(tmp_path / "set", tmp_path / "out")
    assert done.record["outcome"]["ok"] == 1 and not done.record["outcome"]["ok_by_absence"]


def test_the_record_says_where_it_came_from(labeled: Path, tmp_path: Path) -> None:
    imported(labeled, tmp_path / "out", group=r"lot\d")
    there = Imported.of(tmp_path / "out")
    assert there is not None
    assert there.record["source"] == str(labeled)
    assert there.record["format"] == "coco"
    assert there.record["choices"]["group"] == r"lot\d"
    (tmp_path / "out/import.json").write_text("{}")
    with pytest.raises(GainspectError, match=r"import\.json"):
        Imported.of(tmp_path / "out")


def test_a_group_that_is_not_found_is_refused(labeled: Path, tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match=r"--group: 'part\(\\\\d\)' finds nothing in 'lot1_a.png'"):
        imported(labeled, tmp_path / "out", group=r"part(\d)")
    with pytest.raises(GainspectError, match=r"--part: .* is no regular expression"):
        imported(labeled, tmp_path / "out", part="(")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_ours_is_imported_as_it_is(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/normal/a.png")
    photo(tmp_path / "set/images/defective/b.png")
    mask = np.zeros((40, 60), np.uint8)
    mask[3:9, 4:8] = 255
    photo(tmp_path / "set/masks/defective/b.png")
    cv2.imwrite(str(tmp_path / "set/masks/defective/b.png"), mask)
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert done.record["format"] == "folder"
    part = next(part for part in manifest.parts if part.label is Label.NG)
    assert part.image == tmp_path / "out/images/defective/b.png"
    drawn = manifest.mask(part)
    assert drawn is not None
    assert (drawn * 255 == mask).all()
    again, twice = imported(tmp_path / "out", tmp_path / "again")
    assert again.record["format"] == "manifest"
    assert [replaced(p) for p in twice.parts] == [replaced(p) for p in manifest.parts]


def replaced(part: Part) -> tuple[object, ...]:
    """What counts of a part, wherever it lies."""
    return part.image.name, part.label, part.group, part.split, part.mask is None


def test_formats_are_told_apart_or_asked(labeled: Path) -> None:
    assert importer_of(Source(labeled)).name == "coco"
    (labeled / "manifest.csv").write_text("image,label\nlot1_a.png,ok\n")
    with pytest.raises(GainspectError, match=r"of 2 formats \(manifest: there is manifest.csv; coco: a.json"):
        importer_of(Source(labeled))
    assert importer_of(Source(labeled / "a.json")).name == "coco"
    with pytest.raises(GainspectError, match="no format 'xyz'"):
        importer_of(Source(labeled), "xyz")


def test_a_source_of_no_format_says_what_is_there_and_how_to_mend_it(tmp_path: Path) -> None:
    def said(format_: str = "auto") -> str:
        with pytest.raises(GainspectError) as caught:
            imported(tmp_path / "set", tmp_path / "out", format=format_)
        return str(caught.value).removeprefix(str(tmp_path / "set"))

    (tmp_path / "set").mkdir()
    assert said() == ": the folder is empty. Give a folder of images and labels."
    (tmp_path / "set/read.me").write_text("a")
    assert "neither an image nor a file of labels, but 1 entry, such as read.me" in said()
    (tmp_path / "set/x.zip").write_bytes(b"PK")
    assert said() == (
        ": there are no labels, but 1 archive, such as x.zip. Unpack it, and give the folder that it makes."
    )
    (tmp_path / "set/x.zip").unlink()
    photo(tmp_path / "set/a.png")
    assert said().startswith(": there are images, but no file of labels (1 image, such as a.png)")
    (tmp_path / "set/a.json").write_text("{}")
    assert "of no format that is known (1 file, such as a.json)" in said()
    (tmp_path / "set/a.json").write_text('{"images": [],\n "annotations": [')
    for format_ in ("auto", "coco"):  # places as the parser of the standard library counts them
        assert said(format_).startswith("/a.json: the file is not JSON: Expecting value (line 2, column 18)")
    (tmp_path / "set/a.json").write_bytes('{\n"a": "불량"}'.encode("cp949"))
    for format_ in ("auto", "coco"):
        expected = "/a.json: the file is not UTF-8 text; it looks like CP949 (EUC-KR) (line 2, byte 9)"
        assert said(format_).startswith(expected)


def test_an_archive_is_to_be_unpacked_wherever_the_folder_is_made(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK")
    with pytest.raises(GainspectError, match=r"x\.zip: this is an archive\. Unpack it"):
        imported(tmp_path / "x.zip", tmp_path / "out")


def test_a_damaged_file_beside_a_whole_one_is_not_passed_over(labeled: Path, tmp_path: Path) -> None:
    (labeled / "b.json").write_text('{"images": [')
    with pytest.raises(GainspectError, match=r"b\.json: the file is not JSON"):
        imported(labeled, tmp_path / "out", unlabeled="ok")


def test_where_no_image_is_left_an_example_is_told_and_how_to_mend_it(tmp_path: Path) -> None:
    photo(tmp_path / "set/b.png")

    def hint(names: list[str], shapes: list[dict[str, object]]) -> str:
        coco(tmp_path / "set/a.json", [(name, 40, 60) for name in names], shapes)
        with pytest.raises(GainspectError) as caught:
            imported(tmp_path / "set", tmp_path / "out", unlabeled="skip")
        return caught.value.hint

    assert hint(["lot/x.png", "y.png"], []) == (
        "2 of 2 entries: its image is not there, such as a.json, image 1, which names 'lot/x.png'; there is "
        "1 image, such as b.png. Labels find their images by name: put the images into this folder, called "
        "as in the labels."
    )
    assert hint([], []) == "They list none; there is 1 image, such as b.png."
    damaged = hint(["b.png"], [{"image_id": 1, "segmentation": [[1, 2, 3]]}])
    assert damaged == (
        "1 of 1 entry: a shape cannot be drawn, such as b.png (a.json, annotation 1: its points are not "
        "pairs of numbers). Mend or delete this shape in the label tool, and export again."
    )


def test_names_of_importers_are_their_own() -> None:
    names = [importer.name for importer in IMPORTERS]
    assert len(set(names)) == len(names)


def test_ignored_regions_and_kinds_come_back_from_a_manifest(tmp_path: Path) -> None:
    for name in ("a.png", "m.png", "i.png"):
        photo(tmp_path / name)
    mask, ignore = np.zeros((2, 40, 60), np.uint8)
    mask[:10], ignore[5:20] = 255, 255
    cv2.imwrite(str(tmp_path / "m.png"), mask)
    cv2.imwrite(str(tmp_path / "i.png"), ignore)
    table = "image,label,mask,ignore,mask_kind\na.png,ng,m.png,i.png,scribble\n"
    (tmp_path / "manifest.csv").write_text(table)
    manifest = read_manifest(tmp_path / "manifest.csv")
    marks = manifest.marks(manifest.parts[0], (40, 60))
    assert marks is not None
    assert marks.ignored is not None
    assert marks.defect[:10].all()
    assert marks.ignored[10:20].all()
    assert marks.ignored.sum() == 10 * 60
    assert manifest.parts[0].mask_kind == "scribble"
    conversion.save_manifest(manifest, tmp_path / "again.csv")
    assert read_manifest(tmp_path / "again.csv").parts == manifest.parts
    before = manifest.fingerprint()
    cv2.imwrite(str(tmp_path / "i.png"), 255 - ignore)
    assert manifest.fingerprint() != before
    (tmp_path / "manifest.csv").write_text(table.replace("scribble", "circle"))
    with pytest.raises(GainspectError, match="mask_kind 'circle' is not known"):
        read_manifest(tmp_path / "manifest.csv")


def test_import_json_is_json(labeled: Path, tmp_path: Path) -> None:
    imported(labeled, tmp_path / "out")
    outcome = json.loads((tmp_path / "out/import.json").read_text())["outcome"]
    assert (outcome["ok"], outcome["ng"], outcome["masks"]) == (1, 1, {"box": 1})


def test_an_image_without_labels_is_of_the_split_that_its_folder_says(tmp_path: Path) -> None:
    for name in ("train/a.png", "valid/b.png", "test/good/c.png"):
        photo(tmp_path / "set" / name)
    coco(tmp_path / "set/train/labels.json", [("a.png", 40, 60)], [_BOX])
    _, manifest = imported(tmp_path / "set", tmp_path / "out", unlabeled="ok")
    assert {part.image.name: part.split for part in manifest.parts} == {
        "a.png": "train",
        "b.png": "val",
        "c.png": "test",
    }


def test_an_image_that_labels_may_mean_is_not_taken_for_one_without_any(tmp_path: Path) -> None:
    for name in ("a.png", "x/b.png", "y/b.png", "new.png"):
        photo(tmp_path / "set" / name)
    coco(tmp_path / "set/labels.json", [("b.png", 40, 60), ("a.png", 40, 60)], [_BOX])
    done, manifest = imported(tmp_path / "set", tmp_path / "out", unlabeled="ok")
    assert sorted(part.image.name for part in manifest.parts) == ["a.png", "new.png"]
    assert done.record["outcome"]["left"] == {SEVERAL: 1, MAY_BE_MEANT: 2}
    assert fates(tmp_path / "out")["x/b.png"] == f"not taken: {MAY_BE_MEANT}"


def test_a_table_beside_the_source_counts_too_and_so_does_that_there_is_none(tmp_path: Path) -> None:
    drawn_sets.visa(tmp_path / "set")
    source, table = tmp_path / "set/candle", tmp_path / "set/split_csv/1cls.csv"
    text = table.read_text()

    def splits() -> set[str | None]:
        done, manifest = imported(source, tmp_path / "out")
        assert not done.unchanged
        assert imported(source, tmp_path / "out")[0].unchanged
        return {part.split for part in manifest.parts}

    assert splits() == {"train", "test"}
    table.write_text(text.replace("candle,train", "candle,test"))
    assert splits() == {"test"}
    table.unlink()
    assert splits() == {None}
    table.write_text(text)
    assert splits() == {"train", "test"}


def test_files_that_a_manifest_names_elsewhere_count_too(tmp_path: Path) -> None:
    image = photo(tmp_path / "photos/a.png")
    (tmp_path / "set").mkdir()
    (tmp_path / "set/manifest.csv").write_text("image,label\n../photos/a.png,ok\n")
    imported(tmp_path / "set", tmp_path / "out", copy=True)
    assert imported(tmp_path / "set", tmp_path / "out", copy=True)[0].unchanged
    image.write_bytes(photo(tmp_path / "other.png", height=20).read_bytes())
    done, manifest = imported(tmp_path / "set", tmp_path / "out", copy=True)
    assert not done.unchanged
    assert manifest.parts[0].image.read_bytes() == image.read_bytes()


def test_what_was_too_large_is_read_under_another_limit(
    labeled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LIMIT, "0.001")
    _, manifest = imported(labeled, tmp_path / "out")
    assert [part.image.name for part in manifest.parts] == ["lot2_b.png"]
    monkeypatch.delenv(LIMIT)
    done, manifest = imported(labeled, tmp_path / "out")
    assert not done.unchanged
    assert [part.image.name for part in manifest.parts] == ["lot1_a.png", "lot2_b.png"]

"""Folders of classes and CSV tables: what classes mean, boxes, splits, groups by a column, and garbage."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import drawn_sets
from drawn_labels import coco, fates, imported, photo
from gainspect.data.importers.rendering import DAMAGED, OTHER_SIZE
from gainspect.data.importers.source import FOUND_BY_NAME, NOT_THERE
from gainspect.data.importers.table import NO_MASK
from gainspect.errors import GainspectError
from gainspect.types import Label


def _table(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_folders_for_good_and_bad_need_no_question(tmp_path: Path) -> None:
    sample = drawn_sets.ok_and_ng(tmp_path / "set")
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert done.record["format"] == "class-folders"
    names = {p.image.relative_to(tmp_path / "out/images").as_posix(): p.label for p in manifest.parts}
    assert names == {name: expected.label for name, expected in sample.items()}


def test_unknown_classes_of_folders_are_asked(tmp_path: Path) -> None:
    for name in ("spinner/a.png", "gear/b.png"):
        photo(tmp_path / "set" / name)
    with pytest.raises(GainspectError, match=r"'gear' .*1 image tagged"):
        imported(tmp_path / "set", tmp_path / "out")
    _, manifest = imported(tmp_path / "set", tmp_path / "out", ok=["spinner"])
    assert {p.image.name: (p.label, p.defect_type) for p in manifest.parts} == {
        "a.png": (Label.OK, None),
        "b.png": (Label.NG, "gear"),
    }


@pytest.mark.parametrize(
    "stray", ["a.png", "train/a.png", "images/a.png", "masks/a.png", "crack_mask/a.png", "train/labels/a.png"]
)
def test_images_outside_of_classes_make_no_folders_of_classes(tmp_path: Path, stray: str) -> None:
    for name in ("good/a.png", "scratch/b.png", stray):
        photo(tmp_path / "set" / name)
    with pytest.raises(GainspectError, match="images, but no file of labels"):
        imported(tmp_path / "set", tmp_path / "out")


def test_labels_of_a_tool_come_before_folders_and_tables(tmp_path: Path) -> None:
    for name in ("good/a.png", "scratch/b.png"):
        photo(tmp_path / "set" / name)
    coco(tmp_path / "set/a.json", [("b.png", 40, 60)], [{"image_id": 1, "bbox": [1, 1, 9, 9]}])
    done, _ = imported(tmp_path / "set", tmp_path / "out", unlabeled="ok")
    assert done.record["format"] == "coco"


def test_folders_and_a_table_are_asked(tmp_path: Path) -> None:
    for name in ("good/a.png", "scratch/b.png"):
        photo(tmp_path / "set" / name)
    _table(tmp_path / "set/labels.csv", "filename,label", "a.png,good", "b.png,good")
    with pytest.raises(GainspectError, match="of 2 formats"):
        imported(tmp_path / "set", tmp_path / "out")
    _, manifest = imported(tmp_path / "set", tmp_path / "out", format="table")
    assert {p.label for p in manifest.parts} == {Label.OK}


def test_folders_of_classes_that_keep_ng_for_the_test_are_said(tmp_path: Path) -> None:
    for name in ("train/good/a.png", "test/good/b.png", "test/bad/c.png"):
        photo(tmp_path / "set" / name)
    done, _ = imported(tmp_path / "set", tmp_path / "out")
    assert [remark for remark in done.record["remarks"] if "--resplit" in remark]


def test_a_broken_folder_layout_is_not_read_as_a_table(tmp_path: Path) -> None:
    for name in ("images/normal/a.png", "images/defective/b.png", "masks/defective/of_no_image.png"):
        photo(tmp_path / "set" / name)
    _table(tmp_path / "set/doubtful.csv", "file,label", "a.png,good")
    with pytest.raises(GainspectError, match="no format that is known"):
        imported(tmp_path / "set", tmp_path / "out")


def test_a_column_can_be_the_group(tmp_path: Path) -> None:
    drawn_sets.table(tmp_path / "set")
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [r for r in done.record["remarks"] if r.startswith("The column serial may be the group")]
    assert {p.extra["source_serial"] for p in manifest.parts} == {f"S{n}" for n in range(16)}
    _, manifest = imported(tmp_path / "set", tmp_path / "grouped", group="serial")
    assert {p.image.name: p.group for p in manifest.parts} == {f"p{n}.png": f"S{n // 2}" for n in range(32)}
    _table(tmp_path / "set/labels.csv", "filename,label,serial", "p0.png,good,")
    with pytest.raises(GainspectError, match=r"the column 'serial' says nothing of 'photos/p0\.png'"):
        imported(tmp_path / "set", tmp_path / "blank", group="serial", unlabeled="skip")


def test_boxes_of_a_table_and_what_is_odd(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"):
        photo(tmp_path / "set/train" / name)
    _table(
        tmp_path / "set/train/_annotations.csv",
        "filename,width,height,class,xmin,ymin,xmax,ymax",
        "a.jpg,60,40,scratch,5,6,15,10",
        r"C:\photos\a.jpg,60,40,dent,20,20,24,24",
        "b.jpg,60,40,scratch,15,6,5,10",
        "c.jpg,80,40,scratch,5,6,15,10",
        "d.jpg,60,40,,,,,",
        "gone.jpg,60,40,scratch,5,6,15,10",
        "e.jpg,60,40,good,,,,",
    )
    done, manifest = imported(tmp_path / "set", tmp_path / "out", unlabeled="skip")
    became = fates(tmp_path / "out")
    assert became["train/b.jpg"] == f"not taken: {DAMAGED}"
    assert became["train/c.jpg"] == f"not taken: {OTHER_SIZE}"
    assert became["train/d.jpg"].startswith("not taken")
    assert became["train/_annotations.csv, line 7"] == f"not taken: {NOT_THERE}"
    assert done.record["outcome"]["notes"] == {FOUND_BY_NAME: 1}
    a, e = manifest.parts
    assert (a.split, a.mask_kind, a.defect_type, e.label) == ("train", "box", "scratch", Label.OK)
    mask = np.zeros((40, 60), np.uint8)
    mask[6:10, 5:15] = mask[20:24, 20:24] = 1
    assert (manifest.mask(a) == mask).all()


def test_a_table_of_classes_that_is_named_itself(tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        photo(tmp_path / "set" / name)
    table = _table(tmp_path / "set/all.csv", "image;label;split", "a.png;scratch;train", "b.png;pass;test")
    done, manifest = imported(table, tmp_path / "out")
    assert done.record["format"] == "table"
    assert [(p.label, p.split) for p in manifest.parts] == [(Label.NG, "train"), (Label.OK, "test")]
    _table(table, "image,label", "a.png,ng", "b.png,ok")
    done, _ = imported(table, tmp_path / "out")
    assert done.record["format"] == "manifest"


def test_masks_and_types_of_a_table(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        photo(tmp_path / "set/parts" / name)
    mask = drawn_sets.blob("a")
    drawn_sets.draw_mask(tmp_path / "set/masks/a.png", mask)
    _table(
        tmp_path / "set/labels.csv",
        '"image","label","mask","defect_type"',
        "parts/a.png,defective,masks/a.png,dent",
        "parts/b.png,good,,",
        "parts/c.png,defective,masks/c.png,dent",
    )
    _, manifest = imported(tmp_path / "set", tmp_path / "out", format="table")
    a, b = manifest.parts
    assert (a.label, a.defect_type, b.label, b.mask) == (Label.NG, "dent", Label.OK, None)
    drawn = manifest.mask(a)
    assert drawn is not None
    assert ((drawn > 0) == mask).all()
    assert fates(tmp_path / "out")["parts/c.png"] == f"not taken: {NO_MASK}"


def test_rows_of_an_image_that_disagree_are_refused(tmp_path: Path) -> None:
    photo(tmp_path / "set/a.png")
    _table(tmp_path / "set/l.csv", "file,class,split", "a.png,scratch,train", "a.png,dent,test")
    with pytest.raises(GainspectError, match=r"l\.csv, line 3: .*different values of split"):
        imported(tmp_path / "set", tmp_path / "out")


_CELL = st.sampled_from(["a.png", "good", "scratch", "1", "-5", "nan", "1e999", "", '"', "\0", "train", "한"])


@given(rows=st.lists(st.lists(_CELL, min_size=1, max_size=7), max_size=4), box=st.booleans())
def test_garbage_in_tables_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], box: bool
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    photo(folder / "set/a.png")
    header = "file,class,xmin,ymin,xmax,ymax,split" if box else "file,class,group"
    _table(folder / "set/l.csv", header, *(",".join(row) for row in rows))
    try:
        imported(folder / "set", folder / "out", unlabeled="skip")
    except GainspectError as error:
        assert "l.csv" in str(error) or str(folder) in str(error) or "class" in str(error)
        assert not (folder / "out").exists()
    else:
        assert (folder / "out/manifest.csv").is_file()

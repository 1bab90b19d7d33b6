"""The manifest: what goes in comes out, and every fault is named with its place."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from gainspect.data.importers import load_manifest
from gainspect.data.manifest import (
    Manifest,
    Part,
    read_manifest,
    require_both_classes,
    save_manifest,
    spread_over,
)
from gainspect.errors import GainspectError
from gainspect.types import Label


def _touch(path: Path, value: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.fromarray(np.full((4, 4), value, np.uint8)).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder layout: two OK, one NG with a mask, in train and test."""
    for split in ("train", "test"):
        for name in ("a", "b"):
            _touch(tmp_path / f"images/{split}/normal/{split}-{name}.png", 1)
        _touch(tmp_path / f"images/{split}/defective/{split}-c.png", 2)
        _touch(tmp_path / f"masks/{split}/defective/{split}-c.png", 255)
    return tmp_path


def test_the_folder_layout_is_read(folder: Path) -> None:
    manifest = load_manifest(folder)
    found = {manifest.key(p): (p.label, p.split, p.mask is not None, p.group) for p in manifest.parts}
    assert found == {
        "images/train/normal/train-a.png": (Label.OK, "train", False, "train-a"),
        "images/train/normal/train-b.png": (Label.OK, "train", False, "train-b"),
        "images/train/defective/train-c.png": (Label.NG, "train", True, "train-c"),
        "images/test/normal/test-a.png": (Label.OK, "test", False, "test-a"),
        "images/test/normal/test-b.png": (Label.OK, "test", False, "test-b"),
        "images/test/defective/test-c.png": (Label.NG, "test", True, "test-c"),
    }


def test_a_layout_without_train_and_test_has_no_split(tmp_path: Path) -> None:
    _touch(tmp_path / "images/normal/a.png")
    _touch(tmp_path / "images/defective/b.png")
    _touch(tmp_path / "masks/defective/b.png")
    manifest = load_manifest(tmp_path)
    assert [(p.label, p.split, p.mask is not None) for p in manifest.parts] == [
        (Label.OK, None, False),
        (Label.NG, None, True),
    ]


def test_split_csv_gives_groups_types_and_free_columns(folder: Path) -> None:
    rows = ["file,label,defect_type,group,split,line"]
    for split in ("train", "test"):
        rows += [f"{split}-{n}.png,OK,free,g{n},{split},7" for n in "ab"]
        rows += [f"{split}-c.png,NG,crack,gc-{split},{split},8"]
    (folder / "split.csv").write_text("\n".join(rows))
    parts = {p.image.name: p for p in load_manifest(folder).parts}
    assert parts["train-c.png"].group == "gc-train"
    assert parts["train-c.png"].defect_type == "crack"
    assert parts["train-c.png"].extra == {"line": "8"}
    assert parts["train-a.png"].defect_type is None


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("train-a.png,NG,,g,train", "the label is NG, but the folder says OK"),
        ("train-a.png,OK,,g,test", "the split is test, but the image is in train/"),
    ],
)
def test_split_csv_that_disagrees_with_the_folders_is_refused(folder: Path, row: str, message: str) -> None:
    others = ["train-b.png,OK,,h,train", "train-c.png,NG,,i,train", "test-a.png,OK,,j,test"]
    others += ["test-b.png,OK,,k,test", "test-c.png,NG,,l,test"]
    (folder / "split.csv").write_text("\n".join(["file,label,defect_type,group,split", row, *others]))
    with pytest.raises(GainspectError, match=message):
        load_manifest(folder)


def test_split_csv_that_names_a_file_twice_is_refused_with_its_line(folder: Path) -> None:
    (folder / "split.csv").write_text("file,label\ntrain-a.png,OK\n\ntrain-a.png,NG\n")
    with pytest.raises(GainspectError, match=r"line 4: file 'train-a.png' is listed twice"):
        load_manifest(folder)


def test_images_numbered_alike_in_several_folders_are_parts_of_their_own(tmp_path: Path) -> None:
    for place in ("train/normal", "train/defective", "test/normal", "test/defective"):
        _touch(tmp_path / "images" / place / "000.png")
    _touch(tmp_path / "images/test/normal/001.png")
    assert sorted(p.group for p in load_manifest(tmp_path).parts) == [
        "001",
        "images/test/defective/000.png",
        "images/test/normal/000.png",
        "images/train/defective/000.png",
        "images/train/normal/000.png",
    ]


def test_a_named_group_does_not_swallow_an_image_of_that_name(tmp_path: Path) -> None:
    _touch(tmp_path / "a.png")
    _touch(tmp_path / "b.png")
    (tmp_path / "manifest.csv").write_text("image,label,group\na.png,ok,\nb.png,ng,a\n")
    assert [p.group for p in load_manifest(tmp_path).parts] == ["a.png", "a"]


def test_an_image_that_split_csv_does_not_name_is_refused(folder: Path) -> None:
    (folder / "split.csv").write_text("file,label,defect_type,group,split\n")
    with pytest.raises(GainspectError, match="has no row"):
        load_manifest(folder)


def test_a_mask_without_an_image_is_refused(folder: Path) -> None:
    _touch(folder / "masks/train/defective/stray.png")
    with pytest.raises(GainspectError, match=r"stray\.png"):
        load_manifest(folder)


def test_empty_and_foreign_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match="no folder images/"):
        load_manifest(tmp_path)
    (tmp_path / "images").mkdir()
    with pytest.raises(GainspectError, match="no images"):
        load_manifest(tmp_path)
    with pytest.raises(GainspectError, match="no such file or folder"):
        load_manifest(tmp_path / "nowhere")


def test_a_saved_manifest_loads_equal(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    manifest = load_manifest(folder)
    elsewhere = tmp_path_factory.mktemp("run") / "split.csv"
    save_manifest(manifest, elsewhere)
    assert load_manifest(elsewhere, root=folder) == manifest


def test_columns_of_split_csv_cannot_pose_as_image_and_mask(folder: Path) -> None:
    names = sorted(f.name for f in (folder / "images").rglob("*.png"))
    rows = ["file,image,mask,line", *(f"{name},other.png,other.png,7" for name in names)]
    (folder / "split.csv").write_text("\n".join(rows))
    manifest = load_manifest(folder)
    save_manifest(manifest, folder / "saved.csv")
    assert load_manifest(folder / "saved.csv") == manifest
    assert {part.mask.name for part in manifest.parts if part.mask} == {"train-c.png", "test-c.png"}


def test_parquet_equals_csv(folder: Path) -> None:
    save_manifest(load_manifest(folder), folder / "list.csv")
    from_csv = load_manifest(folder / "list.csv")
    columns = {
        "image": [from_csv.key(p) for p in from_csv.parts],
        "label": [str(p.label) for p in from_csv.parts],
        "mask": [None if p.mask is None else os.path.relpath(p.mask, folder) for p in from_csv.parts],
        "group": [p.group for p in from_csv.parts],
        "split": [p.split for p in from_csv.parts],
    }
    pq.write_table(pa.table(columns), folder / "list.parquet")
    assert load_manifest(folder / "list.parquet") == from_csv


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column 'image' is missing"),
        ("image\na.png\n", "column 'label' is missing"),
        ("image,label\n", "no images"),
        ("image,label\na.png,maybe\n", r"line 2: label 'maybe' is not ok or ng"),
        ("image,label,split\na.png,ok,\na.png,ok,dev\n", r"line 3: split 'dev'"),
        ("image,label\n,ok\n", "line 2: the column image is empty"),
        ("image,label\n\n\na.png,maybe\n", "line 4: label 'maybe'"),
        ("image,label,label\na.png,ok,ng\n", "column 'label' is there twice"),
        ("image|label\na.png|ok\n", r"column 'image' is missing. Its first line names image\|label"),
        (f"image,label\n{'x' * 200_000},ok\n", "line 2 is not CSV"),
        ("image,label\na.png,ok\n./a.png,ng\n", "listed twice"),
        ("image,label\na.png,ok\na.png,ng\n", "listed twice"),
        ("image,label\nb.png,ok\n", "image 'b.png' does not exist"),
        ("image,label,mask\na.png,ng,m.png\n", "mask 'm.png' does not exist"),
    ],
)
def test_faults_in_a_csv_are_named(text: str, message: str, tmp_path: Path) -> None:
    _touch(tmp_path / "a.png")
    path = tmp_path / "parts.csv"
    path.write_text(text)
    with pytest.raises(GainspectError, match=message):
        load_manifest(path)


def test_a_csv_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "parts.csv").write_bytes("image,label\nprüf.png,ok\n".encode("latin-1"))
    with pytest.raises(GainspectError, match="UTF-8"):
        load_manifest(tmp_path / "parts.csv")


def test_the_fingerprint_changes_with_labels_and_with_pixels(folder: Path) -> None:
    manifest = load_manifest(folder)
    before = manifest.fingerprint()
    assert Manifest(folder, manifest.parts[::-1]).fingerprint() == before
    relabeled = tuple(Part(p.image, Label.OK, None, p.group, None, p.split) for p in manifest.parts)
    assert Manifest(folder, relabeled).fingerprint() != before
    _touch(folder / "images/train/normal/train-a.png", 99)
    assert manifest.fingerprint() != before


def test_one_class_only_is_refused(folder: Path) -> None:
    manifest = load_manifest(folder)
    only_ok = Manifest(folder, tuple(p for p in manifest.parts if p.label is Label.OK))
    with pytest.raises(GainspectError, match="the train part has no NG images"):
        require_both_classes(only_ok, what="the train part")
    require_both_classes(manifest, what="all")


def test_images_of_one_part_share_group_and_split(tmp_path):
    def manifest(*rows):
        for name in "abc":
            (tmp_path / f"{name}.png").touch()
        (tmp_path / "m.csv").write_text("\n".join(["image,label,group,part,split", *rows]))
        return read_manifest(tmp_path / "m.csv")

    found = manifest("a.png,ok,,p,train", "b.png,ng,,p,train", "c.png,ok,,,train")
    assert [(part.part, part.group) for part in found.parts] == [("p", "p"), ("p", "p"), ("", "c")]
    assert [found.decided(part) for part in found.parts] == ["p", "p", "c.png"]
    save_manifest(found, tmp_path / "saved.csv")
    assert read_manifest(tmp_path / "saved.csv").parts == found.parts
    for rows, message in (
        (("a.png,ok,,p,train", "b.png,ng,,p,test"), "part 'p' has images in the splits train and test"),
        (("a.png,ok,g,p,train", "b.png,ng,h,p,train"), "part 'p' has images in the groups g and h"),
    ):
        with pytest.raises(GainspectError, match=message):
            manifest(*rows)


def test_a_part_of_five_hundred_images_is_refused(tmp_path):
    names = [f"{number}.png" for number in range(500)]
    for name in names:
        (tmp_path / name).touch()
    rows = [f"{name},ok,constant" for name in names]
    (tmp_path / "m.csv").write_text("\n".join(["image,label,part", *rows]))
    with pytest.raises(GainspectError, match="part 'constant' has 500 images, more than 100"):
        read_manifest(tmp_path / "m.csv")


def test_parts_change_the_fingerprint_only_where_there_are_some(tmp_path):
    (tmp_path / "a.png").write_bytes(b"a")
    (tmp_path / "m.csv").write_text("image,label\na.png,ok")
    plain = read_manifest(tmp_path / "m.csv")
    (tmp_path / "m.csv").write_text("image,label,group,part\na.png,ok,a,")
    assert read_manifest(tmp_path / "m.csv").fingerprint() == plain.fingerprint()
    (tmp_path / "m.csv").write_text("image,label,group,part\na.png,ok,a,p")
    assert read_manifest(tmp_path / "m.csv").fingerprint() != plain.fingerprint()


@given(count=st.integers(0, 60), most=st.integers(0, 60))
def test_some_parts_are_spread_over_all(count: int, most: int) -> None:
    parts = [Part(Path(f"{place}.png"), Label.OK) for place in range(count)]
    places = [int(part.image.stem) for part in spread_over(parts, most)]
    assert len(places) == min(count, most)
    gaps = {later - earlier for earlier, later in pairwise(places)}
    assert not gaps or (min(gaps) >= 1 and max(gaps) - min(gaps) <= 1)
    if len(places) > 1:
        assert (places[0], places[-1]) == (0, count - 1)

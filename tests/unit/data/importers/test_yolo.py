"""YOLO: rows of each kind, layouts, data.yaml, a real export, and garbage."""

import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn_labels import agrees, fates, imported, native, photo
from gainspect.data.importers.rendering import DAMAGED
from gainspect.data.importers.source import MAY_BE_MEANT, NOT_THERE, SEVERAL
from gainspect.data.importers.yolo import BEYOND_LIST
from gainspect.errors import GainspectError
from gainspect.types import Label
from garbage import JSON, TEXT, sentence_or_import

_BOX = "0 0.5 0.5 0.2 0.3"
"""18…30…42 of 60 columns and 14…26 of 40 rows."""
_TURNED = "0 0.5 0.2 0.7 0.5 0.5 0.8 0.3 0.5"
_NAMES = "names: [scratch, dent]\n"


def _write(folder: Path, files: dict[str, str]) -> Path:
    """Text files, and images for names that end in .png."""
    for name, text in files.items():
        if name.endswith(".png"):
            photo(folder / name)
        else:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("rows", "ring", "kind"),
    [
        (_BOX, [(24, 14), (36, 14), (36, 26), (24, 26)], "box"),
        ("0 0.1 0.2 0.61 0.23 0.33 0.81", [(6, 8), (36.6, 9.2), (19.8, 32.4)], ""),
        (f"{_TURNED}\n", [(30, 8), (42, 20), (30, 32), (18, 20)], "box"),
        (f"{_TURNED}\n0 0.1 0.1 0.12 0.1 0.12 0.12", [(30, 8), (42, 20), (30, 32), (18, 20)], ""),
    ],
    ids=["box", "segment", "oriented box", "segment of four corners"],
)
def test_each_kind_of_row_is_read(tmp_path: Path, rows: str, ring: list[Any], kind: str) -> None:
    _write(tmp_path / "set", {"images/a.png": "", "labels/a.txt": rows, "data.yaml": _NAMES})
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    mask[:6, :10] = 0  # the small triangle of the last one
    assert agrees(mask, [ring])
    assert (manifest.parts[0].mask_kind or "") == kind


@pytest.mark.parametrize(
    ("image", "labels"),
    [
        ("a.png", "a.txt"),
        ("images/a.png", "labels/a.txt"),
        ("images/train/a.png", "labels/train/a.txt"),
        ("train/images/a.png", "train/labels/a.txt"),
        ("obj_train_data/a.png", "obj_train_data/a.txt"),
        ("pictures/a.png", "labels/a.txt"),
    ],
)
def test_labels_lie_beside_their_images_or_in_labels(tmp_path: Path, image: str, labels: str) -> None:
    _write(tmp_path / "set", {image: "", labels: _BOX, "README.txt": "words", "data.yaml": _NAMES})
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [(part.label, part.defect_type) for part in manifest.parts] == [(Label.NG, "scratch")]
    assert manifest.parts[0].split == ("train" if "train" in image else None)
    assert done.record["outcome"]["left"] == {}
    assert fates(tmp_path / "out")["README.txt"] == "not taken: .txt"


def test_names_count_in_any_form_of_unicode(tmp_path: Path) -> None:
    apart, together = (unicodedata.normalize(form, "불량 é") for form in ("NFD", "NFC"))
    images = {f"images/{apart}.png": "", f"flat/x{apart}.png": ""}
    _write(tmp_path / "set", {**images, f"labels/{together}.txt": _BOX, f"flat/x{together}.txt": _BOX})
    _, manifest = imported(tmp_path / "set", tmp_path / "out", defect=["class 0"])
    assert [part.label for part in manifest.parts] == [Label.NG, Label.NG]


def test_the_same_name_in_two_splits(tmp_path: Path) -> None:
    files = {
        f"{kind}/{split}/a.{suffix}": ""
        for split in ("train", "val")
        for kind, suffix in (("images", "png"), ("labels", "txt"))
    }
    _write(tmp_path / "set", {**files, "labels/val/a.txt": _BOX, "data.yaml": _NAMES})
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert {part.split: part.label for part in manifest.parts} == {"train": Label.OK, "val": Label.NG}


def test_an_empty_file_was_looked_at_and_a_missing_one_was_not(tmp_path: Path) -> None:
    names = {f"images/{name}.png": "" for name in ("empty", "drawn", "missing")}
    names |= {"images/gone.txt": _BOX, "images/notes.txt": "2026 was a good year for 5 of us"}
    labels = {"labels/empty.txt": "\n", "labels/drawn.txt": _BOX, "labels/gone.txt": _BOX}
    _write(tmp_path / "set", {**names, **labels, "data.yaml": _NAMES})
    with pytest.raises(GainspectError, match=r"1 image has no labels, such as missing\.png"):
        imported(tmp_path / "set", tmp_path / "out")
    done, manifest = imported(tmp_path / "set", tmp_path / "out", unlabeled="skip")
    assert {p.image.stem: p.label for p in manifest.parts} == {"empty": Label.OK, "drawn": Label.NG}
    assert done.record["bare"] == 1
    assert done.record["outcome"]["left"][NOT_THERE] == 2
    photo(tmp_path / "set/images/good/part.png")  # its folder says what it is
    _, manifest = imported(tmp_path / "set", tmp_path / "out", unlabeled="skip")
    assert {p.image.stem for p in manifest.parts} == {"empty", "drawn", "part"}
    _, manifest = imported(tmp_path / "set", tmp_path / "other", unlabeled="ok")
    assert len(manifest.parts) == 4


def test_an_image_that_labels_may_mean_is_not_taken_for_one_without_any(tmp_path: Path) -> None:
    files = {"images/a.png": "", "images/b.png": "", "labels/a.txt": _BOX, "labels/b.txt": _BOX}
    _write(tmp_path / "set", {**files, "data.yaml": _NAMES})
    photo(tmp_path / "set/images/a.jpg")
    done, manifest = imported(tmp_path / "set", tmp_path / "out", unlabeled="ok")
    assert [part.image.name for part in manifest.parts] == ["b.png"]
    assert done.record["outcome"]["left"] == {SEVERAL: 1, MAY_BE_MEANT: 2}


@pytest.mark.parametrize(
    "yaml",
    [
        "names: {0: scratch, 1: dent}\ntrain: images/a\nval: images/b\ntest: [images/c, images/d]\n",
        "names: [scratch, dent]\ntrain: ../images/a\nval: ../images/b\ntest: [../images/c, images/d]\n",
        "names: [scratch]\npath: /home/kim/set\ntrain: images/a\nval: images/b\ntest: [images/c, images/d]",
        "names: [scratch, dent]\npath: images\ntrain: a\nval: b\ntest: [c, d]",
        "names: [scratch, dent]\ntrain: lists/one.txt\nval: images/b\ntest: [images/c, images/d]",
        "names: [scratch]\nnc: 1\ntrain: images/a\nval: images/b\ntest: [images/c, images/d]",
    ],
    ids=["dict", "roboflow", "absolute path", "path", "list of images", "fewer names"],
)
def test_names_and_splits_of_data_yaml(tmp_path: Path, yaml: str) -> None:
    images = {f"images/{name}/{name}.png": "" for name in "abcd"}
    labels = {f"labels/{name}/{name}.txt": _BOX for name in "abcd"}
    lists = {"lists/one.txt": "./images/a/a.png\n"}
    _write(tmp_path / "set", {**images, **labels, **lists, "data.yaml": yaml})
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    splits = {part.image.stem: part.split for part in manifest.parts}
    assert splits == {"a": "train", "b": "val", "c": "test", "d": "test"}
    assert {part.defect_type for part in manifest.parts} == {"scratch"}
    _, manifest = imported(tmp_path / "set/data.yaml", tmp_path / "other")
    assert {part.image.stem: part.split for part in manifest.parts} == splits


@pytest.mark.parametrize("entry", ["nowhere", "x" * 5000, "../../..", "/", "3", "[a, {b: c}]", "''"])
def test_entries_of_data_yaml_that_mean_nothing(tmp_path: Path, entry: str) -> None:
    yaml = f"{_NAMES}train: {entry}\nval: images/val\n"
    files = {"images/val/a.png": "", "labels/val/a.txt": _BOX, "images/b.png": "", "labels/b.txt": ""}
    _write(tmp_path / "set", {**files, "data.yaml": yaml})
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert {part.image.stem: part.split for part in manifest.parts} == {"a": "val", "b": None}


def test_a_folder_of_two_splits_is_of_none(tmp_path: Path) -> None:
    yaml = _NAMES + "train: images\nval: images\n"
    _write(tmp_path / "set", {"images/a.png": "", "labels/a.txt": _BOX, "data.yaml": yaml})
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert manifest.parts[0].split is None


@pytest.mark.parametrize("listing", ["classes.txt", "obj.names"])
def test_older_lists_of_names(tmp_path: Path, listing: str) -> None:
    _write(tmp_path / "set", {"a.png": "", "a.txt": f"1 {_BOX[2:]}", listing: "dent\nscratch\n"})
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert manifest.parts[0].defect_type == "scratch"


def test_a_class_beyond_the_list_is_asked_and_told(tmp_path: Path) -> None:
    _write(tmp_path / "set", {"a.png": "", "a.txt": f"7 {_BOX[2:]}", "data.yaml": _NAMES})
    with pytest.raises(GainspectError, match=r"this class means:\n  'class 7' \(1 shape, such as a\.png"):
        imported(tmp_path / "set", tmp_path / "out")
    done, manifest = imported(tmp_path / "set", tmp_path / "out", defect=["class 7"])
    assert manifest.parts[0].label is Label.NG
    assert done.record["outcome"]["notes"] == {BEYOND_LIST: 1}


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("0 0.5 0.5 0.2", "pairs of numbers"),
        ("0 0.5 0.5", "less than three points"),
        ("0 0.5 0.5 0.2 0.3 0.97", "predictions, not labels"),
        ("0 300 200 50 40", "not shares of width and height"),
        ("0 0.5 nan 0.2 0.3", "pairs of numbers"),
        ("0 0.5 0.5 0.2 x", "pairs of numbers"),
        ("0", "less than three points"),
    ],
)
def test_an_image_with_a_row_that_cannot_be_drawn_is_not_taken(tmp_path: Path, row: str, reason: str) -> None:
    files = {"images/a.png": "", "labels/a.txt": f"{_BOX}\n{row}", "images/b.png": "", "labels/b.txt": ""}
    _write(tmp_path / "set", {**files, "data.yaml": _NAMES})
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [part.image.name for part in manifest.parts] == ["b.png"]
    assert done.record["outcome"]["left"] == {DAMAGED: 1}
    assert reason in (tmp_path / "out/import.csv").read_text()


def test_key_points_are_left_where_data_yaml_says_so(tmp_path: Path) -> None:
    yaml = f"{_NAMES}kpt_shape: [2, 3]\n"
    row = f"{_BOX} 0.1 0.1 2 0.2 0.2 1"
    _write(tmp_path / "set", {"images/a.png": "", "labels/a.txt": row, "data.yaml": yaml})
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    assert mask.sum() == 144
    assert mask[14:26, 24:36].all()


@pytest.mark.parametrize(
    "files",
    [
        {"labels/a.txt": "scratch 0.5 0.5 0.2 0.3"},
        {"labels/a.txt": "\xff"},
        {"labels/a.txt": _BOX, "data.yaml": "names: 3"},
        {"labels/a.txt": _BOX, "data.yaml": "names: {a: b}"},
        {"labels/a.txt": _BOX, "data.yaml": "names: [a\nb: ["},
        {"labels/a.txt": _BOX, "data.yaml": "names: [a]", "other.yaml": "names: [b]"},
    ],
)
def test_damaged_labels_are_refused_with_their_place(tmp_path: Path, files: dict[str, str]) -> None:
    photo(tmp_path / "set/images/a.png")
    for name, text in files.items():
        (tmp_path / "set" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "set" / name).write_bytes(text.encode("latin-1"))
    with pytest.raises(GainspectError, match=r"a\.txt|data\.yaml"):
        imported(tmp_path / "set", tmp_path / "out", format="yolo", ok=["a"])
    assert not (tmp_path / "out").exists()


@given(
    rows=st.lists(st.lists(TEXT, max_size=9), max_size=3),
    yaml=st.dictionaries(st.sampled_from(["names", "train", "val", "path"]), JSON) | st.text(max_size=9),
)
def test_garbage_is_a_sentence_and_leaves_nothing_half_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], yaml: Any
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    photo(folder / "set/a.png")
    text = "\n".join(" ".join(row) for row in rows)
    (folder / "set/a.txt").write_text(text, encoding="utf-8", errors="replace")
    (folder / "set/data.yaml").write_text(str(yaml), encoding="utf-8", errors="replace")
    sentence_or_import(folder, "a.txt", format="yolo")


@pytest.mark.shared
def test_a_real_export(tmp_path: Path) -> None:
    folder = native("yolo_roboflow")
    with pytest.raises(GainspectError, match=r"what this class means:\n  'class 3' \(1 shape"):
        imported(folder, tmp_path / "out")
    done, manifest = imported(folder, tmp_path / "out", defect=["class 3"])
    stored = {
        file.stem: [
            [float(n) for n in line.split()] for line in file.read_text().splitlines() if line.strip()
        ]
        for file in (folder / "test/labels").glob("*.txt")
    }
    assert {part.image.stem for part in manifest.parts} == stored.keys()
    assert {part.split for part in manifest.parts} == {"test"}
    assert done.record["outcome"]["notes"] == {BEYOND_LIST: 1}
    names = ["minor crack", "moderate crack", "severe crack", "class 3"]
    for part in manifest.parts:
        rows = stored[part.image.stem]
        image, mask = cv2.imread(str(part.image)), manifest.mask(part)
        assert image is not None
        assert mask is not None
        height, width = image.shape[:2]
        rings = []
        for _, x, y, w, h in rows:
            left, right, top, bottom = x - w / 2, x + w / 2, y - h / 2, y + h / 2
            corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)])
            rings.append(corners * (width, height))
        assert agrees(mask, rings)
        assert part.mask_kind == "box"
        assert part.defect_type in {names[int(row[0])] for row in rows}
    counted = Counter(int(row[0]) for rows in stored.values() for row in rows)
    assert set(counted) == {0, 1, 2, 3}

"""Groups are proposed from names, never taken; what lies in several splits is told."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn_labels import coco, imported, photo
from gainspect.data.importers.groups import ROBOFLOW, proposed


@pytest.mark.parametrize(
    ("template", "items"),
    [
        ("lot{item}_{view}.png", 10),
        ("a/{item:04}-{view}.png", 10),
        ("cam{view}_part{item}.jpg", 10),
        ("line2_p{item}_top.png", None),
        ("{view}/{item:03}.png", None),
        ("day1_{item}_{view}.png", 10),
    ],
)
def test_a_number_that_images_of_a_folder_share_is_proposed(template: str, items: int | None) -> None:
    names = [template.format(item=item, view=view) for item in range(10) for view in range(3)]
    found = proposed(list(dict.fromkeys(names)))
    assert (None if found is None else found.items) == items


def test_numbers_that_begin_anew_in_each_lot_are_taken_together() -> None:
    found = proposed(
        [f"lot{lot}_part{part}_{view}.png" for lot in "123" for part in "12345" for view in "12"]
    )
    assert found is not None
    assert found.items == 15


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "x/", "y/"]), st.sampled_from(["a", "b_", ""]), st.integers(0, 30)),
        max_size=30,
        unique=True,
    )
)
def test_a_proposal_holds_for_all_names(pieces: list[tuple[str, str, int]]) -> None:
    names = [f"{folder}{text}{number}_{number % 3}.png" for folder, text, number in pieces]
    found = proposed(names)
    if found is not None:
        matches = [re.search(found.pattern, name) for name in names]
        assert all(matches)
        assert len({match[1] for match in matches if match is not None}) == found.items < len(names)


def _roboflow(folder: Path) -> Path:
    """Six pictures: one in two splits, one with two augmented copies, one file twice."""
    files = {
        "train": ["a_jpg.rf.0a1.jpg", "b_jpg.rf.0b1.jpg", "b_jpg.rf.0b2.jpg", "c_jpg.rf.0c1.jpg"],
        "test": ["a_jpg.rf.0a2.jpg", "d_jpg.rf.0d1.jpg"],
    }
    for split, names in files.items():
        for name in names:
            photo(folder / split / name)
        drawn = [{"image_id": 1, "bbox": [4, 4, 9, 9]}]
        coco(folder / split / "_annotations.coco.json", [(name, 40, 60) for name in names], drawn)
    (folder / "test/d_jpg.rf.0d1.jpg").write_bytes((folder / "train/c_jpg.rf.0c1.jpg").read_bytes())
    return folder


def test_leaks_between_splits_are_told(tmp_path: Path) -> None:
    done, manifest = imported(_roboflow(tmp_path / "set"), tmp_path / "out")
    said = "\n".join(done.record["remarks"])
    assert (
        "1 image lies in several splits, file by file the same, such as train/c_jpg.rf.0c1.jpg (train) and "
        "test/d_jpg.rf.0d1.jpg (test)"
    ) in said or "such as test/d_jpg.rf.0d1.jpg (test) and train/c_jpg.rf.0c1.jpg (train)" in said
    assert "1 picture lies in several splits, by the names that Roboflow gives" in said
    assert "1 picture of Roboflow's export is there several times in one split" in said
    assert not any(part.group.endswith("a_jpg") for part in manifest.parts)  # not assumed


def test_equal_files_share_a_split_when_it_is_made_anew(tmp_path: Path) -> None:
    for kind in ("good", "scratch"):
        for number in range(8):
            photo(tmp_path / "set" / kind / f"{kind}{number}.png")
        for number in range(0, 8, 2):
            content = (tmp_path / "set" / kind / f"{kind}{number}.png").read_bytes()
            (tmp_path / "set" / kind / f"copy{kind}{number}.png").write_bytes(content)
    done, manifest = imported(tmp_path / "set", tmp_path / "out", resplit=True)
    splits = {part.image.name: part.split for part in manifest.parts}
    assert all(splits[name] == splits[name.removeprefix("copy")] for name in splits)
    assert not [r for r in done.record["remarks"] if "several splits" in r]
    assert len(set(splits.values())) == 3


def test_groups_across_splits_are_told_and_divided_anew(tmp_path: Path) -> None:
    for split in ("train", "test"):
        names = [f"{split}{n}_item{item}.png" for item in range(8) for n in range(2)]
        for name in names:
            photo(tmp_path / "set" / split / name)
        drawn = [{"image_id": n, "bbox": [4, 4, 9, 9]} for n in range(1, 9)]
        coco(tmp_path / "set" / split / "labels.json", [(name, 40, 60) for name in names], drawn)
    done, _ = imported(tmp_path / "set", tmp_path / "out", group=r"item\d+")
    assert [r for r in done.record["remarks"] if "8 items lie in several splits, by their group" in r]
    done, manifest = imported(tmp_path / "set", tmp_path / "anew", group=r"item\d+", resplit=True)
    assert not [r for r in done.record["remarks"] if "several splits" in r]
    splits = {part.group: part.split for part in manifest.parts}
    assert all(part.split == splits[part.group] for part in manifest.parts)


def _yolo_of_roboflow(folder: Path) -> Path:
    """Three augmented copies of sixteen pictures, of which two have one in valid too; four more in valid."""
    (folder / "data.yaml").parent.mkdir(parents=True)
    (folder / "data.yaml").write_text("train: ../train/images\nval: ../valid/images\nnames: [scratch]\n")
    for number in range(20):
        copies = [("train", copy) for copy in range(3)] if number < 16 else [("valid", 0)]
        for split, copy in copies + ([("valid", 3)] if number < 2 else []):
            stem = f"part{number:02}_jpg.rf.{number:04x}{copy}"
            photo(folder / split / "images" / f"{stem}.jpg")
            (folder / split / "labels").mkdir(exist_ok=True)
            rows = "0 0.5 0.5 0.2 0.3" if number % 2 else ""
            (folder / split / "labels" / f"{stem}.txt").write_text(rows)
    return folder


def test_augmented_twins_of_a_yolo_export_are_told_and_kept_together(tmp_path: Path) -> None:
    done, manifest = imported(_yolo_of_roboflow(tmp_path / "set"), tmp_path / "out")
    assert done.record["format"] == "yolo"
    said = "\n".join(done.record["remarks"])
    assert (
        "2 pictures lie in several splits, by the names that Roboflow gives, such as "
        "train/images/part00_jpg.rf.00000.jpg (train) and valid/images/part00_jpg.rf.00003.jpg (val)"
    ) in said
    assert "16 pictures of Roboflow's export are there several times in one split" in said
    # The set names no test: one that is drawn by image would hold twins of what is trained on.
    assert f"Where a part is drawn, --group '{ROBOFLOW}' keeps them together." in said
    done, manifest = imported(tmp_path / "set", tmp_path / "anew", group=ROBOFLOW, resplit=True)
    said = "\n".join(done.record["remarks"])
    assert "several splits" not in said
    assert "Where a part is drawn" not in said
    splits: dict[str, set[str | None]] = {}
    for part in manifest.parts:
        splits.setdefault(part.image.name.partition(".rf.")[0], set()).add(part.split)
    assert len(splits) == 20
    assert all(len(of) == 1 for of in splits.values())


def test_copies_of_a_set_without_splits_lie_in_none(tmp_path: Path) -> None:
    for copy in range(2):
        photo(tmp_path / "set/good" / f"a_jpg.rf.{copy}.jpg")
        photo(tmp_path / "set/bad" / f"b_jpg.rf.{copy}.jpg")
    done, _ = imported(tmp_path / "set", tmp_path / "out")
    told = [remark for remark in done.record["remarks"] if "Roboflow" in remark]
    assert len(told) == 1
    assert told[0].startswith("2 pictures of Roboflow's export are there several times, such as")
    assert f"--group '{ROBOFLOW}'" in told[0]
    # It is said once.
    assert sum(ROBOFLOW in remark for remark in done.record["remarks"]) == 1

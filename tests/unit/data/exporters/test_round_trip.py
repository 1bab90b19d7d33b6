"""Folder to COCO to folder and back: masks bit for bit, and all else that each format can hold."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_labels import imported, native, photo
from drawn_sets import draw_mask
from gainspect.data.exporters.exported_folder import export, export_format_of
from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest, Part, save_manifest
from gainspect.errors import GainspectError
from gainspect.types import Label, Mask

_MASK = st.lists(st.integers(0, 1), min_size=48, max_size=48).map(
    lambda bits: np.array(bits, np.uint8).reshape(6, 8)
)


def _folder(root: Path, masks: Sequence[Mask]) -> Path:
    """NG images with these masks, and as many good ones, of the folder layout."""
    rows = ["file,label,defect_type,group,part"]
    for number, mask in enumerate(masks):
        for place in (f"train/normal/g{number}.png", f"train/defective/{number}.png"):
            photo(root / "images" / place, *mask.shape)
        draw_mask(root / f"masks/train/defective/{number}.png", mask > 0)
        rows += [f"g{number}.png,ok,,lot{number},", f"{number}.png,ng,scratch,lot{number},item{number}"]
    (root / "split.csv").write_text("\n".join(rows) + "\n")
    return root


def _facts(manifest: Manifest) -> dict[str, tuple[Any, ...]]:
    """What a manifest says of each image, by its content; an empty mask is as none."""
    found = {}
    for part in manifest.parts:
        mask = manifest.mask(part, manifest.shape(part))
        drawn = None if mask is None or not mask.any() else (mask.shape, mask.tobytes())
        key = part.image.read_bytes().hex()
        assert key not in found
        found[key] = (part.label, drawn, part.defect_type, part.split, part.group, part.part)
    return found


@settings(max_examples=25)
@given(masks=st.lists(_MASK, min_size=1, max_size=3), polygons=st.booleans())
def test_masks_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, masks: list[Mask], polygons: bool
) -> None:
    root = tmp_path_factory.mktemp("trip")
    first = load_manifest(_folder(root / "a", masks))
    export(first, root / "coco", "coco", polygons=polygons)
    _, middle = imported(root / "coco", root / "imported")
    export(middle, root / "b", "folder")
    last = load_manifest(root / "b")
    assert _facts(first) == _facts(middle) == _facts(last)


def test_what_classes_mean_comes_back_whatever_they_are_called(tmp_path: Path) -> None:
    types = ("good", "hole", "background", "ignore", None)
    parts = [
        Part(photo(tmp_path / f"ng{n}.png"), Label.NG, defect_type=type_) for n, type_ in enumerate(types)
    ]
    first = Manifest(tmp_path, (*parts, Part(photo(tmp_path / "ok.png"), Label.OK)))
    export(first, tmp_path / "coco", "coco")
    done, manifest = imported(tmp_path / "coco", tmp_path / "imported")
    of = {part.image.name: (part.label, part.defect_type) for part in manifest.parts}
    assert of.pop("ok.png") == (Label.OK, None)
    # "ignore" is what regions are called that count nowhere.
    assert {name: fact for name, fact in of.items() if name != "ng3.png"} == {
        "ng0.png": (Label.NG, "good"),
        "ng1.png": (Label.NG, "hole"),
        "ng2.png": (Label.NG, "background"),
        "ng4.png": (Label.NG, "defect"),
    }
    assert set(done.record["stated"]) == {"good", "hole", "background", "ignore", "defect"}
    done, _ = imported(tmp_path / "coco", tmp_path / "other", ok=["hole"])  # what is said comes first
    assert done.record["classes"]["hole"] == "ok" and "hole" not in done.record["stated"]


@pytest.mark.shared
@pytest.mark.parametrize("name", ["../mt", "../plate", "../screw"])
def test_masks_of_a_real_set_come_back(name: str, tmp_path: Path) -> None:
    whole = load_manifest(native(name))
    bad = [part for part in whole.parts if part.label is Label.NG][::9]
    good = [part for part in whole.parts if part.label is Label.OK][::40]
    first = Manifest(whole.root, (*bad, *good))
    export(first, tmp_path / "coco", "coco")
    types = sorted({part.defect_type for part in bad if part.defect_type} | {"defect"})
    listed = {
        category["name"]
        for file in (tmp_path / "coco/annotations").iterdir()
        for category in json.loads(file.read_text())["categories"]
    }
    _, middle = imported(tmp_path / "coco", tmp_path / "imported", defect=[t for t in types if t in listed])
    export(middle, tmp_path / "b", "folder")
    assert _facts(load_manifest(tmp_path / "b")) == _facts(middle)
    # A defect without a type is called "defect" in COCO.
    assert {k: (v[:2], v[3:]) for k, v in _facts(middle).items()} == {
        k: (v[:2], v[3:]) for k, v in _facts(first).items()
    }


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # in pycocotools
def test_pycocotools_reads_what_is_written(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    masks = [np.asarray(rng.random((20, 30)) < share, np.uint8) for share in (0.02, 0.5, 0.98)]
    export(load_manifest(_folder(tmp_path / "a", masks)), tmp_path / "coco", "coco")
    read = pytest.importorskip("pycocotools.coco").COCO(tmp_path / "coco/annotations/instances_train.json")
    by_name = {image["file_name"]: image["id"] for image in read.dataset["images"]}
    for number, mask in enumerate(masks):
        (annotation,) = read.loadAnns(read.getAnnIds(by_name[f"train/defective/{number}.png"]))
        assert (read.annToMask(annotation) == mask).all()
        assert annotation["area"] == mask.sum()
        x, y, width, height = annotation["bbox"]
        assert mask[y : y + height, x : x + width].sum() == mask.sum()
    assert read.getAnnIds(by_name["train/normal/g0.png"]) == []


def _odd_manifest(folder: Path) -> Manifest:
    """A box, an ignored region, an NG image without a mask, two of a name, a free column."""
    for name, height in (("x/a.png", 40), ("y/a.png", 41), ("c.png", 40), ("d.png", 40)):
        photo(folder / name, height)
    box, ignore = np.zeros((2, 40, 60), np.bool_)
    box[3:9, 4:20], ignore[20:30, 5:9] = True, True
    draw_mask(folder / "box.png", box)
    draw_mask(folder / "ignore.png", ignore)
    parts = (
        Part(folder / "x/a.png", Label.NG, folder / "box.png", mask_kind="box", extra={"camera": "7"}),
        Part(folder / "y/a.png", Label.NG, defect_type="stain", extra={"camera": "8"}),
        Part(folder / "c.png", Label.OK, ignore=folder / "ignore.png", split="val"),
        Part(folder / "d.png", Label.OK, split="test"),
    )
    save_manifest(Manifest(folder, parts), folder / "manifest.csv")
    return load_manifest(folder)


def test_kinds_and_ignored_regions_come_back_from_coco(tmp_path: Path) -> None:
    first = _odd_manifest(tmp_path / "a")
    said = export(first, tmp_path / "coco", "coco")
    assert said == ["COCO has no free columns: camera are not written."]
    _, again = imported(tmp_path / "coco", tmp_path / "again")
    assert _facts(again) == {
        k: (v[0], v[1], v[2] or ("defect" if v[0] is Label.NG else None), *v[3:])
        for k, v in _facts(first).items()
    }
    parts = {part.image.relative_to(again.root / "images").as_posix(): part for part in again.parts}
    assert parts["x/a.png"].mask_kind == "box"
    assert parts["y/a.png"].mask is None
    marks, before = again.marks(parts["c.png"]), first.marks(first.parts[2], (40, 60))
    assert marks is not None
    assert before is not None
    assert (marks.ignored == before.ignored).all()


def test_the_folder_layout_says_what_it_cannot_hold(tmp_path: Path) -> None:
    first = _odd_manifest(tmp_path / "a")
    with pytest.raises(GainspectError, match=r"c\.png: .*regions to ignore.*Export as COCO"):
        export(first, tmp_path / "b", "folder")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]
    kept = Manifest(first.root, tuple(part for part in first.parts if part.ignore is None))
    said = export(kept, tmp_path / "b", "folder")
    assert said == ["1 mask shows a box or strokes, which this layout cannot say: read from it, outlines."]
    again = load_manifest(tmp_path / "b")
    assert {part.image.name: part.extra.get("camera") for part in again.parts} == {
        "a.png": "7",
        "a-2.png": "8",
        "d.png": "",
    }
    assert {part.extra["exported_from"] for part in again.parts} == {"x/a.png", "y/a.png", "d.png"}
    assert _facts(again) == _facts(kept)


def test_images_that_lie_turned_keep_their_masks(tmp_path: Path) -> None:
    exif = bytes.fromhex("ffe1002245786966000049492a0008000000010012010300010000000600000000000000")
    content = cv2.imencode(".jpg", np.full((40, 60, 3), 128, np.uint8))[1].tobytes()
    place = tmp_path / "a/images/defective/t.jpg"
    place.parent.mkdir(parents=True)
    place.write_bytes(content[:2] + exif + content[2:])
    photo(tmp_path / "a/images/normal/n.png")
    mask = np.zeros((60, 40), np.bool_)
    mask[2:9, 30:38] = True
    draw_mask(tmp_path / "a/masks/defective/t.png", mask)
    first = load_manifest(tmp_path / "a")
    export(first, tmp_path / "coco", "coco")
    _, middle = imported(tmp_path / "coco", tmp_path / "m")
    export(middle, tmp_path / "b", "folder")
    for manifest in (middle, load_manifest(tmp_path / "b")):
        drawn = next(manifest.mask(part) for part in manifest.parts if part.label is Label.NG)
        assert drawn is not None
        assert (drawn == mask).all()


def test_nothing_is_overwritten_and_nothing_is_left_half_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = load_manifest(_folder(tmp_path / "a", [np.eye(6, 8, dtype=np.uint8)]))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/x").write_text("mine")
    with pytest.raises(GainspectError, match="something already"):
        export(first, tmp_path / "mine", "coco")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copyfile", full)
    with pytest.raises(GainspectError, match=r"out: cannot write \(No space"):
        export(first, tmp_path / "out", "folder")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["a", "mine"]


def test_formats_are_named() -> None:
    assert export_format_of("folder", polygons=False) == "folder"
    with pytest.raises(GainspectError, match="neither coco nor folder"):
        export_format_of("voc", polygons=False)
    with pytest.raises(GainspectError, match="only COCO has polygons"):
        export_format_of("folder", polygons=True)

"""COCO: small samples of each layout, real exports, and garbage."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn_labels import agrees, coco, fates, imported, native, photo
from gainspect.data.importers.coco import NO_IMAGE_LISTED
from gainspect.data.importers.rendering import CLIPPED, DAMAGED, OTHER_SIZE
from gainspect.data.importers.rle import encode_rle
from gainspect.data.importers.source import FOUND_BY_NAME, NOT_THERE
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.types import Label

_SQUARE = [[5, 5, 15, 5, 15, 15, 5, 15]]
_TRIANGLE = [[5, 5, 25, 5, 5, 25]]


def _masks(manifest: Manifest) -> dict[str, np.ndarray | None]:
    return {part.image.name: manifest.mask(part) for part in manifest.parts}


@pytest.mark.parametrize(
    ("labels", "image", "name"),
    [
        ("a.json", "a.png", "a.png"),
        ("annotations/instances.json", "images/a.png", "a.png"),
        ("_annotations.coco.json", "images/a.png", "a.png"),
        ("labels/x/a.json", "a.png", "a.png"),
        ("a.json", "photos/a.png", "C:\\Users\\kim\\photos\\a.png"),
        ("a.json", "photos/a.png", "/home/kim/photos/a.png"),
    ],
)
def test_images_lie_beside_above_or_below_their_labels(
    tmp_path: Path, labels: str, image: str, name: str
) -> None:
    photo(tmp_path / "set" / image)
    coco(tmp_path / "set" / labels, [(name, 40, 60)], [{"image_id": 1, "segmentation": _SQUARE}])
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    assert mask.sum() == 100
    assert mask[5:15, 5:15].all()
    assert done.record["outcome"]["notes"] == ({FOUND_BY_NAME: 1} if name != "a.png" else {})


def test_each_kind_of_segmentation_is_read(tmp_path: Path) -> None:
    blob = np.zeros((40, 60), np.uint8)
    blob[3:9, 10:30] = 1
    counts = [10 * 40 + 3, *[6, 34] * 20]
    counts = [*counts[:-1], 2400 - sum(counts[:-1])]
    names = ["polygon.png", "string.png", "numbers.png", "box.png", "crowd.png", "tag.png", "none.png"]
    for name in names:
        photo(tmp_path / "set" / name)
    drawn: list[dict[str, Any]] = [
        {"segmentation": _TRIANGLE},
        {"segmentation": encode_rle(blob)},
        {"segmentation": {"size": [40, 60], "counts": counts}},
        {"segmentation": [], "bbox": [2, 3, 10, 5]},
        {"segmentation": {"size": [40, 60], "counts": counts}, "iscrowd": 1},
        {},
    ]
    coco(
        tmp_path / "set/train.json",
        [(name, 40, 60) for name in names],
        [{"image_id": number, **annotation} for number, annotation in enumerate(drawn, 1)],
    )
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    parts, masks = {part.image.name: part for part in manifest.parts}, _masks(manifest)
    assert {name: part.label for name, part in parts.items()} == {
        **dict.fromkeys(names, Label.NG),
        "crowd.png": Label.OK,
        "none.png": Label.OK,
    }
    assert masks["polygon.png"] is not None
    assert agrees(masks["polygon.png"], _TRIANGLE)
    assert (masks["string.png"] == blob).all()
    assert (masks["numbers.png"] == blob).all()
    assert masks["box.png"] is not None
    assert masks["box.png"].sum() == 50
    assert {name: part.mask_kind for name, part in parts.items() if part.mask_kind} == {"box.png": "box"}
    marks = manifest.marks(parts["crowd.png"])
    assert marks is not None
    assert marks.ignored is not None
    assert not marks.defect.any()
    assert (marks.ignored == blob).all()
    assert parts["tag.png"].mask is None
    assert {part.split for part in manifest.parts} == {"train"}
    assert {part.defect_type for part in manifest.parts} == {"scratch", None}


def test_what_becomes_of_each_file_is_said(tmp_path: Path) -> None:
    there = tmp_path / "set"
    for name in ("a.png", "other_size.png", "damaged.png", "new.png", "clipped.png"):
        photo(there / name)
    (there / "._a.png").write_bytes(b"AppleDouble")
    (there / "notes.doc").write_bytes(b"")
    images = ["a.png", "gone.png", "other_size.png", "damaged.png", "clipped.png"]
    coco(
        there / "labels.json",
        [(name, 80 if name == "other_size.png" else 40, 60) for name in images],
        [
            {"image_id": 1, "segmentation": _SQUARE},
            {"image_id": 3, "segmentation": _SQUARE},
            {"image_id": 4, "segmentation": [[1, 2, 3]]},
            {"image_id": 5, "segmentation": [[-20, 5, 10, 5, 10, 10, -20, 10]]},
            {"image_id": 77, "segmentation": _SQUARE},
        ],
    )
    done, manifest = imported(there, tmp_path / "out", unlabeled="skip")
    assert [part.image.name for part in manifest.parts] == ["a.png", "clipped.png"]
    assert fates(tmp_path / "out") == {
        "a.png": "image",
        "clipped.png": "image",
        "labels.json": "labels",
        "other_size.png": f"not taken: {OTHER_SIZE}",
        "damaged.png": f"not taken: {DAMAGED}",
        "new.png": "not taken: an image that no labels name",
        "._a.png": "not taken: hidden",
        "notes.doc": "not taken: .doc",
        "labels.json, image 2": f"not taken: {NOT_THERE}",
        "labels.json, annotation 5": f"not taken: {NO_IMAGE_LISTED}",
    }
    assert done.record["outcome"]["notes"] == {CLIPPED: 1}


def test_a_class_beyond_the_list_is_asked(tmp_path: Path) -> None:
    photo(tmp_path / "set/a.png")
    coco(
        tmp_path / "set/a.json",
        [("a.png", 40, 60)],
        [{"image_id": 1, "segmentation": _SQUARE, "category_id": 9}],
    )
    with pytest.raises(GainspectError, match="what this class means:\n  'class 9'"):
        imported(tmp_path / "set", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    _, manifest = imported(tmp_path / "set", tmp_path / "out", defect=["class 9"])
    assert manifest.parts[0].defect_type == "class 9"


def test_an_image_with_labels_in_two_files_is_refused(tmp_path: Path) -> None:
    photo(tmp_path / "set/a.png")
    for name in ("one.json", "two.json"):
        coco(tmp_path / "set" / name, [("a.png", 40, 60)], [])
    with pytest.raises(GainspectError, match=r"in two places: one\.json, image 1 and two\.json"):
        imported(tmp_path / "set", tmp_path / "out")
    _, manifest = imported(tmp_path / "set/one.json", tmp_path / "out")
    assert len(manifest.parts) == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 70) | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["size", "counts"]), inner),
    max_leaves=8,
)


@given(
    annotation=st.fixed_dictionaries(
        {"image_id": st.just(1) | _JSON, "category_id": st.just(1) | _JSON},
        optional={"segmentation": _JSON, "bbox": _JSON, "iscrowd": _JSON, "id": _JSON},
    ),
    image=st.fixed_dictionaries(
        {"id": st.just(1) | _JSON, "file_name": st.just("a.png") | _JSON},
        optional={"width": st.just(60) | _JSON, "height": st.just(40) | _JSON},
    ),
    others=st.dictionaries(st.sampled_from(["categories", "images", "annotations"]), _JSON, max_size=1),
)
def test_garbage_is_a_sentence_and_leaves_nothing_half_written(
    tmp_path_factory: pytest.TempPathFactory, annotation: Any, image: Any, others: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    photo(folder / "set/a.png")
    categories = [{"id": 1, "name": "scratch"}]
    content = {"images": [image], "annotations": [annotation], "categories": categories} | others
    (folder / "set/a.json").write_text(json.dumps(content))
    try:
        imported(folder / "set", folder / "out", unlabeled="skip")
    except GainspectError as error:
        assert str(folder) in str(error) or "a.json" in str(error) or "class" in str(error)
        assert not (folder / "out").exists()
    else:
        assert (folder / "out/manifest.csv").is_file()


@pytest.mark.parametrize(
    "text", ["", "{", "[1, 2]", "null", '{"images": [], "annotations": 3}', "\xff", "[" * 9999]
)
def test_files_that_are_no_coco_are_refused(tmp_path: Path, text: str) -> None:
    photo(tmp_path / "set/a.png")
    (tmp_path / "set/a.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(GainspectError, match=r"a\.json|set"):
        imported(tmp_path / "set", tmp_path / "out", format="coco")
    assert not (tmp_path / "out").exists()


def _rings(annotations: list[dict[str, Any]]) -> list[list[float]]:
    return [ring for annotation in annotations for ring in annotation["segmentation"]]


@pytest.mark.shared
def test_a_real_export_of_cvat(tmp_path: Path) -> None:
    folder = native("coco_polygons_cvat")
    with pytest.raises(GainspectError, match=r"20 images have no labels, such as images/non_clack/"):
        imported(folder, tmp_path / "out")
    _, manifest = imported(folder, tmp_path / "out", unlabeled="ok")
    stored = json.loads((folder / "annotations/instances_default.json").read_text())
    # B-ground is background; one image shows nothing else.
    labels = Counter((part.image.parent.name, part.label) for part in manifest.parts)
    assert labels == {
        ("annotated", Label.NG): 19,
        ("annotated", Label.OK): 1,
        ("non_clack", Label.OK): 20,
    }
    masks = _masks(manifest)
    for image in stored["images"]:
        cracks = [a for a in stored["annotations"] if (a["image_id"], a["category_id"]) == (image["id"], 1)]
        mask = masks[image["file_name"]]
        if not cracks:
            assert mask is None
            continue
        assert mask is not None
        assert agrees(mask, _rings(cracks))
        area = sum(annotation["area"] for annotation in cracks)
        assert mask.sum() == pytest.approx(area, rel=0.02, abs=8)


@pytest.mark.shared
def test_a_real_export_of_roboflow(tmp_path: Path) -> None:
    folder = native("coco_polygons_roboflow")
    done, manifest = imported(folder, tmp_path / "out")
    stored = json.loads((folder / "test/_annotations.coco.json").read_text())
    there = {file.name for file in (folder / "test/images").glob("[!.]*.jpg")}
    assert {part.image.name for part in manifest.parts} == there
    assert done.record["outcome"]["left"] == {NOT_THERE: len(stored["images"]) - len(there)}
    assert {part.split for part in manifest.parts} == {"test"}
    masks = _masks(manifest)
    for image in stored["images"]:
        if image["file_name"] in there:
            drawn = [a for a in stored["annotations"] if a["image_id"] == image["id"]]
            mask = masks[image["file_name"]]
            assert mask is not None
            assert agrees(mask, _rings(drawn))
    hidden = [name for name, fate in fates(tmp_path / "out").items() if fate == "not taken: hidden"]
    assert len(hidden) == len(list((folder / "test").rglob("._*")))


@pytest.mark.shared
def test_real_run_lengths(tmp_path: Path) -> None:
    folder = native("coco_rle_tiny")
    _, manifest = imported(folder / "coco_dataset", tmp_path / "out", defect=["a"], ok=["b"])
    parts = {part.image.name: part for part in manifest.parts}
    assert {name: (part.label, part.split) for name, part in parts.items()} == {
        "a.jpg": (Label.OK, "train"),
        "b.jpg": (Label.NG, "val"),
    }
    marks = manifest.marks(parts["b.jpg"])
    assert marks is not None
    assert (np.argwhere(marks.defect) == [[0, 0], [1, 0]]).all()
    # [0, 20, 30] over 10 rows: the first two columns are of the crowd, less what is a defect.
    assert marks.ignored is not None
    assert marks.ignored[:, :2].sum() == 18
    assert not marks.ignored[:, 2:].any()


@pytest.mark.shared
def test_segment_anything(tmp_path: Path) -> None:
    folder = native("coco_rle_tiny") / "segment_anything_dataset"
    done, manifest = imported(folder, tmp_path / "out", defect=["segment"])
    assert done.record["format"] == "segment-anything"
    assert done.record["outcome"]["left"] == {DAMAGED: 1}  # b.json: run lengths of another size
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    assert (np.argwhere(mask) == [[r, 3] for r in range(1, 5)]).all()  # bbox 3, 1, 1, 4


def test_an_image_that_lies_on_its_side_is_drawn_as_its_size_shows(tmp_path: Path) -> None:
    exif = bytes.fromhex("ffe1002245786966000049492a0008000000010012010300010000000600000000000000")
    for name in ("upright.jpg", "stored.jpg"):
        image = np.full((40, 60, 3), 128, np.uint8)
        content = cv2.imencode(".jpg", image)[1].tobytes()
        (tmp_path / "set").mkdir(exist_ok=True)
        (tmp_path / "set" / name).write_bytes(content[:2] + exif + content[2:])
    box = {"bbox": [0, 0, 10, 4]}
    coco(
        tmp_path / "set/a.json",
        [("upright.jpg", 60, 40), ("stored.jpg", 40, 60)],
        [{"image_id": 1, **box}, {"image_id": 2, **box}],
    )
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    for part in manifest.parts:
        mask = manifest.mask(part, manifest.image(part).shape)
        assert mask is not None
        assert mask.shape == (60, 40)
        # Orientation 6: the stored left edge is the upright top, the stored top the upright right.
        expected = mask[:4, :10] if part.image.name == "upright.jpg" else mask[:10, -4:]
        assert expected.all()
        assert mask.sum() == 40

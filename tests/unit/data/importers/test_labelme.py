"""LabelMe: each kind of shape, embedded images, real examples, and garbage."""

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn_labels import agrees, fates, imported, native, photo
from gainspect.data.importers.labelme import OTHER_JSON
from gainspect.data.importers.rendering import DAMAGED
from gainspect.data.importers.source import FOUND_BY_NAME, NOT_THERE
from gainspect.types import Label
from garbage import JSON, sentence_or_import
from tool_exports import labelme, write_json

_CORNERS = [[5.5, 4.5], [25.5, 14.5]]
_BLOB = np.zeros((7, 9), np.uint8)
_BLOB[1:6, 2:8] = 1


def _png(pixels: Any) -> str:
    return base64.b64encode(cv2.imencode(".png", pixels)[1].tobytes()).decode()


def _distance(height: int = 40, width: int = 60, *, x: float, y: float) -> Any:
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.hypot(rows - y, columns - x)


@pytest.mark.parametrize(
    ("shape", "kind"),
    [
        ({"shape_type": "polygon", "points": [[5, 4], [25, 4], [25, 14], [6, 13]]}, None),
        ({"points": [[5, 4], [25, 4], [25, 14], [6, 13]], "shape_type": None}, None),
        ({"shape_type": "rectangle", "points": _CORNERS}, "box"),
        ({"shape_type": "rectangle", "points": [[25.5, 4.5], [5.5, 14.5]]}, "box"),
        ({"shape_type": "rotation", "points": [[20, 5], [30, 15], [20, 25], [10, 15]]}, "box"),
        ({"shape_type": "circle", "points": [[20, 20], [26, 28]]}, None),
        ({"shape_type": "line", "points": [[5, 10.5], [30, 10.5]]}, "scribble"),
        ({"shape_type": "linestrip", "points": [[5, 10.5], [30, 10.5], [30, 20]]}, "scribble"),
        ({"shape_type": "point", "points": [[5.5, 10.5]]}, "scribble"),
        ({"shape_type": "points", "points": [[5.5, 10.5], [50.5, 30.5]]}, "scribble"),
        ({"shape_type": "mask", "points": [[11, 20], [19, 26]], "mask": _png(_BLOB * 255)}, None),
    ],
    ids=lambda value: str(value.get("shape_type")) if isinstance(value, dict) else "",
)
def test_each_kind_of_shape_is_read(tmp_path: Path, shape: dict[str, Any], kind: str | None) -> None:
    photo(tmp_path / "set/a.png")
    write_json(tmp_path / "set/a.json", labelme("a.png", 40, 60, [shape]))
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    assert manifest.parts[0].mask_kind == kind
    points = shape["points"]
    match shape["shape_type"]:
        case "rectangle":
            assert agrees(mask, [[(5.5, 4.5), (25.5, 4.5), (25.5, 14.5), (5.5, 14.5)]])
        case "circle":
            assert (mask == (_distance(x=20, y=20) < 10)).mean() > 0.999
            assert mask.sum() == pytest.approx(np.pi * 100, rel=0.02)
        case "line":  # 3 px wide with round ends
            assert mask[9:12, 5:30].all()
            assert mask.sum() == pytest.approx(25 * 3 + 9, abs=3)
        case "linestrip":
            assert mask[9:12, 5:29].all()
            assert mask[12:20, 29:31].all()
        case "point":
            assert (mask == (_distance(x=5.5, y=10.5) < 1.5)).all()
        case "points":
            near = np.minimum(_distance(x=5.5, y=10.5), _distance(x=50.5, y=30.5))
            assert (mask == (near < 1.5)).all()
        case "mask":
            assert (mask[20:27, 11:20] == _BLOB).all()
            assert mask.sum() == _BLOB.sum()
        case _:
            assert agrees(mask, [points])


@pytest.mark.parametrize(
    "path", ["a.png", "..\\set\\a.png", "C:\\work\\a.png", "/home/kim/a.png", "../elsewhere/a.png"]
)
def test_images_are_found_whatever_wrote_the_path(tmp_path: Path, path: str) -> None:
    photo(tmp_path / "set/a.png")
    write_json(tmp_path / "set/a.json", labelme(path, 40, 60, [{"points": [[5, 4], [25, 4], [25, 14]]}]))
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert len(manifest.parts) == 1
    assert done.record["outcome"]["notes"] == ({} if path == "a.png" else {FOUND_BY_NAME: 1})


def test_an_embedded_image_is_written_where_its_file_is_not_there(tmp_path: Path) -> None:
    content = photo(tmp_path / "b.png").read_bytes()
    data = base64.b64encode(content).decode()
    shapes = [{"points": [[5, 4], [25, 4], [25, 14]]}]
    write_json(tmp_path / "set/x.json", labelme("D:\\x\\b.png", 40, 60, shapes, imageData=data))
    write_json(tmp_path / "set/y.json", labelme("b.png", 40, 60, [], imageData=data))
    write_json(tmp_path / "set/z.json", labelme("c.png", 40, 60, [], imageData="not base64"))
    write_json(tmp_path / "set/none.json", labelme("d.png", 40, 60, []))
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [(p.image.name, p.label) for p in manifest.parts] == [("b.png", Label.NG), ("b-2.png", Label.OK)]
    assert all(part.image.read_bytes() == content for part in manifest.parts)
    assert done.record["outcome"]["left"] == {"the image cannot be read": 1, NOT_THERE: 1}


def test_flags_are_classes_of_the_image_and_other_json_is_left(tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        photo(tmp_path / "set" / name)
    flags = {"__ignore__": True, "good": False, "scratch": False}
    write_json(tmp_path / "set/a.json", labelme("a.png", 40, 60, [], flags={**flags, "scratch": True}))
    write_json(tmp_path / "set/b.json", labelme("b.png", 40, 60, [], flags={**flags, "good": True}))
    write_json(tmp_path / "set/c.json", labelme("c.png", 40, 60, []))
    write_json(tmp_path / "set/settings.json", {"other": "thing"})
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [(p.image.name, p.label, p.defect_type) for p in manifest.parts] == [
        ("a.png", Label.NG, "scratch"),
        ("b.png", Label.OK, None),
        ("c.png", Label.OK, None),
    ]
    assert done.record["classes"] == {"good": "ok", "scratch": "defect"}
    assert fates(tmp_path / "out")["settings.json"] == f"not taken: {OTHER_JSON}"


@pytest.mark.parametrize(
    "shape",
    [
        {"points": [[1, 2], [3, 4]]},
        {"points": [[1, 2, 3]]},
        {"points": None},
        {"shape_type": "rectangle", "points": [[1, 2]]},
        {"shape_type": "circle", "points": []},
        {"shape_type": "line", "points": [[1, 2]]},
        {"shape_type": "mask", "points": [[1, 2], [3, 4]]},
        {"shape_type": "mask", "points": [[1, 2], [3, 4]], "mask": "AAAA"},
        {"shape_type": "cuboid", "points": [[1, 2], [3, 4]]},
    ],
)
def test_an_image_with_a_shape_that_cannot_be_drawn_is_not_taken(
    tmp_path: Path, shape: dict[str, Any]
) -> None:
    for name in ("a.png", "b.png"):
        photo(tmp_path / "set" / name)
    write_json(tmp_path / "set/a.json", labelme("a.png", 40, 60, [shape]))
    write_json(tmp_path / "set/b.json", labelme("b.png", 40, 60, []))
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [part.image.name for part in manifest.parts] == ["b.png"]
    assert done.record["outcome"]["left"] == {DAMAGED: 1}


@given(
    shape=st.dictionaries(st.sampled_from(["label", "points", "shape_type", "mask"]), JSON),
    others=st.dictionaries(
        st.sampled_from(["shapes", "imagePath", "imageData", "imageHeight", "imageWidth", "flags"]),
        JSON,
        max_size=2,
    ),
)
def test_garbage_is_a_sentence_and_leaves_nothing_half_written(
    tmp_path_factory: pytest.TempPathFactory, shape: dict[str, Any], others: dict[str, Any]
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    photo(folder / "set/a.png")
    write_json(folder / "set/a.json", {**labelme("a.png", 40, 60, [shape]), **others})
    sentence_or_import(folder, "a.json")


@pytest.mark.shared
def test_real_examples(tmp_path: Path) -> None:
    folder = native("labelme_examples")
    for kind in ("instance_segmentation", "bbox_detection"):
        source = folder / kind / "data_annotated"
        stored = {file.stem: json.loads(file.read_text()) for file in sorted(source.glob("*.json"))}
        labels = {shape["label"] for content in stored.values() for shape in content["shapes"]}
        done, manifest = imported(source, tmp_path / kind, defect=sorted(labels - {"__ignore__"}))
        assert done.record["format"] == "labelme"
        assert len(manifest.parts) == len(stored) == 3
        for part in manifest.parts:
            drawn = [s for s in stored[part.image.stem]["shapes"] if s["label"] != "__ignore__"]
            corners = [np.array(shape["points"]) for shape in drawn]
            if kind == "bbox_detection":
                corners = [c[[0, 0, 1, 1], :][:, [0, 1]] for c in corners]
                for box in corners:
                    box[1, 0], box[3, 0] = box[2, 0], box[0, 0]
            mask = manifest.mask(part)
            assert mask is not None
            assert agrees(mask, corners)
            assert part.mask_kind == ("box" if kind == "bbox_detection" else None)


@pytest.mark.shared
def test_real_flags(tmp_path: Path) -> None:
    source = native("labelme_examples") / "classification"
    _, manifest = imported(source, tmp_path / "out", defect=["cat"], ok=["dog"])
    labels = {part.image.name: part.label for part in manifest.parts}
    assert labels == {"0001.jpg": Label.NG, "0002.jpg": Label.OK}


@pytest.mark.shared
def test_a_region_to_ignore_is_one(tmp_path: Path) -> None:
    source = native("labelme_examples") / "semantic_segmentation"
    stored = {f.stem: json.loads(f.read_text()) for f in source.rglob("*.json")}
    labels = {shape["label"] for content in stored.values() for shape in content["shapes"]}
    _, manifest = imported(source, tmp_path / "out", defect=sorted(labels - {"__ignore__"}))
    seen = 0
    for part in manifest.parts:
        drawn = [s["points"] for s in stored[part.image.stem]["shapes"] if s["label"] == "__ignore__"]
        assert (part.ignore is not None) == bool(drawn)
        seen += bool(drawn)
    assert seen

"""Label Studio: each kind of result, names of images, several annotations, real results, and garbage."""

import base64
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from drawn_labels import agrees, fates, imported, native, photo
from gainspect.data.importers.label_studio import LATEST, NO_IMAGE, OF_SEVERAL, PREDICTED, SKIPPED
from gainspect.data.importers.rendering import DAMAGED, OTHER_SIZE
from gainspect.data.importers.source import FOUND_BY_NAME, NOT_THERE
from gainspect.errors import GainspectError
from gainspect.types import Label
from garbage import JSON, sentence_or_import
from tool_exports import task, write_json

_POLYGON = {"points": [[10, 10], [75.5, 20.25], [30, 90]], "polygonlabels": ["scratch"]}
_SIDES = {"x": 20.2, "y": 25.3, "width": 40.1, "height": 30.6, "rotation": 0}
_RECTANGLE = {**_SIDES, "rectanglelabels": ["scratch"]}


def _set(folder: Path, *tasks: dict[str, Any], images: tuple[str, ...] = ("a.png",)) -> Path:
    for name in images:
        photo(folder / name)
    write_json(folder / "project.json", tasks)
    return folder


def _mask(folder: Path, *values: tuple[str, dict[str, Any]], **choices: Any) -> tuple[NDArray[np.uint8], str]:
    """The mask of an image with these results, and what it shows."""
    _set(folder / "set", task("/data/upload/1/0a1b2c3d-a.png", 40, 60, values))
    _, manifest = imported(folder / "set", folder / "out", **choices)
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    return mask, manifest.parts[0].mask_kind or ""


def test_positions_are_percent_of_a_side(tmp_path: Path) -> None:
    mask, kind = _mask(tmp_path, ("polygonlabels", _POLYGON))
    assert agrees(mask, [[(6, 4), (45.3, 8.1), (18, 36)]])
    assert kind == ""


@pytest.mark.parametrize("degrees", [0, 25, 340.5])
def test_a_rectangle_turns_about_its_top_left_corner(tmp_path: Path, degrees: float) -> None:
    mask, kind = _mask(tmp_path, ("rectanglelabels", {**_RECTANGLE, "rotation": degrees}))
    turn = np.exp(1j * np.radians(degrees))
    corner, across, down = 12.12 + 10.12j, 24.06 * turn, 12.24j * turn
    ring = [corner, corner + across, corner + across + down, corner + down]
    assert agrees(mask, [[(point.real, point.imag) for point in ring]])
    assert kind == "box"


def test_an_ellipse_turns_about_its_center(tmp_path: Path) -> None:
    value = {"x": 50.5, "y": 50.5, "radiusX": 25, "radiusY": 20, "rotation": 30, "ellipselabels": ["scratch"]}
    mask, kind = _mask(tmp_path, ("ellipselabels", value))
    rows, columns = np.mgrid[:40, :60] + 0.5
    turned = (columns - 30.3 + 1j * (rows - 20.2)) * np.exp(-1j * np.radians(30))
    inside = (turned.real / 15) ** 2 + (turned.imag / 8) ** 2 <= 1
    assert (mask != inside).sum() <= 4  # it is drawn as a polygon of many corners
    assert kind == ""


@pytest.mark.parametrize("width", [None, 10])
def test_a_key_point_is_a_dot(tmp_path: Path, width: float | None) -> None:
    value: dict[str, Any] = {"x": 50, "y": 50, "keypointlabels": ["scratch"]}
    mask, kind = _mask(tmp_path, ("keypointlabels", value if width is None else {**value, "width": width}))
    rows, columns = np.mgrid[:40, :60] + 0.5
    # 10 % of 60 columns, or the 3 px that `--line-width` is otherwise.
    assert (mask == (np.hypot(rows - 20, columns - 30) < (1.5 if width is None else 3))).all()
    assert kind == "scribble"


def test_a_bit_mask_is_an_image(tmp_path: Path) -> None:
    blob = np.zeros((40, 60), np.uint8)
    blob[5:20, 30:44] = 255
    png = cv2.imencode(".png", np.dstack([blob] * 4))[1].tobytes()
    url = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    mask, _ = _mask(tmp_path, ("bitmasklabels", {"imageDataURL": url, "bitmasklabels": ["scratch"]}))
    assert (mask == blob // 255).all()
    small = cv2.imencode(".png", blob[:30])[1].tobytes()
    url = f"data:image/png;base64,{base64.b64encode(small).decode()}"
    drawn = task("a.png", 40, 60, [("bitmask", {"imageDataURL": url, "labels": ["scratch"]})])
    _set(tmp_path / "other", drawn, task("b.png", 40, 60, []), images=("a.png", "b.png"))
    done, _ = imported(tmp_path / "other", tmp_path / "other_out")
    assert done.record["outcome"]["left"] == {DAMAGED: 1}


def test_shape_and_label_in_two_results_of_one_region(tmp_path: Path) -> None:
    drawn = task("a.png", 40, 60, [("rectangle", _RECTANGLE), ("labels", _RECTANGLE), ("choices", {})])
    results = drawn["annotations"][0]["result"]
    del results[0]["value"]["rectanglelabels"]
    del results[1]["value"]["rectanglelabels"]
    results[1]["value"]["labels"] = ["dent", "scratch"]
    results[2]["value"] = {"choices": ["broken"]}  # of the region
    for result in results:
        result["id"] = "one"
    _set(tmp_path / "set", drawn)
    done, manifest = imported(tmp_path / "set", tmp_path / "out", ok=["dent"])
    assert done.record["classes"] == {"dent": "ok", "scratch": "defect"}
    assert manifest.parts[0].defect_type == "scratch"


def test_a_shape_without_a_class_is_asked(tmp_path: Path) -> None:
    value = {key: value for key, value in _POLYGON.items() if key == "points"}
    _set(tmp_path / "set", task("a.png", 40, 60, [("polygon", value)]))
    with pytest.raises(GainspectError, match=r"'no class' \(1 shape"):
        imported(tmp_path / "set", tmp_path / "out")


def test_choices_are_classes_of_the_image(tmp_path: Path) -> None:
    tasks = [
        task("a.png", 40, 60, [("choices", {"choices": ["scratch"]})]),
        task("b.png", 40, 60, [("choices", {"choices": ["good"]}), ("textarea", {"text": ["some"]})]),
        task("c.png", 40, 60, []),
    ]
    _set(tmp_path / "set", *tasks, images=("a.png", "b.png", "c.png"))
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [(part.label, part.defect_type) for part in manifest.parts] == [
        (Label.NG, "scratch"),
        (Label.OK, None),
        (Label.OK, None),
    ]
    assert done.record["bare"] == 1


@pytest.mark.parametrize(
    "name",
    [
        "/data/upload/1/0a1b2c3d-lot_1.png",
        "/data/local-files/?d=photos%2Flot_1.png",
        "/data/local-files/?d=photos/lot_1.png",
        "s3://bucket/prefix/lot_1.png",
        "gs://bucket/photos/lot_1.png",
        "https://host.example/x/lot_1.png?X-Amz-Date=1&sig=2",
        "lot_1.png",
        "C:\\photos\\lot_1.png",
        "upload/0a1b2c3d-lot_1.png",
    ],
)
def test_images_are_found_by_what_the_data_say(tmp_path: Path, name: str) -> None:
    drawn = task(name, 40, 60, [("polygonlabels", _POLYGON)])
    drawn["data"] |= {"lot": "lot 7", "line": 3}
    _set(tmp_path / "set", drawn, images=("photos/lot_1.png", "photos/0a1b2c3d-other.png"))
    done, manifest = imported(tmp_path / "set", tmp_path / "out", unlabeled="skip")
    assert [part.image.name for part in manifest.parts] == ["lot_1.png"]
    assert set(done.record["outcome"]["notes"]) <= {FOUND_BY_NAME}


def test_an_image_may_lie_in_the_data(tmp_path: Path) -> None:
    content = photo(tmp_path / "x.png").read_bytes()
    name = f"data:image/png;base64,{base64.b64encode(content).decode()}"
    _set(tmp_path / "set", task(name, 40, 60, [("polygonlabels", _POLYGON)], id=7), images=())
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [part.image.name for part in manifest.parts] == ["task-7.png"]
    assert manifest.parts[0].image.read_bytes() == content
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    assert agrees(mask, [[(6, 4), (45.3, 8.1), (18, 36)]])


def test_of_several_annotations_the_latest_that_is_not_cancelled_counts(tmp_path: Path) -> None:
    drawn = task("a.png", 40, 60, [("polygonlabels", _POLYGON)])
    first = drawn["annotations"][0]
    empty = {**first, "result": [], "updated_at": "2026-01-03T00:00:00.000000Z"}
    cancelled = {**empty, "updated_at": "2026-01-09T00:00:00Z", "was_cancelled": True}
    drawn["annotations"] = [empty, first, cancelled]
    _set(tmp_path / "set", drawn)
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert manifest.parts[0].label is Label.OK
    assert done.record["outcome"]["notes"] == {LATEST: 1}


def test_what_nobody_labeled_is_not_taken_for_ok(tmp_path: Path) -> None:
    """Skipped tasks and predictions are not taken at all, tasks without annotation as it is said."""
    skipped = task("skipped.png", 40, 60, [])
    skipped["annotations"][0]["was_cancelled"] = True
    predicted = task("predicted.png", 40, 60, [("polygonlabels", _POLYGON)])
    predicted["predictions"], predicted["annotations"] = predicted["annotations"], []
    waiting = {**task("waiting.png", 40, 60, []), "annotations": []}
    names = ("a.png", "skipped.png", "predicted.png", "waiting.png")
    drawn = task("a.png", 40, 60, [("polygonlabels", _POLYGON)])
    _set(tmp_path / "set", drawn, skipped, predicted, waiting, images=names)
    with pytest.raises(GainspectError, match=r"1 image has no labels, such as waiting\.png"):
        imported(tmp_path / "set", tmp_path / "out")
    done, manifest = imported(tmp_path / "set", tmp_path / "out", unlabeled="ok")
    labels = {part.image.name: part.label for part in manifest.parts}
    assert labels == {"a.png": Label.NG, "waiting.png": Label.OK}
    assert done.record["outcome"]["left"] == {SKIPPED: 1, PREDICTED: 1}
    assert fates(tmp_path / "out")["predicted.png"] == f"not taken: {PREDICTED}"


def test_what_is_not_taken_is_said(tmp_path: Path) -> None:
    two = task("a.png", 40, 60, [])
    two["data"]["other"] = "b.png"
    drawn = task("c.png", 40, 60, [("rectanglelabels", _RECTANGLE)] * 2)
    drawn["annotations"][0]["result"][1]["original_width"] = 99
    turned = task("d.png", 40, 60, [("rectanglelabels", _RECTANGLE)])
    turned["annotations"][0]["result"][0]["image_rotation"] = 90
    tasks = [
        two,
        drawn,
        turned,
        task("gone.png", 40, 60, []),
        task("e.png", 80, 60, [("polygonlabels", _POLYGON)]),
        task("f.png", 40, 60, [("videorectangle", {"x": "?", "labels": ["scratch"]})]),
        task("g.png", 40, 60, [("polygonlabels", _POLYGON)]),
        task("h.png", 40, 60, [("kindofthefuture", {"curve": 3, "labels": ["scratch"]})]),
    ]
    _set(tmp_path / "set", *tasks, images=tuple(f"{letter}.png" for letter in "abcdefgh"))
    done, manifest = imported(tmp_path / "set", tmp_path / "out", unlabeled="skip")
    assert [part.image.name for part in manifest.parts] == ["g.png"]
    left = done.record["outcome"]["left"]
    assert left == {NO_IMAGE: 1, OF_SEVERAL: 2, NOT_THERE: 1, DAMAGED: 4, OTHER_SIZE: 1}


def test_json_min_is_refused_with_what_to_do(tmp_path: Path) -> None:
    photo(tmp_path / "set/a.png")
    short = [{"image": "/data/upload/1/a.png", "id": 1, "label": [_RECTANGLE], "annotation_id": 3}]
    write_json(tmp_path / "set/a.json", short)
    with pytest.raises(GainspectError, match=r"a\.json: it is the export JSON-MIN") as error:
        imported(tmp_path / "set", tmp_path / "out")
    assert "Export from Label Studio as JSON" in str(error.value)


@pytest.mark.parametrize(
    "text", ["", "[]", "[1]", '[{"data": {}}]', "{}", '[{"data": 3, "annotations": []}]']
)
def test_files_that_are_no_export_are_refused(tmp_path: Path, text: str) -> None:
    photo(tmp_path / "set/a.png")
    (tmp_path / "set/a.json").write_text(text)
    for source in (tmp_path / "set", tmp_path / "set/a.json"):
        with pytest.raises(GainspectError, match=r"a\.json|set"):
            imported(source, tmp_path / "out", format="label-studio")
    assert not (tmp_path / "out").exists()


_KEYS = ["points", "rle", "x", "y", "width", "height", "radiusX", "rotation", "labels", "choices", "format"]
_RESULTS = ["id", "type", "value", "original_width", "original_height", "image_rotation"]


@given(
    value=st.dictionaries(st.sampled_from(_KEYS), JSON | st.integers(0, 99)),
    result=st.dictionaries(st.sampled_from(_RESULTS), JSON, max_size=2),
    others=st.dictionaries(st.sampled_from(["data", "annotations", "predictions", "id"]), JSON, max_size=1),
)
def test_garbage_is_a_sentence_and_leaves_nothing_half_written(
    tmp_path_factory: pytest.TempPathFactory, value: Any, result: Any, others: Any
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    drawn = task("a.png", 40, 60, [("polygonlabels", {"labels": ["scratch"], **value})])
    drawn["annotations"][0]["result"][0] |= result
    _set(folder / "set", task("a.png", 40, 60, []) | {"data": {}}, drawn | others)
    sentence_or_import(folder, "project.json")


def _bits_decoded(numbers: list[int], height: int, width: int) -> NDArray[np.bool_]:
    """What a brush drew, by a string of bits, straight from the description of the packing."""
    text = "".join(f"{number:08b}" for number in numbers)
    place = 0

    def number(bits: int) -> int:
        nonlocal place
        place += bits
        return int(text[place - bits : place], 2)

    count, word = number(32), number(5) + 1
    sizes = [number(4) + 1 for _ in range(4)]
    values: list[int] = []
    while len(values) < count:
        repeats, length = number(1), number(sizes[number(2)]) + 1
        values += [number(word)] * length if repeats else [number(word) for _ in range(length)]
    return np.array(values).reshape(height, width, 4)[:, :, 3] > 0


@pytest.mark.shared
def test_real_brushes_and_polygons_of_the_same_objects(tmp_path: Path) -> None:
    """A model's results in Label Studio's form, as they are when somebody accepted them."""
    folder = native("label_studio_brush_polygon")
    found = {}
    for kind in ("brush", "polygon"):
        results = json.loads((folder / f"test_{kind}_labels.json").read_text())[0]["result"]
        for result in results:  # the polygons state no size
            result |= {"original_width": 768, "original_height": 576}
        accepted = {
            "id": 1,
            "data": {"image": "/data/upload/1/car.jpg"},
            "annotations": [{"result": results}],
        }
        source = tmp_path / kind
        source.mkdir()
        (source / "car.jpg").write_bytes((folder / "car.jpg").read_bytes())
        write_json(source / "project.json", [accepted])
        done, manifest = imported(source, tmp_path / f"out_{kind}", defect=["Person"])
        assert done.record["format"] == "label-studio"
        mask = manifest.mask(manifest.parts[0])
        assert mask is not None
        assert mask.shape == (576, 768)
        found[kind] = mask
        if kind == "brush":
            drawn = [_bits_decoded(result["value"]["rle"], 576, 768) for result in results]
            assert (mask == np.any(drawn, axis=0)).all()
        else:
            rings = [np.array(result["value"]["points"]) * (7.68, 5.76) for result in results]
            assert agrees(mask, rings)
    both = (found["brush"] & found["polygon"]).sum() / (found["brush"] | found["polygon"]).sum()
    assert both > 0.9

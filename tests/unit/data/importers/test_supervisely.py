"""Supervisely: each kind of object, tags, datasets, and garbage."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn_labels import by_centers, imported, photo
from gainspect.data.importers.rendering import CLIPPED, DAMAGED
from gainspect.data.importers.source import NOT_THERE
from gainspect.errors import GainspectError
from gainspect.types import Label
from garbage import JSON, sentence_or_import
from tool_exports import bitmap, supervisely, write_json

_BLOB = np.zeros((7, 9), np.uint8)
_BLOB[1:6, 2:8] = 1
_META = {"classes": [{"title": "scratch", "shape": "any"}], "tags": []}


def _set(folder: Path, *objects: dict[str, Any], **others: Any) -> Path:
    photo(folder / "ds0/img/a.png")
    write_json(folder / "meta.json", _META)
    write_json(folder / "ds0/ann/a.png.json", supervisely(40, 60, objects, **others))
    return folder


def _object(kind: str, exterior: list[Any], *interior: list[Any]) -> dict[str, Any]:
    return {"geometryType": kind, "points": {"exterior": exterior, "interior": list(interior)}}


@pytest.mark.parametrize(
    ("exterior", "interior", "shift"),
    [
        ([[5, 4], [45, 6], [20, 35]], [[20, 10], [25, 10], [22, 18]], 0.5),
        ([[5.3, 4.2], [45.1, 6.4], [20.7, 35.2]], [[20.3, 10.2], [25.1, 10.3], [22.4, 18.1]], 0),
    ],
    ids=["pixels", "positions"],
)
def test_a_polygon_has_no_pixels_in_its_holes(
    tmp_path: Path, exterior: list[Any], interior: list[Any], shift: float
) -> None:
    _set(tmp_path / "set", _object("polygon", exterior, interior))
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    outer, hole = (np.array(ring) + shift for ring in (exterior, interior))
    moves = [(1e-5, 2e-5), (-2e-5, 1e-5), (-1e-5, -2e-5), (2e-5, -1e-5)]
    near = np.array([by_centers([outer], 40, 60, m) & ~by_centers([hole], 40, 60, m) for m in moves])
    certain = (near == near[0]).all(axis=0)
    assert (mask == near[0])[certain].all()
    assert 0 < mask.sum() < by_centers([outer], 40, 60).sum()


@pytest.mark.parametrize(
    ("exterior", "expected"),
    [
        ([[5, 4], [24, 13]], (5, 4, 25, 14)),
        ([[24, 13], [5, 4]], (5, 4, 25, 14)),
        ([[5.4, 4.4], [25.4, 14.4]], (5, 4, 25, 14)),
    ],
    ids=["pixels", "turned over", "positions"],
)
def test_a_rectangle_of_pixels_holds_both_corners(
    tmp_path: Path, exterior: list[Any], expected: tuple[int, int, int, int]
) -> None:
    _set(tmp_path / "set", _object("rectangle", exterior))
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    left, top, right, bottom = expected
    assert mask[top:bottom, left:right].all()
    assert mask.sum() == (right - left) * (bottom - top)
    assert manifest.parts[0].mask_kind == "box"


@pytest.mark.parametrize(("kind", "points"), [("line", [[5, 10], [30, 10]]), ("point", [[5, 10]])])
def test_lines_and_points_are_as_wide_as_said(tmp_path: Path, kind: str, points: list[Any]) -> None:
    _set(tmp_path / "set", _object(kind, points))
    _, manifest = imported(tmp_path / "set", tmp_path / "out", line_width=5.0)
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    rows, columns = np.mgrid[:40, :60] + 0.5
    along = np.clip(columns, 5.5, points[-1][0] + 0.5)
    distance = np.hypot(rows - 10.5, columns - along)
    # The round ends are polygons of many corners.
    near = np.abs(distance - 2.5) < 0.01
    assert (mask == (distance < 2.5))[~near].all()
    assert manifest.parts[0].mask_kind == "scribble"


def test_bitmaps_lie_at_their_origin_and_are_clipped(tmp_path: Path) -> None:
    at = [
        {"geometryType": "bitmap", "bitmap": bitmap(_BLOB, left, top)} for left, top in ((30, 20), (-4, 36))
    ]
    _set(tmp_path / "set", *at)
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    expected = np.zeros((40, 60), np.uint8)
    expected[20:27, 30:39] = _BLOB
    expected[36:40, 0:5] = _BLOB[:4, 4:]
    assert (mask == expected).all()
    assert done.record["outcome"]["notes"] == {CLIPPED: 1}


def test_tags_are_classes_or_the_split(tmp_path: Path) -> None:
    _set(tmp_path / "set", tags=[{"name": "train", "value": None}, {"name": "scratch"}])
    for dataset, name, tags in (("ds1", "b.jpg", ["good"]), ("val", "c.png", ["good"]), ("ds1", "d.png", [])):
        photo(tmp_path / "set" / dataset / "img" / name)
        content = supervisely(40, 60, [], tags=[{"name": tag} for tag in tags])
        write_json(tmp_path / "set" / dataset / "ann" / f"{Path(name).stem}.json", content)
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [(p.image.name, p.label, p.split, p.defect_type) for p in manifest.parts] == [
        ("a.png", Label.NG, "train", "scratch"),
        ("b.jpg", Label.OK, None, None),
        ("d.png", Label.OK, None, None),
        ("c.png", Label.OK, "val", None),
    ]


@pytest.mark.parametrize(
    "thing",
    [
        {"geometryType": "cuboid", "points": {}},
        {"geometryType": "polygon"},
        _object("polygon", [[1, 2], [3, 4]]),
        _object("polygon", [[1, 2, 3]]),
        _object("rectangle", [[1, 2]]),
        {"geometryType": "bitmap"},
        {"geometryType": "bitmap", "bitmap": {"data": "AAAA", "origin": [1, 2]}},
        {"geometryType": "bitmap", "bitmap": {**bitmap(_BLOB, 0, 0), "origin": [1.5, 2]}},
        {"geometryType": "bitmap", "bitmap": {"data": bitmap(_BLOB, 0, 0)["data"][:24], "origin": [1, 2]}},
    ],
)
def test_an_image_with_an_object_that_cannot_be_drawn_is_not_taken(
    tmp_path: Path, thing: dict[str, Any]
) -> None:
    _set(tmp_path / "set", thing)
    photo(tmp_path / "set/ds0/img/b.png")
    write_json(tmp_path / "set/ds0/ann/b.png.json", supervisely(40, 60, []))
    write_json(tmp_path / "set/ds0/ann/gone.png.json", supervisely(40, 60, []))
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [part.image.name for part in manifest.parts] == ["b.png"]
    assert done.record["outcome"]["left"] == {DAMAGED: 1, NOT_THERE: 1}


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"objects": 3, "size": {}}', '{"objects": [], "size": 3}'])
def test_damaged_files_are_refused_with_their_place(tmp_path: Path, text: str) -> None:
    _set(tmp_path / "set")
    (tmp_path / "set/ds0/ann/a.png.json").write_text(text)
    with pytest.raises(GainspectError, match=r"a\.png\.json"):
        imported(tmp_path / "set", tmp_path / "out", format="supervisely")
    assert not (tmp_path / "out").exists()


@given(
    thing=st.dictionaries(st.sampled_from(["classTitle", "points", "bitmap"]), JSON),
    kind=st.sampled_from(["polygon", "rectangle", "line", "point", "bitmap"]) | JSON,
    points=st.dictionaries(st.sampled_from(["exterior", "interior", "data", "origin"]), JSON),
    others=st.dictionaries(st.sampled_from(["tags", "size", "objects"]), JSON, max_size=1),
)
def test_garbage_is_a_sentence_and_leaves_nothing_half_written(
    tmp_path_factory: pytest.TempPathFactory, thing: Any, kind: Any, points: Any, others: Any
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    drawn = {"geometryType": kind, "points": points, "bitmap": points, **thing}
    _set(folder / "set", drawn)
    content = {**supervisely(40, 60, [drawn]), **others}
    write_json(folder / "set/ds0/ann/a.png.json", content)
    sentence_or_import(folder, "a.png.json", format="supervisely")

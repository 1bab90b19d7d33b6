"""CVAT for images 1.1: each kind of shape, subsets, a real export, and garbage."""

from collections import defaultdict
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, parse

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawn_labels import agrees, imported, native, photo
from gainspect.data.importers.rendering import DAMAGED, OTHER_SIZE
from gainspect.data.importers.source import NOT_THERE, SEVERAL
from gainspect.errors import GainspectError
from gainspect.types import Label
from garbage import TEXT, sentence_or_import
from tool_exports import element, text_element, write_xml

_RUNS = np.array([0, 0, 1, 1, 1, 0, 0, 1, 1, 0, 1, 1], np.uint8).reshape(3, 4)
"""As "2, 3, 2, 2, 1, 2" by rows."""


def _shape(tag: str, **attributes: object) -> Element:
    return element(tag, {"label": "scratch", "occluded": 0, "z_order": 0, "source": "manual", **attributes})


def _image(name: str, *shapes: Element, **others: object) -> Element:
    return element("image", {"id": 0, "name": name, "width": 60, "height": 40, **others}, *shapes)


def _annotations(path: Path, *images: Element, subset: str = "") -> Path:
    labels = element("labels", {}, element("label", {}, text_element("name", "scratch")))
    meta = element("meta", {}, element("job", {}, labels, text_element("subset", subset or "default")))
    return write_xml(path, element("annotations", {}, text_element("version", "1.1"), meta, *images))


def _turned(points: list[tuple[float, float]], x: float, y: float, degrees: float) -> list[Any]:
    turn = np.exp(1j * np.radians(degrees))
    moved = [complex(px - x, py - y) * turn + complex(x, y) for px, py in points]
    return [(point.real, point.imag) for point in moved]


def _around(x: float, y: float, rx: float, ry: float, degrees: float) -> list[Any]:
    turn = np.linspace(0, 2 * np.pi, 2000)
    return _turned([(x + rx * np.cos(a), y + ry * np.sin(a)) for a in turn], x, y, degrees)


@pytest.mark.parametrize(
    ("shape", "ring", "kind"),
    [
        (
            _shape("polygon", points="5.00,4.00;25.00,4.50;14.00,30.25"),
            [(5, 4), (25, 4.5), (14, 30.25)],
            "",
        ),
        (
            _shape("box", xtl=5.2, ytl=4.1, xbr=25.3, ybr=14.8),
            [(5.2, 4.1), (25.3, 4.1), (25.3, 14.8), (5.2, 14.8)],
            "box",
        ),
        (
            _shape("box", xtl=15.2, ytl=14.1, xbr=35.3, ybr=24.8, rotation=30.0),
            _turned([(15.2, 14.1), (35.3, 14.1), (35.3, 24.8), (15.2, 24.8)], 25.25, 19.45, 30),
            "box",
        ),
        (_shape("polyline", points="5.0,10.5;30.0,10.5"), None, "scribble"),
        (_shape("points", points="5.5,10.5;50.5,30.5"), None, "scribble"),
    ],
    ids=lambda value: value.tag if isinstance(value, Element) else "",
)
def test_each_kind_of_shape_is_read(
    tmp_path: Path, shape: Element, ring: list[Any] | None, kind: str
) -> None:
    photo(tmp_path / "set/images/a.png")
    _annotations(tmp_path / "set/annotations.xml", _image("a.png", shape))
    _, manifest = imported(tmp_path / "set", tmp_path / "out", line_width=5.0)
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    assert (manifest.parts[0].mask_kind or "") == kind
    if ring is not None:
        assert agrees(mask, [ring])
    elif shape.tag == "polyline":  # 5 px wide, with round ends
        assert mask[8:13, 5:30].all()
        assert mask.sum() == pytest.approx(25 * 5 + np.pi * 2.5**2, abs=5)
    else:
        rows, columns = np.mgrid[:40, :60] + 0.5
        near = np.minimum(np.hypot(rows - 10.5, columns - 5.5), np.hypot(rows - 30.5, columns - 50.5))
        assert (mask == (near < 2.5)).all()


def test_an_ellipse_is_read_with_its_rotation(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.png")
    drawn = _shape("ellipse", cx=30.3, cy=20.2, rx=14.5, ry=7.25, rotation=20.0)
    _annotations(tmp_path / "set/annotations.xml", _image("a.png", drawn))
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    rows, columns = np.mgrid[:40, :60] + 0.5
    turned = complex(np.cos(np.radians(20)), -np.sin(np.radians(20))) * (columns - 30.3 + 1j * (rows - 20.2))
    inside = (turned.real / 14.5) ** 2 + (turned.imag / 7.25) ** 2 <= 1
    assert (mask != inside).sum() <= 4  # it is drawn as a polygon of many corners
    assert mask.sum() == pytest.approx(np.pi * 14.5 * 7.25, rel=0.02)


def test_run_lengths_go_by_rows_within_their_box(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.png")
    drawn = _shape("mask", rle="2, 3, 2, 2, 1, 2", left=7, top=5, width=4, height=3)
    _annotations(tmp_path / "set/annotations.xml", _image("a.png", drawn))
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    assert (mask[5:8, 7:11] == _RUNS).all()
    assert mask.sum() == _RUNS.sum()


def test_tags_subsets_and_folders(tmp_path: Path) -> None:
    for name in ("train/a.png", "val/a.png", "val/deep/b.png", "c.png"):
        photo(tmp_path / "set/images" / name)
    _annotations(
        tmp_path / "set/annotations.xml",
        _image("a.png", _shape("tag"), subset="train"),
        _image("a.png", subset="val", id=1),
        _image("val/deep/b.png", element("tag", {"label": "good"}), id=2),
        _image("c.png", _shape("box", xtl=5, ytl=4, xbr=25, ybr=14, outside=1), id=3),
        subset="Test",
    )
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [(p.image.parent.name, p.image.name, p.label, p.split) for p in manifest.parts] == [
        ("train", "a.png", Label.NG, "train"),
        ("val", "a.png", Label.OK, "val"),
        ("deep", "b.png", Label.OK, "val"),
        ("images", "c.png", Label.OK, "test"),
    ]
    assert manifest.parts[0].defect_type == "scratch"


def test_what_is_not_taken_is_said(tmp_path: Path) -> None:
    for name in ("a.png", "cuboid.png", "other_size.png", "x/twice.png", "y/twice.png"):
        photo(tmp_path / "set/images" / name)
    box = _shape("box", xtl=5, ytl=4, xbr=25, ybr=14)
    _annotations(
        tmp_path / "set/annotations.xml",
        _image("a.png", box),
        _image("gone.png", box, id=1),
        _image("cuboid.png", _shape("cuboid", xtl1=1), id=2),
        _image("other_size.png", box, id=3, width=61),
        _image("twice.png", box, id=4),
    )
    done, manifest = imported(tmp_path / "set", tmp_path / "out", unlabeled="skip")
    assert [part.image.name for part in manifest.parts] == ["a.png"]
    left = done.record["outcome"]["left"]
    assert {why: left[why] for why in (NOT_THERE, DAMAGED, OTHER_SIZE, SEVERAL)} == {
        **{NOT_THERE: 1, DAMAGED: 1, OTHER_SIZE: 1},
        SEVERAL: 1,
    }


def test_tracks_of_a_video_are_refused(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/a.png")
    _annotations(tmp_path / "set/annotations.xml", element("track", {"id": 0, "label": "scratch"}))
    with pytest.raises(GainspectError, match=r"annotations\.xml: it holds the tracks of a video"):
        imported(tmp_path / "set", tmp_path / "out")


@pytest.mark.parametrize("text", ["", "<annotations>", "<annotations/>", "<other/>", "\x00", "<a>" * 999])
def test_files_that_are_no_export_of_cvat_are_refused(tmp_path: Path, text: str) -> None:
    photo(tmp_path / "set/a.png")
    (tmp_path / "set/a.xml").write_text(text)
    for source in (tmp_path / "set", tmp_path / "set/a.xml"):
        with pytest.raises(GainspectError, match=r"a\.xml|set"):
            imported(source, tmp_path / "out", format="cvat")
    assert not (tmp_path / "out").exists()


_NAMES = ["points", "xtl", "ytl", "xbr", "ybr", "rotation", "cx", "cy", "rx", "ry", "label"]
_MASK = ["rle", "left", "top", "width", "height"]


@given(
    tag=st.sampled_from(["polygon", "polyline", "points", "box", "ellipse", "mask", "tag", "skeleton"]),
    attributes=st.dictionaries(st.sampled_from([*_NAMES, *_MASK]), TEXT),
    image=st.dictionaries(st.sampled_from(["name", "width", "height", "subset", "id"]), TEXT, max_size=1),
)
def test_garbage_is_a_sentence_and_leaves_nothing_half_written(
    tmp_path_factory: pytest.TempPathFactory, tag: str, attributes: dict[str, str], image: dict[str, str]
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    photo(folder / "set/a.png")
    drawn = _image("a.png", element(tag, {"label": "scratch", **attributes}))
    drawn.attrib |= image
    _annotations(folder / "set/a.xml", drawn)
    sentence_or_import(folder, "a.xml")


@pytest.mark.shared
def test_a_real_export(tmp_path: Path) -> None:
    folder = native("cvat_images_xml")
    rings: dict[str, list[Any]] = defaultdict(list)
    images = parse(folder / "annotations.xml").getroot().findall("image")
    for image in images:
        for polygon in image.iter("polygon"):
            if polygon.get("label") == "eagle":
                points = [tuple(map(float, p.split(","))) for p in polygon.attrib["points"].split(";")]
                rings[image.attrib["name"]].append(points)
    there = {file.name for file in (folder / "images").iterdir()}
    listed = {image.attrib["name"] for image in images}
    with pytest.raises(GainspectError, match=r"what these classes mean:\n  'eagle' \(\d+ shapes"):
        imported(folder, tmp_path / "out", unlabeled="skip")
    classes = {p.get("label", "") for image in images if image.get("name") in there for p in image}
    done, manifest = imported(
        folder, tmp_path / "out", defect=["eagle"], ok=sorted(classes - {"eagle"}), unlabeled="skip"
    )
    assert {part.image.name for part in manifest.parts} == there & listed
    assert done.record["outcome"]["left"][NOT_THERE] == len(listed - there)
    for part in manifest.parts:
        drawn, mask = rings.get(part.image.name), manifest.mask(part)
        assert part.label is (Label.NG if drawn else Label.OK)
        assert (mask is None) == (not drawn)
        assert mask is None or agrees(mask, drawn or [])
    assert sum(part.label is Label.NG for part in manifest.parts) == len(there & rings.keys()) > 5

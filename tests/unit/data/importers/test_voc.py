"""Pascal VOC: boxes, class masks, lists of images, label maps, and garbage."""

import unicodedata
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from drawn_labels import agrees, imported, photo
from gainspect.data.importers.class_masks import voc_color
from gainspect.data.importers.rendering import DAMAGED, OTHER_SIZE
from gainspect.data.importers.source import NOT_THERE
from gainspect.data.importers.voc import IN_TWO_LISTS, MASK_DAMAGED
from gainspect.errors import GainspectError
from gainspect.types import Label
from garbage import TEXT, sentence_or_import
from tool_exports import element, palette_png, text_element, voc_xml, write_xml

_COLORS = [(voc_color(n) >> 16, voc_color(n) >> 8 & 255, voc_color(n) & 255) for n in range(256)]


def _xml(folder: Path, name: str, *boxes: dict[str, Any]) -> Path:
    photo(folder / "JPEGImages" / name)
    return write_xml((folder / "Annotations" / name).with_suffix(".xml"), voc_xml(name, 40, 60, boxes))


def _box(left: object, top: object, right: object, bottom: object, **others: object) -> dict[str, Any]:
    return {"left": left, "top": top, "right": right, "bottom": bottom, **others}


def _values(*boxes: tuple[int, int, int, int, int]) -> NDArray[np.uint8]:
    """(40, 60) of 0 and, in each box of left, top, right, bottom, a value."""
    values = np.zeros((40, 60), np.uint8)
    for left, top, right, bottom, value in boxes:
        values[top:bottom, left:right] = value
    return values


def _class_mask(folder: Path, stem: str, content: bytes) -> Path:
    path = folder / "SegmentationClass" / f"{stem}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_colors_are_those_of_the_development_kit() -> None:
    # The first 21 and the last, as listed in the kit's documentation of segmentations.
    listed = (
        "000000 800000 008000 808000 000080 800080 008080 808080 400000 c00000 408000 c08000 400080 c00080"
    )
    listed += " 408080 c08080 004000 804000 00c000 80c000 004080"
    assert [f"{voc_color(number):06x}" for number in range(21)] == listed.split()
    assert f"{voc_color(255):06x}" == "e0e0c0"


@pytest.mark.parametrize(
    ("box", "columns", "rows"),
    [
        (_box(6, 5, 25, 14), (5, 25), (4, 14)),
        (_box(1, 1, 60, 40), (0, 60), (0, 40)),
        (_box("5.0", "4.0", "25.0", "14.0"), (5, 25), (4, 14)),
        (_box(0, 4, 25, 14), (0, 25), (4, 14)),
    ],
    ids=["pixels from 1 on", "the whole picture", "positions", "from 0 on"],
)
def test_boxes(tmp_path: Path, box: dict[str, Any], columns: tuple[int, int], rows: tuple[int, int]) -> None:
    _xml(tmp_path / "set", "a.jpg", {**box, "truncated": 1, "pose": "Left"})
    done, manifest = imported(tmp_path / "set", tmp_path / "out")
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    expected = _values((columns[0], rows[0], columns[1], rows[1], 1))
    assert (mask == expected).all()
    assert manifest.parts[0].mask_kind == "box"
    assert done.record["outcome"]["notes"] == {}


def test_what_is_difficult_is_ignored_and_nothing_drawn_is_ok(tmp_path: Path) -> None:
    _xml(tmp_path / "set", "a.jpg", _box(6, 5, 25, 14, difficult=1))
    _xml(tmp_path / "set", "b.jpg", _box(6, 5, 25, 14, difficult=0), _box(30, 5, 40, 14, difficult=1))
    _xml(tmp_path / "set", "c.jpg")
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [part.label for part in manifest.parts] == [Label.OK, Label.NG, Label.OK]
    marks = manifest.marks(manifest.parts[1])
    assert marks is not None
    assert marks.ignored is not None
    assert (marks.defect == _values((5, 4, 25, 14, 1))).all()
    assert (marks.ignored == _values((29, 4, 40, 14, 1))).all()


def test_polygons_of_roboflow(tmp_path: Path) -> None:
    path = _xml(tmp_path / "set", "a.jpg")
    root = voc_xml("a.jpg", 40, 60, [_box(6, 5, 25, 14)])
    corners = {"x1": 5.5, "y1": 4.5, "x2": 30.5, "y2": 6.5, "x3": 12.5, "y3": 33.5}
    outline = element("polygon", {}, *(text_element(axis, value) for axis, value in corners.items()))
    thing = root.find("object")
    assert thing is not None
    thing.append(outline)
    write_xml(path, root)
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    assert agrees(mask, [[(5.5, 4.5), (30.5, 6.5), (12.5, 33.5)]])


_DEFECTS = _values((5, 4, 25, 14, 1), (40, 20, 50, 30, 2), (25, 4, 27, 14, 255))


_LABEL_MAP = "# label:color_rgb:parts:actions\nbackground:0,0,0::\ndent:7,8,9::\nscratch:200,100,0::\n"
_GRAY = cv2.imencode(".png", _DEFECTS)[1].tobytes()


@pytest.mark.parametrize(
    ("name", "text", "mask"),
    [
        ("class_names.txt", "_background_\nscratch\ndent\n", palette_png(_DEFECTS, _COLORS)),
        ("labels.txt", "__ignore__\n_background_\nscratch\ndent\n", _GRAY),
        ("", "", palette_png(_DEFECTS, _COLORS)),
        (
            "labelmap.txt",
            _LABEL_MAP,
            palette_png(_DEFECTS, [(0, 0, 0), (200, 100, 0), (7, 8, 9), *_COLORS[3:]]),
        ),
    ],
    ids=["palette", "gray", "without names", "label map"],
)
def test_class_masks(tmp_path: Path, name: str, text: str, mask: bytes) -> None:
    folder = tmp_path / "set/VOC2012"
    photo(folder / "JPEGImages/a.jpg")
    photo(folder / "JPEGImages/b.jpg")
    _class_mask(folder, "a", mask)
    _class_mask(folder, "b", palette_png(_values(), _COLORS))
    (folder / "SegmentationObject").mkdir()
    (folder / "SegmentationObject/a.png").write_bytes(palette_png(_values((5, 4, 25, 14, 3)), _COLORS))
    if name:
        (folder / name).write_text(text)
    names = ("scratch", "dent") if name else ("class 1", "class 2")
    ignore = ["color #e0e0c0"] if name == "labelmap.txt" else []
    if ignore:
        with pytest.raises(GainspectError, match=r"'color #e0e0c0' \(1 shape"):
            imported(tmp_path / "set", tmp_path / "out", defect=[names[0]])
    _, manifest = imported(
        tmp_path / "set", tmp_path / "out", defect=[names[0]], ok=[names[1]], ignore=ignore
    )
    assert [(part.image.name, part.label) for part in manifest.parts] == [
        ("a.jpg", Label.NG),
        ("b.jpg", Label.OK),
    ]
    marks = manifest.marks(manifest.parts[0])
    assert marks is not None
    assert marks.ignored is not None
    assert (marks.defect == (_DEFECTS == 1)).all()
    assert (marks.ignored == (_DEFECTS == 255)).all()
    assert manifest.parts[0].defect_type == names[0]
    assert manifest.parts[0].mask_kind is None


def test_a_gray_mask_of_nothing_but_0_and_255_is_asked(tmp_path: Path) -> None:
    photo(tmp_path / "set/JPEGImages/a.jpg")
    _class_mask(tmp_path / "set", "a", cv2.imencode(".png", _values((5, 4, 25, 14, 255)))[1].tobytes())
    with pytest.raises(GainspectError, match="what this class means:\n  'class 255'"):
        imported(tmp_path / "set", tmp_path / "out")


def test_boxes_of_what_a_mask_shows_are_not_drawn_and_others_are(tmp_path: Path) -> None:
    _xml(
        tmp_path / "set",
        "a.jpg",
        _box(4, 3, 26, 15),  # around the masked scratch
        _box(30, 30, 40, 35),  # another scratch
        _box(41, 21, 50, 30, name="dent"),
    )
    (tmp_path / "set/class_names.txt").write_text("_background_\nscratch\n")
    shown = _values((5, 4, 25, 14, 1))
    shown[6:10, 10:20] = 0
    _class_mask(tmp_path / "set", "a", palette_png(shown, _COLORS))
    _, manifest = imported(tmp_path / "set", tmp_path / "out", defect=["dent"])
    mask = manifest.mask(manifest.parts[0])
    assert mask is not None
    assert (mask == (shown | _values((29, 29, 40, 35, 1), (40, 20, 50, 30, 1)))).all()
    assert manifest.parts[0].mask_kind == "box"


def test_lists_of_images_say_the_split(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    for name in "abcd":
        _xml(folder, f"{name}.jpg", *([_box(6, 5, 25, 14)] if name == "a" else []))
    photo(folder / "JPEGImages/e.jpg")
    _xml(folder, "part 1.jpg")
    lists = {
        "train": 'a.jpg\nb 1\n"part 1" 1\n',
        "val": "c -1\n\nb\n",
        "test": "e\ngone\n",
        "trainval": "a\nc\nd\n",
        "dent_train": "d\n",
    }
    (folder / "ImageSets/Main").mkdir(parents=True)
    for name, text in lists.items():
        (folder / "ImageSets/Main" / f"{name}.txt").write_text(text)
    done, manifest = imported(folder, tmp_path / "out", unlabeled="ok")
    splits = {part.image.stem: part.split for part in manifest.parts}
    assert splits == {"a": "train", "b": None, "c": "val", "d": None, "e": "test", "part 1": "train"}
    assert done.record["outcome"]["notes"] == {IN_TWO_LISTS: 1}
    assert done.record["outcome"]["left"] == {NOT_THERE: 1}


def test_names_count_in_any_form_of_unicode(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    apart, together = (unicodedata.normalize(form, "불량 é") for form in ("NFD", "NFC"))
    photo(folder / f"JPEGImages/{apart}.jpg")
    write_xml(folder / f"Annotations/{together}.xml", voc_xml(f"{apart}.jpg", 40, 60, []))
    _class_mask(folder, apart, palette_png(_values((5, 4, 25, 14, 1)), _COLORS))
    (folder / "ImageSets/Main").mkdir(parents=True)
    (folder / "ImageSets/Main/val.txt").write_text(apart, encoding="utf-8")
    _, manifest = imported(folder, tmp_path / "out", defect=["class 1"])
    assert [(part.label, part.split) for part in manifest.parts] == [(Label.NG, "val")]


def test_images_beside_their_annotations_and_split_folders(tmp_path: Path) -> None:
    for split in ("train", "valid"):
        photo(tmp_path / "set" / split / "a.jpg")
        boxes = [_box(6, 5, 25, 14)] if split == "valid" else []
        write_xml(tmp_path / "set" / split / "a.xml", voc_xml("other name.jpg", 40, 60, boxes))
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert {part.split: part.label for part in manifest.parts} == {"train": Label.OK, "val": Label.NG}


def test_sizes_that_are_no_sizes_say_nothing(tmp_path: Path) -> None:
    for name, side in {"a.jpg": "0", "b.jpg": "9" * 5000, "c.jpg": ""}.items():
        path = _xml(tmp_path / "set", name, _box(6, 5, 25, 14))
        root = voc_xml(name, 40, 60, [_box(6, 5, 25, 14)])
        next(root.iter("width")).text = side
        write_xml(path, root)
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [part.label for part in manifest.parts] == [Label.NG] * 3


def test_an_image_is_found_by_the_name_in_its_xml_too(tmp_path: Path) -> None:
    photo(tmp_path / "set/images/part one.jpg")
    write_xml(tmp_path / "set/labels/1.xml", voc_xml("part one.jpg", 40, 60, [_box(6, 5, 25, 14)]))
    _, manifest = imported(tmp_path / "set", tmp_path / "out")
    assert [part.image.name for part in manifest.parts] == ["part one.jpg"]


def test_what_is_not_taken_is_said(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    _xml(folder, "a.jpg", _box(6, 5, 25, 14))
    _xml(folder, "damaged.jpg", _box(6, 5, "x", 14))
    _xml(folder, "mask.jpg")
    _class_mask(folder, "mask", palette_png(_values((5, 4, 25, 14, 1))[:30], _COLORS))
    write_xml(folder / "Annotations/gone.xml", voc_xml("gone.jpg", 40, 60, []))
    _xml(folder, "cut.jpg")
    _class_mask(folder, "cut", palette_png(_values(), _COLORS)[:-20])
    _xml(folder, "deep.jpg")
    deep = np.dstack([_values((5, 4, 25, 14, 1)).astype(np.uint16) * 257] * 3)
    _class_mask(folder, "deep", cv2.imencode(".png", deep)[1].tobytes())
    done, manifest = imported(folder, tmp_path / "out", defect=["scratch", "class 1"])
    assert [part.image.name for part in manifest.parts] == ["a.jpg"]
    assert done.record["outcome"]["left"] == {
        **{NOT_THERE: 1, DAMAGED: 1},
        **{OTHER_SIZE: 1, MASK_DAMAGED: 2},
    }


@pytest.mark.parametrize(
    "text", ["", "<annotation>", "<annotation><object/></annotation>", "<annotations/>", "\x00"]
)
def test_damaged_files_are_refused_with_their_place(tmp_path: Path, text: str) -> None:
    photo(tmp_path / "set/a.png")
    (tmp_path / "set/a.xml").write_text(text)
    for source in (tmp_path / "set", tmp_path / "set/a.xml"):
        with pytest.raises(GainspectError, match=r"a\.xml|set"):
            imported(source, tmp_path / "out", format="voc")
    assert not (tmp_path / "out").exists()


def test_a_damaged_label_map_is_refused_with_its_place(tmp_path: Path) -> None:
    _xml(tmp_path / "set", "a.jpg")
    for color in ("1,2", "1,2,256", "1,2,x", f"1,2,{'9' * 5000}", "-1,2,3"):
        (tmp_path / "set/labelmap.txt").write_text(f"scratch:{color}:x\n")
        with pytest.raises(GainspectError, match=r"labelmap\.txt: line 1 is not name:red,green,blue"):
            imported(tmp_path / "set", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@given(
    fields=st.dictionaries(st.sampled_from(["name", "difficult", "polygon", "left", "right"]), TEXT),
    size=st.dictionaries(st.sampled_from(["width", "height", "filename"]), TEXT),
    labelmap=st.text(max_size=12) | st.none(),
)
def test_garbage_is_a_sentence_and_leaves_nothing_half_written(
    tmp_path_factory: pytest.TempPathFactory,
    fields: dict[str, str],
    size: dict[str, str],
    labelmap: str | None,
) -> None:
    folder = tmp_path_factory.mktemp("garbage")
    photo(folder / "set/a.png")
    root = voc_xml("a.png", 40, 60, [{**_box(6, 5, 25, 14), **fields}])
    for tag, text in size.items():
        found = next(root.iter(tag))
        found.text = text
    write_xml(folder / "set/a.xml", root)
    if labelmap is not None:
        (folder / "set/labelmap.txt").write_text(labelmap, encoding="utf-8", errors="replace")
    sentence_or_import(folder, "a.xml", format="voc")

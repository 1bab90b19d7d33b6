"""What mask values mean: how it is written, and how masks are then read."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from gainspect.data.mask_values import MaskValues, color_of
from gainspect.data.masks import Marks, read_marks
from gainspect.errors import GainspectError

COLORS = st.tuples(*[st.integers(0, 255)] * 3)
MEANINGS = st.sampled_from(["background", "defect", "ignore", "scratch", "긁힘", "chip 2"])


def save(folder: Path, pixels: np.ndarray, name: str = "m.png") -> Path:
    Pillow.fromarray(pixels).save(folder / name, **({"quality": 90} if name.endswith("jpg") else {}))
    return folder / name


@given(st.dictionaries(COLORS, MEANINGS, min_size=1))
def test_what_is_written_is_read_back(meanings: dict[tuple[int, int, int], str]) -> None:
    if not set(meanings.values()) - {"background", "ignore"}:
        return
    values = MaskValues({(0, 0, 0): "background"} | meanings)
    assert MaskValues.parse(str(values)) == values
    assert MaskValues.of(values.written) == values


def test_a_line_may_be_written_in_several_ways() -> None:
    one = MaskValues.parse("1=defect,255=ignore,#ff0000=scratch")
    assert MaskValues.parse(" 1 = Defect , 255:IGNORE, (255, 0,0) = scratch") == one
    assert dict(one.meanings)[(0, 0, 0)] == "background"


def test_inverted_masks_can_be_said() -> None:
    assert MaskValues.parse("0=defect,255=background").meanings[(0, 0, 0)] == "defect"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("", "no mask value means a defect"),
        ("1", "'1' is no mask value with a meaning"),
        ("red=defect", "'red=defect' is no mask value"),
        ("1=defect;255=ignore", "is no mask value with a meaning"),
        ("256=defect", "'256' is not a value that a mask can have"),
        ("1=defect,#010101=ignore", "named twice"),
        ("1=ignore", "no mask value means a defect"),
        ("1=defect,255=ignored", "Did you mean ignore"),
        ("1=defekt", "Did you mean defect"),
        ("1=backgroud,2=defect", "Did you mean background"),
        ("1=", "no meaning"),
    ],
)
def test_what_is_no_line_is_a_sentence(line: str, what: str) -> None:
    with pytest.raises(GainspectError, match=what):
        MaskValues.parse(line)


@pytest.mark.parametrize("value", ["", "-1", "300", "#12345", "(1, 2)", "1 2 3", "#gggggg"])
def test_what_is_no_value_is_a_sentence(value: str) -> None:
    with pytest.raises(GainspectError, match="a mask can have"):
        color_of(value)


def regions() -> np.ndarray:
    """(40, 60) 0, 1, 2: background, and two squares apart from each other."""
    index = np.zeros((40, 60), np.intp)
    index[5:15, 5:20] = 1
    index[22:35, 30:50] = 2
    return index


@given(colors=st.lists(COLORS, min_size=3, max_size=3, unique=True))
def test_each_pixel_is_what_its_value_means(
    colors: list[tuple[int, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    index = regions()
    path = save(tmp_path_factory.mktemp("m"), np.array(colors, np.uint8)[index])
    values = MaskValues(dict(zip(colors, ("background", "scratch", "ignore"), strict=True)))
    marks = read_marks(path, index.shape, values=values)
    np.testing.assert_array_equal(marks.defect, index == 1)
    assert marks.ignored is not None
    np.testing.assert_array_equal(marks.ignored, index == 2)
    assert marks.types == {"scratch": 150}


def test_nothing_to_ignore_and_no_type_is_none(tmp_path: Path) -> None:
    path = save(tmp_path, (regions() == 1).astype(np.uint8))
    marks = read_marks(path, values=MaskValues.parse("1=defect,255=ignore"))
    assert (marks.ignored, marks.types) == (None, {})
    assert marks.defect.sum() == 150


def test_a_voc_contour_is_ignored_instead_of_being_the_defect(tmp_path: Path) -> None:
    """The VOC convention: the object is 1, a contour of 255 around it is void."""
    defect = (regions() == 1).astype(np.uint8)
    ring = cv2.dilate(defect, np.ones((3, 3), np.uint8)) - defect
    path = save(tmp_path, (defect + 255 * ring).astype(np.uint8))
    with pytest.raises(GainspectError, match=r"more than two values.*--mask-values 1=defect,255=ignore"):
        read_marks(path)
    marks = read_marks(path, values=MaskValues.parse("1=defect,255=ignore"))
    np.testing.assert_array_equal(marks.defect, defect)
    np.testing.assert_array_equal(marks.ignored, ring)


@given(radius=st.integers(4, 12), sigma=st.floats(0.5, 1.0))
def test_a_smoothed_border_takes_the_nearer_value(
    radius: int, sigma: float, tmp_path_factory: pytest.TempPathFactory
) -> None:
    disk = np.zeros((40, 40), np.uint8)
    cv2.circle(disk, (20, 20), radius, 255, -1)
    smooth = cv2.GaussianBlur(disk, (0, 0), sigma)
    path = save(tmp_path_factory.mktemp("m"), smooth)
    marks = read_marks(path, values=MaskValues.parse("255=defect"))
    np.testing.assert_array_equal(marks.defect, smooth > 127)


def test_a_compressed_mask_takes_the_nearer_value(tmp_path: Path) -> None:
    index = regions()
    path = save(tmp_path, np.array([0, 255, 128], np.uint8)[index], "m.jpg")
    marks = read_marks(path, values=MaskValues.parse("255=defect,128=ignore"))
    assert marks.ignored is not None
    assert (marks.defect != (index == 1)).mean() < 0.01
    assert (marks.ignored != (index == 2)).mean() < 0.05  # a border of 255 passes 128
    with pytest.raises(GainspectError, match=r"JPEG.*too close.*PNG"):
        read_marks(path, values=MaskValues.parse("1=defect,2=ignore"))


@pytest.mark.parametrize("smooth", [False, True])
def test_a_contour_without_a_meaning_is_no_smoothed_border(tmp_path: Path, smooth: bool) -> None:
    """255 between 0 and 1, or 255 around a smoothed 128, is no mixture of the two."""
    disk = np.zeros((60, 60), np.uint8)
    cv2.circle(disk, (30, 30), 15, 128 if smooth else 1, -1)
    disk = cv2.GaussianBlur(disk, (0, 0), 0.8) if smooth else disk
    cv2.circle(disk, (30, 30), 16, 255, 3)
    with pytest.raises(GainspectError, match="without a meaning: 255"):
        read_marks(save(tmp_path, disk), values=MaskValues.parse("128=defect" if smooth else "1=defect"))


def test_a_value_without_a_meaning_is_named(tmp_path: Path) -> None:
    path = save(tmp_path, np.array([0, 1, 77], np.uint8)[regions()])
    with pytest.raises(
        GainspectError, match=r"without a meaning: 77 \(260 pixels\) \(known: 0=background, 1=de"
    ):
        read_marks(path, values=MaskValues.parse("1=defect"))


# An image that is stored turned.


def image(folder: Path, orientation: int, shape: tuple[int, int], kind: str = "JPEG") -> Path:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = folder / f"i.{kind.lower()}"
    Pillow.fromarray(np.zeros(shape, np.uint8)).save(path, kind, exif=exif)
    return path


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_a_mask_lies_as_its_size_says(tmp_path: Path, orientation: int, kind: str) -> None:
    """Of an image that lies on its side, a mask of the stored size is turned with it."""
    from PIL import ImageOps

    drawn = (regions() == 1).astype(np.uint8) * 255
    source = image(tmp_path, orientation, drawn.shape, kind)
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Pillow.fromarray(drawn).save(file, "PNG", exif=exif)
    turned = np.asarray(ImageOps.exif_transpose(Pillow.open(file)))
    as_stored = read_marks(save(tmp_path, drawn), turned.shape, image=source).defect
    np.testing.assert_array_equal(as_stored, turned > 0)
    as_upright = read_marks(save(tmp_path, turned), turned.shape, image=source).defect
    np.testing.assert_array_equal(as_upright, turned > 0)
    (tmp_path / "m.png").write_bytes(file.getvalue())  # it says its own orientation
    np.testing.assert_array_equal(
        read_marks(tmp_path / "m.png", turned.shape, image=source).defect, turned > 0
    )


@pytest.mark.parametrize(
    ("orientation", "shape"), [(2, (40, 60)), (3, (40, 60)), (4, (40, 60)), (6, (50, 50))]
)
def test_where_nothing_says_how_a_mask_lies_it_is_refused(
    tmp_path: Path, orientation: int, shape: tuple[int, int]
) -> None:
    source, mask = image(tmp_path, orientation, shape), np.zeros(shape, np.uint8)
    empty = read_marks(save(tmp_path, mask), shape, image=source)
    assert not empty.defect.any()
    mask[3:9, 4:9] = 255
    with pytest.raises(GainspectError, match=rf"EXIF orientation {orientation}\), and nothing says.*upright"):
        read_marks(save(tmp_path, mask), shape, image=source)
    upright = read_marks(tmp_path / "m.png", shape, image=image(tmp_path, 1, shape))
    assert isinstance(upright, Marks) and upright.defect.sum() == 30

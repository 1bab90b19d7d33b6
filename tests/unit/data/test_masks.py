"""Masks: two values, whichever they are, are background and defect; a third is refused and named."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow

from gainspect.data.masks import marking_values, read_mask, require_one_meaning
from gainspect.errors import GainspectError

SIDE = 64
Truth = NDArray[np.uint8]


def _disk(radius: int, center: tuple[int, int] = (30, 28)) -> Truth:
    return np.asarray(cv2.circle(np.zeros((SIDE, SIDE), np.uint8), center, radius, 1, -1), np.uint8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mask.png"


def _save(path: Path, image: Pillow.Image, kind: str = "PNG", **options: Any) -> None:
    image.save(path, kind, **options)


def _palette(truth: Truth, table: list[int]) -> Pillow.Image:
    image = Pillow.fromarray(truth, "P")
    image.putpalette(table + [0] * (768 - len(table)))
    return image


# --- two values --------------------------------------------------------------------------------------


@given(
    value=st.one_of(st.integers(1, 255), st.tuples(*[st.integers(0, 255)] * 3).filter(lambda c: max(c) > 0)),
    radius=st.integers(1, 20),
)
def test_any_one_value_beside_black_is_the_defect(
    tmp_path_factory: pytest.TempPathFactory, value: int | tuple[int, int, int], radius: int
) -> None:
    truth = _disk(radius)
    pixels = np.zeros((SIDE, SIDE) if isinstance(value, int) else (SIDE, SIDE, 3), np.uint8)
    pixels[truth > 0] = value
    file = tmp_path_factory.mktemp("m") / "m.png"
    Pillow.fromarray(pixels).save(file)
    np.testing.assert_array_equal(read_mask(file), truth)


def _rgba(truth: Truth, color: tuple[int, int, int], beneath: tuple[int, int, int]) -> Pillow.Image:
    pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
    pixels[:, :, :3] = np.where(truth[:, :, None] > 0, color, beneath)
    pixels[:, :, 3] = truth * 255
    return Pillow.fromarray(pixels, "RGBA")


WRITERS: dict[str, Callable[[Path, Truth], None]] = {
    "1 bit": lambda p, m: _save(p, Pillow.fromarray(m > 0)),
    "16 bit, 65535": lambda p, m: _save(p, Pillow.fromarray(m.astype(np.uint16) * 65535)),
    "16 bit, 255": lambda p, m: _save(p, Pillow.fromarray(m.astype(np.uint16) * 255)),
    "16 bit, 1": lambda p, m: _save(p, Pillow.fromarray(m.astype(np.uint16))),
    "RGB white": lambda p, m: _save(p, Pillow.fromarray(np.repeat(m[:, :, None] * 255, 3, 2))),
    "palette, white": lambda p, m: _save(p, _palette(m, [0, 0, 0, 255, 255, 255])),
    "palette, VOC red": lambda p, m: _save(p, _palette(m, [0, 0, 0, 128, 0, 0])),
    "grey with opaque alpha": lambda p, m: _save(
        p, Pillow.fromarray(np.stack([m * 255, np.full_like(m, 255)], 2), "LA")
    ),
    "white with the defect in alpha": lambda p, m: _save(p, _rgba(m, (255, 255, 255), (255, 255, 255))),
    "red paint on transparent": lambda p, m: _save(p, _rgba(m, (255, 0, 0), (0, 0, 0))),
    "TIFF, min is white": lambda p, m: tifffile.imwrite(p, 255 - m * 255, photometric="miniswhite"),
    "BMP": lambda p, m: _save(p, Pillow.fromarray(m * 255), "BMP"),
}


@pytest.mark.parametrize("how", WRITERS)
@pytest.mark.parametrize("radius", [2, 12])
def test_what_label_tools_write_is_read(path: Path, how: str, radius: int) -> None:
    WRITERS[how](path, _disk(radius))
    np.testing.assert_array_equal(read_mask(path), _disk(radius))


def test_a_black_mask_marks_nothing(path: Path) -> None:
    _save(path, Pillow.fromarray(np.zeros((SIDE, SIDE), np.uint8)))
    assert not read_mask(path).any()


# --- values in between -------------------------------------------------------------------------------


def _close(found: Truth, truth: Truth) -> bool:
    """Equal but for one pixel along the border."""
    kernel = np.ones((3, 3), np.uint8)
    inner, outer = cv2.erode(truth, kernel), cv2.dilate(truth, kernel)
    return bool((found[inner > 0] == 1).all() and (found[outer == 0] == 0).all())


@given(quality=st.integers(75, 100), radius=st.integers(4, 20), value=st.integers(200, 255))
@example(quality=30, radius=10, value=255)
def test_compression_is_no_third_value(
    tmp_path_factory: pytest.TempPathFactory, quality: int, radius: int, value: int
) -> None:
    """JPEG content, whatever the name of the file."""
    buffer = io.BytesIO()
    Pillow.fromarray(_disk(radius) * np.uint8(value)).save(buffer, "JPEG", quality=quality)
    file = tmp_path_factory.mktemp("m") / "m.png"
    file.write_bytes(buffer.getvalue())
    assert _close(read_mask(file), _disk(radius))


@given(sigma=st.floats(0.3, 1.2), radius=st.integers(3, 20), value=st.sampled_from([255, 200, 128]))
def test_a_smoothed_border_is_no_third_value(
    tmp_path_factory: pytest.TempPathFactory, sigma: float, radius: int, value: int
) -> None:
    smooth = cv2.GaussianBlur(_disk(radius) * np.uint8(value), (0, 0), sigma)
    file = tmp_path_factory.mktemp("m") / "m.png"
    Pillow.fromarray(smooth).save(file)
    assert _close(read_mask(file), _disk(radius))


def test_a_resized_mask_is_read(path: Path) -> None:
    small = cv2.resize(_disk(12) * 255, (40, 40), interpolation=cv2.INTER_AREA)
    _save(path, Pillow.fromarray(small))
    covered = cv2.resize(_disk(12).astype(np.float32), (40, 40), interpolation=cv2.INTER_AREA)
    found = read_mask(path)
    assert found[covered > 0.51].all() and not found[covered < 0.49].any()


# --- third values ------------------------------------------------------------------------------------


def _ring(truth: Truth) -> NDArray[np.bool_]:
    return np.asarray((cv2.dilate(truth, np.ones((3, 3), np.uint8)) - truth) > 0)


@pytest.mark.parametrize("radius", [1, 2, 8])
def test_the_void_contour_of_voc_is_not_the_defect(path: Path, radius: int) -> None:
    pixels = _disk(radius)
    pixels[_ring(_disk(radius))] = 255
    _save(path, Pillow.fromarray(pixels))
    with pytest.raises(GainspectError, match=r"mask\.png: the mask has more than two values.*(255|\b1\b)"):
        read_mask(path)
    _save(path, _palette(pixels, [0, 0, 0, 128, 0, 0] + [0] * (253 * 3 - 3) + [0] * 3))


CLASSES: dict[str, tuple[Any, Any, str]] = {
    "grey 100 and 200": (100, 200, "100|200"),
    "grey 1 and 2": (1, 2, "background 0, defect"),
    "red and green": ((255, 0, 0), (0, 255, 0), r"\(0, 255, 0\)|\(255, 0, 0\)"),
    "white and grey": (255, 128, "128"),
}


@pytest.mark.parametrize("kind", CLASSES)
def test_two_classes_in_one_mask_are_refused_with_their_values(path: Path, kind: str) -> None:
    first, second, named = CLASSES[kind]
    pixels = np.zeros((SIDE, SIDE) if isinstance(first, int) else (SIDE, SIDE, 3), np.uint8)
    pixels[_disk(8) > 0] = first
    pixels[4:14, 4:14] = second
    _save(path, Pillow.fromarray(pixels))
    with pytest.raises(GainspectError, match=f"more than two values.*({named})"):
        read_mask(path)


@given(quality=st.integers(60, 100), second=st.one_of(st.integers(80, 115), st.integers(140, 180)))
def test_two_classes_are_refused_in_a_compressed_mask_too(
    tmp_path_factory: pytest.TempPathFactory, quality: int, second: int
) -> None:
    pixels = _disk(8) * np.uint8(255)
    pixels[4:14, 4:14] = second
    file = tmp_path_factory.mktemp("m") / "m.jpg"
    Pillow.fromarray(pixels).save(file, quality=quality)
    with pytest.raises(GainspectError, match="more than two values"):
        read_mask(file)


def test_another_size_names_both_sizes(path: Path) -> None:
    Pillow.fromarray(np.zeros((3, 5), np.uint8)).save(path)
    with pytest.raises(GainspectError, match="5×3 px, its image 30×20 px"):
        read_mask(path, (20, 30, 3))


# --- a set of masks ----------------------------------------------------------------------------------


def _set(folder: Path, values: list[Any]) -> list[Path]:
    files = []
    for index, value in enumerate(values):
        pixels = np.zeros((SIDE, SIDE) if isinstance(value, int) else (SIDE, SIDE, 3), np.uint8)
        pixels[_disk(6) > 0] = value
        files.append(folder / f"{index}.png")
        Pillow.fromarray(pixels).save(files[-1])
    return files


@pytest.mark.parametrize("values", [[255, 255], [1, 1], [0, 255], [(255, 0, 0)] * 2])
def test_masks_of_one_meaning_are_one_set(tmp_path: Path, values: list[Any]) -> None:
    masks = _set(tmp_path, values)
    require_one_meaning(masks)
    assert len(marking_values(masks)) == 1


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ([100, 200, 100], r"100 in 2 masks \(such as 0\.png\), 200 in 1 mask \(such as 1\.png\)"),
        ([1, 2], "1 in 1.*2 in 1"),
        ([1, 255], "255 in 1"),
        ([255, 250], "250 in 1"),
        ([(255, 0, 0), (0, 0, 255)], r"\(255, 0, 0\) in 1"),
    ],
)
def test_masks_with_different_values_are_refused(tmp_path: Path, values: list[Any], named: str) -> None:
    with pytest.raises(GainspectError, match=f"with different values: .*{named}"):
        require_one_meaning(_set(tmp_path, values))

"""Masks as label tools write them, kind by kind: read as they are meant, or refused with the values found.

Each mask is drawn from shapes that are apart, so what is meant is known pixel by pixel.
"""

import io
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow

from case_inputs import layout
from command_line import Run
from gainspect.data.manifest import Manifest, Part
from gainspect.data.mask_values import MaskValues
from gainspect.data.masks import read_marks, read_mask, require_one_meaning
from gainspect.errors import GainspectError
from gainspect.types import Label

SIDE = 96
Pixels = NDArray[np.integer]


def boxes(count: int, side: int) -> NDArray[np.intp]:
    """(SIDE, SIDE) numbers 1 … count of squares that lie apart; 0 between them."""
    index = np.zeros((SIDE, SIDE), np.intp)
    step = side + 7
    places = [(y, x) for y in range(4, SIDE - side, step) for x in range(4, SIDE - side, step)]
    for number, (y, x) in enumerate(places[:count], start=1):
        index[y : y + side, x : x + side] = number
    return index


def saved(folder: Path, pixels: Pixels, kind: str = "PNG", **options: object) -> Path:
    path = folder / f"m.{kind.lower()}"
    Pillow.fromarray(pixels).save(path, kind, **options)
    return path


# --- several values ----------------------------------------------------------------------------------


@given(
    values=st.lists(st.integers(1, 255), min_size=2, max_size=12, unique=True),
    side=st.integers(2, 6),
)
def test_ids_are_no_shades_of_one_defect(
    values: list[int], side: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Instances or classes, however small and however many: refused, or all of them are the defect.

    Two pixels wide, those of more than half the largest value may be lines that smoothing lowered.
    """
    index = boxes(len(values), side)
    values = values[: index.max()]
    path = saved(tmp_path_factory.mktemp("m"), np.array([0, *values], np.uint8)[index])
    if len(values) == 1 or (side == 2 and 2 * min(values) > max(values)):
        np.testing.assert_array_equal(read_mask(path), index > 0)
    else:
        with pytest.raises(GainspectError, match="more than two values"):
            read_mask(path)


@given(values=st.lists(st.integers(1, 255), min_size=2, max_size=12, unique=True), side=st.integers(1, 6))
def test_ids_with_a_meaning_are_read_and_others_are_refused(
    values: list[int], side: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    index = boxes(len(values), side)
    values = values[: index.max()]
    path = saved(tmp_path_factory.mktemp("m"), np.array([0, *values], np.uint8)[index])
    meant = MaskValues({(v, v, v): f"type {v}" for v in values} | {(0, 0, 0): "background"})
    marks = read_marks(path, values=meant)
    np.testing.assert_array_equal(marks.defect, index > 0)
    assert marks.types == {f"type {v}": int((index == i).sum()) for i, v in enumerate(values, start=1)}
    if len(values) > 1:
        fewer = MaskValues({(v, v, v): "defect" for v in values[1:]} | {(0, 0, 0): "background"})
        with pytest.raises(GainspectError, match=f"without a meaning: {values[0]} "):
            read_marks(path, values=fewer)


@pytest.mark.parametrize("values", [(256,), (1000,), (300, 300), (65535,), (257,)])
def test_one_value_of_16_bits_is_the_defect(values: tuple[int, ...], tmp_path: Path) -> None:
    index = boxes(len(values), 6)
    path = saved(tmp_path, np.array([0, *values], np.uint16)[index])
    np.testing.assert_array_equal(read_mask(path), index > 0)


@pytest.mark.parametrize("values", [(1000, 1001), (1000, 100), (256, 1), (65535, 255), (514, 257)])
def test_two_values_of_16_bits_are_two(values: tuple[int, int], tmp_path: Path) -> None:
    path = saved(tmp_path, np.array([0, *values], np.uint16)[boxes(2, 6)])
    with pytest.raises(GainspectError, match="more than two values"):
        read_mask(path)


# --- smoothed and compressed -------------------------------------------------------------------------


def line(width: int, slope: int) -> NDArray[np.uint8]:
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    return np.asarray(cv2.line(pixels, (8, 20), (88, 20 + slope), 255, width, cv2.LINE_AA), np.uint8)


@given(width=st.integers(1, 4), slope=st.integers(0, 60))
def test_smoothed_lines_are_one_defect(
    width: int, slope: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    drawn = line(width, slope)
    found = read_mask(saved(tmp_path_factory.mktemp("m"), drawn))
    np.testing.assert_array_equal(found, drawn > drawn.max() / 2)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 1.5, 2.0])
@pytest.mark.parametrize("factor", [1, 2, 4])
def test_blurred_and_enlarged_masks_are_one_defect(sigma: float, factor: int, tmp_path: Path) -> None:
    disk = cv2.circle(np.zeros((SIDE, SIDE), np.uint8), (40, 50), 14, 255, -1)
    smooth = cv2.GaussianBlur(disk, (0, 0), sigma)
    large = cv2.resize(smooth, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    path = saved(tmp_path, large)
    np.testing.assert_array_equal(read_mask(path), large > 127)
    marks = (
        read_marks(path, values=MaskValues.parse("255=defect,128=ignore"))
        if factor == 1 and sigma <= 1
        else None
    )
    if marks is not None:
        assert (
            marks.defect[disk > 0].mean() > 0.8
            and not marks.defect[cv2.dilate(disk, np.ones((9, 9))) == 0].any()
        )


@pytest.mark.parametrize("level", [10, 30])
@pytest.mark.parametrize("quality", [50, 75, 95])
def test_a_dark_jpeg_is_refused(level: int, quality: int, tmp_path: Path) -> None:
    pixels = (boxes(3, 8) > 0).astype(np.uint8) * np.uint8(level)
    with pytest.raises(GainspectError, match=r"JPEG and not brighter than \d+.*PNG"):
        read_mask(saved(tmp_path, pixels, "JPEG", quality=quality))


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("width", [2, 3, 8])
def test_a_second_value_in_a_jpeg_is_refused(width: int, quality: int, tmp_path: Path) -> None:
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[10:40, 10:40], pixels[70 : 70 + width, 10:80] = 255, 128
    with pytest.raises(GainspectError, match="more than two values"):
        read_mask(saved(tmp_path, pixels, "JPEG", quality=quality))


@pytest.mark.parametrize("quality", [50, 75, 95])
@pytest.mark.parametrize("width", [1, 2, 5])
def test_a_thin_line_in_a_jpeg_is_the_defect(width: int, quality: int, tmp_path: Path) -> None:
    pixels = np.zeros((SIDE, SIDE), np.uint8)
    pixels[30 : 30 + width, 10:80] = 255
    found = read_mask(saved(tmp_path, pixels, "JPEG", quality=quality))
    assert found[pixels > 0].mean() > 0.95
    assert not found[cv2.dilate(pixels, np.ones((5, 5))) == 0].any()


# --- alpha -------------------------------------------------------------------------------------------


BRUSHES = {"black": (0, 0, 0), "white": (255, 255, 255), "red": (255, 0, 0)}


@pytest.mark.parametrize("brush", BRUSHES)
def test_what_is_painted_on_a_transparent_canvas_is_the_defect(brush: str, tmp_path: Path) -> None:
    index = boxes(3, 8)
    pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
    pixels[index > 0] = (*BRUSHES[brush], 255)
    np.testing.assert_array_equal(read_mask(saved(tmp_path, pixels)), index > 0)


def test_colors_that_nobody_sees_are_refused(tmp_path: Path) -> None:
    pixels = np.zeros((SIDE, SIDE, 4), np.uint8)
    pixels[boxes(3, 8) > 0, 0] = 255
    with pytest.raises(GainspectError, match="transparent everywhere"):
        read_mask(saved(tmp_path, pixels))


@pytest.mark.parametrize("value", [1, 255, 40000])
def test_16_bit_gray_with_alpha_keeps_its_values(value: int, tmp_path: Path) -> None:
    index = boxes(2, 8)
    pixels = np.stack([np.where(index > 0, value, 0), np.full_like(index, 65535)], axis=2).astype(np.uint16)
    done, content = cv2.imencode(".png", np.dstack([pixels[:, :, [0, 0, 0]], pixels[:, :, 1]]))
    assert done
    (tmp_path / "m.png").write_bytes(content.tobytes())
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png"), index > 0)


# --- a set -------------------------------------------------------------------------------------------


def test_a_smoothed_mask_belongs_to_the_set_of_the_drawn_ones(tmp_path: Path) -> None:
    """Its brightest value is lower: 200 of a thin line in a set of 255."""
    masks = []
    for name, pixels in {
        "drawn": (boxes(2, 8) > 0).astype(np.uint8) * np.uint8(255),
        "line": cv2.GaussianBlur(line(2, 30), (0, 0), 0.8),
        "blur": cv2.GaussianBlur(line(6, 9), (0, 0), 1.0),
    }.items():
        masks.append(tmp_path / f"{name}.png")
        Pillow.fromarray(pixels).save(masks[-1])
    shares = require_one_meaning(masks)
    assert shares[masks[0]] == pytest.approx(2 * 64 / SIDE**2)


@pytest.mark.parametrize("pair", [(200, 210), (240, 255), (1, 2)])
def test_near_values_in_two_drawn_masks_are_two(pair: tuple[int, int], tmp_path: Path) -> None:
    masks = []
    for value in pair:
        masks.append(tmp_path / f"{value}.png")
        Pillow.fromarray((boxes(2, 8) > 0).astype(np.uint8) * np.uint8(value)).save(masks[-1])
    with pytest.raises(GainspectError, match="different values"):
        require_one_meaning(masks)


def inverted(pixels: Pixels) -> Pixels:
    return 255 - pixels


@pytest.mark.parametrize("change", [lambda p: p // 255, inverted])
def test_masks_of_the_test_part_mean_what_those_of_the_training_mean(
    change: Callable[[Pixels], Pixels], run: Run, tmp_path: Path
) -> None:
    root = layout(tmp_path / "data", parts=4)
    for file in (root / "masks/test/defective").iterdir():
        pixels = np.asarray(Pillow.open(file))
        Pillow.fromarray(change(pixels)).save(file)
    checked = run("data", "check", root)
    told = run("train", "--data", root, "--out", tmp_path / "run", "--size", "64", "--epochs", "1")
    if change is inverted:
        assert checked.returncode == 0 or "cover most" in checked.stdout
        assert "cover most of their image" in checked.stdout
    else:
        assert told.returncode == 2 and "mark defects with different values" in told.stderr


def test_a_link_is_the_mask_that_it_leads_to(tmp_path: Path) -> None:
    root = layout(tmp_path / "data", parts=3)
    first, second = sorted((root / "masks/train/defective").iterdir())[:2]
    second.unlink()
    second.symlink_to(first)
    from gainspect.data.importers import load_manifest

    with pytest.raises(GainspectError, match="share the mask"):
        load_manifest(root)


@pytest.mark.parametrize("name", ["mask", "Mask", "ground_truth", "labels", "마스크"])
def test_a_folder_that_may_be_meant_for_masks_is_an_error(name: str, tmp_path: Path) -> None:
    root = layout(tmp_path / "data")
    (root / "masks").rename(root / name)
    from gainspect.data.importers import load_manifest

    with pytest.raises(GainspectError, match=f"no folder masks/, but {name}/"):
        load_manifest(root)


def test_an_image_on_its_side_and_its_mask_are_read_together(tmp_path: Path) -> None:
    """The defect lies where it lies in the image, whichever way the mask was stored."""
    index = boxes(3, 8)[:60]
    image = np.where(index > 0, 20, 200).astype(np.uint8)
    exif = Pillow.Exif()
    exif[0x0112] = 6
    for name, kind, options in (("image", "PNG", {"exif": exif}), ("mask", "PNG", {})):
        pixels = image if name == "image" else (index > 0).astype(np.uint8) * np.uint8(255)
        file = io.BytesIO()
        Pillow.fromarray(pixels).save(file, kind, **options)
        (tmp_path / f"{name}.png").write_bytes(file.getvalue())
    part = Part(tmp_path / "image.png", Label.NG, mask=tmp_path / "mask.png")
    manifest = Manifest(tmp_path, (part,))
    shown = manifest.image(part)
    mask = manifest.mask(part, shown.shape)
    assert mask is not None
    np.testing.assert_array_equal(mask > 0, shown[:, :, 0] < 100)

"""Defect sizes, and the input size chosen by them, on masks whose size is known."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.defect_size import choose_size, defect_px
from gainspect.data.manifest import Manifest, Part
from gainspect.data.tiles import Tiling
from gainspect.types import Label, Mask


def _squares(
    folder: Path, sides: list[int], split: str = "train", image_side: int = 1024, kind: str | None = None
) -> Manifest:
    """NG parts, each with one square defect of a side in pixels of the original."""
    parts = []
    for index, side in enumerate(sides):
        name = f"{split}-{kind}-{index}"
        image, mask = folder / f"{name}.png", folder / f"{name}-mask.png"
        cv2.imwrite(str(image), np.full((image_side, image_side), 120, np.uint8))
        marked = np.zeros((image_side, image_side), np.uint8)
        marked[100 : 100 + side, 100 : 100 + side] = 255
        cv2.imwrite(str(mask), marked)
        parts.append(Part(image, Label.NG, mask=mask, group=name, defect_type=kind, split=split))
    return Manifest(folder, tuple(parts))


def _mask(*regions: tuple[slice, slice]) -> Mask:
    mask = np.zeros((100, 200), np.uint8)
    for region in regions:
        mask[region] = 1
    return mask


@pytest.mark.parametrize("side", [1, 2, 15, 16])
def test_a_square_is_as_far_across_as_its_side(side: int) -> None:
    mask = _mask((slice(10, 10 + side), slice(10, 10 + side)), (slice(90, 91), slice(0, 1)))
    assert defect_px(mask, 200) == pytest.approx(side)
    assert defect_px(mask, 100) == pytest.approx(side / 2)  # 200 → 100


def test_a_crack_is_as_far_across_as_it_is_thin() -> None:
    assert defect_px(_mask((slice(50, 53), slice(0, 200))), 200) == pytest.approx(3)
    diagonal = np.eye(100, 200, dtype=np.uint8)
    assert defect_px(diagonal, 200) <= 2**0.5


@pytest.mark.parametrize("radius", [4, 9.5, 30])
def test_a_disc_is_as_far_across_as_its_diameter(radius: float) -> None:
    y, x = np.mgrid[:100, :200]
    disc = ((x - 80) ** 2 + (y - 50) ** 2 <= radius**2).astype(np.uint8)
    assert defect_px(disc, 200) == pytest.approx(2 * radius, abs=1.5)


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(1, 15), st.integers(1, 15)), min_size=1
    )
)
def test_no_defect_is_farther_across_than_its_narrow_side(boxes: list[tuple[int, int, int, int]]) -> None:
    """Of rectangles, overlapping or not: at least the widest one of them, at most their bounding box."""
    mask = _mask(*((slice(y, y + h), slice(x, x + w)) for x, y, w, h in boxes))
    _, _, width, height = cv2.boundingRect(mask)
    widest = max(min(w, h) for _, _, w, h in boxes)
    assert widest - 1e-4 <= defect_px(mask, 200) <= min(width, height) + 1e-4


@pytest.mark.parametrize(
    ("side", "size"),
    [(16, 256), (15, 384), (11, 384), (10, 512), (8, 512)],  # 4 px at 256 of 1024 is 16 px, at 384 10.7 px
)
def test_the_smallest_size_at_which_defects_are_not_too_small(tmp_path: Path, side: int, size: int) -> None:
    choice = choose_size(_squares(tmp_path, [side] * 3))
    assert choice.size == size
    assert choice.median_px == pytest.approx(side * size / 1024)
    assert (choice.tile, choice.defects, choice.too_small) == (None, 3, 0)


def test_one_in_ten_may_stay_too_small_and_is_counted(tmp_path: Path) -> None:
    choice = choose_size(_squares(tmp_path, [100] * 9 + [2]))
    assert (choice.size, choice.too_small) == (256, 1)
    assert str(choice).endswith("1 of 10 are less than 4 px wide and may be missed.")
    assert choose_size(_squares(tmp_path, [100] * 8 + [2] * 2)).size == 512


def test_each_type_counts_not_only_the_most_frequent(tmp_path: Path) -> None:
    dents, cracks = _squares(tmp_path, [100] * 100, kind="dent"), _squares(tmp_path, [8] * 6, kind="crack")
    choice = choose_size(Manifest(tmp_path, dents.parts + cracks.parts))
    assert (choice.size, choice.finest) == (512, ("crack", pytest.approx(4)))
    assert "is 50 px wide (crack, the finest type: 4 px)." in str(choice)


def test_types_with_few_images_count_together(tmp_path: Path) -> None:
    several = [_squares(tmp_path, [100] * 12, kind="dent"), _squares(tmp_path, [8], kind="crack")]
    odd = [_squares(tmp_path, [60] * 3, kind=kind) for kind in ("scratch", "stain", "pit")]
    choice = choose_size(Manifest(tmp_path, tuple(part for m in [*several, *odd] for part in m.parts)))
    assert (choice.size, choice.too_small) == (256, 1)  # one of ten others
    assert choice.finest == ("others", pytest.approx(15))


def test_the_test_part_is_not_looked_at(tmp_path: Path) -> None:
    train, test = _squares(tmp_path, [100]), _squares(tmp_path, [2], split="test")
    for part in test.parts:
        part.image.unlink()
    choice = choose_size(Manifest(tmp_path, train.parts + test.parts))
    assert (choice.size, choice.defects) == (256, 1)


@pytest.mark.parametrize(
    ("side", "tile", "px", "too_small"),
    [
        (7, 896, 4.0, 0),  # 512 px of 7/4 times 512
        (5, 640, 4.0, 0),
        (2, 512, 2.0, 3),  # nothing is enlarged: too small in the image itself
    ],
)
def test_where_no_size_is_enough_tiles_are_chosen_and_said(
    tmp_path: Path, side: int, tile: int, px: float, too_small: int
) -> None:
    choice = choose_size(_squares(tmp_path, [side] * 3))
    assert (choice.size, choice.tile, choice.too_small) == (512, tile, too_small)
    assert choice.median_px == pytest.approx(px)
    assert str(choice).startswith(
        f"Images in tiles of {tile} px, each at 512 px: at this size the median defect is {px:.0f} px wide."
    )


def test_tiles_that_would_hold_the_whole_image_are_not_chosen(tmp_path: Path) -> None:
    assert choose_size(_squares(tmp_path, [2] * 3, image_side=512)).tile is None


def test_with_given_tiles_the_size_is_chosen_in_them(tmp_path: Path) -> None:
    masks = _squares(tmp_path, [9] * 3)
    choice = choose_size(masks, tiling=Tiling(tile=512, overlap=0.25))
    assert (choice.size, choice.tile, choice.median_px) == (256, 512, pytest.approx(4.5))


def test_in_a_tile_a_defect_is_as_large_as_the_tile_shows_it() -> None:
    mask = np.zeros((300, 2000), np.uint8)
    mask[10:50, 10:50] = 1
    assert defect_px(mask, 500) == pytest.approx(10)
    assert defect_px(mask, 500, Tiling(tile=1000, overlap=0.25)) == pytest.approx(20)
    assert defect_px(mask, 500, Tiling(tile=250, overlap=0.25)) == pytest.approx(80)


def test_without_masks_the_usual_size_is_taken_and_said(tmp_path: Path) -> None:
    choice = choose_size(Manifest(tmp_path, ()))
    assert choice.size == 384
    assert "none was measured" in str(choice)


def test_outlines_choose_the_size_where_there_are_any(tmp_path: Path) -> None:
    """Boxes of 60 px around scratches say nothing of their width."""
    thin, wide = _squares(tmp_path, [5] * 6, kind="a"), _squares(tmp_path, [60] * 30, kind="b")
    boxes = tuple(replace(part, mask_kind="box") for part in wide.parts)
    mixed = Manifest(tmp_path, (*thin.parts, *boxes))
    assert choose_size(mixed) == choose_size(thin)
    assert choose_size(mixed).defects == 6
    alone = choose_size(Manifest(tmp_path, boxes))
    assert alone == replace(choose_size(wide), outlined=False)
    assert "the defects themselves may be narrower" in str(alone)
    assert "narrower" not in str(choose_size(wide))

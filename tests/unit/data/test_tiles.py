"""Tiles: they cover, they overlap, and training draws them by what they hold."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from gainspect.data.checks import check
from gainspect.data.loading.dataset import Draw, TrainingSet
from gainspect.data.manifest import Manifest, Part
from gainspect.data.tiles import Tile, Tiling, draw_tile, marked_only, tiles_of
from gainspect.errors import GainspectError
from gainspect.types import Label

lengths = st.integers(1, 400)
tilings = st.builds(Tiling, tile=st.integers(8, 120), overlap=st.floats(0, 0.75))


@given(height=lengths, width=lengths, tiling=tilings)
def test_tiles_cover_every_pixel_stay_inside_and_are_all_of_one_size(
    height: int, width: int, tiling: Tiling
) -> None:
    covered = np.zeros((height, width), np.uint8)
    tiles = tiles_of(height, width, tiling)
    for tile in tiles:
        view = tile.of(covered)
        assert view.shape == (min(tiling.tile, height), min(tiling.tile, width))
        view[:] = 1
    assert covered.all()
    assert len(set(tiles)) == len(tiles)


@given(length=lengths, tiling=tilings, place=st.floats(0, 1))
def test_what_is_smaller_than_the_overlap_is_whole_in_one_tile(
    length: int, tiling: Tiling, place: float
) -> None:
    size = min(length, max(1, int(tiling.tile * tiling.overlap)))
    start = int(place * (length - size))
    tiles = tiles_of(length, 1, tiling)
    assert any(t.top <= start and start + size <= t.top + t.height for t in tiles)


def test_an_image_that_fits_is_one_tile() -> None:
    assert tiles_of(30, 64, Tiling(tile=64, overlap=0.25)) == [Tile(0, 0, 30, 64)]


def test_marked_defects_are_drawn_in_proportion_and_other_tiles_too() -> None:
    mask = np.zeros((100, 200), np.uint8)
    mask[:, 99:130] = 1  # one column in the left tile, thirty in the right one
    tiling, rng = Tiling(tile=100, overlap=0.0), np.random.default_rng(0)
    lefts = np.array([draw_tile(mask.shape, mask, tiling, rng).left for _ in range(4000)])
    # Four fifths by what they hold (1 : 30), one fifth evenly.
    assert np.mean(lefts == 0) == pytest.approx(0.8 / 31 + 0.2 / 2, abs=0.02)
    blind = np.array([draw_tile(mask.shape, None, tiling, rng).left for _ in range(4000)])
    assert np.mean(blind == 0) == pytest.approx(0.5, abs=0.03)


@pytest.fixture
def large(tmp_path: Path) -> Manifest:
    """Images of 128 × 512 px: an OK one, a marked NG one, one without a mask and one with an empty mask.

    Each pixel says in which quarter it lies (10, 20, 30, 40); the defect is in the third.
    """
    image = np.repeat(np.repeat(np.array([[10, 20, 30, 40]], np.uint8), 128, axis=1), 128, axis=0)
    mask = np.zeros_like(image)
    mask[40:60, 300:320] = 255
    for name, pixels in (("image", image), ("mask", mask), ("empty", mask * 0)):
        cv2.imwrite(str(tmp_path / f"{name}.png"), pixels)
    parts = [Part(tmp_path / "image.png", Label.OK, split="train")]
    parts += [
        Part(tmp_path / "image.png", Label.NG, mask=file, split="train")
        for file in (tmp_path / "mask.png", None, tmp_path / "empty.png")
    ]
    return Manifest(tmp_path, tuple(parts))


def test_a_draw_is_one_tile_and_ng_only_if_it_holds_some_of_the_defect(large: Manifest) -> None:
    data = TrainingSet(large, seed=1, tiling=Tiling(tile=128, overlap=0.0))
    assert len(data) == 2
    seen = set()
    for epoch in range(60):
        for part in (0, 1):
            sample = data[Draw(part, epoch, place=0, size=64, strength=0.0)]
            (level,) = np.unique(sample.image)
            defective = part == 1 and level == 30
            assert (bool(sample.target), bool(sample.has_mask)) == (defective, defective)
            # 20 px at half size is 10 px.
            assert int(sample.mask.sum()) == (100 if defective else 0)
            seen.add((part, int(level)))
    assert {level for part, level in seen if part == 0} == {10, 20, 30, 40}
    assert {level for part, level in seen if part == 1} > {30}  # good tiles of a defective part, too


def test_the_same_draw_is_the_same_tile(large: Manifest) -> None:
    data = TrainingSet(large, seed=1, tiling=Tiling(tile=128, overlap=0.5))
    draw = Draw(1, epoch=7, place=0, size=64, strength=0.5)
    np.testing.assert_array_equal(data[draw].image, data[draw].image)


def test_parts_without_a_mark_are_left_out_and_named_by_the_check(large: Manifest) -> None:
    assert marked_only(large).parts == large.parts[:2]
    findings = {f.code: f for f in check(large, size=64, tiling=Tiling(tile=128, overlap=0)).findings}
    assert findings["ng-left-out"].what.startswith("2 NG images have no marked defect")
    assert not {"ng-without-mask", "ng-empty-mask"} & findings.keys()
    whole = {finding.code for finding in check(large, size=64).findings}
    assert {"ng-without-mask", "ng-empty-mask"} <= whole and "ng-left-out" not in whole


def test_without_any_mark_tiles_cannot_be_trained(large: Manifest) -> None:
    bare = Manifest(large.root, (large.parts[0], *large.parts[2:]))
    with pytest.raises(
        GainspectError, match="training with tiles needs marked defects, but none of 2 NG images has one"
    ):
        TrainingSet(bare, seed=1, tiling=Tiling(tile=128, overlap=0.25))


def test_a_tile_of_which_it_is_not_known_is_not_drawn() -> None:
    """It has some of what is ignored, and none of the marked defect: neither OK nor NG."""
    mask, unknown = np.zeros((100, 400), np.uint8), np.zeros((100, 400), np.uint8)
    mask[10:20, 10:20], unknown[:, 200:] = 1, 1
    rng = np.random.default_rng(0)
    for _ in range(60):
        tile = draw_tile(mask.shape, mask, Tiling(100, 0.0), rng, unknown=unknown)
        assert tile.of(mask).any() or not tile.of(unknown).any()
    everywhere = np.ones_like(mask)
    assert draw_tile(mask.shape, np.zeros_like(mask), Tiling(100, 0.0), rng, unknown=everywhere).width == 100


@given(
    boxes=st.lists(
        st.tuples(st.integers(0, 29), st.integers(0, 39), st.integers(1, 15), st.integers(1, 15)), max_size=3
    ),
    at=st.tuples(st.integers(0, 15), st.integers(0, 20), st.integers(1, 15), st.integers(1, 20)),
)
def test_a_tile_cuts_what_lies_on_both_sides_of_its_edge(
    boxes: list[tuple[int, int, int, int]], at: tuple[int, int, int, int]
) -> None:
    """Four-connected areas with pixels inside and outside are cut."""
    mask = np.zeros((30, 40), np.uint8)
    for top, left, height, width in boxes:
        mask[top : top + height, left : left + width] = 1
    tile = Tile(*at)
    inside = np.zeros_like(mask)
    tile.of(inside)[:] = 1
    areas, _ = ndimage.label(mask)
    both = set(areas[(inside == 1) & (mask == 1)]) & set(areas[(inside == 0) & (mask == 1)])
    assert tile.cuts(mask) == bool(both)


def test_a_tile_that_cuts_a_box_is_drawn_only_where_none_shows_a_box_whole() -> None:
    tiling, rng = Tiling(100, 0.0), np.random.default_rng(0)
    mask = np.zeros((100, 400), np.uint8)
    mask[20:40, 20:60] = mask[20:40, 190:210] = 1  # whole in the first tile; cut by the second and third
    lefts = {draw_tile(mask.shape, mask, tiling, rng, whole=True).left for _ in range(200)}
    assert lefts == {0, 300}
    mask[:, :100] = 0
    lefts = {draw_tile(mask.shape, mask, tiling, rng, whole=True).left for _ in range(200)}
    assert lefts == {0, 100, 200, 300}

"""Good parts to repair from, against the part as it was before its damage, and against every place."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.chosen_good_parts import chosen_good_parts
from gainspect.data.framing import letterbox
from gainspect.data.good_parts import GoodParts
from gainspect.data.manifest import Manifest, Part
from gainspect.data.repair import repair
from gainspect.errors import GainspectError
from gainspect.types import BoolMask, Image, Label

SIDE = 90


def part(top: int, left: int, side: int = SIDE) -> Image:
    """A part with a head and a tip, each there once, on a light belt; a tenth of the side is its unit."""
    image = np.full((side, side), 200, np.uint8)
    unit = side // 10
    head = (left + unit, top + unit)
    cv2.circle(image, head, unit, 70, -1)
    cv2.line(image, head, (left + 5 * unit, top + 4 * unit), 100, unit // 2 + 1)
    tip = np.array([[5, 3], [7, 6], [4, 5]]) * unit + (left, top)
    cv2.fillPoly(image, [tip.astype(np.int32)], 40)
    return np.repeat(cv2.GaussianBlur(image, (0, 0), side / 90)[:, :, None], 3, axis=2)


def damaged(whole: Image, top: int, left: int) -> tuple[Image, BoolMask]:
    """The part without its tip, and where that is."""
    unit = len(whole) // 10
    region = np.zeros(whole.shape[:2], np.bool_)
    region[top + 5 * unit : top + 7 * unit, left + 4 * unit : left + 8 * unit] = True
    image = whole.copy()
    image[region] = 0
    return image, region


def all_shown(*frames: Image) -> GoodParts:
    return GoodParts(np.stack(frames), np.ones((len(frames), *frames[0].shape[:2]), np.bool_))


@pytest.mark.parametrize("turn", range(8))
def test_what_is_there_once_comes_back_from_a_good_part(turn: int) -> None:
    whole = part(10, 8)
    image, region = damaged(whole, 10, 8)
    other = np.rot90(part(3, 14), turn % 4)[:, :: -1 if turn >= 4 else 1]
    repaired = repair(image, region, good=all_shown(np.ascontiguousarray(other)))
    assert abs(repaired.astype(int) - whole)[region].mean() < 3
    assert abs(repair(image, region).astype(int) - whole)[region].mean() > 20


@pytest.mark.parametrize("side", [45, 270, 900])
def test_it_fits_into_an_image_of_another_size(side: int) -> None:
    step = side / SIDE
    (top, left), (there, across) = ((round(2 * down * step) for down in where) for where in ((5, 4), (1, 7)))
    whole = part(top, left, side)
    image, region = damaged(whole, top, left)
    good, _ = letterbox(part(there, across, side), SIDE)
    off = [
        abs(repaired.astype(int) - whole)[region].mean()
        for repaired in (repair(image, region, good=all_shown(good)), repair(image, region))
    ]
    assert off[0] < 6 < 20 < off[1]


@given(seed=st.integers(0, 2**32), levels=st.integers(2, 256), colored=st.booleans())
def test_outside_of_the_region_nothing_changes_and_the_same_input_gives_the_same(
    seed: int, levels: int, colored: bool
) -> None:
    rng = np.random.default_rng(seed)
    channels = 3 if colored else 1
    frames = np.repeat(rng.integers(0, levels, (3, 40, 40, channels), np.uint8), 3 // channels, axis=3)
    region = rng.random((40, 40)) < 0.02
    good = GoodParts(frames[:2], rng.random((2, 40, 40)) < 0.9)
    repaired = repair(frames[2], region, good=good)
    np.testing.assert_array_equal(repaired[~region], frames[2][~region])
    np.testing.assert_array_equal(repaired, repair(frames[2], region, good=good))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("seed", range(3))
def test_no_place_of_a_good_part_is_more_alike(seed: int, channels: int) -> None:
    """By trying each place of each part in each turn that shows the part; the frame itself is like none."""
    rng = np.random.default_rng(seed)
    frames = np.repeat(rng.integers(90, 160, (2, 36, 36, channels), np.uint8), 3 // channels, axis=3)
    shown = np.ones((2, 36, 36), np.bool_)
    shown[:, :4] = False
    frame = np.repeat(rng.integers(0, 256, (36, 36, channels), np.uint8), 3 // channels, axis=2)
    frame[10:26, 10:26] = rng.integers(90, 160, (16, 16, channels), np.uint8)
    region = np.zeros((36, 36), np.bool_)
    region[14:22, 15:20] = True
    found = GoodParts(frames, shown).similar(frame, region, region)
    assert found is not None
    y, x = np.nonzero(~region)
    apart = np.hypot(*(np.maximum(0, np.maximum(a - c, b - a)) for a, b, c in ((y, 14, 21), (x, 15, 19))))
    y, x = y[apart <= 2], x[apart <= 2]

    def difference(good: Image, by: tuple[int, int]) -> int:
        return int(((good[y + by[0], x + by[1]].astype(int) - frame[y, x]) ** 2).sum())

    every = []
    for good, seen in zip(frames, shown, strict=True):
        for turn in range(8):
            turned, room = (np.rot90(a, turn % 4)[:, :: -1 if turn >= 4 else 1] for a in (good, seen))
            for down in range(-12, 13):
                every += [
                    difference(turned, (down, across))
                    for across in range(-13, 15)
                    if room[14 + down : 22 + down, 15 + across : 20 + across].all()
                ]
    assert difference(found.frame, found.by) == min(every)


def test_what_is_as_alike_in_the_image_itself_comes_from_there() -> None:
    image = np.full((SIDE, SIDE, 3), 120, np.uint8)
    region = np.zeros((SIDE, SIDE), np.bool_)
    region[40:50, 40:50] = True
    image[region] = 0
    good = all_shown(np.full_like(image, 120))
    assert good.similar(image, region, region) is None
    assert (repair(image, region, good=good) == 120).all()


def test_they_are_kept_as_they_are() -> None:
    good = GoodParts(np.stack([part(3, 14)]), np.random.default_rng(0).random((1, SIDE, SIDE)) < 0.5)
    again = GoodParts.unpacked(good.packed(), SIDE, where=Path("x.gain"))
    np.testing.assert_array_equal(again.frames, good.frames)
    np.testing.assert_array_equal(again.shown, good.shown)


def _png(array: np.ndarray) -> bytes:
    return bytes(cv2.imencode(".png", array)[1])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        _png(np.zeros((16, 8, 4), np.uint8))[:60],
        _png(np.zeros((16, 8, 3), np.uint8)),  # it does not say what is shown
        _png(np.zeros((16, 8, 4), np.uint16)),
        _png(np.zeros((12, 8, 4), np.uint8)),  # one and a half
        _png(np.zeros((16, 16, 4), np.uint8)),  # of another size
        _png(np.zeros((8 * 200, 8, 4), np.uint8)),  # more than any run has
        bytes(cv2.imencode(".bmp", np.zeros((16, 8, 4), np.uint8))[1]),
    ],
)
def test_what_are_no_good_parts_is_refused(content: bytes) -> None:
    with pytest.raises(GainspectError, match="good parts") as caught:
        GoodParts.unpacked(content, 8, where=Path("x.gain"))
    assert caught.value.where == "x.gain"


def _manifest(tmp_path: Path, groups: list[str], label: Label) -> Manifest:
    parts = []
    for index, group in enumerate(groups):
        path = tmp_path / f"{label}-{index:02}.png"
        cv2.imwrite(str(path), np.full((20, 30, 3), index, np.uint8))
        parts.append(Part(path, label, group=group))
    return Manifest(tmp_path, tuple(parts))


def test_of_each_group_one_is_chosen_where_these_are_enough(tmp_path: Path) -> None:
    many = _manifest(tmp_path, [f"g{index // 2}" for index in range(60)], Label.OK)
    chosen = chosen_good_parts(many, 32)
    assert chosen is not None and chosen.frames.shape == (24, 32, 32, 3)
    levels = chosen.frames[:, 16, 16, 0].tolist()
    assert len({level // 2 for level in levels}) == 24 and (levels[0], levels[-1]) == (0, 58)
    assert chosen.shown.mean() == pytest.approx(21 / 32)
    few = _manifest(tmp_path, ["a", "a", "a"], Label.OK)
    assert len(chosen_good_parts(few, 32).frames) == 3  # type: ignore[union-attr]
    assert chosen_good_parts(_manifest(tmp_path, ["a"], Label.NG), 32) is None

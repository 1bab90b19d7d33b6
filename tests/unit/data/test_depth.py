"""The depth of 16-bit images: found over a set, applied by one formula, refused where it does not fit."""

import io
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from gainspect.data.decode import decode_image
from gainspect.data.depth import FULL, USUAL, Depth, DepthFinder, require_bits, to_8_bit
from gainspect.data.reading import find_depth
from gainspect.data.samples import Samples
from gainspect.errors import GainspectError


def sixteen(*values: int, inverted: bool = False) -> Samples:
    return Samples(np.array([values], np.uint16), None, inverted)


@given(st.integers(8, 16), st.data())
def test_values_are_scaled_over_the_depth(bits: int, data: st.DataObject) -> None:
    """The formula in floating point: value · 255 / (2^bits − 1), rounded."""
    highest = 2**bits - 1
    values = data.draw(st.lists(st.integers(0, highest), min_size=1, max_size=20))
    found = to_8_bit(sixteen(*values), Depth(bits), None)
    np.testing.assert_array_equal(found[0], np.floor(np.array(values) * 255 / highest + 0.5))
    inverted = to_8_bit(sixteen(*values, inverted=True), Depth(bits), None)
    np.testing.assert_array_equal(inverted[0], 255 - found[0])


def test_a_part_has_the_same_pixels_at_every_depth() -> None:
    """As cameras give it: the upper bits of a 16-bit value, within one level of the 8-bit one."""
    eight = np.arange(256, dtype=np.uint16).reshape(16, 16)
    for bits in USUAL:
        deep = Samples((eight << (bits - 8)) + (eight >> (16 - bits)), None)
        np.testing.assert_allclose(to_8_bit(deep, Depth(bits), None), eight, atol=1)


@given(st.lists(st.lists(st.integers(0, 65535), min_size=1, max_size=5), min_size=1, max_size=6))
def test_the_depth_is_the_smallest_usual_one_that_holds_the_whole_set(images: list[list[int]]) -> None:
    finder = DepthFinder()
    for values in images:
        finder.add(sixteen(*values), "a")
    brightest = max(map(max, images))
    assert finder.depth is not None
    assert finder.depth.bits == min(bits for bits in USUAL if 2**bits > brightest)
    assert finder.depth.darkest == min(map(max, images))
    for values in images:
        to_8_bit(sixteen(*values), finder.depth, None)  # every one of them can be read


def test_files_that_state_their_range_say_nothing_of_others() -> None:
    finder = DepthFinder()
    finder.add(Samples.of(np.full((2, 2), 9, np.uint8)), "a")
    finder.add(Samples(np.full((2, 2), 900, np.uint16), 1023), "b")
    assert (finder.depth, finder.images) == (None, 0)


def test_a_depth_that_is_set_is_kept_and_must_hold() -> None:
    finder = DepthFinder(bits=14)
    finder.add(sixteen(3, 900), "a.png")
    assert finder.depth == Depth(14, 900)
    with pytest.raises(GainspectError, match=r"b\.png: its values reach 16384.*14 bits \(0–16383\)"):
        finder.add(sixteen(16384), "b.png")


@pytest.mark.parametrize(
    ("values", "depth", "what"),
    [
        ((5, 4000), None, "how many of its bits are used is not known.*--bits 12"),
        ((5, 4096), Depth(12), r"its values reach 4096, but .* 12 bits \(0–4095\)"),
        ((5, 1000), Depth(16, 2001), "reach only 1000, those of the darkest image in the training 2001"),
    ],
)
def test_another_depth_or_range_is_refused(values: tuple[int, ...], depth: Depth | None, what: str) -> None:
    with pytest.raises(GainspectError, match=f"part.png: .*{what}"):
        to_8_bit(sixteen(*values), depth, "part.png")


def test_a_range_a_little_darker_than_the_darkest_is_still_read() -> None:
    assert to_8_bit(sixteen(1400), Depth(16, 2001), None)[0, 0] == round(1400 / 257)
    with pytest.raises(GainspectError, match="another exposure"):
        to_8_bit(sixteen(1300), Depth(16, 2001), None)


@pytest.mark.parametrize(
    ("peaks", "named"),
    [
        (
            [3000] * 9 + [65535],
            r"9 images reach at most 3000 \(such as 8\), the others at least 65535 \(such as 9\)",
        ),
        ([4000] * 5 + [60000] * 5, "5 images reach at most 4000"),
        ([30] + [1900] * 5, r"1 image reaches at most 30 \(such as 0\)"),
    ],
)
def test_two_depths_in_one_set_are_refused_unless_the_bits_are_set(peaks: list[int], named: str) -> None:
    """A hot pixel, a second camera, a dark frame: else all the others are read by the odd one."""
    finder, told = DepthFinder(), DepthFinder(bits=16)
    for index, peak in enumerate(peaks):
        finder.add(sixteen(1, peak), str(index))
        told.add(sixteen(1, peak), str(index))
    with pytest.raises(GainspectError, match=named):
        finder.require_one_depth()
    told.require_one_depth()
    assert told.depth == Depth(16, min(peaks))


@given(st.lists(st.integers(1000, 2999), min_size=1, max_size=30))
def test_images_whose_brightness_varies_are_of_one_depth(peaks: list[int]) -> None:
    finder = DepthFinder()
    for peak in peaks:
        finder.add(sixteen(peak), "a")
    finder.require_one_depth()


def test_a_12_bit_part_is_refused_where_the_training_used_all_bits() -> None:
    """The fault this is for: the same NG part, saved as Mono12, was nearly black, and OK."""
    part = np.random.default_rng(0).integers(20, 236, (8, 8)).astype(np.uint16)
    finder = DepthFinder()
    finder.add(Samples(part * 257, None), "a")
    for factor in (4, 16, 64):
        with pytest.raises(GainspectError, match="another depth, or another exposure"):
            to_8_bit(Samples(part * factor, None), finder.depth, "b")


@pytest.mark.parametrize("depth", [None, Depth(12), FULL])
def test_a_stated_range_needs_no_depth(depth: Depth | None) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, np.full((4, 4), 7, np.uint8))
    assert decode_image(file.getvalue(), "a", depth).max() == 7
    stated = b"P5 2 1 4095\n" + np.array([4095, 2048], ">u2").tobytes()
    np.testing.assert_array_equal(decode_image(stated, "a", depth)[0, :, 0], [255, 128])


def test_only_files_that_may_be_16_bit_are_decoded(tmp_path: Path) -> None:
    values = np.array([[3, 4095]], np.uint16)
    Pillow.fromarray(values).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "b.tif", values * 4)
    (tmp_path / "c.pgm").write_bytes(b"P5 1 1 65535\n\xff\xff")
    (tmp_path / "d.jpg").write_bytes(b"\xff\xd8\xff damaged")
    (tmp_path / "e.png").write_bytes(b"\x89PNG\r\n\x1a\n damaged")
    files = sorted(tmp_path.iterdir())
    assert find_depth(files[:1], DepthFinder()).depth == Depth(12, 4095)
    assert find_depth(files[:2], DepthFinder()).depth == Depth(14, 4095)
    found = find_depth(files, DepthFinder())
    assert (found.depth, found.images) == (Depth(16, 4095), 3)
    assert str(found).startswith("3 16-bit images: read as 16 bits (0–65535), as found over the training")


@pytest.mark.parametrize("bits", [7, 17, 12.0, "12", None, True])
def test_bits_are_8_to_16(bits: object) -> None:
    with pytest.raises(GainspectError, match="whole number from 8 to 16"):
        require_bits(bits)

"""Framing images, masks and maps: geometry by invariants."""

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gainspect.data.framing import PADDING, geometry_of, letterbox, letterbox_mask, unletterbox

sides = st.integers(1, 300)


@given(height=sides, width=sides, size=st.sampled_from([64, 96, 256]))
def test_the_frame_holds_the_whole_image_centered_in_its_aspect(height: int, width: int, size: int) -> None:
    geometry = geometry_of(height, width, size)
    assert max(geometry.content_height, geometry.content_width) == size
    scale = size / max(height, width)
    assert abs(geometry.content_height - height * scale) <= 1
    assert abs(geometry.content_width - width * scale) <= 1
    bottom_gap = size - geometry.top - geometry.content_height
    right_gap = size - geometry.left - geometry.content_width
    assert 0 <= bottom_gap - geometry.top <= 1
    assert 0 <= right_gap - geometry.left <= 1


@given(height=sides, width=sides)
def test_outside_the_image_the_frame_is_padding_and_a_flat_image_stays_flat(height: int, width: int) -> None:
    frame, g = letterbox(np.full((height, width, 3), 9, np.uint8), 64)
    inside = np.zeros((64, 64), bool)
    inside[g.top : g.top + g.content_height, g.left : g.left + g.content_width] = True
    assert (frame[inside] == 9).all()
    assert (frame[~inside] == PADDING).all()


@given(height=sides, width=sides, data=st.data())
def test_a_one_pixel_defect_never_vanishes_and_stays_in_place(
    height: int, width: int, data: st.DataObject
) -> None:
    y, x = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    mask = np.zeros((height, width), np.uint8)
    mask[y, x] = 1
    g = geometry_of(height, width, 64)
    rows, columns = np.nonzero(letterbox_mask(mask, g))
    assert len(rows) > 0
    expected_y = g.top + (y + 0.5) * g.content_height / height
    expected_x = g.left + (x + 0.5) * g.content_width / width
    reach = 1.0 + max(g.content_height / height, g.content_width / width)
    assert np.abs(rows + 0.5 - expected_y).max() <= reach
    assert np.abs(columns + 0.5 - expected_x).max() <= reach


def test_a_mask_of_nothing_is_a_frame_of_nothing() -> None:
    assert not letterbox_mask(np.zeros((30, 50), np.uint8), geometry_of(30, 50, 64)).any()


def test_every_small_defect_survives_beside_a_large_one() -> None:
    mask = np.zeros((1000, 1000), np.uint8)
    mask[:400, :400] = 1
    mask[700, 700] = mask[900, 100] = 1
    small = letterbox_mask(mask, geometry_of(1000, 1000, 64))
    assert cv2.connectedComponents(small, connectivity=8)[0] - 1 == 3


def test_a_hairline_crack_stays_a_line() -> None:
    """1 px of 640 wide covers a tenth of a frame pixel: below the threshold along its whole length."""
    mask = np.zeros((640, 640), np.uint8)
    mask[100:500, 333] = 1
    small = letterbox_mask(mask, geometry_of(640, 640, 64))
    rows, columns = np.nonzero(small)
    np.testing.assert_array_equal(rows, np.arange(10, 50))
    np.testing.assert_array_equal(columns, 33)


@given(seed=st.integers(0, 1000))
def test_of_a_speckled_mask_no_speck_is_lost_and_none_is_made_up(seed: int) -> None:
    """In an exact 4:1 reduction each speck lies in blocks of 4 × 4 that can be counted by hand."""
    mask = (np.random.default_rng(seed).random((256, 256)) < 0.01).astype(np.uint8)
    small = letterbox_mask(mask, geometry_of(256, 256, 64)) > 0
    touched = mask.reshape(64, 4, 64, 4).sum(axis=(1, 3))
    assert (touched[small] > 0).all()
    assert small[touched >= 4].all()
    count, labels = cv2.connectedComponents(mask, connectivity=8)
    at_full_size = np.kron(small, np.ones((4, 4), bool))
    assert set(labels[at_full_size]) >= set(range(1, count))


@given(height=st.integers(20, 200), width=st.integers(20, 200), resolution=st.sampled_from([8, 16, 64]))
def test_a_map_comes_back_to_the_place_it_was_at(height: int, width: int, resolution: int) -> None:
    """A linear ramp over the frame has a known value at every pixel of the image."""
    g = geometry_of(height, width, 64)
    ramp = np.tile((np.arange(resolution) + 0.5) / resolution, (resolution, 1)).astype(np.float32)
    values = unletterbox(ramp, g)
    assert values.shape == (height, width)
    expected = (g.left + (np.arange(width) + 0.5) * g.content_width / width) / 64
    # Bilinear resizing holds the outermost half cell flat.
    inner = (expected > 1 / resolution) & (expected < 1 - 1 / resolution)
    edge = (np.arange(width) > width / 20) & (np.arange(width) < width * 19 / 20)
    np.testing.assert_allclose(values[height // 2, inner & edge], expected[inner & edge], atol=0.02)


@given(seed=st.integers(0, 1000))
def test_a_map_keeps_its_range(seed: int) -> None:
    values: NDArray[np.float32] = np.random.default_rng(seed).random((8, 8), dtype=np.float32)
    back = unletterbox(values, geometry_of(50, 37, 64))
    assert back.min() >= values.min() - 1e-6
    assert back.max() <= values.max() + 1e-6

"""The EXIF orientation, as Pillow reads and applies it."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageOps

from gainspect.data.orientation import orientation_of, turns_sideways, upright

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)


def stored(kind: str, orientation: int, pixels: np.ndarray = PIXELS) -> bytes:
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, kind, exif=exif, **({"lossless": True} if kind == "WEBP" else {}))
    return file.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_read_in_every_format(kind: str, orientation: int) -> None:
    assert orientation_of(stored(kind, orientation)) == orientation


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_turned_as_pillow_turns_them(orientation: int) -> None:
    reference = ImageOps.exif_transpose(Pillow.open(io.BytesIO(stored("PNG", orientation))))
    assert reference is not None
    found = upright(PIXELS, orientation)
    np.testing.assert_array_equal(found, np.asarray(reference))
    assert turns_sideways(orientation) == (found.shape[:2] != PIXELS.shape[:2])


@pytest.mark.parametrize("content", [b"", b"BM", b"GIF89a", stored("PNG", 0), stored("PNG", 9)])
def test_without_one_an_image_is_upright(content: bytes) -> None:
    assert orientation_of(content) == 1


@given(st.sampled_from(["PNG", "JPEG", "WEBP", "TIFF"]), st.data())
def test_damage_gives_an_orientation_all_the_same(kind: str, data: st.DataObject) -> None:
    content = bytearray(stored(kind, 6))
    for _ in range(3):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    assert 1 <= orientation_of(bytes(content[: data.draw(st.integers(0, len(content)))])) <= 8

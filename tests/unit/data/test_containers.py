"""How many images a file holds: Pillow counts independently, and every reader refuses more than one."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from gainspect.data.containers import fault_of
from gainspect.data.decode import decode_image, read_image
from gainspect.data.masks import read_mask
from gainspect.errors import GainspectError

ANIMATED = {"PNG": {}, "WEBP": {"lossless": True}, "GIF": {}, "MPO": {}, "TIFF": {}}
"""Formats that hold several images, as Pillow writes them."""


def _frames(count: int, size: tuple[int, int] = (40, 30)) -> list[Pillow.Image]:
    """Different from each other: Pillow leaves out a frame that repeats the one before."""
    rng = np.random.default_rng(count)
    return [Pillow.fromarray(rng.integers(0, 256, (*size[::-1], 3), np.uint8)) for _ in range(count)]


def _written(kind: str, frames: list[Pillow.Image]) -> bytes:
    buffer = io.BytesIO()
    more = {"save_all": True, "append_images": frames[1:]} if len(frames) > 1 else {}
    kind = "JPEG" if kind == "MPO" and len(frames) == 1 else kind
    frames[0].save(buffer, kind, **more, **ANIMATED.get(kind, {}))
    return buffer.getvalue()


def images_in(content: bytes) -> int:
    """As the refusal counts them."""
    fault = fault_of(content)
    found = re.search(r"the file holds (\d+) images", fault.what) if fault is not None else None
    return int(found[1]) if found else 1


@given(
    kind=st.sampled_from(["PNG", "WEBP", "GIF", "MPO"]),
    count=st.integers(1, 4),
    width=st.integers(1, 50),
    height=st.integers(1, 50),
)
def test_images_are_counted_as_pillow_counts_them(kind: str, count: int, width: int, height: int) -> None:
    content = _written(kind, _frames(count, (width, height)))
    with Pillow.open(io.BytesIO(content)) as opened:
        assert images_in(content) == getattr(opened, "n_frames", 1) == count


@pytest.mark.parametrize("kind", ANIMATED)
def test_a_file_with_several_images_is_refused_as_image_and_as_mask(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "burst.png"
    path.write_bytes(_written(kind, _frames(3)))
    for read in (read_image, read_mask):
        with pytest.raises(GainspectError, match=r"burst\.png: the file holds 3 images\. Save each image"):
            read(path)


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "GIF", "JPEG", "TIFF", "BMP", "PPM"])
def test_a_file_with_one_image_is_read(kind: str) -> None:
    (frame,) = _frames(1)
    content = _written(kind, [frame])
    decoded = decode_image(content, "x").astype(np.int64)
    expected = np.asarray(Pillow.open(io.BytesIO(content)).convert("RGB"), np.int64)
    assert np.abs(decoded - expected).max() <= (3 if kind == "JPEG" else 0)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("between", [b"", bytes(300)])
def test_one_file_behind_another_is_not_overlooked(kind: str, between: bytes) -> None:
    one, two = (_written(kind, [frame]) for frame in _frames(2))
    assert images_in(one + between + two) == 2
    with pytest.raises(GainspectError, match="holds 2 images"):
        decode_image(one + between + two, "x")


@given(kind=st.sampled_from(["PNG", "JPEG", "WEBP", "GIF", "MPO"]), data=st.data())
def test_counting_never_fails_on_damaged_files(kind: str, data: st.DataObject) -> None:
    content = bytearray(_written(kind, _frames(2) if kind != "JPEG" else _frames(1)))
    for _ in range(data.draw(st.integers(0, 6))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(content[: data.draw(st.integers(0, len(content)))])
    assert images_in(cut) >= 1

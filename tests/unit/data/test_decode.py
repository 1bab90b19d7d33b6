"""Decoding images and masks: Pillow is the independent reader."""

import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from gainspect.data.decode import decode_image, read_image
from gainspect.data.depth import FULL
from gainspect.data.masks import read_mask
from gainspect.errors import GainspectError

RNG = np.random.default_rng(0)
COLOR = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)


def _encoded(image: Pillow.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def _png_header(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds no pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "WEBP"])
def test_color_is_rgb_as_pillow_reads_it(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    content = _encoded(Pillow.fromarray(COLOR), kind, **options)
    np.testing.assert_array_equal(decode_image(content, "x"), COLOR)


def test_grey_becomes_three_equal_channels() -> None:
    grey = COLOR[:, :, 0]
    decoded = decode_image(_encoded(Pillow.fromarray(grey), "PNG"), "x")
    np.testing.assert_array_equal(decoded, np.repeat(grey[:, :, None], 3, axis=2))


def test_alpha_is_dropped() -> None:
    with_alpha = np.dstack([COLOR, np.full(COLOR.shape[:2], 7, np.uint8)])
    np.testing.assert_array_equal(decode_image(_encoded(Pillow.fromarray(with_alpha), "PNG"), "x"), COLOR)


def test_16_bit_is_divided_by_257_and_rounded() -> None:
    values = np.array([[0, 128, 129, 257, 32768, 65535]], np.uint16)
    decoded = decode_image(_encoded(Pillow.fromarray(values), "PNG"), "x", FULL)
    np.testing.assert_array_equal(decoded[0, :, 0], np.rint(values[0] / 257))


def test_cmyk_jpeg_comes_out_in_the_colors_pillow_sees() -> None:
    flat = np.zeros((32, 32, 3), np.uint8) + np.array([200, 80, 40], np.uint8)
    cmyk = Pillow.fromarray(flat).convert("CMYK")
    content = _encoded(cmyk, "JPEG", quality=95)
    reference = np.asarray(Pillow.open(io.BytesIO(content)).convert("RGB"), np.int64)
    assert np.abs(decode_image(content, "x").astype(np.int64) - reference).mean() < 6


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(orientation: int) -> None:
    image = Pillow.fromarray(np.kron(COLOR[:4, :6], np.ones((8, 8, 1), np.uint8)))
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    content = _encoded(image, "JPEG", quality=100, subsampling=0, exif=exif)
    from PIL import ImageOps

    upright = np.asarray(ImageOps.exif_transpose(Pillow.open(io.BytesIO(content))), np.int64)
    decoded = decode_image(content, "x").astype(np.int64)
    assert decoded.shape == upright.shape
    assert np.abs(decoded - upright).mean() < 3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b"hello, I am text", "not an image"),
        (_encoded(Pillow.fromarray(COLOR), "JPEG")[:-60], "cut off"),
        (_encoded(Pillow.fromarray(COLOR), "PNG")[:-30], "cut off"),
        (
            _encoded(Pillow.fromarray(COLOR), "WEBP") + bytes(9),
            "its length differs from the one in its header",
        ),
        (_png_header(60_000, 60_000), "too large"),
        (_png_header(0, 0), "not an image|cannot decode"),
    ],
    ids=["0 bytes", "text", "cut-off JPEG", "cut-off PNG", "longer WebP", "60000×60000 header", "0×0 header"],
)
def test_bad_files_are_named_with_their_reason(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "part.png"
    path.write_bytes(content)
    with pytest.raises(GainspectError, match=message) as caught:
        read_image(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_what_a_camera_writes_behind_the_image_is_no_fault(kind: str) -> None:
    content = _encoded(Pillow.fromarray(COLOR), kind)
    np.testing.assert_array_equal(decode_image(content + bytes(9000), "x"), decode_image(content, "x"))


def test_the_end_of_a_thumbnail_is_not_the_end_of_the_image() -> None:
    image = Pillow.fromarray(COLOR)
    content, thumbnail = _encoded(image, "JPEG"), _encoded(image.resize((9, 6)), "JPEG")
    header = b"\xff\xe1" + struct.pack(">H", len(thumbnail) + 2) + thumbnail
    whole = content[:2] + header + content[2:]
    np.testing.assert_array_equal(decode_image(whole, "x"), decode_image(content, "x"))
    for length, message in ((len(header) + 1, "damaged"), (len(whole) - 60, "cut off")):
        with pytest.raises(GainspectError, match=message):
            decode_image(whole[:length], "x")


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match="cannot read the image"):
        read_image(tmp_path / "gone.png")


def test_a_float_image_is_refused() -> None:
    _, encoded = cv2.imencode(".tiff", np.ones((4, 4), np.float32))
    with pytest.raises(GainspectError, match="8 or 16 bits"):
        decode_image(encoded.tobytes(), "x.tiff")


def test_a_mask_is_defect_above_127(tmp_path: Path) -> None:
    values = np.array([[0, 127, 128, 255]], np.uint8)
    Pillow.fromarray(values).save(tmp_path / "m.png")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", (1, 4)), [[0, 0, 1, 1]])


def test_a_mask_of_another_size_names_both_sizes(tmp_path: Path) -> None:
    Pillow.fromarray(np.zeros((3, 5), np.uint8)).save(tmp_path / "m.png")
    with pytest.raises(GainspectError, match="5×3 px, its image 30×20 px"):
        read_mask(tmp_path / "m.png", (20, 30, 3))

"""The size in the header is that of the decoded image, in every format, and known before decoding."""

import io
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from gainspect.data import decode
from gainspect.data.image_header import image_size, require_limit, require_within
from gainspect.data.reading import Reading, decode_image, read_image
from gainspect.errors import GainspectError

WIDTH, HEIGHT = 70, 45
RGB = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)


def by_pillow(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Pillow.fromarray(RGB).convert(mode).save(file, kind, **options)
    return file.getvalue()


def by_opencv(suffix: str, image: np.ndarray = RGB, *options: int) -> bytes:
    return cv2.imencode(suffix, image, options)[1].tobytes()


def exif_with_thumbnail() -> bytes:
    """A JPEG whose EXIF segment holds a smaller JPEG, and whose comment looks like a frame header."""
    small = io.BytesIO()
    Pillow.new("RGB", (8, 8)).save(small, "JPEG")
    whole = by_pillow("JPEG")

    def segment(marker: int, content: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content

    fake = segment(0xC0, struct.pack(">BHHB", 8, 60000, 60000, 3))
    return whole[:2] + segment(0xE1, b"Exif\0\0" + small.getvalue()) + segment(0xFE, fake) + whole[2:]


def big_tiff(order: str) -> bytes:
    """The header and the directory of a BigTIFF, by its specification."""
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HHHQ", 43, 8, 0, 16)
    entries = struct.pack(order + "HHQQ", 256, 16, 1, WIDTH) + struct.pack(
        order + "HHQIxxxx", 257, 4, 1, HEIGHT
    )
    return head + struct.pack(order + "Q", 2) + entries + struct.pack(order + "Q", 0)


def big_endian_tiff() -> bytes:
    """Short values stand at the left of their field."""
    entries = struct.pack(">HHIHxx", 256, 3, 1, WIDTH) + struct.pack(">HHIHxx", 257, 3, 1, HEIGHT)
    return b"MM\0*" + struct.pack(">IH", 8, 2) + entries + struct.pack(">I", 0)


FILES = {
    "PNG": by_opencv(".png"),
    "PNG 16 bit": by_opencv(".png", RGB.astype(np.uint16) * 257),
    "PNG palette": by_pillow("PNG", "P"),
    "JPEG": by_opencv(".jpg"),
    "JPEG progressive": by_opencv(".jpg", RGB, cv2.IMWRITE_JPEG_PROGRESSIVE, 1),
    "JPEG gray": by_opencv(".jpg", RGB[:, :, 0]),
    "JPEG CMYK": by_pillow("JPEG", "CMYK"),
    "JPEG with a thumbnail": exif_with_thumbnail(),
    "BMP": by_opencv(".bmp"),
    "BMP palette": by_pillow("BMP", "P"),
    "WebP": by_pillow("WEBP", quality=80),
    "WebP lossless": by_pillow("WEBP", lossless=True),
    "WebP alpha": by_pillow("WEBP", "RGBA", quality=80, exif=b"Exif\0\0"),
    "TIFF": by_opencv(".tif"),
    "TIFF 16 bit": by_opencv(".tif", RGB.astype(np.uint16)),
    "TIFF LZW": by_pillow("TIFF", compression="tiff_lzw"),
    "TIFF big-endian": big_endian_tiff(),
    "BigTIFF": big_tiff("<"),
    "BigTIFF big-endian": big_tiff(">"),
    "GIF": by_pillow("GIF", "P"),
    "PGM": by_opencv(".pgm", RGB[:, :, 0]),
    "PPM": by_opencv(".ppm"),
    "PPM text": by_opencv(".ppm", RGB, cv2.IMWRITE_PXM_BINARY, 0),
    "PBM": by_opencv(".pbm", RGB[:, :, 0]),
    "PNM with comments": b"P5\n# 9 9\n70 # wide\n45\n255\n" + bytes(WIDTH * HEIGHT),
    "PAM": by_opencv(".pam"),
}


@pytest.mark.parametrize("kind", FILES)
def test_width_and_height_are_read_in_every_format(kind: str) -> None:
    content = FILES[kind]
    assert image_size(io.BytesIO(content)) == (WIDTH, HEIGHT)
    require_within(content, 0.00315, where="x")  # 70 × 45 px = 0.00315 Mpx
    with pytest.raises(
        GainspectError, match=r"x: the image has 70 × 45 px = 0\.00315 Mpx, the limit is 0\.003 Mpx"
    ):
        require_within(content, 0.003, where="x")


def test_a_bmp_whose_rows_run_downward() -> None:
    content = bytearray(FILES["BMP"])
    content[22:26] = struct.pack("<i", -HEIGHT)
    assert image_size(io.BytesIO(content)) == (WIDTH, HEIGHT)


def test_the_largest_page_of_a_tiff_counts() -> None:
    file = io.BytesIO()
    pages = [Pillow.new("L", (9, 9)), Pillow.new("L", (WIDTH, HEIGHT)), Pillow.new("L", (3, 3))]
    pages[0].save(file, "TIFF", save_all=True, append_images=pages[1:])
    assert image_size(file) == (WIDTH, HEIGHT)


def test_a_tiff_whose_directories_run_in_a_circle_comes_to_an_end() -> None:
    content = bytearray(big_endian_tiff())
    content[-4:] = struct.pack(">I", 8)
    assert image_size(io.BytesIO(content)) == (WIDTH, HEIGHT)


def png_bomb(side: int) -> bytes:
    """A small PNG whose header, with the right checksum, claims side × side px."""
    content = FILES["PNG"]
    head = b"IHDR" + struct.pack(">II", side, side) + content[24:29]
    return content[:12] + head + struct.pack(">I", zlib.crc32(head)) + content[33:]


def claiming(kind: str, side: int) -> bytes:
    """A file of a format with its size in the header replaced."""
    content = FILES[kind]
    places = {
        "JPEG": struct.pack(">HH", HEIGHT, WIDTH),
        "BMP": struct.pack("<ii", WIDTH, HEIGHT),
        "GIF": struct.pack("<HH", WIDTH, HEIGHT),
        "WebP": struct.pack("<HH", WIDTH, HEIGHT),
        "PPM": b"70 45",
    }
    other = {
        "JPEG": struct.pack(">HH", side, side),
        "BMP": struct.pack("<ii", side, side),
        "GIF": struct.pack("<HH", side, side),
        "WebP": struct.pack("<HH", side, side),
        "PPM": f"{side} {side}".encode(),
    }
    assert content.count(places[kind]) >= 1
    return content.replace(places[kind], other[kind], 1)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "GIF", "WebP", "PPM"])
def test_a_bomb_is_refused_before_it_is_decoded(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = 16_000
    (tmp_path / "bomb").write_bytes(png_bomb(side) if kind == "PNG" else claiming(kind, side))
    monkeypatch.setattr(cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))
    for name in ("_by_opencv", "read_tiff", "read_pnm"):
        monkeypatch.setattr(decode, name, lambda *_: pytest.fail("it was decoded"))
    tracemalloc.start()
    for read in (Reading().image, lambda path: Reading().marks(path, None, path)):
        with pytest.raises(
            GainspectError, match=r"16000 × 16000 px = 256 Mpx, the limit is 64 Mpx.*GAINSPECT_MAX_MPX"
        ):
            read(tmp_path / "bomb")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_a_file_too_long_for_any_image_within_the_limit_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "long.png").open("wb") as file:
        file.write(FILES["PNG"])
        file.truncate(2**30)  # sparse
    with pytest.raises(GainspectError, match="has 1,074 MB, more than any image of 64 Mpx"):
        read_image(tmp_path / "long.png")


def test_within_the_limit_the_pixels_are_as_they_were(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(FILES["PNG"])
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RGB[:, :, ::-1])
    np.testing.assert_array_equal(decode_image(FILES["PNG"], "a", max_mpx=0.00315), RGB[:, :, ::-1])


@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), True, "64", [64]])
def test_a_limit_is_a_positive_number(value: object) -> None:
    with pytest.raises(GainspectError, match="max_mpx is"):
        require_limit(value)


def test_the_environment_sets_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(FILES["PNG"])
    monkeypatch.delenv("GAINSPECT_MAX_MPX", raising=False)
    assert require_limit() == 64
    monkeypatch.setenv("GAINSPECT_MAX_MPX", "0.003")
    with pytest.raises(GainspectError, match=r"the limit is 0\.003 Mpx"):
        read_image(tmp_path / "a.png")
    assert require_limit(5) == 5
    monkeypatch.setenv("GAINSPECT_MAX_MPX", "many")
    with pytest.raises(GainspectError, match="GAINSPECT_MAX_MPX is 'many'"):
        require_limit()


@given(st.sampled_from(sorted(FILES)), st.data())
def test_no_damage_of_a_header_is_more_than_a_sentence(kind: str, data: st.DataObject) -> None:
    content = bytearray(FILES[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, min(len(content), 200) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))]
    try:
        require_within(bytes(content), 64, where="x")
    except GainspectError as error:
        assert "the limit is 64 Mpx" in str(error)


def test_what_is_missing_is_left_to_the_reader(tmp_path: Path) -> None:
    require_within(tmp_path / "gone.png", 64, where="gone.png")
    require_within(b"", 64, where="x")
    assert image_size(io.BytesIO(b"no image")) is None


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM"])
@pytest.mark.parametrize("orientation", [None, 1, 3, 6, 8])
def test_the_shape_of_an_image_is_that_of_its_pixels(tmp_path, kind, orientation):
    exif = Pillow.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    path = tmp_path / f"a.{kind.lower()}"
    Pillow.new("RGB", (7, 5), (200, 30, 90)).save(path, kind, exif=exif)
    assert Reading().shape(path) == read_image(path).shape[:2]


@pytest.mark.parametrize("content", [None, b"", b"not an image"])
def test_what_is_no_image_has_no_shape(tmp_path, content):
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(GainspectError, match=r"a\.png: "):
        Reading().shape(tmp_path / "a.png")

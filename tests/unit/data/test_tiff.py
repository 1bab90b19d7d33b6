"""TIFF: each layout × depth × photometric that is read gives what was written; the rest is refused.

The oracle is the array that was written, and Pillow (libtiff) where it reads the kind.
"""

import io
import struct
import warnings
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from gainspect.data.decode import decode_image
from gainspect.data.depth import FULL
from gainspect.errors import GainspectError

HEIGHT, WIDTH = 48, 80
RNG = np.random.default_rng(1)
GREY = RNG.integers(0, 256, (HEIGHT, WIDTH), np.uint8)
COLOR = RNG.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)

LAYOUTS: dict[str, dict[str, Any]] = {
    "one strip": {},
    "strips": {"rowsperstrip": 7},
    "tiles": {"tile": (16, 32)},
    "big endian": {"byteorder": ">"},
    "BigTIFF": {"bigtiff": True},
    "LZW": {"compression": "lzw"},
    "LZW, predictor": {"compression": "lzw", "predictor": True},
    "Deflate, strips": {"compression": "zlib", "rowsperstrip": 5},
    "Deflate, tiles, predictor": {"compression": "zlib", "predictor": True, "tile": (16, 16)},
    "PackBits": {"compression": "packbits"},
}


def _tiff(pixels: NDArray[Any], **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **options)
    return buffer.getvalue()


def _by_pillow(content: bytes) -> NDArray[np.uint8] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Pillow.open(io.BytesIO(content))
            if image.mode not in {"1", "L", "RGB", "RGBA", "P"} or 16 in image.tag_v2.get(258, ()):
                return None  # of 16 bit Pillow gives other scales, or (planar) wrong pixels
            return np.asarray(image.convert("RGB"))
    except (OSError, ValueError, SyntaxError):
        return None


def assert_read(content: bytes, expected: NDArray[np.uint8], *, by_pillow: bool) -> None:
    colored = expected if expected.ndim == 3 else np.repeat(expected[:, :, None], 3, axis=2)
    for _ in range(2):  # and again: nothing uninitialized
        np.testing.assert_array_equal(decode_image(content, "x.tif", FULL), colored)
    reference = _by_pillow(content)
    assert (reference is not None) or not by_pillow
    if reference is not None:
        np.testing.assert_array_equal(reference, colored)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_grey(layout: str, depth: int, photometric: str) -> None:
    stored = GREY if photometric == "minisblack" else 255 - GREY
    pixels = stored if depth == 8 else stored.astype(np.uint16) * 257
    content = _tiff(pixels, photometric=photometric, **LAYOUTS[layout])
    assert_read(content, GREY, by_pillow=depth == 8)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("alpha", [False, True])
def test_color(layout: str, depth: int, planar: str, alpha: bool) -> None:
    pixels = np.dstack([COLOR, GREY]) if alpha else COLOR
    pixels = pixels if depth == 8 else pixels.astype(np.uint16) * 257
    pixels = np.moveaxis(pixels, 2, 0) if planar == "separate" else pixels
    extra = {"extrasamples": ["unassalpha"]} if alpha else {}
    content = _tiff(pixels, photometric="rgb", planarconfig=planar, **LAYOUTS[layout], **extra)
    # Pillow does not read some planar files, and 16-bit color not at all.
    assert_read(content, COLOR, by_pillow=depth == 8 and planar == "contig" and not alpha)


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("filled", [256, 257])
def test_palette(byteorder: str, filled: int) -> None:
    """Color tables are filled as value × 256 or × 257: both mean the same color."""
    table = RNG.integers(0, 256, (256, 3), np.uint8)
    colormap = table.T.astype(np.uint16) * filled
    content = _tiff(GREY, photometric="palette", colormap=colormap, byteorder=byteorder)
    assert_read(content, table[GREY], by_pillow=True)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "packbits"])
def test_one_bit(compression: str | None) -> None:
    buffer = io.BytesIO()
    Pillow.fromarray(GREY > 127).save(buffer, "TIFF", compression=compression)
    assert_read(buffer.getvalue(), np.where(GREY > 127, 255, 0).astype(np.uint8), by_pillow=True)


def test_jpeg_in_a_tiff_is_near_what_pillow_sees() -> None:
    smooth = np.asarray(Pillow.fromarray(COLOR[:6, :10]).resize((WIDTH, HEIGHT)))
    for options in ({}, {"subsampling": 0}):
        buffer = io.BytesIO()
        Pillow.fromarray(smooth).save(buffer, "TIFF", compression="jpeg", quality=90, **options)
        reference = _by_pillow(buffer.getvalue())
        assert reference is not None
        difference = decode_image(buffer.getvalue(), "x").astype(np.int64) - reference
        assert np.abs(difference).mean() < 1


def _packed(bits: int, values: NDArray[np.int64]) -> bytes:
    """An uncompressed strip of samples that are not whole bytes, written by hand as high-speed cameras do."""
    height, width = values.shape
    rows = [
        int("".join(f"{v:0{bits}b}" for v in row).ljust(-(-width * bits // 8) * 8, "0"), 2).to_bytes(
            -(-width * bits // 8), "big"
        )
        for row in values.tolist()
    ]
    data = b"".join(rows)
    tags = [
        (256, 3, width), (257, 3, height), (258, 3, bits), (259, 3, 1), (262, 3, 1), (273, 4, 0), (277, 3, 1),
        (278, 3, height), (279, 4, len(data)),
    ]  # fmt: skip
    start = 8 + 2 + 12 * len(tags) + 4
    entries = b"".join(
        struct.pack("<HHI", tag, kind, 1)
        + (struct.pack("<HH", value, 0) if kind == 3 else struct.pack("<I", start if tag == 273 else value))
        for tag, kind, value in tags
    )
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + data


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_packed_samples_are_scaled_by_the_depth_that_the_file_names(bits: int) -> None:
    highest = 2**bits - 1
    values = RNG.integers(0, highest + 1, (HEIGHT, WIDTH))
    values[0, :2] = 0, highest
    decoded = decode_image(_packed(bits, values), "x")[:, :, 0].astype(np.int64)
    assert decoded[0, :2].tolist() == [0, 255]
    assert np.abs(decoded - values * 255 / highest).max() <= 0.51  # rounded, to 16 bit first


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_applied_as_pillow_does(orientation: int) -> None:
    content = _tiff(COLOR, photometric="rgb", extratags=[(274, "H", 1, orientation, True)])
    upright = ImageOps.exif_transpose(Pillow.open(io.BytesIO(content)))
    np.testing.assert_array_equal(decode_image(content, "x"), np.asarray(upright))


REFUSED: dict[str, tuple[bytes, str]] = {
    "float": (_tiff(GREY.astype(np.float32)), "samples that are not unsigned integers|32 bits"),
    "signed": (_tiff(GREY.astype(np.int16)), "not unsigned integers"),
    "32 bit": (_tiff(GREY.astype(np.uint32)), "32 bits per sample"),
    "two pages": (_tiff(np.stack([GREY, GREY]), photometric="minisblack"), "the file holds 2 images"),
    "CMYK": (_tiff(np.dstack([COLOR, GREY]), photometric="separated"), "SEPARATED"),
    "CIELAB": (_tiff(COLOR, photometric="cielab"), "CIELAB"),
    "slices": (_tiff(np.stack([GREY, GREY]), volumetric=True, tile=(2, 16, 16)), "slices|images"),
    "many samples": (
        _tiff(np.dstack([COLOR, COLOR]), photometric="minisblack", planarconfig="contig"),
        "samples per pixel|images",
    ),
    "Zstandard, which does not tell of an early end": (_tiff(GREY, compression="zstd"), "compression ZSTD"),
    "three pages": (_tiff(np.stack([COLOR] * 3), photometric="rgb"), "the file holds 3 images"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_not_proven_is_refused(kind: str) -> None:
    content, message = REFUSED[kind]
    with pytest.raises(GainspectError, match=message):
        decode_image(content, "x.tif", FULL)


def test_an_image_within_the_image_is_not_overlooked() -> None:
    """Raw formats keep a thumbnail in front and the image in a sub-directory."""
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        writer.write(COLOR[::4, ::4], photometric="rgb", subifds=1)
        writer.write(COLOR, photometric="rgb", subfiletype=1)
    with pytest.raises(GainspectError, match="further images within its image"):
        decode_image(buffer.getvalue(), "x.tif")


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8, 0.98])
def test_a_cut_off_file_is_refused(layout: str, share: float) -> None:
    content = _tiff(COLOR, photometric="rgb", **LAYOUTS[layout])
    with pytest.raises(GainspectError, match="cannot be decoded"):
        decode_image(content[: int(len(content) * share)], "x.tif")


@pytest.mark.parametrize("layout", [name for name, options in LAYOUTS.items() if "compression" in options])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_zeros_in_place_of_a_compressed_end_are_refused(layout: str, share: float) -> None:
    content = _tiff(COLOR, photometric="rgb", **LAYOUTS[layout])
    kept = int(len(content) * share)
    with pytest.raises(GainspectError, match="cannot be decoded"):
        decode_image(content[:kept] + bytes(len(content) - kept), "x.tif")

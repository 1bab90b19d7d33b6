"""Files as they come: read whole and right, or refused in a sentence.

The oracle is what was written, or another decoder: Pillow, tifffile, libtiff.
"""

import io
import itertools
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from gainspect.data.decode import decode_image, image_samples, mask_samples
from gainspect.data.depth import FULL
from gainspect.data.masks import read_marks
from gainspect.data.orientation import orientation_of
from gainspect.data.reading import decode_image as decode_within
from gainspect.errors import GainspectError
from gainspect.inspection.inputs import pixels_of

HEIGHT, WIDTH = 48, 80
RNG = np.random.default_rng(3)
COLOR = cv2.resize(RNG.integers(0, 256, (6, 10, 3), np.uint8), (WIDTH, HEIGHT))
GREY = np.ascontiguousarray(COLOR[:, :, 1])
IMAGE = Pillow.fromarray(COLOR)
Pixels = NDArray[Any]


def written(kind: str, image: Pillow.Image = IMAGE, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def by_pillow(content: bytes) -> Pixels:
    return np.asarray(Pillow.open(io.BytesIO(content)).convert("RGB"))


def refused(content: bytes, why: str) -> None:
    """By every reader."""
    for read in (image_samples, mask_samples):
        with pytest.raises(GainspectError, match=why):
            read(content, "x.png")


PNG, JPEG, BMP, WEBP = written("PNG"), written("JPEG"), written("BMP"), written("WEBP", lossless=True)
GIF, TIFF = written("GIF", IMAGE.quantize(64)), written("TIFF")
PROGRESSIVE = written("JPEG", progressive=True)


# Formats


def other_formats() -> dict[str, bytes]:
    bare = COLOR.tobytes()
    return {
        "JPEG 2000": written("JPEG2000"),
        "AVIF": imagecodecs.avif_encode(COLOR),
        "JPEG XL": imagecodecs.jpegxl_encode(COLOR),
        "Sun raster": cv2.imencode(".ras", COLOR)[1].tobytes(),
        "PAM": b"P7\nWIDTH 80\nHEIGHT 48\nDEPTH 3\nMAXVAL 255\nTUPLTYPE RGB\nENDHDR\n" + bare,
        "PFM": b"Pf\n80 48\n-1.0\n" + GREY.astype("<f4").tobytes(),
        "Radiance HDR": cv2.imencode(".hdr", COLOR.astype(np.float32))[1].tobytes(),
        "OpenEXR": b"\x76\x2f\x31\x01" + bytes(300),
        "PCX": written("PCX"),
        "icon": written("ICO", IMAGE.resize((32, 32))),
        "QOI": imagecodecs.qoi_encode(COLOR),
        "DDS": written("DDS"),
        "HEIF": b"\0\0\0\x18ftypheic" + bytes(300),
        "Photoshop": b"8BPS" + bytes(300),
    }


@pytest.mark.parametrize("name", other_formats())
def test_a_format_that_is_not_read_is_named_whatever_the_file_is_called(name: str) -> None:
    refused(other_formats()[name], f"x.png: this is an? {name} file, which is not read. PNG, JPEG")


@pytest.mark.parametrize("content", [written("TGA"), b"BMnothing", b"\xff\xd8\xff", bytes(50)])
def test_what_has_no_name_is_refused_too(content: bytes) -> None:
    refused(content, "not an image|damaged")


@pytest.mark.parametrize("raw", [True, False])
@pytest.mark.parametrize("width", [16, 13, 1])
def test_black_and_white_pnm(raw: bool, width: int) -> None:
    ones = RNG.integers(0, 2, (7, width), np.uint8)
    head = b"P%d # black is 1\n%d 7\n" % (4 if raw else 1, width)
    body = np.packbits(ones, axis=1).tobytes() if raw else b"".join(b"%d" % v for v in ones.ravel()) + b"\n"
    np.testing.assert_array_equal(decode_image(head + body, "x")[:, :, 0], np.where(ones, 0, 255))
    np.testing.assert_array_equal(by_pillow(head + body)[:, :, 0], np.where(ones, 0, 255))
    refused(head + body[:-2], "not as long as it says")
    refused((head + body) * 2, "not as long as it says|no numbers")


# JPEG


def scans_of(content: bytes) -> tuple[bytes, list[bytes], bytes]:
    """Header, each scan with the tables in front of it, and end mark."""
    marks = [place for place in range(len(content)) if content[place : place + 2] == b"\xff\xda"]
    starts = []
    for before, place in zip([0, *marks], marks, strict=False):
        table = content.find(b"\xff\xc4", before, place)
        starts.append(table if table >= 0 else place)
    pieces = [content[a:b] for a, b in itertools.pairwise([*starts, len(content) - 2])]
    return content[: starts[0]], pieces, b"\xff\xd9"


@pytest.mark.parametrize("options", [{}, {"subsampling": 0}, {"quality": 30}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_progressive_jpeg_lacks_no_scan(options: dict[str, Any], mode: str) -> None:
    content = written("JPEG", IMAGE.convert(mode), progressive=True, **options)
    assert np.abs(decode_image(content, "x").astype(int) - by_pillow(content)).max() <= 1
    head, scans, end = scans_of(content)
    assert len(scans) > 3
    for left_out in range(len(scans)):
        rest = head + b"".join(scans[:left_out] + scans[left_out + 1 :]) + end
        refused(rest, "cut off, or was saved without its last scans|damaged")
        if left_out:
            refused(head + b"".join(scans[:left_out]) + end, "cut off, or was saved without its last scans")


def test_scans_in_another_order_are_whole() -> None:
    """Those of the colors may come before those of the brightness."""
    head, scans, end = scans_of(PROGRESSIVE)
    for order in (
        [0, 2, 3, 1, 4, 5, 6, 7, 8, 9],
        [0, 3, 1, 4, 2, 5, 6, 8, 7, 9],
        [0, 1, 4, 5, 9, 2, 3, 6, 7, 8],
    ):
        content = head + b"".join(scans[index] for index in order) + end
        np.testing.assert_array_equal(by_pillow(content), by_pillow(PROGRESSIVE))
        np.testing.assert_array_equal(decode_image(content, "x"), decode_image(PROGRESSIVE, "x"))


def segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def one_block(script: list[tuple[int, int, int, int]]) -> bytes:
    """A progressive JPEG of 8 × 8 px in one grey, by any scan script (first, last, high, low)."""
    mean = 512  # 512 / 8 + 128 = 192
    size = next((mean >> low for first, _, high, low in script if first == high == 0), mean).bit_length()
    # Codes of the mean: 0 for no difference, 10 for one of `size` bits. Of all others: 0, the block ends.
    content = b"\xff\xd8" + segment(0xDB, bytes([0]) + bytes([1] * 64))
    content += segment(0xC2, struct.pack(">BHHB", 8, 8, 8, 1) + bytes([1, 0x11, 0]))
    content += segment(0xC4, bytes([0, 1, 1, *[0] * 14, 0, size])) + segment(
        0xC4, bytes([0x10, 1, *[0] * 15, 0])
    )
    for first, last, high, low in script:
        content += segment(0xDA, bytes([1, 1, 0, first, last, high << 4 | low]))
        bits = "0" if first else f"{mean >> low & 1}" if high else f"10{mean >> low:b}"
        bits = bits.ljust(-(-len(bits) // 8) * 8, "1")
        content += int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\0")
    return content + b"\xff\xd9"


@st.composite
def scan_scripts(draw: st.DrawFn) -> list[tuple[int, int, int, int]]:
    """Whole scripts: bands of any width, each refined down to the lowest bit."""
    cuts = sorted(draw(st.sets(st.integers(2, 63), max_size=6)))
    bands = [(0, 0), *((a, b - 1) for a, b in itertools.pairwise([1, *cuts, 64]))]
    queues = []
    for first, last in bands:
        low = draw(st.integers(0, 3))
        queues.append([(first, last, 0, low), *((first, last, bit, bit - 1) for bit in range(low, 0, -1))])
    script = [queues[0].pop(0)]
    while waiting := [queue for queue in queues if queue]:
        script.append(draw(st.sampled_from(waiting)).pop(0))
    return script


@given(script=scan_scripts(), data=st.data())
def test_any_whole_scan_script_is_read_and_none_with_a_scan_less(
    script: list[tuple[int, int, int, int]], data: st.DataObject
) -> None:
    content = one_block(script)
    np.testing.assert_array_equal(by_pillow(content), np.full((8, 8, 3), 192))
    np.testing.assert_array_equal(decode_image(content, "x"), np.full((8, 8, 3), 192))
    left_out = data.draw(st.integers(0, len(script) - 1))
    refused(one_block(script[:left_out] + script[left_out + 1 :]), "cut off|damaged")


def test_a_component_without_a_scan_is_missed() -> None:
    """A baseline file may give its components one by one."""
    content = JPEG[: JPEG.index(b"\xff\xda")]
    grey = written("JPEG", IMAGE.convert("L"))
    scan = grey[grey.index(b"\xff\xda") :]
    refused(content + scan, "cut off, or was saved without its last scans|damaged")


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (imagecodecs.jpeg8_encode(GREY, lossless=True), "lossless coding"),
        (imagecodecs.jpeg_encode(GREY.astype(np.uint16), bitspersample=12), "12 bits"),
        (imagecodecs.jpegls_encode(GREY), "JPEG-LS"),
        (JPEG.replace(b"\xff\xc0", b"\xff\xc9"), "arithmetic coding"),
        (JPEG.replace(b"\xff\xc0", b"\xff\xc5"), "a hierarchy of frames"),
        (JPEG[: len(JPEG) * 2 // 3] + b"\xff\xd9", "damaged"),
        (JPEG[:-2], "cut off"),
        (JPEG[:30], "damaged or cut off"),
    ],
)
def test_jpegs_that_are_not_read(content: bytes, why: str) -> None:
    refused(content, why)


@pytest.mark.parametrize("options", [{"restart_marker_blocks": 2}, {"optimize": True}, {"quality": 100}])
def test_usual_jpegs_are_read(options: dict[str, Any]) -> None:
    content = written("JPEG", **options)
    assert np.abs(decode_image(content, "x").astype(int) - by_pillow(content)).max() <= 1


# What lies behind an image

FIRST = {"PNG": PNG, "JPEG": JPEG, "progressive": PROGRESSIVE, "BMP": BMP, "GIF": GIF, "TIFF": TIFF}
SECOND = {"PNG": PNG, "JPEG": JPEG, "BMP": BMP, "WebP": WEBP, "TIFF": TIFF, "GIF": GIF}


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize("second", SECOND)
def test_an_image_behind_another_is_found_whatever_lies_between(first: str, second: str) -> None:
    for between in (b"", b"\n", bytes(300), b"junk \xff\xff", b"\xff" * 9):
        refused(FIRST[first] + between + SECOND[second], f"2 images .*{second}|second image")


@pytest.mark.parametrize("first", FIRST)
@pytest.mark.parametrize(
    "trailer", [bytes(9000), b"\r\n\0\n", b"SEFH camera 12, line 4\n", b"BM", b"\xff\xd8"]
)
def test_what_cameras_append_is_no_fault(first: str, trailer: bytes) -> None:
    np.testing.assert_array_equal(decode_image(FIRST[first] + trailer, "x"), decode_image(FIRST[first], "x"))


@pytest.mark.parametrize("first", ["PNG", "JPEG", "BMP", "GIF"])
def test_much_of_anything_behind_an_image_is_refused(first: str) -> None:
    refused(FIRST[first] + b"\x11" * 100_000, "100,000 bytes lie behind the image")


def test_a_webp_within_a_webp() -> None:
    both = WEBP + WEBP
    refused(both[:4] + struct.pack("<I", len(both) - 8) + both[8:], "the file holds 2 images")
    refused(both, "its length differs")


@given(st.binary(max_size=300))
def test_random_bytes_behind_an_image_change_nothing_or_are_refused(trailer: bytes) -> None:
    try:
        decoded = decode_image(PNG + trailer, "x")
    except GainspectError as error:
        assert "holds 2 images" in str(error)
    else:
        np.testing.assert_array_equal(decoded, COLOR)


# APNG


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def animated(*order: str) -> bytes:
    """A PNG with chunks of an animation, in order."""
    idat = PNG[PNG.index(b"IDAT") - 4 : PNG.index(b"IEND") - 4]
    frame = struct.pack(">IIIIIHHBB", 0, WIDTH, HEIGHT, 0, 0, 1, 10, 0, 0)
    parts = {
        "acTL": chunk(b"acTL", struct.pack(">II", 1, 0)),
        "fcTL": chunk(b"fcTL", frame),
        "IDAT": idat,
        "fdAT": chunk(b"fdAT", struct.pack(">I", 1) + zlib.compress(bytes(HEIGHT * (1 + 3 * WIDTH)))),
    }
    return PNG[: PNG.index(b"IDAT") - 4] + b"".join(parts[name] for name in order) + chunk(b"IEND", b"")


def test_a_picture_that_an_animation_hides_counts() -> None:
    np.testing.assert_array_equal(decode_image(animated("acTL", "fcTL", "IDAT"), "x"), COLOR)
    for order in (
        ("acTL", "IDAT", "fcTL", "fdAT"),
        ("acTL", "fcTL", "IDAT", "fcTL", "fdAT"),
        ("acTL", "fcTL", "IDAT", "fdAT"),
        ("IDAT", "acTL", "fcTL", "fdAT"),
        ("IDAT", "fcTL", "fdAT"),
    ):
        refused(animated(*order), r"the file holds 2 images")
    hidden = written("PNG", save_all=True, default_image=True, append_images=[ImageOps.invert(IMAGE)])
    assert Pillow.open(io.BytesIO(hidden)).n_frames == 2
    refused(hidden, "the file holds 2 images")


# BMP

BGR = (0xFF0000, 0xFF00, 0xFF)


def bmp(bits: int, compression: int, pixels: bytes, masks: tuple[int, ...] = (), header: int = 40) -> bytes:
    info = struct.pack("<IiiHHIIiiII", header, WIDTH, HEIGHT, 1, bits, compression, len(pixels), 0, 0, 0, 0)
    info = (info + b"".join(struct.pack("<I", mask) for mask in masks)).ljust(header, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(info) + len(pixels), 0, 0, 14 + len(info)) + info + pixels


def masked(masks: tuple[int, ...], header: int = 40) -> bytes:
    """32 bits, each channel where its mask says; alpha is the grey image."""
    channels = np.dstack([COLOR, GREY])[::-1].astype(np.uint32)
    values = sum(channels[..., i] << (mask & -mask).bit_length() - 1 for i, mask in enumerate(masks))
    return bmp(32, 3, np.asarray(values).astype("<u4").tobytes(), masks, header)


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("order", list(itertools.permutations((0, 8, 16, 24), 3)))
def test_the_masks_of_a_bmp_are_followed(order: tuple[int, ...], header: int) -> None:
    masks = tuple(0xFF << shift for shift in order)
    np.testing.assert_array_equal(decode_image(masked(masks, header), "x"), COLOR)


@pytest.mark.parametrize("order", list(itertools.permutations((0, 8, 16, 24))))
@pytest.mark.parametrize("header", [56, 108, 124])
def test_the_alpha_of_a_bmp_is_dropped_from_images_and_kept_in_masks(
    order: tuple[int, ...], header: int
) -> None:
    content = masked(tuple(0xFF << shift for shift in order), header)
    np.testing.assert_array_equal(decode_image(content, "x"), COLOR)
    np.testing.assert_array_equal(mask_samples(content, "x").values, np.dstack([COLOR, GREY]))


def test_a_fourth_byte_without_a_name_is_no_mask() -> None:
    named = bmp(32, 0, np.dstack([COLOR[..., ::-1], np.zeros_like(GREY)])[::-1].tobytes())
    np.testing.assert_array_equal(mask_samples(named, "x").values, COLOR)
    content = bmp(32, 0, np.dstack([COLOR[..., ::-1], GREY])[::-1].tobytes())
    np.testing.assert_array_equal(decode_image(content, "x"), COLOR)
    with pytest.raises(GainspectError, match="does not say whether it is alpha"):
        mask_samples(content, "x")


@pytest.mark.parametrize("masks", [(0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F)])
def test_16_bits_of_a_bmp(masks: tuple[int, ...]) -> None:
    channels = [COLOR[::-1, :, i].astype(np.uint16) >> 8 - mask.bit_count() for i, mask in enumerate(masks)]
    shifts = [(mask & -mask).bit_length() - 1 for mask in masks]
    values = sum(channel << shift for channel, shift in zip(channels, shifts, strict=True))
    content = bmp(16, 3, np.asarray(values).astype("<u2").tobytes(), masks)
    assert np.abs(decode_image(content, "x").astype(int) - COLOR).max() < 8
    refused(content[:-1], "cut off")
    refused(bmp(16, 3, content[66:], (0xF00, 0xF0, 0xF)), "a BMP whose colors have the bits f00, f0, f")


@pytest.mark.parametrize("mode", ["RGB", "L", "1", "P", "RGBA"])
def test_a_bmp_that_is_cut_off(mode: str) -> None:
    image = IMAGE.quantize(90) if mode == "P" else IMAGE.convert(mode)
    content = written("BMP", image)
    np.testing.assert_array_equal(decode_image(content, "x"), by_pillow(content))
    for length in (len(content) - 1, len(content) // 2, 60):
        refused(content[:length], "cut off|damaged")
    other = content[:2] + struct.pack("<I", 77) + content[6:]  # the length that it states is often wrong
    np.testing.assert_array_equal(decode_image(other, "x"), by_pillow(content))


def run_lengths(rows: int = HEIGHT, width: int = WIDTH) -> bytes:
    """RLE8, the lowest row first: single pixels in front, the rest as they are."""
    body = b""
    for row in GREY[::-1][:rows]:
        body += bytes([1, row[0], 1, row[1], 0, width - 2, *row[2:width]]) + bytes(width % 2) + b"\0\0"
    palette = b"".join(bytes([i, i, i, 0]) for i in range(256))
    content = bytearray(bmp(8, 1, palette + body + b"\0\1"))
    content[10:14] = struct.pack("<I", 54 + 1024)
    return bytes(content)


def test_a_bmp_of_run_lengths_gives_each_pixel() -> None:
    np.testing.assert_array_equal(decode_image(run_lengths(), "x")[:, :, 0], GREY)
    np.testing.assert_array_equal(by_pillow(run_lengths())[:, :, 0], GREY)
    refused(run_lengths(HEIGHT // 2), "leaves out some of its pixels")
    refused(run_lengths(width=WIDTH - 4), "leaves out some of its pixels")
    refused(run_lengths()[:-900], "cut off")


# GIF


def test_a_gif_is_one_opaque_frame_over_all_of_its_screen() -> None:
    np.testing.assert_array_equal(decode_image(GIF, "x"), by_pillow(GIF))
    screen = GIF[:6] + struct.pack("<HH", WIDTH + 9, HEIGHT) + GIF[10:]
    refused(screen, "covers a part of its screen")
    refused(GIF[:-40], "cut off")
    clear = written("GIF", IMAGE.quantize(64), transparency=int(np.asarray(IMAGE.quantize(64))[0, 0]))
    with pytest.raises(GainspectError, match="transparent"):
        image_samples(clear, "x")
    assert mask_samples(clear, "x").values.shape == (HEIGHT, WIDTH, 4)


# TIFF


def tiff(pixels: Pixels, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, pixels, **{"metadata": None, **options})
    return buffer.getvalue()


@st.composite
def tiffs(draw: st.DrawFn) -> tuple[bytes, Pixels, Pixels | None]:
    """A TIFF of any layout, what it shows (16 bits as they are), and its alpha."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    depth = draw(st.sampled_from([np.uint8, np.uint16]))
    photometric = draw(st.sampled_from(["minisblack", "miniswhite", "rgb", "palette"]))
    alpha = photometric != "palette" and draw(st.booleans())  # that tifffile does not write
    planar = draw(st.sampled_from(["contig", "separate"]))
    compression = draw(st.sampled_from([None, "lzw", "zlib", "packbits"]))
    layout = draw(
        st.sampled_from(
            [{}, {"rowsperstrip": 1}, {"rowsperstrip": 7}, {"tile": (16, 16)}, {"tile": (32, 48)}]
        )
    )
    predictor = compression in ("lzw", "zlib") and photometric != "palette" and draw(st.booleans())
    depth = np.uint8 if photometric == "palette" else depth
    highest = np.iinfo(depth).max
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    channels = (3 if photometric == "rgb" else 1) + alpha
    stored = rng.integers(0, highest, (height, width, channels), depth, endpoint=True)
    stored[: height // 2] = stored[0, 0]  # compression finds something
    options: dict[str, Any] = {"extrasamples": ["unassalpha"]} if alpha else {}
    table = rng.integers(0, 2**16, (3, 256), np.uint16)
    table[0, 0] = 60000
    if photometric == "palette":
        options["colormap"] = table
    if channels > 1:
        options["planarconfig"] = planar
    pixels = (
        stored[:, :, 0] if channels == 1 else np.moveaxis(stored, 2, 0) if planar == "separate" else stored
    )
    content = tiff(
        pixels,
        photometric=photometric,
        compression=compression,
        predictor=predictor or None,
        byteorder=draw(st.sampled_from("<>")),
        bigtiff=draw(st.booleans()),
        **layout,
        **options,
    )
    shown = stored[:, :, :-1] if alpha else stored
    if photometric == "palette":
        shown = np.moveaxis((table >> 8).astype(np.uint8)[:, shown[:, :, 0]], 0, -1)
    if photometric == "miniswhite":
        shown = (highest - shown).astype(depth)
    return content, shown, stored[:, :, -1] if alpha else None


@settings(max_examples=250)
@given(tiffs())
def test_each_layout_of_a_tiff_gives_what_was_written(case: tuple[bytes, Pixels, Pixels | None]) -> None:
    content, shown, alpha = case
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        assume(len(file.pages) == 1)
        assume(alpha is None or file.pages[0].samplesperpixel in (2, 4))
    read = image_samples(content, "x")
    values = 65535 - read.values if read.inverted else read.values
    np.testing.assert_array_equal(values.reshape(shown.shape), shown)
    mask = mask_samples(content, "x")
    if alpha is None:
        np.testing.assert_array_equal(mask.values, read.values)
    else:
        assert not mask.inverted
        np.testing.assert_array_equal(mask.values, np.dstack([shown, alpha]))


@settings(max_examples=250)
@given(case=tiffs(), data=st.data())
def test_a_tiff_with_a_strip_less_is_refused(
    case: tuple[bytes, Pixels, Pixels | None], data: st.DataObject
) -> None:
    """Its place or length is 0 or beyond the file, its end is missing, or it is not listed."""
    content, _, _ = case
    changed = bytearray(content)
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        page, order = file.pages[0], "little" if file.byteorder == "<" else "big"
        assume(len(file.pages) == 1)
        places, lengths = (
            ((324, 325) if page.is_tiled else (273, 279)) if data.draw(st.booleans()) else (0, 0)
        )
        places, lengths = (324, 325) if page.is_tiled else (273, 279)
        damage = data.draw(st.sampled_from(["place 0", "length 0", "beyond", "short", "fewer"]))
        tag = page.tags[places if damage in ("place 0", "beyond") else lengths]
        size = {3: 2, 4: 4, 16: 8}[int(tag.dtype)]
        index = data.draw(st.integers(0, tag.count - 1))
        value = page.databytecounts[index]
        at = tag.valueoffset + index * size
    if damage == "fewer":
        assume(tag.count > 1)
        head = 8 if file.is_bigtiff else 4
        changed[tag.offset + 4 : tag.offset + 4 + head] = (tag.count - 1).to_bytes(head, order)
        assume(tag.count - 1 > head // size)  # otherwise the values stand in the entry, and are others
    else:
        new = {"place 0": 0, "length 0": 0, "beyond": len(content) - 1, "short": value * 2 // 3}[damage]
        assume(damage != "beyond" or value > 1)
        assume(new < 256**size)
        changed[at : at + size] = new.to_bytes(size, order)
    with pytest.raises(GainspectError, match=r"x: "):
        image_samples(bytes(changed), "x")


def test_a_palette_with_alpha() -> None:
    table = RNG.integers(0, 2**16, (3, 256), np.uint16)
    colormap = [(320, "H", 768, tuple(table.ravel().tolist()), True)]
    alpha = 255 - GREY
    both = np.dstack([GREY, alpha])
    options = {"planarconfig": "contig", "extrasamples": ["unassalpha"], "extratags": colormap}
    content = bytearray(tiff(both, photometric="minisblack", **options))
    with tifffile.TiffFile(io.BytesIO(bytes(content))) as file:
        content[file.pages[0].tags[262].valueoffset] = 3
    shown = np.moveaxis((table >> 8).astype(np.uint8)[:, GREY], 0, -1)
    np.testing.assert_array_equal(decode_image(bytes(content), "x"), shown)
    np.testing.assert_array_equal(mask_samples(bytes(content), "x").values, np.dstack([shown, alpha]))


def test_colors_multiplied_by_alpha_are_refused() -> None:
    four = np.dstack([COLOR, GREY])
    refused(tiff(four, photometric="rgb", extrasamples=["assocalpha"]), "multiplied by its alpha")


def test_a_channel_that_may_be_alpha_is_no_mask() -> None:
    for filling, readable in ((GREY, False), (np.full_like(GREY, 255), True)):
        content = tiff(np.dstack([COLOR, filling]), photometric="rgb", extrasamples=["unspecified"])
        np.testing.assert_array_equal(decode_image(content, "x"), COLOR)
        if readable:
            np.testing.assert_array_equal(mask_samples(content, "x").values, COLOR)
        else:
            with pytest.raises(GainspectError, match="does not say whether it is alpha"):
                mask_samples(content, "x")


def test_a_white_tiff_with_the_defect_in_its_alpha(tmp_path: Path) -> None:
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[9:20, 5:30] = 255
    for channels, photometric in ((1, "minisblack"), (3, "rgb")):
        white = np.full((HEIGHT, WIDTH, channels), 255, np.uint8)
        both = np.dstack([white, alpha])
        content = tiff(both, photometric=photometric, extrasamples=["unassalpha"], planarconfig="contig")
        (tmp_path / "mask.tif").write_bytes(content)
        np.testing.assert_array_equal(read_marks(tmp_path / "mask.tif").defect, alpha > 0)


@pytest.mark.parametrize(
    "options",
    [
        {"photometric": "rgb"},
        {"photometric": "ycbcr"},
        {"photometric": "rgb", "tile": (32, 32)},
        {"photometric": "ycbcr", "rowsperstrip": 16},
    ],
)
def test_jpeg_in_a_tiff_is_checked_strip_by_strip(options: dict[str, Any]) -> None:
    content = tiff(COLOR, compression="jpeg", **options)
    np.testing.assert_array_equal(decode_image(content, "x"), by_pillow(content))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        page = file.pages[0]
        for place, length in zip(page.dataoffsets, page.databytecounts, strict=True):
            inside = length // 2
            cut = bytearray(content)
            cut[place + inside : place + length] = (b"\xff\xd9" + bytes(length))[: length - inside]
            refused(bytes(cut), "damaged|cut off")
            zeros = content[: place + inside] + bytes(length - inside) + content[place + length :]
            refused(zeros, "damaged|cut off")


def test_jpeg_in_a_tiff_with_tables_of_its_own() -> None:
    content = written("TIFF", compression="jpeg")
    np.testing.assert_array_equal(decode_image(content, "x"), by_pillow(content))
    refused(
        written("TIFF", IMAGE.convert("RGBA"), compression="jpeg"), "JPEG compression and a further channel"
    )


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_fax_codes_do_not_tell_of_an_early_end(compression: str) -> None:
    refused(written("TIFF", IMAGE.convert("1"), compression=compression), "compression CCITT.* is not read")


def without_next(content: bytes) -> bytes:
    """The chain of directories ends at the first."""
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        place = file.pages[0].offset
    end = place + 2 + 12 * int.from_bytes(content[place : place + 2], "little")
    return content[:end] + bytes(4) + content[end + 4 :]


STACK = np.stack([GREY, 255 - GREY])
STACKS = {
    "ImageJ": without_next(tiff(STACK, imagej=True, metadata={"axes": "ZYX"})),
    "shaped": tiff(STACK, photometric="minisblack", metadata={}, truncate=True),
    "without a word": without_next(tiff(STACK, photometric="minisblack")),
    "volume": tiff(STACK, photometric="minisblack", volumetric=True, tile=(2, 16, 16)),
}


@pytest.mark.parametrize("kind", STACKS)
def test_several_images_in_one_directory(kind: str) -> None:
    refused(STACKS[kind], "the file holds 2 images|2 slices|second image")


def test_a_color_table_of_8_bits_is_refused() -> None:
    table = np.tile(np.arange(256, dtype=np.uint16), (3, 1))
    refused(tiff(GREY, photometric="palette", colormap=table), "a color table of 8 bits")
    content = tiff(GREY, photometric="palette", colormap=table * 257)
    np.testing.assert_array_equal(decode_image(content, "x")[:, :, 0], GREY)


@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("bigtiff", [False, True])
@pytest.mark.parametrize("orientation", [0, *range(1, 10), 200])
def test_the_orientation_of_a_tiff(orientation: int, bigtiff: bool, byteorder: str) -> None:
    tag = [(274, "H", 1, orientation, True)]
    content = tiff(COLOR, photometric="rgb", extratags=tag, bigtiff=bigtiff, byteorder=byteorder)
    valid = orientation if 1 <= orientation <= 8 else 1
    assert orientation_of(content) == valid
    exif = Pillow.Exif()
    exif[274] = valid
    expected = by_pillow(
        written("PNG", ImageOps.exif_transpose(Pillow.open(io.BytesIO(written("PNG", exif=exif)))))
    )
    np.testing.assert_array_equal(decode_image(content, "x"), expected)
    np.testing.assert_array_equal(mask_samples(content, "x").values, expected)


def test_a_tile_counts_for_the_limit_on_pixels() -> None:
    content = bytearray(tiff(np.zeros((1024, 2048), np.uint8), tile=(1024, 2048), compression="zlib"))
    with tifffile.TiffFile(io.BytesIO(bytes(content))) as file:
        for tag in (256, 257):
            place = file.pages[0].tags[tag].valueoffset
            content[place : place + 2] = (16).to_bytes(2, "little")
    with pytest.raises(GainspectError, match=r"2048 × 1024 px = 2\.097 Mpx, the limit is 1 Mpx"):
        decode_within(bytes(content), "x", max_mpx=1)
    assert decode_within(tiff(GREY, tile=(16, 16)), "x", max_mpx=0.004).shape == (HEIGHT, WIDTH, 3)


def test_a_size_that_the_limit_does_not_see_is_refused() -> None:
    """A width as a signed number is one to tifffile."""
    content = bytearray(tiff(COLOR, photometric="rgb"))
    with tifffile.TiffFile(io.BytesIO(bytes(content))) as file:
        place = file.pages[0].tags[256].offset
    content[place + 2 : place + 12] = struct.pack("<HIi", 9, 1, WIDTH)
    with pytest.raises(GainspectError, match=r"another size|cannot be decoded"):
        decode_within(bytes(content), "x", max_mpx=0.0001)


@given(data=st.data(), kind=st.sampled_from(["PNG", "JPEG", "progressive", "BMP", "GIF", "WEBP", "TIFF"]))
def test_what_is_cut_off_is_refused_in_every_format(data: st.DataObject, kind: str) -> None:
    content = {**FIRST, "WEBP": WEBP}[kind]
    # The last byte of Pillow's TIFF belongs to a tag; all others to pixels.
    length = data.draw(st.integers(0, len(content) - 1))
    refused(content[:length], "cut off|damaged|empty|not an image|another size|cannot be decoded")


@settings(max_examples=200)
@given(case=tiffs(), share=st.floats(0, 1, exclude_max=True))
def test_a_tiff_is_refused_wherever_it_is_cut_off(
    case: tuple[bytes, Pixels, Pixels | None], share: float
) -> None:
    content = case[0]
    refused(content[: int(len(content) * share)], "cannot be decoded|another size|not an image|empty")


CODED = {
    "baseline": JPEG,
    "progressive": PROGRESSIVE,
    "restarts": written("JPEG", restart_marker_blocks=3),
    "grey": written("JPEG", IMAGE.convert("L"), progressive=True),
}


@settings(max_examples=200)
@given(kind=st.sampled_from(sorted(CODED)), data=st.data())
def test_a_jpeg_that_was_cut_off_and_closed_is_refused(kind: str, data: st.DataObject) -> None:
    content = CODED[kind]
    length = data.draw(st.integers(content.index(b"\xff\xda"), len(content) - 3))
    refused(content[:length] + b"\xff\xd9", "cut off|damaged")


def test_a_gif_whose_code_ends_early() -> None:
    """Its blocks are whole, and it is closed."""
    start = 13 + (3 << (GIF[10] & 7) + 1)
    start = GIF.index(b",", start) + 11
    length = GIF[start]
    refused(GIF[:start] + bytes([length // 2]) + GIF[start + 1 : start + 1 + length // 2] + b"\0;", "damaged")


@pytest.mark.parametrize("kind", [2, 3])
def test_a_pnm_in_digits_that_ends_within_a_number(kind: int) -> None:
    pixels = GREY if kind == 2 else COLOR
    content = b"P%d\n80 48\n255\n" % kind + b" ".join(b"%d" % v for v in pixels.ravel()) + b"\n"
    expected = pixels if kind == 3 else np.repeat(GREY[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(decode_image(content, "x"), expected)
    for less in (1, 2, 3, 4, 500):
        refused(content[:-less], "not as long as it says|within a number")


# Pillow images


def test_a_pillow_image_is_held_to_the_rules_of_its_file(tmp_path: Path) -> None:
    head, scans, end = scans_of(PROGRESSIVE)
    bad = {
        "cut.jpg": JPEG[: len(JPEG) // 2] + end,
        "scans.jpg": head + b"".join(scans[:3]) + end,
        "two.jpg": JPEG + b"\n" + JPEG,
        "two.png": PNG + b"\n" + PNG,
        "jp2.png": written("JPEG2000"),
    }
    for name, content in bad.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(GainspectError, match=f"{name}: "), Pillow.open(tmp_path / name) as opened:
            pixels_of(opened, 64)
        with pytest.raises(GainspectError), Pillow.open(io.BytesIO(content)) as opened:
            pixels_of(opened, 64)
        with pytest.raises(GainspectError), (tmp_path / name).open("rb") as file:
            pixels_of(Pillow.open(file), 64)
    for name, content in {"a.png": PNG, "b.jpg": JPEG, "c.tif": TIFF, "d.bmp": BMP}.items():
        (tmp_path / name).write_bytes(content)
        with Pillow.open(tmp_path / name) as opened:
            np.testing.assert_array_equal(pixels_of(opened, 64), by_pillow(content))
            np.testing.assert_array_equal(pixels_of(opened, 64), by_pillow(content))  # loaded now
        np.testing.assert_array_equal(pixels_of(Pillow.open(io.BytesIO(content)), 64), by_pillow(content))
    with Pillow.open(tmp_path / "a.png") as opened:
        opened.putpixel((0, 0), (1, 2, 3))
        assert pixels_of(opened, 64)[0, 0].tolist() == [1, 2, 3]  # its own pixels, not those of the file
    np.testing.assert_array_equal(pixels_of(IMAGE, 64, FULL), COLOR)

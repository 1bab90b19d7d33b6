"""1,000 damaged image files and 200 damaged bundles: never a crash, a traceback, or a verdict on garbage.

What can be known of a damaged image depends on its format. PNG has checksums: it is refused, or its pixels
are the original's. A file that was cut is refused in every format. BMP, TIFF, JPEG and WebP have no checksum:
a changed byte may be a changed pixel; what is judged must then be a picture of the size that an independent
reader (Pillow) finds in the same bytes, and of uncompressed formats pixel by pixel the same.
"""

import io
import json
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

# First: it sets the limits that OpenCV reads on import.
from gainspect.errors import GainspectError
from gainspect.inspection.bundle import read_bundle, write_bundle

COUNT = 1000
UNCOMPRESSED = ("bmp", "tiff")
DAMAGES = ("flip", "cut", "insert", "remove", "header", "signature", "claim")
SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"BM", b"II*\x00", b"RIFF", b"")


def originals() -> dict[str, bytes]:
    """A smooth picture, 48 × 64 px, in every format."""
    import cv2
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    color = cv2.GaussianBlur(noise, (0, 0), 2)
    deep = color[:, :, 0].astype(np.uint16) * 257
    kinds: dict[str, tuple[Any, str, dict[str, Any]]] = {
        "png": (color, "PNG", {}),
        "png 16 bit": (deep, "PNG", {}),
        "jpeg": (color, "JPEG", {"quality": 90}),
        "jpeg progressive": (color, "JPEG", {"progressive": True}),
        "bmp": (color, "BMP", {}),
        "tiff": (color, "TIFF", {}),
        "tiff lzw": (color, "TIFF", {"compression": "tiff_lzw"}),
        "webp": (color, "WEBP", {}),
        "webp lossless": (color, "WEBP", {"lossless": True}),
    }
    encoded = {}
    for name, (pixels, kind, options) in kinds.items():
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, kind, **options)
        encoded[name] = buffer.getvalue()
    return encoded


def damage(content: bytes, how: str, rng: np.random.Generator) -> bytes:
    """One damaged copy."""
    data, place = bytearray(content), int(rng.integers(len(content)))
    some = int(rng.integers(1, 40))
    if how == "flip":
        for _ in range(int(rng.integers(1, 5))):
            data[int(rng.integers(len(data)))] ^= int(rng.integers(1, 256))
    elif how == "cut":
        del data[max(1, place) :]
    elif how == "insert":
        data[place:place] = rng.bytes(some)
    elif how == "remove":
        del data[place : place + some]
    elif how == "header":
        data[int(rng.integers(32))] = int(rng.integers(256))
    elif how == "signature":
        signature = SIGNATURES[int(rng.integers(len(SIGNATURES)))]
        data[: len(signature)] = signature
        if not signature:
            data[:] = rng.bytes(len(data))
    elif content.startswith(b"\x89PNG"):  # another size claimed, with a checksum that fits
        data[16:24] = struct.pack(">II", *(int(side) for side in rng.integers(0, 2**31, 2)))
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    elif how == "claim":  # four bytes of the header become a huge number
        at = int(rng.integers(4, 28))
        data[at : at + 4] = rng.choice([b"\xff\xff\xff\x7f", b"\x00\x00\x01\x00", b"\xff" * 4])
    return bytes(data)


def faults(count: int) -> tuple[list[str], dict[str, int]]:
    """Damage, inspect, compare: what is wrong, and how many were refused or judged."""
    from gainspect.data.decode import decode_image
    from gainspect.data.depth import FULL
    from gainspect.inspection.inspector import Inspector
    from gainspect.inspection.sources.contents import Contents
    from gainspect.inspection.stream import inspect_files

    class Flat:
        size, runtime, precision = 32, "fake", "f32"

        def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
            grey = images.astype(np.float32).mean(axis=3) / 255
            return {"score": grey.mean(axis=(1, 2)), "evidence": grey}

    rng, files = np.random.default_rng(7), list(originals().items())
    whole = {name: decode_image(content, name, FULL) for name, content in files}
    cases = []
    for index in range(count):
        (name, content), how = files[index % len(files)], DAMAGES[index // len(files) % len(DAMAGES)]
        cases.append((name, how, damage(content, how, rng)))
    damaged: Iterator[bytes] = iter([case[2] for case in cases])
    inspector = Inspector(Flat(), threshold=0.5, depth=FULL)
    wrong, counts = [], Counter[str]()
    found = inspect_files(inspector, ["-"] * count, contents=Contents(64, stdin=lambda: next(damaged)))
    for (name, how, content), item in zip(cases, found, strict=True):
        if item.image is None:
            wrong += [] if item.error and item.verdict is None else [f"{name}, {how}: no reason"]
            counts["refused"] += 1
            continue
        same = np.array_equal(item.image, whole[name])
        counts["judged, pixels as before" if same else "judged, other pixels"] += 1
        if not same and (reason := _garbage(name, how, content, item.image)):
            wrong.append(f"{name}, {how}: {reason}")
    return wrong, dict(counts)


def _garbage(name: str, how: str, content: bytes, judged: np.ndarray) -> str | None:
    """Why changed pixels should not have been judged."""
    from PIL import Image

    if name.startswith("png") and how not in ("signature", "claim"):
        return "the checksum was passed over"
    if how == "cut":
        return "half a picture was judged"
    try:
        with Image.open(io.BytesIO(content)) as opened:
            size = opened.size
            pixels = np.asarray(opened.convert("RGB"))
    except Exception:  # Pillow's errors share no base class
        return None
    if size != (judged.shape[1], judged.shape[0]):
        return f"it is {size}, and {judged.shape} was judged"
    if name in UNCOMPRESSED and not np.array_equal(pixels, judged):
        return "an independent reader sees other pixels"
    return None


def test_damaged_images_are_refused_or_really_decoded() -> None:
    """In a process of its own, so that a crash of a decoder is seen."""
    done = subprocess.run([sys.executable, __file__, str(COUNT)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert result["wrong"] == []
    assert sum(result["counts"].values()) == COUNT
    assert result["counts"]["refused"] > COUNT / 2


def test_damaged_bundles_are_refused_unless_every_byte_that_counts_is_the_same(tmp_path: Path) -> None:
    from unit.inspection.test_bundle import CONTENTS, description

    written = write_bundle(tmp_path / "part.gain", description(), CONTENTS)
    content, rng = written.path.read_bytes(), np.random.default_rng(3)
    damaged, refused = tmp_path / "damaged.gain", 0
    for index in range(200):
        how = ("flip", "cut", "insert", "remove", "directory")[index % 5]
        if how == "directory":  # the table of contents at the end, where names, sizes and places stand
            data = bytearray(content)
            data[len(data) - int(rng.integers(1, 250))] ^= int(rng.integers(1, 256))
            damaged.write_bytes(data)
        else:
            damaged.write_bytes(damage(content, how, rng))
        try:
            read = read_bundle(damaged)
        except GainspectError:
            refused += 1
            continue
        assert (read.sha256, read.contents) == (written.sha256, CONTENTS)
        assert read.description == written.description
    assert refused > 150


if __name__ == "__main__":
    wrong, counts = faults(int(sys.argv[1]))
    print(json.dumps({"wrong": wrong, "counts": counts}))

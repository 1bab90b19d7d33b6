"""Golden predictions in a bundle from anyone: unpacked only as far as real ones go."""

import io
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gainspect.errors import GainspectError
from gainspect.inspection import parity
from gainspect.inspection.bundle import GOLDEN, Bundle
from gainspect.inspection.parity import golden_parity, pack_golden
from unit.inspection.test_bundle import description

SIZE = description().preprocessing.size
FRAMES = np.random.default_rng(0).integers(0, 256, (13, SIZE, SIZE, 3), np.uint8)
EXPECTED = {
    "score": np.linspace(0, 1, 13, dtype=np.float32),
    "logit": np.zeros(13, np.float32),
    "contributions": np.zeros((13, 24, 24), np.float32),
}


def bundle(content: bytes) -> Bundle:
    return Bundle(Path("part.gain"), description(), "", {GOLDEN: content})


def npz(**entries: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(f"{name}.npy", content)
    return file.getvalue()


def header_of(shape: tuple[int, ...], descr: str = "|u1") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


class Replay:
    """Gives the golden predictions back."""

    size, runtime, precision = SIZE, "onnxruntime", "f32"

    def __init__(self) -> None:
        self.given = 0

    def __call__(self, images: np.ndarray) -> dict[str, Any]:
        place = slice(self.given, self.given + len(images))
        np.testing.assert_array_equal(images, FRAMES[place])
        self.given += len(images)
        return {name: values[place] for name, values in EXPECTED.items()}


def test_what_was_packed_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parity, "open_backend", lambda *_, **__: Replay())
    found = golden_parity(bundle(pack_golden(FRAMES, EXPECTED)), "auto", "f32")
    assert (found["images"], found["flips"], found["outputs"]["score"]["max"]) == (13, 0, 0)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no zip",
        npz(frames=header_of((10**6, 10**6, 3))),
        npz(frames=header_of((4, SIZE, SIZE, 3)) + bytes(7)),
        npz(frames=b"\x93NUMPY\x03\x00" + bytes(90)),
        npz(frames=header_of((2,), "|O") + bytes(16)),
        npz(score=header_of((1,)) + b"x"),
        npz(frames=header_of((2,)) + b"xx"),
        npz(frames=header_of((2**28,)) + bytes(2**28)),
    ],
)
def test_anything_else_is_a_sentence_and_is_not_unpacked(content: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(GainspectError, match=r"part\.gain: cannot read the golden predictions"):
        golden_parity(bundle(content), "auto", "f32")
    assert tracemalloc.get_traced_memory()[1] < 2**23
    tracemalloc.stop()

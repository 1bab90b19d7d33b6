"""What is given to the Inspector: the same pixels are judged alike in any form, else it is one sentence."""

import threading
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from PIL import ImageSequence

from gainspect.data.decode import read_image
from gainspect.data.depth import FULL
from gainspect.errors import GainspectError
from gainspect.inspection.inputs import pixels_of
from gainspect.inspection.inspector import Inspector
from gainspect.policy import ReasonPolicy
from unit.inspection.test_bundle import CONTENTS, description

RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
GRAY = RGB[:, :, 0]


class Counting:
    """P(NG) is 0: whatever is judged by mistake passes as OK."""

    size, runtime, precision = 32, "fake", "f32"

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "score": np.zeros(len(images), np.float32),
            "evidence": np.zeros((len(images), 8, 8), np.float32),
        }


@pytest.fixture
def inspector() -> Inspector:
    return Inspector(Counting(), threshold=0.5)


def of_gray(gray: np.ndarray) -> np.ndarray:
    return np.repeat(gray[:, :, None], 3, axis=2)


WIDE = (RGB.astype(np.uint16) * 257).astype(">u2")
SAME: dict[str, tuple[Any, np.ndarray]] = {
    "RGB": (RGB, RGB),
    "RGBA": (np.dstack([RGB, GRAY]), RGB),
    "gray": (GRAY, of_gray(GRAY)),
    "one channel": (GRAY[:, :, None], of_gray(GRAY)),
    "16 bit": (RGB.astype(np.uint16) * 257, RGB),
    "16 bit, big-endian": (WIDE, RGB),
    "a view backwards": (RGB[::-1, ::-1], RGB[::-1, ::-1].copy()),
    "columns first in memory": (np.asfortranarray(RGB), RGB),
    "Pillow RGB": (Pillow.fromarray(RGB), RGB),
    "Pillow RGBA": (Pillow.fromarray(np.dstack([RGB, GRAY])), RGB),
    "Pillow L": (Pillow.fromarray(GRAY), of_gray(GRAY)),
    "Pillow LA": (Pillow.fromarray(np.dstack([GRAY, GRAY])), of_gray(GRAY)),
    "Pillow 1": (Pillow.fromarray(GRAY > 99), of_gray(np.where(GRAY > 99, 255, 0).astype(np.uint8))),
    "Pillow I;16": (Pillow.fromarray(GRAY.astype(np.uint16) * 257), of_gray(GRAY)),
    "Pillow P": (Pillow.fromarray(GRAY).convert("P"), of_gray(GRAY)),
}


@pytest.mark.parametrize("form", SAME)
def test_every_usual_form_gives_the_same_pixels(form: str) -> None:
    given, expected = SAME[form]
    found = pixels_of(given, 64, FULL)
    assert found.dtype == np.uint8 and found.flags.c_contiguous
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "I;16"])
def test_a_pillow_image_is_its_file(tmp_path: Path, mode: str) -> None:
    source = (
        Pillow.fromarray(GRAY.astype(np.uint16) * 257)
        if mode == "I;16"
        else Pillow.fromarray(RGB).convert(mode)
    )
    source.save(tmp_path / "part.png")
    with Pillow.open(tmp_path / "part.png") as opened:
        np.testing.assert_array_equal(pixels_of(opened, 64, FULL), read_image(tmp_path / "part.png", FULL))


def exif_on_its_side() -> Pillow.Image:
    image = Pillow.fromarray(RGB)
    image.getexif()[0x0112] = 6
    return image


def two_frames(tmp_path: Path) -> Path:
    Pillow.fromarray(RGB).save(tmp_path / "two.tif", save_all=True, append_images=[Pillow.fromarray(RGB)])
    return tmp_path / "two.tif"


NO_IMAGES: dict[str, tuple[Any, str]] = {
    "None": (None, r"None is not an image.*cv2\.imread"),
    "bytes": (b"\x89PNG", "bytes is not an image.*decode_image"),
    "bytearray": (bytearray(b"x"), "bytearray is not an image"),
    "memoryview": (memoryview(b"x"), "memoryview is not an image"),
    "list": (RGB.tolist(), r"a list is not an image.*np\.array"),
    "tuple": ((RGB, "label"), "a tuple is not an image"),
    "number": (3, "an int is not an image"),
    "dict": ({"image": RGB}, "a dict is not an image"),
    "class": (Pillow.Image, "is not an image"),
    "float array": (RGB / 255, r"pixels are float64.*\* 255"),
    "float32 array": ((RGB / 255).astype(np.float32), "pixels are float32"),
    "half array": ((RGB / 255).astype(np.float16), "pixels are float16"),
    "bool array": (GRAY > 9, "pixels are bool"),
    "int64 array": (RGB.astype(np.int64), r"pixels are int64.*astype\(np\.uint8\)"),
    "int8 array": (RGB.astype(np.int8), "pixels are int8"),
    "uint32 array": (RGB.astype(np.uint32), "pixels are uint32"),
    "object array": (RGB.astype(object), "pixels are object"),
    "complex array": (RGB.astype(complex), "pixels are complex"),
    "text array": (np.array(["a.png"]), "pixels are <U5"),
    "CHW": (np.moveaxis(RGB, 2, 0), "channels first.*moveaxis"),
    "CHW gray": (GRAY[None], "channels first"),
    "CHW 3 px wide": (np.moveaxis(RGB, 2, 0)[:, :, :3], "may be .height, width, channels. or .channels"),
    "NHWC": (RGB[None], "is a batch of images"),
    "NCHW": (np.moveaxis(RGB, 2, 0)[None], "is a batch of images"),
    "two channels": (RGB[:, :, :2], "is not an image"),
    "one line": (RGB[0, :, 0], "is not an image"),
    "a scalar": (np.array(7, np.uint8), "is not an image"),
    "numpy scalar": (np.uint8(7), "an? uint8 is not an image"),
    "empty": (RGB[:0], "is empty"),
    "masked": (np.ma.masked_greater(RGB, 99), r"masked array.*filled"),
    "masked, nothing masked": (np.ma.masked_array(RGB), "masked array"),
    "divided by 255": ((RGB / 255).astype(np.uint8), "0 or 1.*divided by 255"),
    "mask": ((GRAY > 99).astype(np.uint8), "0 or 1.*mask"),
    "torch uint8": (torch.from_numpy(RGB), r"a Tensor is not an image.*cpu\(\)\.numpy\(\)"),
    "torch float CHW": (torch.rand(3, 20, 30), "a Tensor is not an image"),
    "Pillow F": (Pillow.fromarray(GRAY.astype(np.float32)), "mode 'F'"),
    "Pillow I": (Pillow.fromarray(GRAY.astype(np.int32)), "mode 'I'"),
    "Pillow CMYK": (Pillow.fromarray(RGB).convert("CMYK"), r"mode 'CMYK'.*convert\('RGB'\)"),
    "Pillow empty": (Pillow.new("RGB", (0, 5)), "empty"),
    "Pillow on its side": (exif_on_its_side(), "EXIF orientation.*exif_transpose"),
    "no path": ("", "names no file"),
    "NUL": ("a\0.png", "names no file"),
    "surrogate": ("\ud800.png", "no file name has"),
    "long path": ("x" * 5000, "File name too long"),
    "device": ("/dev/zero", "device or a pipe"),
    "folder": ("/", "this is a folder"),
    "missing": ("/nope.png", "No such file"),
    "URL": ("https://example.org/a.png", "No such file"),
}


@pytest.mark.parametrize("what", NO_IMAGES)
def test_what_is_no_image_is_one_sentence_for_one_and_for_many(inspector: Inspector, what: str) -> None:
    given, message = NO_IMAGES[what]
    with pytest.raises(GainspectError, match=message) as one:
        inspector.inspect(given)
    assert "\n" not in str(one.value)
    with pytest.raises(GainspectError, match=message):
        list(inspector.inspect_many([RGB, given]))


def test_an_item_without_a_path_is_named_by_its_place(inspector: Inspector) -> None:
    with pytest.raises(GainspectError, match=r"^image 3: pixels are bool"):
        list(inspector.inspect_many([RGB, GRAY, GRAY > 9]))


def test_a_file_with_frames_is_given_frame_by_frame(inspector: Inspector, tmp_path: Path) -> None:
    with Pillow.open(two_frames(tmp_path)) as opened:
        with pytest.raises(GainspectError, match=r"has 2 frames.*frame\.copy\(\)"):
            inspector.inspect(opened)
        frames = [frame.copy() for frame in ImageSequence.Iterator(opened)]
    assert len(list(inspector.inspect_many(frames))) == 2


def test_a_pillow_image_of_a_cut_off_file_is_not_judged(inspector: Inspector, tmp_path: Path) -> None:
    Pillow.fromarray(RGB).save(tmp_path / "part.png")
    (tmp_path / "part.png").write_bytes((tmp_path / "part.png").read_bytes()[:900])
    with Pillow.open(tmp_path / "part.png") as opened, pytest.raises(GainspectError, match="cut off"):
        inspector.inspect(opened)


class Endless:
    def read(self) -> bytes:
        return b""

    def __iter__(self) -> Any:
        return iter([b""])


NOT_MANY: dict[str, tuple[Any, str]] = {
    "path text": ("/a/part.png", "a single path, '/a/part.png'.*call inspect"),
    "path": (Path("/a"), "a single path, '/a'"),
    "bytes": (b"abc", "given bytes"),
    "None": (None, "given None"),
    "number": (7, "given an int"),
    "RGB array": (RGB, "single image"),
    "gray array": (GRAY, "single image"),
    "CHW array": (np.moveaxis(RGB, 2, 0), "channels first"),
    "stack of gray": (np.stack([GRAY] * 5), r"several gray images.*list\(array\)"),
    "row": (GRAY[0], "shape"),
    "scalar": (np.array(7), "shape"),
    "Pillow image": (Pillow.fromarray(RGB), "a single image"),
    "tensor": (torch.rand(2, 3, 4), "given a tensor"),
    "mapping": ({"a.png": RGB}, r"a mapping.*values\(\)"),
    "open file": (Endless(), "an open file"),
}


@pytest.mark.parametrize("what", NOT_MANY)
def test_what_is_not_many_images_is_refused_at_once(inspector: Inspector, what: str) -> None:
    given, message = NOT_MANY[what]
    with pytest.raises(GainspectError, match=message):
        inspector.inspect_many(given)  # not only when the first verdict is asked for


def test_many_images_in_every_usual_form(inspector: Inspector, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), RGB)
    path = tmp_path / "a.png"
    many: list[tuple[Any, int]] = [
        ([], 0),
        ((RGB, str(path), path, Pillow.fromarray(RGB)), 4),
        ((image for image in [RGB, GRAY]), 2),
        (np.stack([RGB, RGB]), 2),
        (np.array([str(path)]), 1),
        ({"a": RGB}.values(), 1),
    ]
    for given, count in many:
        assert len(list(inspector.inspect_many(given))) == count


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"threshold": 1.1}, "threshold is 1.1.*from 0 to 1"),
        ({"threshold": "0.5"}, "threshold is '0.5'"),
        ({"threshold": True}, "threshold is True"),
        ({"threshold": None}, "threshold is None"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": -4}, "batch_size is -4"),
        ({"batch_size": 2.0}, "batch_size is 2.0"),
        ({"batch_size": True}, "batch_size is True"),
        ({"batch_size": None}, "batch_size is None"),
        ({"region_threshold": float("nan")}, "region_threshold is nan"),
        ({"reason": ReasonPolicy()}, "needs a region threshold"),
        ({"max_mpx": 0}, "max_mpx is 0"),
        ({"max_mpx": float("nan")}, "max_mpx is nan"),
        ({"max_mpx": "64"}, "max_mpx is '64'"),
    ],
)
def test_settings_out_of_range_are_sentences(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(GainspectError, match=message):
        Inspector(Counting(), **{"threshold": 0.5, **settings})


def test_a_setting_changed_later_is_checked_too(inspector: Inspector) -> None:
    with pytest.raises(GainspectError, match="threshold is nan"):
        inspector.threshold = float("nan")
    with pytest.raises(GainspectError, match="batch_size is 0"):
        inspector.batch_size = 0
    assert (inspector.threshold, inspector.batch_size) == (0.5, 16)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"runtime": "cuda"}, "no runtime 'cuda'.*onnxruntime"),
        ({"runtime": None}, "no runtime 'None'"),
        ({"runtime": np.array(["torch"] * 500)}, "no runtime"),
        ({"threads": np.zeros((99, 99))}, "threads is array"),
        ({"batch_size": np.ones((2, 2))}, "batch_size is array"),
        ({"check": "no"}, "check is 'no'.*True or False"),
        ({"runtime": ["torch"]}, "no runtime"),
        ({"precision": "fp16"}, "no precision 'fp16'.*bf16"),
        ({"precision": "F32"}, "no precision 'F32'"),
        ({"precision": "int8", "runtime": "torch"}, "f32 only, not int8"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"batch_size": -1}, "batch_size is -1"),
        ({"threads": 0}, "threads is 0"),
        ({"threads": -1}, "threads is -1"),
        ({"threads": 1.5}, "threads is 1.5"),
        ({"threads": True}, "threads is True"),
        ({"threads": 10**9}, "threads is 1000000000"),
        ({"max_mpx": -1}, "max_mpx is -1"),
    ],
)
def test_a_load_with_wrong_settings_is_a_sentence(options: dict[str, Any], message: str) -> None:
    from gainspect.inspection.bundle import Bundle

    with pytest.raises(GainspectError, match=message) as refused:
        Inspector.load(Bundle(Path("part.gain"), description(), "", CONTENTS), **options)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 300


@pytest.mark.parametrize("bundle", [None, 3, b"part.gain", "", "a\0b", "/dev/zero", ["part.gain"]])
def test_what_is_no_bundle_is_a_sentence(bundle: Any) -> None:
    with pytest.raises(GainspectError):
        Inspector.load(bundle)


def test_a_pipe_is_not_waited_for(inspector: Inspector, tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe.png")
    found: list[str] = []

    def judge() -> None:
        with pytest.raises(GainspectError) as refused:
            inspector.inspect(tmp_path / "pipe.png")
        found.append(str(refused.value))

    thread = threading.Thread(target=judge, daemon=True)
    thread.start()
    thread.join(20)
    assert found and "device or a pipe" in found[0]


def test_an_array_over_the_limit_is_not_judged() -> None:
    inspector = Inspector(Counting(), threshold=0.5, max_mpx=0.0005)
    with pytest.raises(GainspectError, match=r"30 × 20 px = 0\.0006 Mpx, the limit is 0\.0005 Mpx.*max_mpx"):
        inspector.inspect(RGB)
    with pytest.raises(GainspectError, match="the limit is"):
        inspector.inspect(Pillow.fromarray(RGB))
    # Seen by its shape alone: this view of one byte would be 3 TB.
    vast = np.broadcast_to(np.uint8(9), (10**6, 10**6, 3))
    with pytest.raises(GainspectError, match="1000000 × 1000000 px"):
        Inspector(Counting(), threshold=0.5).inspect(vast)


@pytest.mark.parametrize("what", [None, GRAY, RGB / 255, "a.png", RGB[:, :, :1], RGB[None], RGB[:0]])
def test_images_for_judge_and_scores_are_those_that_gainspect_reads(inspector: Inspector, what: Any) -> None:
    for call in (lambda images: list(inspector.judge(images)), inspector.scores):
        with pytest.raises(GainspectError, match=r"is not an image of|pixels are"):
            call([what])
        with pytest.raises(GainspectError, match=r"single|is not an image|given"):
            call(RGB)
    assert inspector.scores(iter([RGB, RGB])) == [0, 0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"tiling": 512}, "tiling is 512.*Tiling"),
        ({"reason": True, "region_threshold": 0.5}, "reason is True.*ReasonPolicy"),
        ({"backend": None}, "None runs no network"),
        ({"backend": "part.gain"}, "'part.gain' runs no network"),
    ],
)
def test_arguments_of_another_kind_are_sentences(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(GainspectError, match=message):
        Inspector(**{"backend": Counting(), "threshold": 0.5, **settings})

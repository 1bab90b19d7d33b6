"""What a caller may give the Inspector: images in every usual form; anything else is one sentence."""

import math
import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np

from gainspect.data.decode import as_rgb8, image_samples
from gainspect.data.depth import Depth
from gainspect.data.image_header import LIMIT, require_size, require_within
from gainspect.data.reading import read_image
from gainspect.errors import GainspectError
from gainspect.types import Image

_SHAPES = "Give (height, width) or (height, width, 1, 3 or 4), uint8 or uint16."
RAISE_LIMIT = f"Raise the limit with --max-mpx, in Python with max_mpx, or with {LIMIT}."
"""For an image over the limit."""
_MOST_THREADS = 1024
_PIL_GRAY = {"1": "L", "L": "L", "LA": "L"}
_PIL_COLOR = {"P": "RGB", "PA": "RGB", "RGB": "RGB", "RGBA": "RGB", "RGBX": "RGB"}
_PIL_16_BIT = ("I;16", "I;16L", "I;16B", "I;16N")
_EXIF_ORIENTATION = 0x0112


@runtime_checkable
class PilImage(Protocol):
    """What is used of a Pillow image; Pillow itself is not imported."""

    mode: str
    size: tuple[int, int]

    def convert(self, mode: str) -> "PilImage":
        """The same image in another mode."""

    def getbands(self) -> tuple[str, ...]:
        """The names of its channels."""

    def getexif(self) -> Mapping[int, object]:
        """Its EXIF values by tag."""


def pixels_of(
    image: object, max_mpx: float, depth: Depth | None = None, *, where: str | None = None
) -> Image:
    """One image as (H, W, 3) RGB uint8.

    Args:
        image: a path, an array, or a Pillow image.
        depth: how many of their bits 16-bit values use; None: not known, so they are refused.
        max_mpx: the largest decoded size, in millions of pixels.
        where: names an image that has no path in errors.

    Raises:
        GainspectError: it is anything else, cannot be read, or is over the limit.
    """
    if isinstance(image, str | os.PathLike):
        path = path_of(image)
        if path.is_dir():
            raise GainspectError(
                "this is a folder, not an image", where=path, hint="Call inspect_many with the files in it."
            )
        return read_image(path, depth, max_mpx, RAISE_LIMIT)
    if isinstance(image, np.ndarray):
        return _of_array(image, max_mpx, depth, where)
    if isinstance(image, PilImage) and not isinstance(image, type):
        return _of_pil(image, max_mpx, depth, where)
    raise _no_image(image, where)


def images_of(images: object) -> Iterator[object]:
    """An iterator over several images.

    Raises:
        GainspectError: it is a single image, or nothing that can be iterated over image by image.
    """
    what, hint = "", "Give a list of paths or arrays, such as [image]."
    if isinstance(images, str | os.PathLike):
        what = f"inspect_many was given a single path, {os.fspath(images)!r}"
        hint = (
            "Give a list of paths; for one image, call inspect; for a folder, list(Path(folder).iterdir())."
        )
    elif isinstance(images, bytes | bytearray | memoryview):
        what = f"inspect_many was given {type(images).__name__}, not images"
    elif isinstance(images, np.ndarray):
        return _of_stack(images)
    elif isinstance(images, PilImage):
        what, hint = "inspect_many was given a single image", "Give [image], or call inspect."
    elif _is_tensor(images):
        what = "inspect_many was given a tensor, not images"
        hint = (
            "Give a list of arrays: [image.cpu().numpy() for image in tensor], (height, width, 3) uint8 each."
        )
    elif isinstance(images, Mapping):
        what, hint = "inspect_many was given a mapping, whose keys are not images", "Give its values()."
    elif hasattr(images, "read"):
        what, hint = "inspect_many was given an open file", "Give a list of paths."
    elif not isinstance(images, Iterable):
        what = f"inspect_many was given {_kind(images)}, not images"
    if what:
        raise GainspectError(what, hint=hint)
    assert isinstance(images, Iterable)
    return iter(images)


def require_rgb8(image: object) -> Image:
    """An image as `gainspect.data` reads it: (H, W, 3) uint8, not empty.

    Raises:
        GainspectError: it is anything else.
    """
    if not isinstance(image, np.ndarray) or image.ndim != 3 or image.shape[2] != 3 or not image.size:
        what = f"an array of shape {image.shape}" if isinstance(image, np.ndarray) else _kind(image)
        raise GainspectError(
            f"{what} is not an image of (height, width, 3)", hint="Call inspect_many with it."
        )
    if image.dtype != np.uint8:
        raise GainspectError(f"pixels are {image.dtype}", hint="Call inspect_many, or give uint8.")
    return image


def path_of(path: object, *, what: str = "the path") -> Path:
    """A path that a file system can have.

    Raises:
        GainspectError: it is empty, contains a NUL, cannot be encoded, or is no path at all.
    """
    if not isinstance(path, str | os.PathLike):
        raise GainspectError(f"{what} is {_kind(path)}", hint="Give a path, as text or as a Path.")
    name = os.fsdecode(path)
    try:
        os.fsencode(name)
    except UnicodeEncodeError as error:
        raise GainspectError(f"{what} {name!r} contains characters that no file name has") from error
    if not name or "\0" in name:
        raise GainspectError(f"{what} {name!r} names no file", hint="Give the path of an existing file.")
    found = Path(name)
    try:
        special = found.exists() and not found.is_file() and not found.is_dir()
    except OSError as error:
        raise GainspectError(f"{what} cannot be looked at ({error.strerror})", where=name) from error
    if special:
        raise GainspectError("this is a device or a pipe, not a file", where=name, hint="Give a file.")
    return found


def require_count(name: str, value: object, *, most: int | None = None) -> int:
    """A whole number of at least 1.

    Raises:
        GainspectError: it is anything else, or larger than `most`.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise GainspectError(f"{name} is {in_short(value)}", hint="Give a whole number, at least 1.")
    if value < 1 or (most is not None and value > most):
        limits = ", at least 1" if most is None else f" from 1 to {most}"
        raise GainspectError(f"{name} is {value}", hint=f"Give a whole number{limits}.")
    return int(value)


def require_threads(threads: object) -> int | None:
    """A number of threads, or None for all CPUs that the process may use.

    Raises:
        GainspectError: it is anything else.
    """
    return None if threads is None else require_count("threads", threads, most=_MOST_THREADS)


def require_number(name: str, value: object, low: float, high: float) -> float:
    """A number from `low` to `high`; NaN, above which no score is, is none.

    Raises:
        GainspectError: it is anything else.
    """
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not low <= float(value) <= high:  # type: ignore[arg-type]
        limits = f"from {low:g} to {high:g}" if high < math.inf else f"of at least {low:g}"
        raise GainspectError(f"{name} is {in_short(value)}", hint=f"Give a number {limits}.")
    return float(value)  # type: ignore[arg-type]


def _of_array(
    image: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]",
    max_mpx: float,
    depth: Depth | None,
    where: str | None,
) -> Image:
    shape = image.shape
    if isinstance(image, np.ma.MaskedArray):
        raise GainspectError(
            "a masked array does not say what its masked pixels look like",
            where=where,
            hint="Give array.filled(value), or array.data to judge all pixels.",
        )
    if image.dtype.kind not in "u" or image.dtype.itemsize > 2:
        raise GainspectError(f"pixels are {image.dtype}", where=where, hint=_type_hint(image.dtype))
    fault = _shape_fault(shape)
    if fault is not None:
        raise GainspectError(f"an array of shape {shape} {fault[0]}", where=where, hint=fault[1])
    require_size(shape[1], shape[0], max_mpx, where=where, hint=RAISE_LIMIT)
    native = np.asarray(image, image.dtype.newbyteorder("="))
    if native.max() == 1:
        raise GainspectError(
            "all pixels are 0 or 1",
            where=where,
            hint="Was the image divided by 255, or is it a mask? Give values from 0 to 255.",
        )
    return as_rgb8(native, depth, where)


def _shape_fault(shape: tuple[int, ...]) -> tuple[str, str] | None:
    """What is wrong with an array's shape, and how to put it right."""
    if 0 in shape:
        return "is empty", _SHAPES
    if len(shape) == 4:
        return "is a batch of images", "Call inspect_many with it, or inspect for each image in it."
    if len(shape) not in (2, 3):
        return "is not an image", _SHAPES
    if len(shape) == 2:
        return None
    first, last = shape[0] in (1, 3, 4), shape[2] in (1, 3, 4)
    if first and not last:
        return "has its channels first", "Give np.moveaxis(array, 0, -1), which is (height, width, channels)."
    if shape[0] in (3, 4) and last and shape[1] > 4:
        return (
            "may be (height, width, channels) or (channels, height, width)",
            "Channels belong last; an image that is only 3 or 4 px high is taken from a file.",
        )
    if not last:
        return "is not an image", _SHAPES
    return None


def _type_hint(dtype: "np.dtype[np.generic]") -> str:
    if dtype.kind == "f":
        return "For values from 0 to 1, give (image * 255).round().astype(np.uint8)."
    if dtype.kind == "b":
        return "For black and white, give image.astype(np.uint8) * 255."
    if dtype.kind in "iu":
        return "For values from 0 to 255, give image.astype(np.uint8)."
    return "Give uint8 or uint16."


def _of_stack(images: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> Iterator[object]:
    """Of arrays, only (N, H, W, C) and lists of paths are several images without doubt."""
    if images.ndim == 4 or (images.ndim == 1 and images.dtype.kind in "OU"):
        return iter(images)
    if images.ndim == 3 and images.shape[-1] not in (1, 3, 4):
        may = "one image with its channels first" if images.shape[0] in (1, 3, 4) else "several gray images"
        what, hint = f"may be {may}", "For a stack of gray images, give list(array)."
    else:
        what, hint = "is a single image, or none", "Give [array], or call inspect; a batch is (N, H, W, C)."
    raise GainspectError(f"inspect_many was given one array of shape {images.shape}, which {what}", hint=hint)


def _of_pil(image: PilImage, max_mpx: float, depth: Depth | None, where: str | None) -> Image:
    width, height = image.size
    if not (width and height):
        raise GainspectError("the Pillow image is empty", where=where)
    require_size(width, height, max_mpx, where=where, hint=RAISE_LIMIT)
    frames = getattr(image, "n_frames", 1)
    if frames != 1:
        raise GainspectError(
            f"the image has {frames} frames",
            where=where,
            hint="Give frame.copy() for each frame of PIL.ImageSequence.Iterator(image).",
        )
    mode = _PIL_GRAY.get(image.mode) or _PIL_COLOR.get(image.mode)
    if mode is None and image.mode not in _PIL_16_BIT:
        raise GainspectError(
            f"a Pillow image of mode {image.mode!r} cannot be judged",
            where=where,
            hint="Give image.convert('RGB') if that keeps what it shows, or the path of its file.",
        )
    _require_whole_file(image, max_mpx, where)
    try:
        orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
        array = np.asarray(image if mode is None else image.convert(mode))
    except Exception as error:  # Pillow's decoders raise errors of many kinds
        raise GainspectError(f"the Pillow image cannot be read ({error})", where=where) from error
    if orientation not in (0, 1):
        raise GainspectError(
            "the image lies on its side or is mirrored, as its EXIF orientation says",
            where=where,
            hint="Give PIL.ImageOps.exif_transpose(image), or the path of its file.",
        )
    return as_rgb8(np.asarray(array, array.dtype.newbyteorder("=")), depth, where)


def _require_whole_file(image: PilImage, max_mpx: float, where: str | None) -> None:
    """Refuse an image whose file would be refused: Pillow fills up what is missing of some without a word.

    Images that were made in memory, and copies, have no file. The pixels are the object's own in any case:
    it may have been changed since it was opened.
    """
    content = _file_of(image)
    if content is not None:
        name = where or str(getattr(image, "filename", "")) or "the file of the Pillow image"
        require_within(content, max_mpx, where=name, hint=RAISE_LIMIT)
        image_samples(content, name)


def _file_of(image: PilImage) -> bytes | None:
    """The bytes that a Pillow image was opened from, where they can still be read."""
    file, name = getattr(image, "fp", None), getattr(image, "filename", "")
    try:
        place = file.tell()  # type: ignore[union-attr]
        file.seek(0)  # type: ignore[union-attr]
        content = file.read()  # type: ignore[union-attr]
        file.seek(place)  # type: ignore[union-attr]
    except (AttributeError, OSError, ValueError):  # none, or closed
        try:
            return Path(name).read_bytes() if name else None
        except (OSError, TypeError, ValueError):
            return None
    return content if isinstance(content, bytes) else None


def _no_image(image: object, where: str | None) -> GainspectError:
    hint = "Give a path, an array (height, width, 3) of uint8 or uint16, or a Pillow image."
    if image is None:
        hint = "cv2.imread gives None for a file that it cannot read: give the path itself."
    elif isinstance(image, bytes | bytearray | memoryview):
        hint = "For the bytes of a file, give gainspect.data.decode.decode_image(content, name)."
    elif _is_tensor(image):
        hint = "Give tensor.cpu().numpy(), as (height, width, 3) uint8 with values from 0 to 255."
    elif isinstance(image, list | tuple):
        hint = "For several images, call inspect_many; for pixels, give np.array(pixels, np.uint8)."
    elif hasattr(image, "__array__"):
        hint = "Give np.asarray(image), as (height, width, 3) of uint8 or uint16."
    return GainspectError(f"{_kind(image)} is not an image", where=where, hint=hint)


def _is_tensor(value: object) -> bool:
    return type(value).__module__.partition(".")[0] in ("torch", "tensorflow", "jax", "jaxlib", "cupy")


def in_short(value: object) -> str:
    """A value as Python writes it, in one line, cut off where it is long."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:80]} …"


def _kind(value: object) -> str:
    """What a value is, as the subject of a sentence."""
    if value is None:
        return "None"
    if isinstance(value, bytes):
        return "bytes"
    name = type(value).__name__
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"

"""Defect masks: from what a label tool saved to 0 and 1, or a refusal that names the values found."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.containers import is_jpeg
from gainspect.data.decode import mask_samples
from gainspect.data.image_header import RAISE_BY_ENVIRONMENT, require_limit, require_within
from gainspect.data.mask_values import BACKGROUND, DEFECT, IGNORE, Color, MaskValues, named
from gainspect.data.orientation import UPRIGHT, orientation_of, turns_sideways, upright
from gainspect.data.samples import Samples
from gainspect.errors import GainspectError, OtherSizeError
from gainspect.types import Mask
from gainspect.wording import plural

_NOISE = 16
"""Levels of 255: compression moves a value by at most this much."""
_BORDER = 2
"""Pixels: how far the smoothed values of a border reach into either side."""
_AREA = 3
"""Pixels: in a compressed mask another value counts where a square of this side fits into it."""
_FEW_VALUES = 8
"""A mask with fewer different values was drawn, not smoothed or compressed: each value counts as it is."""


SAY_VALUES = "say what the values mean, such as --mask-values 1=defect,255=ignore"
"""A hint, where two values do not do."""


class Marks(NamedTuple):
    """What a mask marks in its image."""

    defect: Mask
    """(H, W), 1 in the defect."""
    ignored: Mask | None
    """(H, W), 1 where no loss and no figure counts; None: nowhere."""
    types: Mapping[str, int]
    """Pixels of each type of defect that the mask names."""


class _Values(NamedTuple):
    samples: NDArray[np.uint8]
    """(H, W, 3), transparent pixels black."""
    defect: Color | None
    """The value of the defect; None where all is background."""


def read_marks(
    path: Path,
    shape: tuple[int, ...] | None = None,
    *,
    image: Path | None = None,
    values: MaskValues | None = None,
) -> Marks:
    """Read a defect mask.

    Black is background, and one other value is the defect, whichever it is: 1, 255, red. Transparent pixels
    are background. Values in between are allowed where they come from smoothing (within 2 pixels of a border)
    or from compression (within 16 levels of one of the two).

    If its image is stored turned (EXIF orientation), the mask is taken as it lies upright, or turned with its
    image, by its size.

    Args:
        path: the mask file.
        shape: (H, W) of the image that it belongs to, upright; None = not compared.
        image: the file of that image; None: it is stored upright.
        values: what the values mean, instead of the rule above; any other value is refused.

    Raises:
        OtherSizeError: the mask is not as large as the image.
        GainspectError: not readable, with more values than it may have, or nothing tells whether it is
            turned with its image.
    """
    content = _content(path)
    samples = _on_black(mask_samples(content, path))
    if shape is not None:
        if image is not None and orientation_of(content) == UPRIGHT:
            samples = _turned_with(image, samples, shape, path)
        if samples.shape[:2] != tuple(shape[:2]):
            height, width = samples.shape[:2]
            raise OtherSizeError(
                f"the mask is {width}×{height} px, its image {shape[1]}×{shape[0]} px",
                where=path,
                hint="Export the mask at the image's own size.",
            )
    if values is not None:
        return _by_meaning(samples, values, compressed=is_jpeg(content), where=path)
    defect = _nearer_to_defect(_values_of(samples, compressed=is_jpeg(content), where=path))
    return Marks(defect.astype(np.uint8), None, {})


def read_mask(path: Path, shape: tuple[int, ...] | None = None) -> Mask:
    """The defect of `read_marks`, (H, W) of 0 and 1, for an image that is stored upright.

    Raises:
        GainspectError: see `read_marks`.
    """
    return read_marks(path, shape).defect


def _turned_with(
    image: Path, samples: NDArray[np.uint8], shape: tuple[int, ...], where: Path
) -> NDArray[np.uint8]:
    """A mask that says nothing of its own orientation, as its image lies upright."""
    orientation = orientation_of(_content(image))
    height, width = shape[:2]
    if orientation == UPRIGHT or (not samples.any() and height == width):
        return samples
    if turns_sideways(orientation) and height != width:
        return upright(samples, orientation) if samples.shape[:2] == (width, height) else samples
    if not samples.any():
        return samples
    raise GainspectError(
        f"its image is stored turned or mirrored (EXIF orientation {orientation}), and nothing says whether "
        "the mask lies as stored or upright",
        where=where,
        hint="Save the image upright, without an orientation, and its mask as it then lies.",
    )


def require_one_meaning(paths: Iterable[Path]) -> frozenset[Path]:
    """Refuse a set of masks whose defects have different values: they may be classes, or an area to ignore.

    Returns:
        Those of the masks that mark something.

    Raises:
        GainspectError: with the values found and an example of each, or because a mask cannot be read.
    """
    found, marked = _marking(paths)
    if len(found) > 1:
        raise GainspectError(
            f"the masks mark defects with different values: {', '.join(found)}",
            hint="Save 0 for the background and one other value for the defect, the same in all masks; or "
            f"{SAY_VALUES}.",
        )
    return marked


def marking_values(paths: Iterable[Path]) -> list[str]:
    """The values that mark a defect in a set of masks, each with how often and an example; most often first.

    Raises:
        GainspectError: a mask cannot be read, is over the limit on pixels, or has more than two values.
    """
    return _marking(paths)[0]


def _marking(paths: Iterable[Path]) -> tuple[list[str], frozenset[Path]]:
    """As `marking_values`, with the masks that mark something."""
    marked = set()
    examples: dict[Color, Path] = {}
    counts: Counter[Color] = Counter()
    for path in paths:
        require_within(path, require_limit(), where=path, hint=RAISE_BY_ENVIRONMENT)
        content = _content(path)
        samples = _on_black(mask_samples(content, path))
        defect = _values_of(samples, compressed=is_jpeg(content), where=path).defect
        if defect is None:
            continue
        marked.add(path)
        known = next((color for color in examples if _apart(color, defect) <= _tolerance(color)), defect)
        examples.setdefault(known, path)
        counts[known] += 1
    listed = [
        f"{named(c)} in {plural(n, 'mask')} (such as {examples[c].name})" for c, n in counts.most_common()
    ]
    return listed, frozenset(marked)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GainspectError(f"cannot read the file ({error.strerror})", where=path) from error


def _values_of(samples: NDArray[np.uint8], *, compressed: bool, where: Path) -> _Values:
    if samples.strides[2] == 0:  # nearly all masks: gray, and of two values
        present = np.flatnonzero(np.bincount(samples[:, :, 0].ravel(), minlength=256)[1:]) + 1
        if len(present) <= 1:
            return _Values(samples, (int(present[0]),) * 3 if len(present) else None)
    colors, counts = _histogram(samples)
    noisy = compressed or len(colors) >= _FEW_VALUES
    clear = [
        (count, color) for color, count in zip(colors, counts, strict=True) if max(color) > _NOISE * noisy
    ]
    if not clear:
        return _Values(samples, None)
    brightest = max((color for _, color in clear), key=max)
    # Compression spreads a value; the defect's own is the commonest of those near the brightest.
    near = [item for item in clear if not noisy or _apart(item[1], brightest) <= 2 * _NOISE]
    values = _Values(samples, max(near)[1])
    _refuse_third_values(values, noisy=noisy, where=where)
    return values


def _by_meaning(samples: NDArray[np.uint8], values: MaskValues, *, compressed: bool, where: Path) -> Marks:
    """Each pixel by its value; between two of them (smoothing, compression), by the nearer one."""
    colors = list(values.meanings)
    closest = min((_apart(a, b) for i, a in enumerate(colors) for b in colors[:i]), default=255)
    if compressed and closest <= 2 * _NOISE:
        raise GainspectError(
            f"the mask is a JPEG, and its values ({values}) are too close to be told apart after compression",
            where=where,
            hint="Save masks as PNG.",
        )
    noisy = compressed or len(_histogram(samples)[0]) >= _FEW_VALUES
    nearest, distance = _nearest(samples, colors)
    exact = distance <= (_NOISE if noisy and closest > 2 * _NOISE else 0)
    unknown = ~exact
    if noisy:
        unknown = _areas(unknown & ~_between(samples, exact))
    if unknown.any():
        raise GainspectError(
            f"the mask has values without a meaning: {_listed(samples[unknown])} (known: {values})",
            where=where,
            hint="Add them to --mask-values.",
        )
    meaning = list(values.meanings.values())
    marked = np.isin(nearest, [i for i, m in enumerate(meaning) if m not in (BACKGROUND, IGNORE)])
    ignored = np.isin(nearest, [i for i, m in enumerate(meaning) if m == IGNORE])
    types = {
        m: int((nearest == i).sum())
        for i, m in enumerate(meaning)
        if m not in (BACKGROUND, DEFECT, IGNORE) and (nearest == i).any()
    }
    return Marks(marked.astype(np.uint8), ignored.astype(np.uint8) if ignored.any() else None, types)


def _between(samples: NDArray[np.uint8], exact: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a value lies between exact ones close by, as at a smoothed border."""
    kernel = np.ones((2 * _BORDER + 3,) * 2, np.uint8)
    known = exact[:, :, None]
    highest = cv2.dilate(np.where(known, samples, 0).astype(np.uint8), kernel)
    lowest = cv2.erode(np.where(known, samples, 255).astype(np.uint8), kernel)
    return np.asarray(((lowest <= samples) & (samples <= highest)).all(axis=2))


def _nearest(samples: NDArray[np.uint8], colors: list[Color]) -> tuple[NDArray[np.intp], NDArray[np.int16]]:
    """(H, W) index of the nearest color, and how far it is: the largest difference of a channel."""
    nearest = np.zeros(samples.shape[:2], np.intp)
    distance = np.full(samples.shape[:2], 256, np.int16)
    for index, color in enumerate(colors):
        apart = np.abs(samples - np.array(color, np.int16)).max(axis=2)
        nearer = apart < distance
        nearest[nearer], distance[nearer] = index, apart[nearer]
    return nearest, distance


def _refuse_third_values(values: _Values, *, noisy: bool, where: Path) -> None:
    """Refuse values that are neither background nor defect, and no smoothed border between the two.

    Raises:
        GainspectError: there are some; it names them.
    """
    defect = np.array(values.defect, np.float32)
    samples = values.samples.astype(np.float32)
    noise = _NOISE if noisy else 0
    background, marked = samples.max(axis=2) <= noise, np.abs(samples - defect).max(axis=2) <= noise
    level = samples @ defect / (defect @ defect)
    beside = np.abs(samples - level[:, :, None] * defect).max(axis=2) > _NOISE
    # In a compressed mask noise must not make borders within an area of one value.
    steady = cv2.medianBlur(level.astype(np.float32), 5) if noisy else level
    smooth = _near_border(steady > 0.5) & ~beside
    if not noisy:
        # Drawn. A value close to one of the two is a mixture only beside it: the 1 that a label tool encloses
        # with a line of 255 touches no background.
        mixed = level * defect.max()
        smooth &= (mixed > _NOISE) | _grown(background, 1)
        smooth &= (level < 1) & ((mixed < defect.max() - _NOISE) | _grown(marked, 1))
    third = ~(background | marked | smooth)
    if noisy:
        third = _areas(third)
    if not third.any():
        return
    defined = "–" if values.defect is None else named(values.defect)
    raise GainspectError(
        "the mask has more than two values: background 0, "
        f"defect {defined}, and {_listed(values.samples[third])}",
        where=where,
        hint=f"Save 0 for the background and one other value for the defect; or {SAY_VALUES}.",
    )


def _listed(pixels: NDArray[np.uint8]) -> str:
    """The values of (N, 3) pixels, the most frequent first, with how often they are there."""
    colors, counts = _histogram(pixels[None])
    listed = sorted(zip(counts, colors, strict=True), reverse=True)
    found = ", ".join(f"{named(color)} ({plural(count, 'pixel')})" for count, color in listed[:4])
    return found + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")


def _near_border(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Within `_BORDER` pixels of where a region begins or ends."""
    return _grown(inside, _BORDER) & _grown(~inside, _BORDER)


def _areas(region: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What a square of `_AREA` pixels fits into; compression leaves specks and thin waves."""
    kernel = np.ones((_AREA, _AREA), np.uint8)
    return np.asarray(cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, kernel), np.bool_)


def _grown(region: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return np.asarray(cv2.dilate(region.astype(np.uint8), kernel), np.bool_)


def _on_black(read: Samples) -> NDArray[np.uint8]:
    """(H, W, 3) with what is transparent turned black; 16-bit files that use 255 levels count as 8 bit."""
    samples = np.asarray(read.values)
    if samples.dtype == np.uint16:
        samples = 65535 - samples if read.inverted else samples
        eight_bit = int(samples.max(initial=0)) <= 255
        samples = samples.astype(np.uint8) if eight_bit else (samples // 257).astype(np.uint8)
    if samples.ndim == 2:
        samples = samples[:, :, None]
    if samples.dtype != np.uint8:
        raise TypeError(f"samples are {samples.dtype}")
    color = np.asarray(samples, np.uint8)
    if samples.shape[2] in (2, 4):
        color, alpha = color[:, :, :-1], color[:, :, -1:]
        color = ((color.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)
    if color.shape[2] == 3:
        return np.ascontiguousarray(color)
    return np.broadcast_to(color, (*color.shape[:2], 3))


def _nearer_to_defect(values: _Values) -> NDArray[np.bool_]:
    """Along the line from black to the defect's value, what is beyond its middle."""
    if values.defect is None:
        return np.zeros(values.samples.shape[:2], np.bool_)
    if values.samples.strides[2] == 0:  # gray
        return np.asarray(2 * values.samples[:, :, 0].astype(np.uint16) > max(values.defect))
    defect = np.array(values.defect, np.float32)
    along = values.samples.astype(np.float32) @ defect
    return np.asarray(2 * along > defect @ defect, np.bool_)


def _histogram(samples: NDArray[np.uint8]) -> tuple[list[Color], list[int]]:
    """Different colors of (H, W, 3), and how often each is there."""
    packed = samples.reshape(-1, 3).astype(np.uint32) @ np.array([1 << 16, 1 << 8, 1], np.uint32)
    codes, counts = np.unique(packed, return_counts=True)
    return [(int(c) >> 16, int(c) >> 8 & 255, int(c) & 255) for c in codes], counts.tolist()


def _tolerance(color: Color) -> int:
    """How far apart two values of a defect may lie and be one: noise, but not where all values are small."""
    return _NOISE if max(color) > 2 * _NOISE else 0


def _apart(one: Color, other: Color) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))

"""Defect masks: from what a label tool saved to 0 and 1, or a refusal that names the values found."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.containers import is_jpeg
from gainspect.data.decode import decode_samples
from gainspect.data.image_header import RAISE_BY_ENVIRONMENT, require_limit, require_within
from gainspect.data.tiff import Pixels
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

Color = tuple[int, int, int]


class _Values(NamedTuple):
    samples: NDArray[np.uint8]
    """(H, W, 3), transparent pixels black."""
    defect: Color | None
    """The value of the defect; None where all is background."""


def read_mask(path: Path, shape: tuple[int, ...] | None = None) -> Mask:
    """Read a defect mask as (H, W) of 0 and 1.

    Black is background, and one other value is the defect, whichever it is: 1, 255, red. Transparent pixels
    are background. Values in between are allowed where they come from smoothing (within 2 pixels of a border)
    or from compression (within 16 levels of one of the two).

    Args:
        path: the mask file.
        shape: (H, W) of the image that it belongs to; None = not compared.

    Raises:
        OtherSizeError: the mask is not as large as the image.
        GainspectError: not readable, or with more than two values.
    """
    values = _values_of(path)
    if shape is not None and values.samples.shape[:2] != tuple(shape[:2]):
        height, width = values.samples.shape[:2]
        raise OtherSizeError(
            f"the mask is {width}×{height} px, its image {shape[1]}×{shape[0]} px",
            where=path,
            hint="Export the mask at the image's own size.",
        )
    return _nearer_to_defect(values).astype(np.uint8)


def require_one_meaning(paths: Iterable[Path]) -> None:
    """Refuse a set of masks whose defects have different values: they may be classes, or an area to ignore.

    Raises:
        GainspectError: with the values found and an example of each, or because a mask cannot be read.
    """
    if len(found := marking_values(paths)) > 1:
        raise GainspectError(
            f"the masks mark defects with different values: {', '.join(found)}",
            hint="Save 0 for the background and one other value for the defect, the same in all masks.",
        )


def marking_values(paths: Iterable[Path]) -> list[str]:
    """The values that mark a defect in a set of masks, each with how often and an example; most often first.

    Raises:
        GainspectError: a mask cannot be read, is over the limit on pixels, or has more than two values.
    """
    examples: dict[Color, Path] = {}
    counts: Counter[Color] = Counter()
    for path in paths:
        require_within(path, require_limit(), where=path, hint=RAISE_BY_ENVIRONMENT)
        defect = _values_of(path).defect
        if defect is None:
            continue
        known = next((color for color in examples if _apart(color, defect) <= _tolerance(color)), defect)
        examples.setdefault(known, path)
        counts[known] += 1
    return [
        f"{_named(c)} in {plural(n, 'mask')} (such as {examples[c].name})" for c, n in counts.most_common()
    ]


def _values_of(path: Path) -> _Values:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise GainspectError(f"cannot read the mask ({error.strerror})", where=path) from error
    raw = decode_samples(content, path)
    if raw.ndim == 2 and raw.dtype == np.uint8:  # nearly all masks: gray, and of two values
        present = np.flatnonzero(np.bincount(raw.ravel(), minlength=256)[1:]) + 1
        if len(present) <= 1:
            gray = np.broadcast_to(raw[:, :, None], (*raw.shape, 3)).astype(np.uint8, copy=False)
            return _Values(gray, (int(present[0]),) * 3 if len(present) else None)
    samples = _on_black(raw)
    colors, counts = _histogram(samples)
    noisy = is_jpeg(content) or len(colors) >= _FEW_VALUES
    clear = [
        (count, color) for color, count in zip(colors, counts, strict=True) if max(color) > _NOISE * noisy
    ]
    if not clear:
        return _Values(samples, None)
    brightest = max((color for _, color in clear), key=max)
    # Compression spreads a value; the defect's own is the commonest of those near the brightest.
    near = [item for item in clear if not noisy or _apart(item[1], brightest) <= 2 * _NOISE]
    values = _Values(samples, max(near)[1])
    _refuse_third_values(values, noisy=noisy, where=path)
    return values


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
    colors, counts = _histogram(values.samples[third][None])
    listed = sorted(zip(counts, colors, strict=True), reverse=True)
    found = ", ".join(f"{_named(color)} ({plural(count, 'pixel')})" for count, color in listed[:4])
    more = f" and {len(listed) - 4} more" if len(listed) > 4 else ""
    named = "–" if values.defect is None else _named(values.defect)
    raise GainspectError(
        f"the mask has more than two values: background 0, defect {named}, and {found}{more}",
        where=where,
        hint="Save 0 for the background and one other value for the defect.",
    )


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


def _on_black(samples: Pixels) -> NDArray[np.uint8]:
    """(H, W, 3) with what is transparent turned black; 16-bit files that use 255 levels count as 8 bit."""
    if samples.dtype == np.uint16:
        eight_bit = int(samples.max(initial=0)) <= 255
        samples = samples.astype(np.uint8) if eight_bit else (samples // 257).astype(np.uint8)
    if samples.ndim == 2:
        samples = samples[:, :, None]
    if samples.dtype != np.uint8:
        raise TypeError(f"samples are {samples.dtype}")
    color, alpha = samples, None
    if samples.shape[2] in (2, 4):
        color, alpha = samples[:, :, :-1], samples[:, :, -1:]
    if alpha is not None:
        color = ((color.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(color, (*color.shape[:2], 3)), np.uint8)


def _nearer_to_defect(values: _Values) -> NDArray[np.bool_]:
    """Along the line from black to the defect's value, what is beyond its middle."""
    if values.defect is None:
        return np.zeros(values.samples.shape[:2], np.bool_)
    if values.samples.strides[2] == 0:  # one gray channel of two values
        return np.asarray(values.samples[:, :, 0] > 0)
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


def _named(color: Color) -> str:
    """A grey value as a number, a color by its three.

    >>> _named((255, 255, 255)), _named((128, 0, 0))
    ('255', '(128, 0, 0)')
    """
    return str(color[0]) if len(set(color)) == 1 else str(color)

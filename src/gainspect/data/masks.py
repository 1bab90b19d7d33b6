"""Defect masks: from what a label tool saved to 0 and 1, or a refusal that names the values found."""

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
_TAIL = 6
"""Pixels: how far from a border a smoothed value may lie (three standard deviations of the widest blur)."""
_AREA = 3
"""Pixels: in a compressed mask another value counts where a square of this side fits into it."""
_RINGING = 9
"""Pixels: how far from an edge the waves of compression reach (one block)."""
_WEAK = 0.7
"""Compression lowers even a line of one pixel to no less than this share of its value."""

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
    samples: NDArray[np.integer]
    """(H, W, 3), transparent pixels black."""
    defect: Color | None
    """The value of the defect; None where all is background."""
    exact: bool
    """Whether only this value and 0 are there. Otherwise smoothing or compression may have lowered it."""


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
    samples = _on_black(mask_samples(content, path), path)
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


def ignoring(marks: Marks, ignored: Mask) -> Marks:
    """Marks with more that is ignored, (H, W) of 0 and 1; a defect stays one.

    Raises:
        OtherSizeError: the two are not of one size.
    """
    if ignored.shape != marks.defect.shape:
        raise OtherSizeError("the mask and the mask of what is ignored are not of one size")
    both = ignored if marks.ignored is None else ignored | marks.ignored
    both = both & (1 - marks.defect)
    return marks._replace(ignored=both if both.any() else None)


def read_mask(path: Path, shape: tuple[int, ...] | None = None) -> Mask:
    """The defect of `read_marks`, (H, W) of 0 and 1, for an image that is stored upright.

    Raises:
        GainspectError: see `read_marks`.
    """
    return read_marks(path, shape).defect


def _turned_with(
    image: Path, samples: NDArray[np.integer], shape: tuple[int, ...], where: Path
) -> NDArray[np.integer]:
    """A mask that says nothing of its own orientation, as its image lies upright."""
    orientation = orientation_of(_content(image))
    height, width = shape[:2]
    if orientation == UPRIGHT:
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


def require_one_meaning(paths: Iterable[Path]) -> dict[Path, float]:
    """Refuse a set of masks whose defects have different values: they may be classes, or an area to ignore.

    Returns:
        For each mask the share of its pixels that it marks, 0…1.

    Raises:
        GainspectError: with the values found and an example of each, or because a mask cannot be read.
    """
    found, shares = _marking(paths)
    if len(found) > 1:
        raise GainspectError(
            f"the masks mark defects with different values: {', '.join(found)}",
            hint="Save 0 for the background and one other value for the defect, the same in all masks; or "
            f"{SAY_VALUES}.",
        )
    return shares


def marking_values(paths: Iterable[Path]) -> list[str]:
    """The values that mark a defect in a set of masks, each with how often and an example; most often first.

    Raises:
        GainspectError: a mask cannot be read, is over the limit on pixels, or has more than two values.
    """
    return _marking(paths)[0]


def _marking(paths: Iterable[Path]) -> tuple[list[str], dict[Path, float]]:
    """As `marking_values`, with the share that each mask marks."""
    shares: dict[Path, float] = {}
    exact: dict[Color, list[Path]] = {}
    lowered: list[tuple[Color, Path]] = []
    for path in paths:
        require_within(path, require_limit(), where=path, hint=RAISE_BY_ENVIRONMENT)
        content = _content(path)
        values = _values_of(
            _on_black(mask_samples(content, path), path), compressed=is_jpeg(content), where=path
        )
        shares[path] = float(_nearer_to_defect(values).mean())
        if values.defect is not None and values.exact:
            exact.setdefault(values.defect, []).append(path)
        elif values.defect is not None:
            lowered.append((values.defect, path))
    # Smoothing and compression lower a value, so the brightest of those is nearest to what was drawn.
    for color, path in sorted(lowered, key=lambda item: max(item[0]), reverse=True):
        drawn = next((known for known in exact if _lowered(color, known)), color)
        exact.setdefault(drawn, []).append(path)
    listed = sorted(exact.items(), key=lambda item: len(item[1]), reverse=True)
    return [f"{named(c)} in {plural(len(f), 'mask')} (such as {f[0].name})" for c, f in listed], shares


def _lowered(color: Color, drawn: Color) -> bool:
    """Whether smoothing or compression may have made one value of the other."""
    level = max(color) / max(drawn)
    apart = max(abs(channel - level * of) for channel, of in zip(color, drawn, strict=True))
    return 0.5 < level <= 1 + _NOISE / max(drawn) and apart <= _NOISE


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise GainspectError(f"cannot read the file ({error.strerror})", where=path) from error


def _values_of(samples: NDArray[np.integer], *, compressed: bool, where: Path) -> _Values:
    colors, counts = _histogram(samples)
    found = [(max(color), count, color) for color, count in zip(colors, counts, strict=True) if any(color)]
    if len(found) <= 1 and not (compressed and found):  # nearly all masks
        return _Values(samples, found[0][2] if found else None, exact=not compressed)
    brightest, _, color = max(found)
    if not compressed:
        values = _Values(samples, color, exact=False)
        third = _flat_thirds(values)
    elif brightest > 3 * _NOISE:
        # Compression spreads a value; the defect's own is the commonest of those near the brightest.
        near = [(count, c) for _, count, c in found if _apart(c, color) <= 2 * _NOISE]
        values = _Values(samples, max(near)[1], exact=False)
        third = _thirds_in_noise(values)
    else:
        raise GainspectError(
            f"the mask is a JPEG and not brighter than {brightest}: compression leaves nothing certain of it",
            where=where,
            hint="Save masks as PNG.",
        )
    if third.any():
        assert values.defect is not None
        raise GainspectError(
            "the mask has more than two values: background 0, "
            f"defect {named(values.defect)}, and {_listed(samples[third])}",
            where=where,
            hint=f"Save 0 for the background and one other value for the defect; or {SAY_VALUES}.",
        )
    return values


def _flat_thirds(values: _Values) -> NDArray[np.bool_]:
    """Pixels of a mask without compression that are neither background nor defect, nor between the two.

    A smoothed border falls gradually from one to the other. What was drawn with a value of its own is flat,
    with a step around it, or lies apart from any defect. Thin lines that smoothing lowered are still defects.
    """
    background, marked, level, beside = _parts(values, noise=0)
    height = values.samples.max(axis=2).astype(np.uint16)
    inside, rest = level > 0.5, ~(background | marked)
    highest, lowest = _around(height, 2)
    full = int(height.max())
    far = (level <= 0.5) & ~_grown(inside, _TAIL) & (highest - lowest > full / 5)
    third = rest & (beside | far | ~_holds(~background, inside))
    third |= _stepped(height, rest, highest, lowest, full / 32)
    return third | _enclosed(background, rest & (height <= _NOISE))


def _around(height: NDArray[np.uint16], pixels: int) -> tuple[NDArray[np.uint16], NDArray[np.uint16]]:
    """The largest and the smallest value within so many pixels of each."""
    window = np.ones((2 * pixels + 1,) * 2, np.uint8)
    return np.asarray(cv2.dilate(height, window), np.uint16), np.asarray(cv2.erode(height, window), np.uint16)


def _holds(regions: NDArray[np.bool_], something: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Those of the connected regions (8 neighbors) that hold some of it."""
    count, areas = cv2.connectedComponents(regions.astype(np.uint8), connectivity=8)
    holds = np.zeros(count, np.bool_)
    holds[areas[something]] = True
    holds[0] = False
    return np.asarray(holds[areas])


def _stepped(
    height: NDArray[np.uint16],
    rest: NDArray[np.bool_],
    highest: NDArray[np.uint16],
    lowest: NDArray[np.uint16],
    step: float,
) -> NDArray[np.bool_]:
    """Flat areas, three pixels wide or more, with a step around them that no smoothing leaves."""
    above, below = _around(height, 1)
    flat = rest & (above == below)
    return _holds(flat, flat & (highest - lowest > step))


def _enclosed(background: NDArray[np.bool_], faint: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Faint areas that do not reach the background: the 1 that a label tool encloses with a line of 255."""
    return faint & ~_holds(faint, _grown(background, 1) & faint)


def _thirds_in_noise(values: _Values) -> NDArray[np.bool_]:
    """Pixels of a compressed mask that are far from background and defect, and no waves around an edge."""
    background, marked, level, beside = _parts(values, noise=_NOISE)
    # Noise must not make borders within an area of one value.
    inside = cv2.medianBlur(level, 5) > 0.5
    rest = ~(background | marked)
    third = _areas(rest & ~(_near_border(inside, _BORDER) & ~beside), _AREA)
    third |= _areas(rest & ~_grown(level > 0.5, _RINGING), 2)
    lines = level > 0.5
    return third | (lines & ~_holds(lines, level >= _WEAK))


def _parts(
    values: _Values, *, noise: int
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.float32], NDArray[np.bool_]]:
    """(H, W) each: background, defect, how far from one to the other (0…1), and what is beside this line."""
    defect = np.array(values.defect, np.float32)
    samples = values.samples.astype(np.float32)
    background, marked = samples.max(axis=2) <= noise, np.abs(samples - defect).max(axis=2) <= noise
    level = np.asarray(samples @ defect / (defect @ defect), np.float32)
    beside = np.abs(samples - level[:, :, None] * defect).max(axis=2) > _NOISE * max(1.0, defect.max() / 255)
    return background, marked, level, beside


def _by_meaning(samples: NDArray[np.integer], values: MaskValues, *, compressed: bool, where: Path) -> Marks:
    """Each pixel by its value; between two of them (smoothing, compression), by the nearer one."""
    colors = list(values.meanings)
    closest = min((_apart(a, b) for i, a in enumerate(colors) for b in colors[:i]), default=255)
    if compressed and closest <= 2 * _NOISE:
        raise GainspectError(
            f"the mask is a JPEG, and its values ({values}) are too close to be told apart after compression",
            where=where,
            hint="Save masks as PNG.",
        )
    nearest, distance = _nearest(samples, colors)
    exact = distance <= (_NOISE if compressed else 0)
    unknown = ~exact & ~_between(samples, exact)
    if compressed:
        unknown = _areas(unknown, _AREA)
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


def _between(samples: NDArray[np.integer], exact: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Where a value lies between exact ones close by, and rises or falls, as at a smoothed border."""
    window = np.ones((2 * _TAIL + 1,) * 2, np.uint8)
    known, wide = exact[:, :, None], samples.astype(np.uint16)
    highest = cv2.dilate(np.where(known, wide, 0).astype(np.uint16), window)
    lowest = cv2.erode(np.where(known, wide, 65535).astype(np.uint16), window)
    above, below = _around(wide, _BORDER + 1)
    slope = ((above > wide) & (below < wide)).any(axis=2)
    return np.asarray(slope & ((lowest <= wide) & (wide <= highest)).all(axis=2))


def _nearest(samples: NDArray[np.integer], colors: list[Color]) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """(H, W) index of the nearest color, and how far it is: the largest difference of a channel."""
    nearest = np.zeros(samples.shape[:2], np.intp)
    distance = np.full(samples.shape[:2], 65536, np.int32)
    for index, color in enumerate(colors):
        apart = np.abs(samples - np.array(color, np.int32)).max(axis=2)
        nearer = apart < distance
        nearest[nearer], distance[nearer] = index, apart[nearer]
    return nearest, distance


def _listed(pixels: NDArray[np.integer]) -> str:
    """The values of (N, 3) pixels, the most frequent first, with how often they are there."""
    colors, counts = _histogram(pixels[None])
    listed = sorted(zip(counts, colors, strict=True), reverse=True)
    found = ", ".join(f"{named(color)} ({plural(count, 'pixel')})" for count, color in listed[:4])
    return found + (f" and {len(listed) - 4} more" if len(listed) > 4 else "")


def _near_border(inside: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    """Within so many pixels of where a region begins or ends."""
    return _grown(inside, pixels) & _grown(~inside, pixels)


def _areas(region: NDArray[np.bool_], side: int) -> NDArray[np.bool_]:
    """What a square of this side fits into; compression leaves specks and thin waves."""
    kernel = np.ones((side, side), np.uint8)
    return np.asarray(cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_OPEN, kernel), np.bool_)


def _grown(region: NDArray[np.bool_], pixels: int) -> NDArray[np.bool_]:
    kernel = np.ones((2 * pixels + 1, 2 * pixels + 1), np.uint8)
    return np.asarray(cv2.dilate(region.astype(np.uint8), kernel), np.bool_)


def _on_black(read: Samples, where: Path) -> NDArray[np.integer]:
    """(H, W, 3) with what is transparent turned black; values that fit are uint8, others uint16 as they are.

    Where a mask was painted in black on a transparent canvas, its color says nothing, and its opacity counts.
    """
    samples = np.asarray(read.values)
    samples = 65535 - samples if read.inverted else samples
    samples = samples[:, :, None] if samples.ndim == 2 else samples
    if samples.shape[2] in (2, 4):
        color, alpha = samples[:, :, :-1].astype(np.uint64), samples[:, :, -1:]
        opaque = 255 if samples.dtype == np.uint8 else 65535
        if color.any() and not alpha.any():
            raise GainspectError(
                "the mask is transparent everywhere, and has colors all the same",
                where=where,
                hint="Save it without transparency.",
            )
        painted = color[alpha[:, :, 0] > 0]
        if painted.size and not painted.any() and len(np.unique(alpha)) > 1:
            color = np.full_like(color[:, :, :1], opaque)
        samples = ((color * alpha + opaque // 2) // opaque).astype(samples.dtype)
    if samples.dtype == np.uint16:
        samples = _eight_bit(np.asarray(samples, np.uint16))
    if samples.shape[2] == 3:
        return np.ascontiguousarray(samples)
    return np.broadcast_to(samples, (*samples.shape[:2], 3))


def _eight_bit(samples: NDArray[np.integer]) -> NDArray[np.integer]:
    """Values of 16 bits as 8 where nothing is lost: up to 255, or 8 bits spread over 16."""
    if int(samples.max(initial=0)) <= 255:
        return samples.astype(np.uint8)
    return (samples // 257).astype(np.uint8) if not (samples % 257).any() else samples


def _nearer_to_defect(values: _Values) -> NDArray[np.bool_]:
    """Along the line from black to the defect's value, what is beyond its middle."""
    if values.defect is None:
        return np.zeros(values.samples.shape[:2], np.bool_)
    if values.samples.strides[2] == 0:  # gray
        return np.asarray(2 * values.samples[:, :, 0].astype(np.uint32) > max(values.defect))
    defect = np.array(values.defect, np.float64)
    along = values.samples.astype(np.float32) @ defect.astype(np.float32)
    return np.asarray(2 * along > defect @ defect, np.bool_)


def _histogram(samples: NDArray[np.integer]) -> tuple[list[Color], list[int]]:
    """Different colors of (H, W, 3), and how often each is there."""
    if samples.strides[2] == 0:  # gray
        present = np.bincount(samples[:, :, 0].ravel())
        values = np.flatnonzero(present)
        return [(int(v),) * 3 for v in values], present[values].tolist()
    packed = samples.reshape(-1, 3).astype(np.uint64) @ np.array([1 << 32, 1 << 16, 1], np.uint64)
    codes, counts = np.unique(packed, return_counts=True)
    return [(int(c) >> 32, int(c) >> 16 & 65535, int(c) & 65535) for c in codes], counts.tolist()


def _apart(one: Color, other: Color) -> int:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))

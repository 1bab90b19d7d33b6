"""Repair a region of an image: what lies there comes from a place that is alike around it.

OpenCV's inpainting (Navier–Stokes, Telea) fills without grain and leaves hard edges where its fronts meet. On
a textured surface this looks like a defect and raises the score of good parts; a thread or an edge that goes
on beneath a region ends there, and so it does where brightness alone is diffused.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.framing import content_mask, letterbox, letterbox_mask
from gainspect.data.good_parts import GoodParts
from gainspect.data.similar_place import Place, Surroundings, grown, widened
from gainspect.types import BoolMask, Fill

_Float = NDArray[np.float32]

_SURROUNDINGS = 32
"""Width of the surroundings that the brightness of a region comes from, pixels."""
_SEAM = 4
"""Width of the surroundings by which a copy is fitted in brightness and color, pixels."""
_GRAIN = 3.0
"""Standard deviation of a Gaussian blur, pixels; all detail that is finer counts as grain."""
_PAD = 9
"""Border around a place that grain is copied from, pixels (three times `_GRAIN`), so that the blur there uses
the true neighbors."""
_DRAWS = 60
"""Number of places tried to copy grain from."""


def repair(
    image: NDArray[np.uint8],
    region: BoolMask,
    avoid: BoolMask | None = None,
    *,
    fill: Fill = "matched",
    good: GoodParts | None = None,
) -> NDArray[np.uint8]:
    """Fill a region; all pixels outside of it stay unchanged, bit for bit.

    Each connected piece is filled with what lies at the place of the image, or of a good part, whose
    surroundings are most alike, and what they differ by, brightness and color, is diffused into it. Where
    there is no such place, and with "diffused" everywhere, brightness and color are diffused from around the
    region (pull–push), and grain is copied from a place of the same shape. The same input always gives the
    same result.

    Args:
        image: (H, W, 3).
        region: (H, W), True where to fill. It must not be the whole image, or nothing is left to fill from.
        avoid: (H, W), True where nothing may be copied from; this always includes the region itself.
        fill: what to fill it with.
        good: good parts, whose places count too.

    Source: by copies that match at the border, as Drori et al., Fragment-Based Image Completion (SIGGRAPH
    2003); the seam as in Pérez et al., Poisson Image Editing (SIGGRAPH 2003), with the pull–push of Gortler
    et al., The Lumigraph (SIGGRAPH 1996), section 3.4, in the place of a solver.
    """
    if not region.any():
        return image.copy()
    forbidden = region if avoid is None else region | avoid
    repaired, left = image.copy(), region
    if fill == "matched":
        left = np.zeros_like(region)
        surroundings = Surroundings(image, forbidden)
        framed = None if good is None else _Framed(good, image, forbidden)
        for piece, place in pieces_of(region):
            filled = None if framed is None else framed.filled(region, piece, place)
            if filled is None:
                filled = _copied(surroundings, region, piece, place)
            if filled is None:
                left[place] |= piece
            else:
                repaired[place][piece] = filled[piece]
    if left.any():
        repaired[left] = _with_grain(repaired, left, forbidden)[left]
    return repaired


def _copied(
    surroundings: Surroundings, region: BoolMask, piece: BoolMask, place: Place
) -> NDArray[np.uint8] | None:
    """(h, w, 3): a piece of a region from the place that is most alike around it; None: there is none."""
    image, forbidden = surroundings.image, surroundings.forbidden
    by = surroundings.similar(piece, place)
    if by is None:
        return None
    window, _ = widened(place, _SEAM, region.shape)
    rows, columns = (np.arange(side.start, side.stop) + step for side, step in zip(window, by, strict=True))
    there = np.ix_(rows.clip(0, region.shape[0] - 1), columns.clip(0, region.shape[1] - 1))
    inside = np.logical_and.outer(
        (rows >= 0) & (rows < region.shape[0]), (columns >= 0) & (columns < region.shape[1])
    )
    return _seamless(image, region, piece, place, image[there], inside & ~forbidden[there])


class _Framed:
    """An image as the network sees it, to be compared with good parts."""

    def __init__(self, good: GoodParts, image: NDArray[np.uint8], forbidden: BoolMask) -> None:
        self.good = good
        self.image = image
        self.frame, self.geometry = letterbox(image, good.size)
        hidden = letterbox_mask(forbidden.astype(np.uint8), self.geometry) > 0
        self.forbidden = hidden | (content_mask(self.geometry) == 0)

    def filled(self, region: BoolMask, piece: BoolMask, place: Place) -> NDArray[np.uint8] | None:
        """(h, w, 3): a piece of a region from a good part; None: the image itself is more alike around it."""
        whole = np.zeros(region.shape, np.uint8)
        whole[place] = piece
        seen = letterbox_mask(whole, self.geometry) > 0
        found = self.good.similar(self.frame, self.forbidden, seen)
        if found is None:
            return None
        window, _ = widened(place, _SEAM, region.shape)
        y, x = self._in_frame(window)
        rows, columns = np.meshgrid(y + found.by[0], x + found.by[1], indexing="ij")
        copied = cv2.remap(found.frame, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        shown = cv2.remap(found.shown.view(np.uint8), columns, rows, cv2.INTER_NEAREST)
        return _seamless(self.image, region, piece, place, np.asarray(copied, np.uint8), shown > 0)

    def _in_frame(self, window: Place) -> tuple[_Float, _Float]:
        """Where the rows and columns of a window of the image lie in the frame, pixels."""
        own, lengths = self.geometry, (self.geometry.height, self.geometry.width)
        y, x = (
            start + (np.arange(side.start, side.stop, dtype=np.float32) + 0.5) * content / length - 0.5
            for side, start, content, length in zip(
                window, (own.top, own.left), (own.content_height, own.content_width), lengths, strict=True
            )
        )
        return np.asarray(y, np.float32), np.asarray(x, np.float32)


def _seamless(
    image: NDArray[np.uint8],
    region: BoolMask,
    piece: BoolMask,
    place: Place,
    copied: NDArray[np.uint8],
    usable: BoolMask,
) -> NDArray[np.uint8] | None:
    """(h, w, 3): a piece of a region from what is copied, fitted in brightness and color.

    Args:
        image: (H, W, 3), what it comes to lie in.
        region: (H, W), all that is repaired there.
        piece: (h, w), its shape.
        place: where it lies.
        copied: the same and its surroundings (`_SEAM`) elsewhere.
        usable: which of these may be compared.

    Returns:
        None if there is nothing around it to compare.
    """
    window, inner = widened(place, _SEAM, region.shape)
    seam = grown(piece, _SEAM)[inner] & ~region[window] & usable
    if not seam.any():
        return None
    known = seam.astype(np.float32)
    fitted = copied.astype(np.float32)
    fitted += _diffused((image[window] - fitted) * known[:, :, None], known)
    own = tuple(
        slice(side.start - around.start, side.stop - around.start)
        for side, around in zip(place, window, strict=True)
    )
    return np.asarray(np.clip(np.rint(fitted[own]), 0, 255), np.uint8)


def _with_grain(image: NDArray[np.uint8], region: BoolMask, forbidden: BoolMask) -> NDArray[np.uint8]:
    """(H, W, 3) with brightness and color diffused into a region, and grain from elsewhere."""
    x, y, width, height = cv2.boundingRect(region.astype(np.uint8))
    top, left = max(0, y - _SURROUNDINGS), max(0, x - _SURROUNDINGS)
    window = (slice(top, y + height + _SURROUNDINGS), slice(left, x + width + _SURROUNDINGS))
    known = (~region[window]).astype(np.float32)
    filled = image.astype(np.float32)
    filled[window] = _diffused(filled[window] * known[:, :, None], known)
    usable = ~forbidden
    rng = np.random.default_rng(0)
    for piece, place in pieces_of(region):
        donor = _least_forbidden(piece, forbidden, rng)
        clean = (piece & usable[donor])[:, :, None]
        filled[place] += np.where(clean, _grain(image, usable, donor), 0)
    return np.asarray(np.clip(np.rint(filled), 0, 255), np.uint8)


def pieces_of(region: BoolMask) -> list[tuple[BoolMask, Place]]:
    """The connected pieces (8 neighbors) of a region: each cut out, with its place."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=8)
    pieces = []
    for index in range(1, count):
        x, y, width, height, _ = (int(value) for value in stats[index])
        place = (slice(y, y + height), slice(x, x + width))
        pieces.append((labels[place] == index, place))
    return pieces


def drawn_place(piece: BoolMask, shape: tuple[int, ...], rng: np.random.Generator) -> Place:
    """A random place for a piece inside an image of shape (H, W)."""
    height, width = piece.shape
    y, x = int(rng.integers(shape[0] - height + 1)), int(rng.integers(shape[1] - width + 1))
    return slice(y, y + height), slice(x, x + width)


def _diffused(values: _Float, known: _Float) -> _Float:
    """(h, w, 3) with unknown pixels filled from ever coarser averages of the known ones.

    Args:
        values: (h, w, 3), multiplied by `known`.
        known: (h, w), how much of each pixel is known, 0…1.
    """
    average = values / np.maximum(known, 1e-6)[:, :, None]
    if known.all() or max(known.shape) == 1:
        return np.asarray(average, np.float32)
    half = ((known.shape[1] + 1) // 2, (known.shape[0] + 1) // 2)
    shrunk = (cv2.resize(array, half, interpolation=cv2.INTER_AREA) for array in (values, known))
    coarse = _diffused(*(np.asarray(array, np.float32) for array in shrunk))
    below = cv2.resize(coarse, known.shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(below + known[:, :, None] * (average - below), np.float32)


def _least_forbidden(piece: BoolMask, forbidden: BoolMask, rng: np.random.Generator) -> Place:
    best, least = drawn_place(piece, forbidden.shape, rng), piece.size
    for _ in range(_DRAWS):
        place = drawn_place(piece, forbidden.shape, rng)
        overlap = int((forbidden[place] & piece).sum())
        if overlap < least:
            best, least = place, overlap
        if not overlap:
            break
    return best


def _grain(image: NDArray[np.uint8], usable: BoolMask, place: Place) -> _Float:
    """(h, w, 3), centered at 0: the image minus its blur, computed over the usable pixels only."""
    top, left = max(0, place[0].start - _PAD), max(0, place[1].start - _PAD)
    padded = (slice(top, place[0].stop + _PAD), slice(left, place[1].stop + _PAD))
    weight = usable[padded].astype(np.float32)[:, :, None]
    values = image[padded] * weight
    blurred = cv2.GaussianBlur(values, (0, 0), _GRAIN)
    fine = values - blurred / np.maximum(cv2.GaussianBlur(weight, (0, 0), _GRAIN), 1e-6)[:, :, None]
    y, x = place[0].start - top, place[1].start - left
    height, width = place[0].stop - place[0].start, place[1].stop - place[1].start
    return np.asarray(fine[y : y + height, x : x + width], np.float32)

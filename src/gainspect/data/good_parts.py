"""Good parts to repair from: where one looks as a part does around a region, it shows what belongs there.

What is unique in an image, the head of a screw or its tip, has nothing alike in it; other parts have it too.
All places of all good parts in all turns are compared at once, by the Fourier transform of small images; the
most alike of these are compared exactly.
"""

import io
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from pathlib import Path
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.image_header import image_size
from gainspect.data.similar_place import Place, Ring, differences, refined
from gainspect.errors import GainspectError
from gainspect.types import BoolMask, Image

_Pixel = TypeVar("_Pixel", np.uint8, np.bool_)
_Spectrum = NDArray[np.complex64]

_PNG = b"\x89PNG\r\n"
_MOST = 100
"""Largest number of frames that are read."""
_COARSE = 96
"""Longest side of the frames that are searched, pixels; in the frames themselves the place is refined."""
_TURNS = 8
"""Quarters of a turn, of a frame and of its mirror image."""
_CLEARLY = 0.5
"""A good part is more alike than the image itself if it differs by less than this share: grain and light
are those of another part."""
_CANDIDATES = 16
"""Number of places that are compared exactly: the sums that find them are rounded."""


@dataclass(frozen=True)
class Found:
    """Where a good part looks alike around a piece of a frame."""

    frame: Image
    """(S, S, 3), the good part, turned."""
    shown: BoolMask
    """(S, S), True where it shows the part."""
    by: tuple[int, int]
    """How far it is from the piece to that place, down and to the right, pixels."""


class _Best(NamedTuple):
    difference: float
    """Mean squared difference around the piece in the frames that are searched."""
    turned: int
    """Which of the turned frames it is in."""
    by: tuple[int, int]


class GoodParts:
    """Frames of good parts.

    Args:
        frames: (N, S, S, 3), uint8, letterboxed as for the network.
        shown: (N, S, S), True where they show the part, not the border.
    """

    def __init__(self, frames: NDArray[np.uint8], shown: BoolMask) -> None:
        self.frames = frames
        self.shown = shown
        self.size = int(frames.shape[1])
        self._factor = ceil(self.size / _COARSE)

    def packed(self) -> bytes:
        """A PNG, one frame below the other, opaque where they show the part; `unpacked` reads it."""
        opaque = np.where(self.shown, 255, 0).astype(np.uint8)[..., None]
        sheet = np.concatenate([self.frames[..., ::-1], opaque], axis=3).reshape(-1, self.size, 4)
        return bytes(cv2.imencode(".png", sheet)[1])

    @classmethod
    def unpacked(cls, content: bytes, size: int, *, where: Path) -> "GoodParts":
        """What `packed` gives.

        Args:
            content: the file.
            size: side of the frames, pixels.
            where: where it was found, for an error.

        Raises:
            GainspectError: it holds something else.
        """
        width, height = image_size(io.BytesIO(content)) or (0, 0)
        count, rest = divmod(height, size)
        sheet = None
        if content.startswith(_PNG) and width == size and 0 < count <= _MOST and not rest:
            sheet = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        if sheet is None or sheet.shape != (height, width, 4) or sheet.dtype != np.uint8:
            raise GainspectError(
                f"its good parts are no PNG of frames of {size} px that says what they show", where=where
            )
        frames = np.asarray(sheet, np.uint8).reshape(count, size, size, 4)
        return cls(np.ascontiguousarray(frames[..., 2::-1]), frames[..., 3] > 0)

    def similar(self, frame: Image, region: BoolMask, piece: BoolMask) -> Found | None:
        """The place on a good part that is more alike around a piece of a frame than any in the frame itself.

        Args:
            frame: (S, S, 3).
            region: (S, S), where the frame does not show a good part, and its border.
            piece: (S, S), what of it is looked for.

        Returns:
            None if there is none, or too little around it to compare.
        """
        small, small_region = _shrunk(frame, self._factor), _shrunk_mask(region, self._factor) > 0
        coarse = _ring(_shrunk_mask(piece, self._factor) > 0, small_region)
        full = _ring(piece, region)
        if coarse is None or full is None:
            return None
        best, own = self._searched.best(small, coarse), _own(small, small_region, coarse)
        if best is None or best.difference >= _CLEARLY * own:
            return None
        index, turn = divmod(best.turned, _TURNS)
        good, shown = _turned(self.frames[index], turn), _turned(self.shown[index], turn)
        near = best.by[0] * self._factor, best.by[1] * self._factor
        by = refined(good, ~shown, full, frame[full.window], near, self._factor)
        return None if by is None else Found(good, shown, by)

    @cached_property
    def _searched(self) -> "_Searched":
        frames = [
            _turned(_shrunk(frame, self._factor), turn) for frame in self.frames for turn in range(_TURNS)
        ]
        shown = [
            _turned(_shrunk_mask(shown, self._factor) > 0.999, turn)
            for shown in self.shown
            for turn in range(_TURNS)
        ]
        return _Searched(np.stack(frames), np.stack(shown))


class _Searched:
    """Frames that are searched.

    Args:
        frames: (M, s, s, 3), uint8.
        shown: (M, s, s).
    """

    def __init__(self, frames: NDArray[np.uint8], shown: BoolMask) -> None:
        self.frames = frames
        self.gray = _gray(frames)
        channels = np.moveaxis(frames, 3, 1)[:, : 1 if self.gray else 3].astype(np.float32)
        self.values = _spectrum(channels)
        self.squares = _spectrum((frames.astype(np.float32) ** 2).sum(axis=3))
        self.hidden = _spectrum((~shown).astype(np.float32))

    def best(self, frame: Image, ring: Ring) -> _Best | None:
        """The place that is most alike around; None if there is none that shows the part."""
        side = self.frames.shape[1]
        mask, wanted = ring.ring.astype(np.float32), frame[ring.window].astype(np.float32)
        sums = self.squares * self._of(mask)
        if self.gray:
            sums -= 2 * self.values[:, 0] * self._of(mask * wanted.sum(axis=2))
        else:
            for channel in range(3):
                sums -= 2 * self.values[:, channel] * self._of(mask * wanted[:, :, channel])
        height, width = mask.shape
        rough, taken = (
            np.fft.irfft2(product, s=(side, side))[:, : side - height + 1, : side - width + 1]
            for product in (sums, self.hidden * self._of(ring.piece.astype(np.float32)))
        )
        rough[taken > 0.5] = np.inf  # half a pixel, as the sums are rounded
        likely = np.argpartition(rough, min(_CANDIDATES, rough.size) - 1, axis=None)[:_CANDIDATES]
        exact = []
        for place in sorted(int(place) for place in likely if np.isfinite(rough.flat[place])):
            index, y, x = (int(value) for value in np.unravel_index(place, rough.shape))
            there = self.frames[index, y : y + height, x : x + width]
            by = y - ring.window[0].start, x - ring.window[1].start
            exact.append(_Best(_difference(there, frame[ring.window], ring.ring), index, by))
        return min(exact, default=None)

    def _of(self, template: NDArray[np.float32]) -> _Spectrum:
        """(s, s // 2 + 1): what a spectrum is multiplied by, so that it becomes that of a correlation."""
        whole = np.zeros(self.frames.shape[1:3], np.float32)
        whole[: template.shape[0], : template.shape[1]] = template
        return np.conj(_spectrum(whole))


def _own(frame: Image, region: BoolMask, ring: Ring) -> float:
    """The least mean squared difference in the frame itself; infinite if there is no place."""
    found = differences(frame, region, ring, frame[ring.window])
    return float(found.min()) / int(ring.ring.sum())


def _difference(one: Image, other: Image, where: BoolMask) -> float:
    apart = one[where].astype(np.int32) - other[where]
    return int((apart**2).sum()) / int(where.sum())


def _ring(shape: BoolMask, forbidden: BoolMask) -> Ring | None:
    left, top, width, height = cv2.boundingRect(shape.view(np.uint8))
    if not width:
        return None
    place: Place = slice(top, top + height), slice(left, left + width)
    return Ring.around(shape[place], place, forbidden)


def _spectrum(values: NDArray[np.float32]) -> _Spectrum:
    return np.asarray(np.fft.rfft2(values), np.complex64)


def _gray(frames: NDArray[np.uint8]) -> bool:
    return bool((frames == frames[..., :1]).all())


def _turned(array: NDArray[_Pixel], turn: int) -> NDArray[_Pixel]:
    turned = np.rot90(array, turn % 4)
    return np.ascontiguousarray(turned[:, ::-1] if turn >= 4 else turned)


def _shrunk(image: Image, factor: int) -> Image:
    size = ceil(len(image) / factor)
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def _shrunk_mask(mask: BoolMask, factor: int) -> NDArray[np.float32]:
    size = ceil(len(mask) / factor)
    shrunk = cv2.resize(mask.astype(np.float32), (size, size), interpolation=cv2.INTER_AREA)
    return np.asarray(shrunk, np.float32)

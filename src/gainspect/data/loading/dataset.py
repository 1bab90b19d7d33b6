"""Images and masks for training, as torch tensors."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from gainspect.data.framing import content_mask, letterbox, letterbox_mask
from gainspect.data.loading.augment import DEFECT, IGNORED, augment
from gainspect.data.loading.pixel_store import PixelStore
from gainspect.data.loading.repaired import repaired_elsewhere, without_defect
from gainspect.data.loading.transplant import transplant
from gainspect.data.manifest import Manifest, Part
from gainspect.data.strokes import with_surroundings
from gainspect.data.tiles import Tiling, draw_tile, marked_only
from gainspect.errors import GainspectError
from gainspect.types import Fill, Image, Label, Mask


class Draw(NamedTuple):
    """Which image to load, and how. Its pixels depend on nothing else, so any process gives the same ones."""

    part: int
    """Position in the manifest."""
    epoch: int
    place: int
    """Position in the epoch's order, so that an image that is drawn twice is augmented differently."""
    size: int
    """Side of the square, pixels."""
    strength: float
    """Augmentation strength, 0…1."""


class Sample(NamedTuple):
    """One training image (or, when collated, a batch of them with a leading dimension B)."""

    image: Tensor
    """(S, S, 3) uint8 RGB."""
    mask: Tensor
    """(S, S) uint8, 0 or 1."""
    target: Tensor
    """() bool, True for NG."""
    has_mask: Tensor
    """() bool, True for an NG image whose mask is known and not empty."""
    ignored: Tensor
    """(S, S) uint8, 1 where no loss counts."""
    boxed: Tensor
    """() bool, True if the mask shows boxes: which pixels in them are defective is not known."""
    turned: Tensor
    """() float32, degrees by which the sides of the boxes are turned, counter-clockwise; NaN: there are none,
    or some are cut by the edge of the frame."""


class _Frame(NamedTuple):
    """An image (or one of its tiles) as the model sees it; all of (S, S)."""

    image: Image
    """(S, S, 3)"""
    mask: Mask
    """1 in the defect."""
    ignored: Mask
    """1 where no loss counts; disjoint from the defect."""
    room: Mask
    """1 where the frame shows the image, 0 in its border."""
    whole: bool = True
    """Whether the frame shows all of what is marked in it."""


_SHOWN, _IN_DEFECT, _IN_IGNORED, _HAS_DEFECT, _HAS_IGNORED = (1 << bit for bit in range(5))
"""Bits of the value that is kept beside each pixel of an image; the last two are those of all pixels."""


class TrainingSet(Dataset[Sample]):
    """Reads, letterboxes and augments the parts of a manifest.

    Args:
        manifest: the parts.
        seed: determines the augmentation and the choice of masks.
        mask_share: share of the masks to use, 0…1.
        boxes: whether to replace each connected defect in the masks by its bounding box.
        transplants: share of the drawn NG images with a mask whose defect is put onto an OK part, 0…1; a box
            with all that is in it, but no strokes, as they show only a part of the defect. Half this share of
            the OK images receive a patch of defect-free surface.
        repairs: share of the draws in which something is repaired, 0…1: of NG images with a mask that is no
            strokes in half of these the defect, which makes them OK, in the other half another place; of OK
            images any place, but as much more seldom as NG images have no such mask.
        repair_fill: what repairs fill a region with.
        tiling: if given, each draw is one tile, which is NG if it contains some of the marked defect; NG
            parts whose defect is not marked are left out.
        room: bytes of memory for images that are kept from epoch to epoch, see `keep`.
        room_asked: whether this much was asked for; if not, images are read each time where it cannot be had.

    Raises:
        GainspectError: with tiling, no NG part is marked, or a mask cannot be read.
    """

    def __init__(
        self,
        manifest: Manifest,
        seed: int,
        *,
        mask_share: float = 1.0,
        boxes: bool = False,
        transplants: float = 0.0,
        repairs: float = 0.0,
        repair_fill: Fill = "matched",
        tiling: Tiling | None = None,
        room: int = 0,
        room_asked: bool = False,
    ) -> None:
        manifest = manifest if mask_share == 1.0 else with_fewer_masks(manifest, mask_share, seed)
        self.manifest = manifest if tiling is None else marked_only(manifest)
        self.seed = seed
        self.boxes = boxes
        self.transplants = transplants
        self.repairs, self.repair_fill = repairs, repair_fill
        self.tiling = tiling
        self.room, self.room_asked = room, room_asked
        parts = self.manifest.parts
        self._ok = [i for i, part in enumerate(parts) if part.label is Label.OK]
        self._movable = [
            i
            for i, part in enumerate(parts)
            if part.label is Label.NG and part.mask is not None and _movable(part)
        ]
        defective = sum(part.label is Label.NG for part in parts)
        self._share_movable = len(self._movable) / max(1, defective)
        self._store: PixelStore | None = None
        self._stored_size: int | None = None

    def keep(self, size: int) -> None:
        """Keep images in memory from now on, once they are loaded: letterboxed; with tiles the originals.

        Samples are the same as without. Images for which there is no `room` are read each time. Processes
        that are forked from now on share the memory. What is kept for another size is forgotten; with tiles
        it serves all sizes.

        Args:
            size: side of the square that images are to be loaded at, pixels. At others none is kept.

        Raises:
            GainspectError: with tiles, an image cannot be read; or there is not as much memory as was asked.
        """
        if self._store is not None and (self.tiling is not None or self._stored_size == size):
            return
        self.forget()
        parts = self.manifest.parts
        shapes = [
            (size, size) if self.tiling is None else self.manifest.shape(part)
            for part in (parts if self.room else ())
        ]
        try:
            self._store = PixelStore(shapes, self.room, self.seed)
        except GainspectError:
            if self.room_asked:
                raise
            self.room, self._store = 0, PixelStore([], 0)
        self._stored_size = size

    def forget(self) -> None:
        """Keep no images any more, and give their memory back."""
        self._store = self._stored_size = None

    def __getstate__(self) -> dict[str, Any]:
        """For a process that is not forked: it shares no memory, so it keeps nothing."""
        return {**self.__dict__, "_store": None, "_stored_size": None}

    def __len__(self) -> int:
        return len(self.manifest.parts)

    def __getitem__(self, draw: Draw) -> Sample:
        """Load one image.

        Raises:
            GainspectError: the image or its mask cannot be read.
        """
        part = self.manifest.parts[draw.part]
        rng = np.random.default_rng((self.seed, draw.epoch, draw.part, draw.place))
        frame = self._frame(draw.part, draw.size, rng)
        marked = bool(frame.mask.any())
        # A tile of a defective part is NG only if it shows some of the defect.
        defective = part.label is Label.NG and (self.tiling is None or marked)
        # Part of a box need not show anything of the defect.
        movable = marked and _movable(part) and (frame.whole or part.mask_kind != "box")
        if rng.random() < self._transplanted(defective, movable=movable):
            frame = self._transplant(frame, rng)
        if self.repairs and rng.random() < self._repaired_share(defective, movable=movable):
            frame, defective = self._repaired(frame, rng, defective=defective)
        labels = np.where(frame.mask, DEFECT, frame.ignored * IGNORED).astype(np.uint8)
        image, labels, turned, whole = augment(frame.image, labels, rng, draw.strength)
        mask = (labels == DEFECT).astype(np.uint8)
        has_mask = defective and bool(mask.any())
        boxed = has_mask and part.mask_kind == "box"
        turned = turned if boxed and frame.whole and whole else np.nan
        return Sample(
            torch.from_numpy(np.ascontiguousarray(image)),
            torch.from_numpy(mask),
            torch.tensor(defective),
            torch.tensor(has_mask),
            torch.from_numpy((labels == IGNORED).astype(np.uint8)),
            torch.tensor(boxed),
            torch.tensor(turned, dtype=torch.float32),
        )

    def _frame(self, index: int, size: int, rng: np.random.Generator) -> _Frame:
        if self.tiling is None:
            return self._whole(index, size)
        image, defect, ignored = self._original(index)
        boxes = self.manifest.parts[index].mask_kind == "box"
        tile = draw_tile(image.shape, defect, self.tiling, rng, unknown=ignored, whole=boxes)
        whole = defect is None or not tile.cuts(defect)
        defect, ignored = (None if m is None else tile.of(m) for m in (defect, ignored))
        return _framed(tile.of(image), defect, ignored, size)._replace(whole=whole)

    def _whole(self, index: int, size: int) -> _Frame:
        """The whole image; it is kept if it is of the size that is kept."""
        store = self._store if size == self._stored_size else None
        stored = None if store is None else store.get(index)
        if stored is not None:
            image, values = stored
            defect, ignored, room = (_bit(values, bit) for bit in (_IN_DEFECT, _IN_IGNORED, _SHOWN))
            return _Frame(image, defect, ignored, room)
        frame = _framed(*self._read(self.manifest.parts[index]), size)
        if store is not None:
            bits = (frame.mask, _IN_DEFECT), (frame.ignored, _IN_IGNORED), (frame.room, _SHOWN)
            store.put(index, frame.image, _packed(bits))
        return frame

    def _original(self, index: int) -> tuple[Image, Mask | None, Mask | None]:
        """What `_read` gives; it is kept."""
        stored = None if self._store is None else self._store.get(index)
        if stored is not None:
            image, values = stored
            known = int(values.flat[0])
            return (
                image,
                _bit(values, _IN_DEFECT) if known & _HAS_DEFECT else None,
                _bit(values, _IN_IGNORED) if known & _HAS_IGNORED else None,
            )
        image, defect, ignored = self._read(self.manifest.parts[index])
        if self._store is not None:
            shown = np.ones(image.shape[:2], np.uint8)
            bits = [(shown, _SHOWN)]
            bits += [] if defect is None else [(defect, _IN_DEFECT), (shown, _HAS_DEFECT)]
            bits += [] if ignored is None else [(ignored, _IN_IGNORED), (shown, _HAS_IGNORED)]
            self._store.put(index, image, _packed(bits))
        return image, defect, ignored

    def _read(self, part: Part) -> tuple[Image, Mask | None, Mask | None]:
        """An image as it is in its file, its defect, and what is ignored of it."""
        original = self.manifest.image(part)
        marks = self.manifest.marks(part, original.shape[:2])
        if marks is not None and part.label is Label.NG and part.mask_kind == "scribble":
            marks = with_surroundings(marks)
        # An OK part has no defect, whatever its mask says.
        defect = None if marks is None or part.label is Label.OK else marks.defect
        ignored = None if marks is None else marks.ignored
        if defect is not None and self.boxes:
            defect = boxed(defect)
        return original, defect, ignored

    def _transplanted(self, defective: bool, *, movable: bool) -> float:
        """Probability of a transplant: for an OK image half of that for an NG image with a movable defect."""
        if not self._ok or not self._movable:
            return 0.0
        if defective:
            return self.transplants if movable else 0.0
        return self.transplants / 2

    def _transplant(self, frame: _Frame, rng: np.random.Generator) -> _Frame:
        """For a marked image, its defect on an OK part; for an OK image, a patch of another OK part on it.

        The patch is defect-free surface in the shape of a defect. If there is no room for the piece, the
        image is not changed.
        """
        size = len(frame.image)
        index = self._ok[rng.integers(len(self._ok))]
        other = self._frame(index, size, rng)
        if frame.mask.any():
            put = transplant(other.image, other.room, frame.image, frame.mask, rng)
            if put is None:
                return frame
            whole = frame.whole and put[1].sum() == frame.mask.sum()
            return _Frame(*put, other.ignored & (1 - put[1]), other.room, bool(whole))
        shape = self._frame(self._movable[rng.integers(len(self._movable))], size, rng).mask
        # The edge of a part, put elsewhere, would not look like defect-free surface.
        rim = max(1, size // 10)
        shape &= np.asarray(cv2.erode(other.room, np.ones((2 * rim + 1, 2 * rim + 1), np.uint8)), np.uint8)
        if not shape.any():
            return frame
        put = transplant(frame.image, frame.room, other.image, shape, rng)
        return frame if put is None else frame._replace(image=put[0])

    def _repaired_share(self, defective: bool, *, movable: bool) -> float:
        """Probability of a repair: of an OK image as much smaller as there are defects without an outline.

        Else a repair would say OK where few defects are marked.
        """
        if defective:
            return self.repairs if movable else 0.0
        return self.repairs * self._share_movable

    def _repaired(self, frame: _Frame, rng: np.random.Generator, *, defective: bool) -> tuple[_Frame, bool]:
        """The frame with something repaired, and whether it is defective then.

        What is ignored may be a defect too, so with that the part is not known to be OK. Where a repair finds
        no room the image is not changed.
        """
        marked = bool(frame.mask.any())
        if marked and not frame.ignored.any() and rng.random() < 0.5:
            image = without_defect(frame.image, frame.mask, frame.room, self.repair_fill)
            if image is not None:
                return frame._replace(image=image, mask=np.zeros_like(frame.mask)), False
        shape = frame.mask
        if not marked:
            shape = self._frame(self._movable[rng.integers(len(self._movable))], len(frame.image), rng).mask
        if not shape.any():
            return frame, defective
        image = repaired_elsewhere(frame.image, shape, frame.room, rng, self.repair_fill)
        return (frame if image is None else frame._replace(image=image)), defective


def _movable(part: Part) -> bool:
    """Whether its mask shows all of its defect; strokes show some of it."""
    return part.mask_kind != "scribble"


def _framed(original: Image, defect: Mask | None, ignored: Mask | None, size: int) -> _Frame:
    """Letterbox an image, or a tile of it, with what is marked in it."""
    image, geometry = letterbox(original, size)
    room = content_mask(geometry)
    mask = np.zeros_like(room) if defect is None else letterbox_mask(defect, geometry)
    nothing = np.zeros_like(room) if ignored is None else letterbox_mask(ignored, geometry) & (1 - mask)
    return _Frame(image, mask, nothing, room)


def _packed(bits: Iterable[tuple[Mask, int]]) -> Mask:
    """One value per pixel, with the bits of several masks of 0 and 1."""
    return np.asarray(np.bitwise_or.reduce([mask * np.uint8(bit) for mask, bit in bits]), np.uint8)


def _bit(values: Mask, bit: int) -> Mask:
    return ((values & bit) > 0).astype(np.uint8)


def with_fewer_masks(manifest: Manifest, share: float, seed: int) -> Manifest:
    """Keep the masks of only a share of the NG parts that have one; the seed determines which."""
    marked = [i for i, part in enumerate(manifest.parts) if part.label is Label.NG and part.mask is not None]
    kept = round(share * len(marked))
    bare = {marked[i] for i in np.random.default_rng(seed).permutation(len(marked))[kept:]}
    parts = tuple(
        replace(part, mask=None) if index in bare else part for index, part in enumerate(manifest.parts)
    )
    return replace(manifest, parts=parts)


def boxed(mask: Mask) -> Mask:
    """(H, W) mask in which each connected defect is replaced by its filled bounding box."""
    filled = np.zeros_like(mask)
    _, _, statistics, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    for left, top, width, height, _ in statistics[1:]:
        filled[top : top + height, left : left + width] = 1
    return filled


def epoch_order(labels: NDArray[np.bool_], *, balanced: bool, seed: int, epoch: int) -> list[int]:
    """Indices of one epoch, as many as there are images, in a random order determined by (seed, epoch).

    If balanced, half are OK and half are NG; images of the rarer class are repeated about equally often.

    >>> epoch_order(np.array([True, False, False, False]), balanced=True, seed=1, epoch=0).count(0)
    2
    """
    rng = np.random.default_rng((seed, epoch))
    total = len(labels)
    if not balanced:
        return [int(i) for i in rng.permutation(total)]
    chosen: list[int] = []
    for members, count in (
        (np.flatnonzero(labels), total // 2),
        (np.flatnonzero(~labels), total - total // 2),
    ):
        rounds = -(-count // len(members))
        repeated = np.concatenate([rng.permutation(members) for _ in range(rounds)])
        chosen.extend(int(i) for i in repeated[:count])
    return [chosen[i] for i in rng.permutation(total)]


def batches(order: list[int], batch_size: int, *, epoch: int, size: int, strength: float) -> list[list[Draw]]:
    """Cut an epoch's order into batches; an incomplete last batch is left out unless it is the only one."""
    draws = [Draw(index, epoch, place, size, strength) for place, index in enumerate(order)]
    full = [draws[i : i + batch_size] for i in range(0, len(draws) - batch_size + 1, batch_size)]
    return full or [draws]

"""Images and masks for training, as torch tensors."""

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from gainspect.data.framing import content_mask, letterbox, letterbox_mask
from gainspect.data.loading.augment import augment
from gainspect.data.loading.transplant import transplant
from gainspect.data.manifest import Manifest, Part
from gainspect.data.reading import read_image, read_mask
from gainspect.data.tiles import Tiling, draw_tile, marked_only
from gainspect.types import Image, Label, Mask


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


class TrainingSet(Dataset[Sample]):
    """Reads, letterboxes and augments the parts of a manifest.

    Args:
        manifest: the parts.
        seed: determines the augmentation and the choice of masks.
        mask_share: share of the masks to use, 0…1.
        boxes: whether to replace each connected defect in the masks by its bounding box.
        transplants: share of the drawn NG images with a mask whose defect is put onto an OK part, 0…1. Half
            this share of the OK images receive a patch of defect-free surface.
        tiling: if given, each draw is one tile, which is NG if it contains some of the marked defect; NG
            parts whose defect is not marked are left out.

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
        tiling: Tiling | None = None,
    ) -> None:
        manifest = manifest if mask_share == 1.0 else with_fewer_masks(manifest, mask_share, seed)
        self.manifest = manifest if tiling is None else marked_only(manifest)
        self.seed = seed
        self.boxes = boxes
        self.transplants = transplants
        self.tiling = tiling
        parts = self.manifest.parts
        self._ok = [part for part in parts if part.label is Label.OK]
        self._marked = [part for part in parts if part.label is Label.NG and part.mask is not None]

    def __len__(self) -> int:
        return len(self.manifest.parts)

    def __getitem__(self, draw: Draw) -> Sample:
        """Load one image.

        Raises:
            GainspectError: the image or its mask cannot be read.
        """
        part = self.manifest.parts[draw.part]
        rng = np.random.default_rng((self.seed, draw.epoch, draw.part, draw.place))
        image, mask, room = self._frame(part, draw.size, rng)
        # A tile of a defective part is NG only if it shows some of the defect.
        defective = part.label is Label.NG and (self.tiling is None or bool(mask.any()))
        if rng.random() < self._transplanted(defective, marked=bool(mask.any())):
            image, mask = self._transplant(image, mask, room, rng)
        image, mask = augment(image, mask, rng, draw.strength)
        return Sample(
            torch.from_numpy(np.ascontiguousarray(image)),
            torch.from_numpy(np.ascontiguousarray(mask)),
            torch.tensor(defective),
            torch.tensor(defective and bool(mask.any())),
        )

    def _frame(self, part: Part, size: int, rng: np.random.Generator) -> tuple[Image, Mask, Mask]:
        """An image (or one of its tiles) as the model sees it, its defect, and its place in the frame."""
        original = read_image(part.image)
        # An OK part has no defect, whatever its mask says.
        file = part.mask if part.label is Label.NG else None
        marked = None if file is None else read_mask(file, original.shape[:2])
        if marked is not None and self.boxes:
            marked = boxed(marked)
        if self.tiling is not None:
            tile = draw_tile(original.shape, marked, self.tiling, rng)
            original, marked = tile.of(original), None if marked is None else tile.of(marked)
        image, geometry = letterbox(original, size)
        room = content_mask(geometry)
        return image, np.zeros_like(room) if marked is None else letterbox_mask(marked, geometry), room

    def _transplanted(self, defective: bool, *, marked: bool) -> float:
        """Probability of a transplant: for an OK image half of that for a marked NG image."""
        if not self._ok or not self._marked:
            return 0.0
        if defective:
            return self.transplants if marked else 0.0
        return self.transplants / 2

    def _transplant(
        self, image: Image, mask: Mask, room: Mask, rng: np.random.Generator
    ) -> tuple[Image, Mask]:
        """For a marked image, its defect on an OK part; for an OK image, a patch of another OK part on it.

        The patch is defect-free surface in the shape of a defect. If there is no room for the piece, the
        image is not changed.
        """
        size = len(image)
        other, _, surface = self._frame(self._ok[rng.integers(len(self._ok))], size, rng)
        if mask.any():
            return transplant(other, surface, image, mask, rng) or (image, mask)
        _, shape, _ = self._frame(self._marked[rng.integers(len(self._marked))], size, rng)
        # The edge of a part, put elsewhere, would not look like defect-free surface.
        rim = max(1, size // 10)
        shape &= np.asarray(cv2.erode(surface, np.ones((2 * rim + 1, 2 * rim + 1), np.uint8)), np.uint8)
        if not shape.any():
            return image, mask
        put = transplant(image, room, other, shape, rng)
        return image if put is None else put[0], mask


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

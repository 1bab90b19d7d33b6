"""Transplants: counterfactual training images, in which a piece of one image is put onto another part.

The piece is a defect or, as a control, a patch of defect-free surface. The first kind teaches that the defect
makes a part NG, whichever part it is on. The second teaches that the seam, which both kinds have, does not.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.types import Image, Mask

_SEAM = 2
"""Width of the donor's surroundings that are copied along and blended into the host, pixels."""

_RING = 9
"""Width of the surroundings whose brightness is matched, pixels."""

_LEAST = 0.5
"""Smallest share of the shape that must fit onto the host."""


def transplant(
    host: Image, room: Mask, donor: Image, shape: Mask, rng: np.random.Generator
) -> tuple[Image, Mask] | None:
    """Put a piece of one image onto another: randomly turned, at a random place, with matched brightness.

    Args:
        host: (S, S, 3), the image that the piece is put onto.
        room: (S, S), 1 where the host shows its part (not the letterbox border).
        donor: (S, S, 3), the image that the piece is taken from.
        shape: (S, S), 1 in the piece: a defect's mask; not empty.
        rng: the source of all randomness.

    Returns:
        The host with the piece, and the mask (S, S) of the piece; None if most of the piece does not fit.
    """
    donor, shape = _turned(donor, shape, rng)
    top, left, height, width = _box(shape)
    room_top, room_left, room_height, room_width = _box(room)
    down = _shift(top, height, room_top, room_height, rng)
    right = _shift(left, width, room_left, room_width, rng)
    move = np.array([[1, 0, right], [0, 1, down]], np.float32)
    side = host.shape[0]
    moved = np.asarray(cv2.warpAffine(donor, move, (side, side), flags=cv2.INTER_NEAREST), np.uint8)
    placed = np.asarray(cv2.warpAffine(shape, move, (side, side), flags=cv2.INTER_NEAREST) * room, np.uint8)
    if placed.sum() < _LEAST * shape.sum():
        return None
    matched = moved.astype(np.float32) + _step(host, moved, placed, room)
    wide = cv2.dilate(placed, _disk(_SEAM)).astype(np.float32)
    alpha = np.maximum(cv2.GaussianBlur(wide, (0, 0), _SEAM / 2), placed)[:, :, None] * room[:, :, None]
    blended = host * (1 - alpha) + matched * alpha
    return np.clip(np.rint(blended), 0, 255).astype(np.uint8), placed


def _turned(image: Image, mask: Mask, rng: np.random.Generator) -> tuple[Image, Mask]:
    turns, flip = int(rng.integers(4)), bool(rng.integers(2))
    image, mask = np.rot90(image, turns), np.rot90(mask, turns)
    if flip:
        image, mask = image[:, ::-1], mask[:, ::-1]
    return np.ascontiguousarray(image), np.ascontiguousarray(mask)


def _box(mask: Mask) -> tuple[int, int, int, int]:
    """Top, left, height and width of the marked area."""
    left, top, width, height = cv2.boundingRect(mask)
    return top, left, height, width


def _shift(start: int, length: int, room_start: int, room_length: int, rng: np.random.Generator) -> int:
    """A random shift of an interval that keeps it inside the room; if it is too long, it is centered."""
    spare = room_length - length
    place = int(rng.integers(spare + 1)) if spare >= 0 else spare // 2
    return room_start + place - start


def _step(host: Image, donor: Image, placed: Mask, room: Mask) -> NDArray[np.float32]:
    """(3,) brightness difference between host and donor around the piece."""
    ring = (cv2.dilate(placed, _disk(_RING)) > placed) & (room > 0)
    if not ring.any():
        return np.zeros(3, np.float32)
    step = np.median(host[ring], axis=0) - np.median(donor[ring], axis=0)
    return np.asarray(step, np.float32)


def _disk(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)

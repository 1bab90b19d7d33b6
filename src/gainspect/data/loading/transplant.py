"""Counterfactual training images: a defect on another part, and as its control sound surface in its place.

The first teaches that the defect makes the part NG, whatever part it is on. The second teaches that a seam,
which both have, does not.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.types import Image, Mask

_SEAM = 2
"""Pixels of the donor's surroundings that come along, blended into the host."""

_RING = 9
"""Width of the surroundings whose brightness is matched, pixels."""

_LEAST = 0.5
"""Share of the shape that must find room on the host."""


def transplant(
    host: Image, room: Mask, donor: Image, shape: Mask, rng: np.random.Generator
) -> tuple[Image, Mask] | None:
    """Put a piece of one image onto another: turned at random, at a random place, its brightness matched.

    Args:
        host: (S, S, 3), what it is put onto.
        room: (S, S), 1 where the host shows its part (not the letterbox's border).
        donor: (S, S, 3), what it is taken from.
        shape: (S, S), 1 in the piece: a defect's mask; not empty.
        rng: all randomness comes from it.

    Returns:
        The host with the piece, and where it lies (S, S); None if most of it found no room.
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
    """Top, left, height, width of what is marked."""
    left, top, width, height = cv2.boundingRect(mask)
    return top, left, height, width


def _shift(start: int, length: int, room_start: int, room_length: int, rng: np.random.Generator) -> int:
    """A random shift of a stretch that keeps it in the room; one that is too long is centered."""
    spare = room_length - length
    place = int(rng.integers(spare + 1)) if spare >= 0 else spare // 2
    return room_start + place - start


def _step(host: Image, donor: Image, placed: Mask, room: Mask) -> NDArray[np.float32]:
    """(3,) what brings the donor's surroundings of the piece to the host's brightness there."""
    ring = (cv2.dilate(placed, _disk(_RING)) > placed) & (room > 0)
    if not ring.any():
        return np.zeros(3, np.float32)
    step = np.median(host[ring], axis=0) - np.median(donor[ring], axis=0)
    return np.asarray(step, np.float32)


def _disk(radius: int) -> NDArray[np.uint8]:
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)

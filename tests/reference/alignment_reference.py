"""How far two thumbnails differ, by the plain way: every step on all pixels, Fourier transforms by NumPy.

It is slower than `gainspect.data.near_duplicates.alignment`, and finds the same twins.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from gainspect.data.near_duplicates.thumbnail import SIDE, WINDOW, Thumbnail

_REACH = SIDE // 10
"""Pixels of the thumbnail: the largest shift that is looked for."""
_STEPS = 4
"""Of Gauss and Newton; after three the difference of copies does not fall any more."""
_MOST_TURN = 0.12
"""Of size and turn, as a share and in radians: what a small crop or another placement of a part makes."""
_KEPT = 0.9
"""Share of the pixels that count: a speck, a label or a new defect does not make another part."""
_RADIUS = SIDE / 2
_MIDDLE = (SIDE - 1) / 2
_WEIGHTS = WINDOW.ravel()
_X = np.broadcast_to((np.arange(SIDE, dtype=np.float32) - _MIDDLE) / _RADIUS, (SIDE, SIDE))
_Y = _X.T

_Rows = NDArray[np.float32]


def differences(one: Thumbnail, others: list[Thumbnail]) -> NDArray[np.float64]:
    """The share of the square of each other thumbnail that no small change of light or place explains, 0…1.

    Each is brought onto the first by the shift of the largest correlation, then by steps of Gauss and Newton
    over shift, size and turn (of which the difference is linear near the best place), with gain and offset of
    the light. Source: Baker and Matthews, Lucas-Kanade 20 Years On, IJCV 56 (2004), inverse compositional.

    Args:
        one: a thumbnail that is not all 0.
        others: K thumbnails.

    Returns:
        (K,); 1 for a thumbnail that is all 0.
    """
    first = one.astype(np.float32)
    rest = np.array(others, np.float32)
    basis, solve = _basis(first)
    matrices = np.tile(np.eye(2), (len(rest), 1, 1))
    start = _shifts(first, rest)
    shifts = start.copy()
    for _ in range(_STEPS):
        fit = _moved(rest, matrices, shifts, cv2.INTER_LINEAR) @ solve.T
        matrices, shifts = _stepped(matrices, shifts, fit)
        turned = np.abs(matrices - np.eye(2)).max(axis=(1, 2))
        lost = (turned > _MOST_TURN) | (np.abs(shifts - start).max(axis=1) > _REACH)
        matrices[lost], shifts[lost] = np.eye(2), start[lost]
    moved = _moved(rest, matrices, shifts, cv2.INTER_CUBIC)
    unexplained = _kept(np.square(moved - moved @ solve.T @ basis))
    whole = np.square(moved).sum(axis=1, dtype=np.float64)
    return np.asarray(np.where(whole > 0, unexplained / np.maximum(whole, 1e-9), 1.0))


def _kept(squares: _Rows) -> NDArray[np.float64]:
    """Sum without the largest values."""
    count = int(_KEPT * squares.shape[1])
    return np.asarray(np.partition(squares, count, axis=1)[:, :count].sum(axis=1, dtype=np.float64))


def _basis(first: NDArray[np.float32]) -> tuple[_Rows, _Rows]:
    """What light, shift, size and turn change to first order, (6, SIDE²), and what finds their amounts."""
    along_y, along_x = np.gradient(first)
    changes = (
        np.ones_like(first),
        first,
        along_x,
        along_y,
        _X * along_x + _Y * along_y,
        _X * along_y - _Y * along_x,
    )
    basis = np.asarray(np.stack(changes).reshape(6, -1) * _WEIGHTS, np.float32)
    products = basis @ basis.T
    return basis, np.linalg.inv(products + 1e-6 * products[1, 1] * np.eye(6, dtype=np.float32)) @ basis


def _shifts(first: NDArray[np.float32], rest: NDArray[np.float32]) -> NDArray[np.float64]:
    """(K, 2) x and y in whole pixels by which each of the rest lies apart from the first."""
    spectra = np.fft.rfft2(rest * WINDOW)
    products = np.fft.irfft2(np.fft.rfft2(first * WINDOW).conj() * spectra, s=(SIDE, SIDE))
    side = 2 * _REACH + 1
    near = np.roll(products, (_REACH, _REACH), (1, 2))[:, :side, :side].reshape(len(rest), -1)
    rows, columns = np.divmod(near.argmax(axis=1), side)
    return np.stack([columns, rows], axis=1).astype(np.float64) - _REACH


def _moved(
    rest: NDArray[np.float32],
    matrices: NDArray[np.float64],
    shifts: NDArray[np.float64],
    interpolation: int,
) -> _Rows:
    """(K, SIDE²) each of the rest, moved onto the first, under the window."""
    origins = _MIDDLE + shifts - matrices.sum(axis=2) * _MIDDLE
    places = np.concatenate([matrices, origins[:, :, None]], axis=2)
    flags = interpolation | cv2.WARP_INVERSE_MAP
    moved = [
        cv2.warpAffine(other, place, (SIDE, SIDE), flags=flags, borderMode=cv2.BORDER_REFLECT)
        for other, place in zip(rest, places, strict=True)
    ]
    return np.asarray(np.array(moved).reshape(len(rest), -1) * _WEIGHTS, np.float32)


def _stepped(
    matrices: NDArray[np.float64], shifts: NDArray[np.float64], fit: _Rows
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The places after a step: the inverse of what the fit says is put before them."""
    amounts = fit[:, 2:] / np.maximum(
        fit[:, 1:2], 0.2
    )  # by the gain; a fit without likeness takes small steps
    size, turn = amounts[:, 2] / _RADIUS, amounts[:, 3] / _RADIUS
    change = np.stack([np.stack([1 + size, -turn], axis=1), np.stack([turn, 1 + size], axis=1)], axis=1)
    back = matrices @ np.linalg.inv(change.astype(np.float64))
    return back, shifts - np.einsum("kij,kj->ki", back, amounts[:, :2])

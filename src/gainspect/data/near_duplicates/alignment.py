"""How far two thumbnails differ once light, position, size and turn are taken out."""

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
_COARSE = SIDE // 2
"""Side of the grid on which places are looked for: a quarter of the pixels finds the same places."""
_X = np.broadcast_to((np.arange(SIDE, dtype=np.float32) - _MIDDLE) / _RADIUS, (SIDE, SIDE))
_Y = _X.T

_Rows = NDArray[np.float32]
_Complex = NDArray[np.complex128]


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
    rest = np.array(others, np.float16).astype(np.float32)
    changes = _changes(first)
    _, solve = _basis(_coarse(changes), _COARSE_WEIGHTS)
    start = _shifts(first, rest)
    turns, shifts = np.ones_like(start), start.copy()
    for _ in range(_STEPS):
        fit = _moved(rest, turns, shifts, _COARSE) @ solve.T
        turns, shifts = _stepped(turns, shifts, fit)
        lost = (_largest(turns - 1) > _MOST_TURN) | (_largest(shifts - start) > _REACH)
        turns[lost], shifts[lost] = 1, start[lost]
    basis, solve = _basis(changes, _WEIGHTS)
    moved = _moved(rest, turns, shifts, SIDE)
    unexplained = _kept(np.square(moved - moved @ solve.T @ basis))
    whole = np.square(moved).sum(axis=1, dtype=np.float64)
    return np.asarray(np.where(whole > 0, unexplained / np.maximum(whole, 1e-9), 1.0))


def _kept(squares: _Rows) -> NDArray[np.float64]:
    """Sum without the largest values."""
    count = int(_KEPT * squares.shape[1])
    return np.asarray(np.partition(squares, count, axis=1)[:, :count].sum(axis=1, dtype=np.float64))


def _changes(first: NDArray[np.float32]) -> NDArray[np.float32]:
    """(6, SIDE, SIDE) what light (two ways), shift (two ways), size and turn change, to first order."""
    along_y, along_x = np.gradient(first)
    return np.stack(
        [
            np.ones_like(first),
            first,
            along_x,
            along_y,
            _X * along_x + _Y * along_y,
            _X * along_y - _Y * along_x,
        ]
    )


def _coarse(fine: NDArray[np.float32]) -> NDArray[np.float32]:
    """(…, _COARSE, _COARSE) means of 2 × 2 pixels, which is what `_moved` reads on the coarse grid."""
    rows = fine[..., ::2, :] + fine[..., 1::2, :]
    return np.asarray((rows[..., ::2] + rows[..., 1::2]) / 4, np.float32)


_WEIGHTS = WINDOW.ravel()
_COARSE_WEIGHTS = _coarse(WINDOW).ravel()


def _basis(changes: NDArray[np.float32], weights: NDArray[np.float32]) -> tuple[_Rows, _Rows]:
    """The changes under the window, (6, pixels), and what finds their amounts."""
    basis = changes.reshape(len(changes), -1) * weights
    products = basis @ basis.T
    return basis, np.linalg.inv(products + 1e-6 * products[1, 1] * np.eye(6, dtype=np.float32)) @ basis


def _shifts(first: NDArray[np.float32], rest: NDArray[np.float32]) -> _Complex:
    """(K,) x + iy in whole pixels by which each of the rest lies apart from the first."""
    side = 2 * _REACH + 1
    spectrum = cv2.dft(np.roll(first * WINDOW, (-_REACH, -_REACH), (0, 1)))  # so that −_REACH comes first
    near = np.empty((len(rest), side, side), np.float32)
    for values, other in zip(near, rest * WINDOW, strict=True):
        products = cv2.mulSpectrums(cv2.dft(other), spectrum, 0, conjB=True)
        values[:] = cv2.idft(products)[:side, :side]
    rows, columns = np.divmod(near.reshape(len(rest), -1).argmax(axis=1), side)
    return np.asarray((columns - _REACH) + 1j * (rows - _REACH))


def _moved(rest: NDArray[np.float32], turns: _Complex, shifts: _Complex, side: int) -> _Rows:
    """(K, side²) each of the rest, moved onto the first, on a grid of that side, under the window.

    A point x + iy from the middle of the first lies at turn · (x + iy) + shift from the middle of the other.
    """
    step = SIDE // side
    corner = (1 + 1j) * ((step - 1) / 2 - _MIDDLE)
    origins, axes = turns * corner + shifts + _MIDDLE * (1 + 1j), step * turns
    places = np.empty((len(rest), 2, 3))
    places[:, 0, 0], places[:, 0, 1], places[:, 0, 2] = axes.real, -axes.imag, origins.real
    places[:, 1, 0], places[:, 1, 1], places[:, 1, 2] = axes.imag, axes.real, origins.imag
    flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_CUBIC if side == SIDE else cv2.INTER_LINEAR)
    moved = np.empty((len(rest), side, side), np.float32)
    for into, other, place in zip(moved, rest, places, strict=True):
        cv2.warpAffine(other, place, (side, side), into, flags=flags, borderMode=cv2.BORDER_REFLECT)
    return moved.reshape(len(rest), -1) * (_WEIGHTS if side == SIDE else _COARSE_WEIGHTS)


def _stepped(turns: _Complex, shifts: _Complex, fit: _Rows) -> tuple[_Complex, _Complex]:
    """The places after a step: the inverse of what the fit says is put before them."""
    # By the gain; a fit without likeness takes small steps.
    x, y, size, turn = (fit[:, 2:] / np.maximum(fit[:, 1:2], 0.2)).T.astype(np.float64)
    back = turns / (1 + (size + 1j * turn) / _RADIUS)
    return back, shifts - back * (x + 1j * y)


def _largest(values: _Complex) -> NDArray[np.float64]:
    """(K,) the larger of both parts, without sign."""
    return np.maximum(np.abs(values.real), np.abs(values.imag))

"""Map quality: is the map high on the defect? Map (H, W) and mask (H, W) bool, at the mask's own resolution.

All functions need a mask that is not empty (an OK part has no such figure); otherwise they raise ValueError.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.floating]
BoolMask = NDArray[np.bool_]


def cam_iou(values: Map, mask: BoolMask, threshold: float = 0.5) -> float:
    """IoU of the mask and {min–max scaled map > threshold}, as in the published protocol.

    A constant map has no such region and scores 0.

    >>> cam_iou(np.array([[0.0, 2.0], [0.0, 4.0]]), np.array([[False, False], [True, True]]))
    0.5
    """
    low, high = float(values.min()), float(values.max())
    if high <= low:
        _require(mask)
        return 0.0
    return cam_iou_fixed((values.astype(np.float64) - low) / (high - low), mask, threshold)


def cam_iou_fixed(values: Map, mask: BoolMask, threshold: float) -> float:
    """IoU of the mask and {map > threshold}, with the map in its own units; an empty region scores 0."""
    _require(mask)
    region = values > threshold
    return float((region & mask).sum() / (region | mask).sum())


def iou_curve(values: Map, mask: BoolMask, thresholds: Sequence[float]) -> NDArray[np.float64]:
    """`cam_iou_fixed` at each of (T,) increasing thresholds, in one pass over the map."""
    _require(mask)
    passed = np.searchsorted(np.asarray(thresholds), values.ravel())  # number of thresholds below each value
    bins = len(thresholds) + 1
    inside = np.bincount(passed[mask.ravel()], minlength=bins)
    outside = np.bincount(passed, minlength=bins) - inside
    overlap = _number_above(inside)
    union = inside.sum() + _number_above(outside)
    return np.asarray(overlap / union, np.float64)


def pointing_game(values: Map, mask: BoolMask) -> float:
    """Share of the map's highest pixels that are in the mask: 1 or 0 if there is a single highest pixel.

    With ties, this is a fraction; a constant map scores the chance level, the mask's area fraction.

    Source: Zhang et al., Excitation Backprop (ECCV 2016), section 4.2, without its tolerance margin.
    """
    _require(mask)
    return float(mask[values == values.max()].mean())


def peak_in_mask(values: Map, mask: BoolMask) -> bool:
    """Whether the map points at the defect: at least half of its highest pixels are in the mask.

    A constant map points nowhere and gives False, even for a large defect.
    """
    return pointing_game(values, mask) >= 0.5 and bool(values.max() > values.min())


def energy_inside(values: Map, mask: BoolMask) -> float:
    """Σ map·mask / Σ map, with negative values set to 0; a map without energy scores 0.

    Source: Arras et al., CLEVR-XAI (Information Fusion 2022), relevance mass accuracy.
    """
    _require(mask)
    energy = np.maximum(values.astype(np.float64), 0.0)
    total = energy.sum()
    return float(energy[mask].sum() / total) if total > 0 else 0.0


def _number_above(histogram: NDArray[np.intp]) -> NDArray[np.intp]:
    """(T,) number of pixels above each threshold, from a histogram with T + 1 bins."""
    return np.cumsum(histogram[::-1])[::-1][1:]


def _require(mask: BoolMask) -> None:
    if not mask.any():
        raise ValueError("the mask is empty, so map quality is not defined")

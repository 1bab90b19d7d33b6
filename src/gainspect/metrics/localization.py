"""Segmentation figures of a probability map (H, W) against a mask (H, W) bool."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Map = NDArray[np.floating]
BoolMask = NDArray[np.bool_]

_STEPS_PER_LOGIT = 8
_SMALLEST = 1e-7
_LAST_BIN = round(2 * np.log((1 - _SMALLEST) / _SMALLEST) * _STEPS_PER_LOGIT)


def iou(region: BoolMask, mask: BoolMask) -> float:
    """|A∩B| / |A∪B|; 1 if both are empty.

    >>> iou(np.array([True, True, False]), np.array([False, True, True]))
    0.3333333333333333
    """
    union = int((region | mask).sum())
    return float((region & mask).sum() / union) if union else 1.0


def dice(region: BoolMask, mask: BoolMask) -> float:
    """2|A∩B| / (|A|+|B|); 1 if both are empty.

    >>> dice(np.array([True, True, False]), np.array([False, True, True]))
    0.5
    """
    total = int(region.sum()) + int(mask.sum())
    return float(2 * (region & mask).sum() / total) if total else 1.0


@dataclass(frozen=True, eq=False)
class Overlap:
    """The counts of one image from which figures over many images are computed, instead of its map.

    Values are counted in bins of 1/8 logit. These are finest near 0 and 1, where most pixels of a trained map
    are.
    """

    intersection: int
    union: int
    sizes: int
    """|A| + |B|."""
    outside: NDArray[np.int32]
    """(2, K): the bins in which values outside the mask lie, and how many pixels lie in each."""
    regions: NDArray[np.float32]
    """(defects, bins): share of the pixels of each connected (8 neighbors) defect at or above each bin."""


@dataclass(frozen=True, eq=False)
class Pooled:
    """The counts of many images together."""

    intersection: int
    union: int
    sizes: int
    """|A| + |B|."""
    outside: NDArray[np.int64]
    """(bins,) number of pixels outside the masks, by value."""
    defects: int
    """Number of connected defects."""
    covered: NDArray[np.float64]
    """(bins,) sum over the defects of their share at or above each bin."""


_NO_REGIONS = np.empty((0, _LAST_BIN + 1), np.float32)


def overlap(
    values: Map, mask: BoolMask, threshold: float = 0.5, *, ignored: BoolMask | None = None
) -> Overlap:
    """The counts of one image, OK (empty mask) or NG.

    Args:
        values: (H, W) probabilities.
        mask: (H, W), True in the defect.
        threshold: defines the region {values ≥ threshold}.
        ignored: (H, W), True where a pixel counts for nothing; disjoint from the mask.
    """
    counted = np.True_ if ignored is None else ~ignored
    region = (values >= threshold) & counted
    probability = np.clip(values.astype(np.float64), _SMALLEST, 1 - _SMALLEST)
    logits = np.log(probability / (1 - probability))
    bins = np.rint(logits * _STEPS_PER_LOGIT).astype(np.int64) + _LAST_BIN // 2
    count, components = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    inside = components > 0
    regions = _NO_REGIONS
    if count > 1:
        counts = _histograms(bins[inside], components[inside].astype(np.int64) - 1, count - 1)
        regions = _share_at_or_above(counts).astype(np.float32)
    outside = np.bincount(bins[~mask & counted], minlength=_LAST_BIN + 1)
    there = np.flatnonzero(outside)
    return Overlap(
        intersection=int((region & mask).sum()),
        union=int((region | mask).sum()),
        sizes=int(region.sum()) + int(mask.sum()),
        outside=np.stack([there, outside[there]]).astype(np.int32),
        regions=regions,
    )


def pooled(overlaps: Iterable[Overlap]) -> Pooled:
    """The counts over all pixels of all images."""
    intersection = union = sizes = defects = 0
    outside, covered = np.zeros(_LAST_BIN + 1, np.int64), np.zeros(_LAST_BIN + 1)
    for one in overlaps:
        intersection, union, sizes = intersection + one.intersection, union + one.union, sizes + one.sizes
        outside[one.outside[0]] += one.outside[1]
        defects += len(one.regions)
        covered += one.regions.sum(axis=0, dtype=np.float64)
    return Pooled(intersection, union, sizes, outside, defects, covered)


def pooled_iou(total: Pooled) -> float | None:
    """IoU over all pixels of all images; None if there is neither a region nor a defect."""
    return total.intersection / total.union if total.union else None


def pooled_dice(total: Pooled) -> float | None:
    """Dice over all pixels of all images; None if there is neither a region nor a defect."""
    return 2 * total.intersection / total.sizes if total.sizes else None


def aupro(total: Pooled, limit: float = 0.3) -> float | None:
    """Area under the per-region overlap up to a false-positive rate of `limit`, divided by `limit`; 0…1.

    The overlap is the covered share of each connected defect, averaged over the defects with equal weight.
    The rate is the covered share of all pixels outside defects. A constant map scores limit / 2. The result
    is None if there are no defects, or no pixels outside them.

    Source: Bergmann et al., The MVTec Anomaly Detection Dataset (IJCV 2021), section 5.1.
    """
    if not total.defects or not total.outside.sum():
        return None
    # From the highest threshold (nothing is covered) to the lowest (everything is covered).
    rate = np.concatenate([[0.0], _share_at_or_above(total.outside)[::-1]])
    covered = np.concatenate([[0.0], (total.covered / total.defects)[::-1]])
    inside = rate <= limit
    end = np.interp(limit, rate, covered)
    area = np.trapezoid(np.append(covered[inside], end), np.append(rate[inside], limit))
    return float(area / limit)


def _histograms(bins: NDArray[np.int64], rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """(count, bins): how many values of each row lie in each bin; all rows in one pass over the values."""
    cells = rows * (_LAST_BIN + 1) + bins
    return np.bincount(cells, minlength=count * (_LAST_BIN + 1)).reshape(count, _LAST_BIN + 1)


def _share_at_or_above(histograms: NDArray[np.integer]) -> NDArray[np.float64]:
    """(…, bins): for each bin of a histogram, the share of its pixels in this bin or in a higher one."""
    reached = np.cumsum(histograms[..., ::-1], axis=-1)[..., ::-1]
    return np.asarray(reached / histograms.sum(axis=-1, keepdims=True), np.float64)

"""Which of many measures lie far from the others."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

FAR = 3.5
"""From this modified z-score on a value is called an outlier (Iglewicz and Hoaglin, How to Detect and Handle
Outliers, 1993)."""
FEW = 8
"""Of fewer values none is called far from the others."""
_OF_MEDIAN = 0.6745
"""The median absolute deviation of a normal distribution, in standard deviations."""
_OF_MEAN = 1.253314
"""A standard deviation, in mean absolute deviations of a normal distribution."""


def modified_z(values: ArrayLike) -> NDArray[np.float64]:
    """Modified z-scores: 0.6745 (x − median) / MAD, with the median absolute deviation MAD.

    Where more than half of the values are equal, MAD is 0, and (x − median) / (1.253314 · the mean absolute
    deviation) stands in its place; where all are equal, the scores are 0.

    Args:
        values: (N,).
    """
    x = np.asarray(values, np.float64)
    apart = x - np.median(x)
    spread = float(np.median(np.abs(apart))) / _OF_MEDIAN or float(np.abs(apart).mean()) * _OF_MEAN
    return apart / spread if spread else np.zeros_like(x)


def extremes(measures: Mapping[str, float]) -> dict[str, float]:
    """Those whose logarithm has a modified z-score of at least `FAR`, each with its ratio to the median.

    Args:
        measures: positive sizes, by name.

    Returns:
        Nothing if there are fewer than `FEW`.
    """
    if len(measures) < FEW:
        return {}
    values = np.array(list(measures.values()), np.float64)
    far = np.abs(modified_z(np.log(values))) >= FAR
    ratios = values / np.median(values)
    return {name: float(ratio) for name, ratio, is_far in zip(measures, ratios, far, strict=True) if is_far}

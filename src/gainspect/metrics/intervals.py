"""95 % intervals: exact for proportions of independent images, otherwise by bootstrap over groups.

Images of one physical part are not independent, so the interval by group is the one to trust.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

Interval = tuple[float, float]
Weights = NDArray[np.float64]
"""(R, N): how often each of N images was drawn in each of R resamples."""
Statistic = Callable[[Weights], NDArray[np.float64]]
"""(R, N) weights → (R,) values; NaN for a resample in which the figure is undefined."""

_CELLS = 2_000_000
"""Largest number of weights in memory at once."""
_CACHED = 2**16
"""Number of weights that are counted, or taken by a statistic, in one go: they stay in a core's cache."""


def clopper_pearson(successes: float, trials: int, confidence: float = 0.95) -> Interval:
    """Exact interval of a proportion; (0, 1) if there are no trials. A success may count in part.

    Source: Clopper and Pearson, Biometrika 26 (1934).

    >>> low, high = clopper_pearson(10, 10)
    >>> round(low, 3), high
    (0.692, 1.0)
    """
    tail = (1 - confidence) / 2
    low = float(beta.ppf(tail, successes, trials - successes + 1)) if successes else 0.0
    high = float(beta.ppf(1 - tail, successes + 1, trials - successes)) if successes < trials else 1.0
    return low, high


def upper_bound(events: int, trials: int, confidence: float = 0.95) -> float:
    """Exact one-sided upper bound of a proportion, 0…1; 1 if there are no trials.

    Source: Clopper and Pearson, Biometrika 26 (1934).

    >>> round(upper_bound(0, 9), 3)
    0.283
    """
    return float(beta.ppf(confidence, events + 1, trials - events)) if events < trials else 1.0


def trials_needed(rate: float, confidence: float = 0.95, events: int = 0) -> int:
    """The smallest number of trials with so many events that proves a rate below the given one.

    Args:
        rate: over 0, up to 1.
        confidence: over 0, below 1.
        events: how many of the trials may be events.

    Raises:
        ValueError: rate or confidence is out of its range.

    >>> trials_needed(0.05), trials_needed(0.01), trials_needed(0.05, events=1)
    (59, 299, 93)
    """
    if not 0 < rate <= 1 or not 0 < confidence < 1:
        raise ValueError(f"no number of trials proves a rate of {rate} with confidence {confidence}")
    enough = events + 1
    while upper_bound(events, enough, confidence) > rate:
        enough *= 2
    few = enough // 2
    while enough - few > 1:
        middle = (few + enough) // 2
        few, enough = (few, middle) if upper_bound(events, middle, confidence) <= rate else (middle, enough)
    return enough


def events_allowed(trials: int, rate: float, confidence: float = 0.95) -> int | None:
    """The most events in so many trials that still prove a rate of at most the given one; None: not even 0.

    If k events are allowed in n trials, and the (k + 1)-th lowest of n scores is chosen as a threshold, the
    share of all scores that lie below it is at most the rate, with this confidence, although it was chosen
    on the same scores.

    Source: Wilks, Determination of sample sizes for setting tolerance limits, Ann. Math. Statist. 12 (1941).

    >>> events_allowed(58, 0.05), events_allowed(59, 0.05), events_allowed(93, 0.05)
    (None, 0, 1)
    """
    # The bound grows with the number of events.
    allowed = bisect_right(range(trials), rate, key=lambda events: upper_bound(events, trials, confidence))
    return allowed - 1 if allowed else None


def group_bootstrap(
    statistic: Statistic,
    groups: Sequence[str],
    *,
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval | None:
    """Percentile interval of a statistic when whole groups are drawn with replacement.

    Args:
        statistic: vectorized over resamples, see `weighted_mean` and `weighted_auroc`.
        groups: (N,) group of each image.
        resamples: number of resamples.
        seed: determines the resamples; the same groups and seed give the same resamples for every statistic.
        confidence: nominal coverage.

    Returns:
        The interval; None with fewer than two groups, or if the statistic is undefined in at least half of
        the resamples.

    Source: Davison and Hinkley, Bootstrap Methods and their Application (1997), section 3.8.
    """
    return group_bootstraps([statistic], groups, resamples=resamples, seed=seed, confidence=confidence)[0]


def group_bootstraps(
    statistics: Sequence[Statistic],
    groups: Sequence[str],
    *,
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> list[Interval | None]:
    """As `group_bootstrap`, for several statistics of the same images: they share the resamples."""
    count, member_of = _members(groups)
    if count < 2 or not statistics:
        return [None] * len(statistics)
    rng = np.random.default_rng(seed)
    rows = max(1, _CELLS // max(len(member_of), count))
    values: list[list[NDArray[np.float64]]] = [[] for _ in statistics]
    for start in range(0, resamples, rows):
        drawn = rng.integers(count, size=(min(rows, resamples - start), count))
        # The weights of one image lie together: the last digit of a product depends on that.
        weights = np.take(np.ascontiguousarray(_times(drawn, count).T), member_of, axis=0).T
        for found, statistic in zip(values, statistics, strict=True):
            found.append(statistic(weights))
    return [_percentiles(np.concatenate(found), confidence) for found in values]


def same_resamples(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether two groupings of the same images give the same resamples, and so the same intervals.

    >>> same_resamples(["a.png", "b.png", "c.png"], ["1", "2", "3"])
    True
    >>> same_resamples(["a.png", "b.png", "c.png"], ["1", "1", "2"])
    False
    """
    return np.array_equal(_members(one)[1], _members(other)[1])


def _members(groups: Sequence[str]) -> tuple[int, NDArray[np.intp]]:
    """The number of groups, and (N,) the place of each image's group among them in the order of names."""
    names, member_of = np.unique(np.asarray(groups), return_inverse=True)
    return len(names), member_of


def _times(drawn: NDArray[np.int64], count: int) -> Weights:
    """(R, G) how often each of G groups is among each row of (R, G) drawn ones."""
    times = np.empty(drawn.shape)
    rows = max(1, _CACHED // count)
    for start in range(0, len(drawn), rows):
        block = drawn[start : start + rows]
        cells = block + count * np.arange(len(block))[:, None]
        times[start : start + rows] = np.bincount(cells.ravel(), minlength=block.size).reshape(block.shape)
    return times


def _percentiles(values: NDArray[np.float64], confidence: float) -> Interval | None:
    known = values[~np.isnan(values)]
    if len(known) <= len(values) / 2:
        return None
    tail = 100 * (1 - confidence) / 2
    low, high = np.percentile(known, [tail, 100 - tail])
    return float(low), float(high)


def mean_by_group(
    values: NDArray[np.floating], groups: Sequence[str], *, least: float = 0.0, seed: int = 0
) -> Interval | None:
    """Interval by group of a mean of values in `least`…1; None without values.

    If all values are equal, resampling finds no spread and would claim certainty. In this case the interval
    is that of "none of n groups differs": the share of groups that differ is at most the upper bound of
    Clopper and Pearson for 0 of n, and such a group can at most be all `least`, or all 1. For values that are
    all 1, or all 0 with `least` 0, this is the exact interval of a proportion, with each group as a trial.

    >>> mean_by_group(np.ones(30), ["part"] * 30)
    (0.025..., 1.0)
    >>> low, high = mean_by_group(np.zeros(10), list("abcdefghij"), least=-1)
    >>> round(low, 3), round(high, 3)
    (-0.308, 0.308)
    """
    return means_by_group([values], groups, least=least, seed=seed)[0]


def means_by_group(
    values: Sequence[NDArray[np.floating]], groups: Sequence[str], *, least: float = 0.0, seed: int = 0
) -> list[Interval | None]:
    """As `mean_by_group`, for several values of the same images: they share the resamples."""
    spread = [place for place, each in enumerate(values) if len(each) and (each != each[0]).any()]
    drawn = group_bootstraps([weighted_mean(values[place]) for place in spread], groups, seed=seed)
    found = [_around(each, groups, least) if len(each) else None for each in values]
    for place, interval in zip(spread, drawn, strict=True):
        found[place] = interval
    return found


def _around(values: NDArray[np.floating], groups: Sequence[str], least: float) -> Interval:
    """The interval of values that are all equal."""
    value = float(values[0])
    _, differing = clopper_pearson(0, len(set(groups)))
    return value - differing * (value - least), value + differing * (1.0 - value)


def weighted_mean(values: NDArray[np.floating]) -> Statistic:
    """Mean of (N,) values."""
    return weighted_ratio(values, np.ones(len(values)))


def weighted_ratio(parts: NDArray[np.floating], wholes: NDArray[np.floating]) -> Statistic:
    """Σ parts / Σ wholes of (N,) values: precision, F1, pooled figures."""

    def statistic(weights: Weights) -> NDArray[np.float64]:
        return _divide(weights @ parts.astype(np.float64), weights @ wholes.astype(np.float64))

    return statistic


def weighted_auroc(scores: NDArray[np.floating], labels: NDArray[np.bool_]) -> Statistic:
    """Area under the ROC curve: share of (NG, OK) pairs in the right order; ties count half."""

    def area(positive: Weights, total: Weights) -> NDArray[np.float64]:
        negative = total - positive
        above = np.cumsum(positive, axis=1) - positive / 2
        return _divide((above * negative).sum(1), positive.sum(1) * negative.sum(1))

    return _by_level(area, scores, labels)


def weighted_average_precision(scores: NDArray[np.floating], labels: NDArray[np.bool_]) -> Statistic:
    """Average precision: Σ (recall step × precision) over the distinct scores, as in scikit-learn."""

    def precision_of(positive: Weights, total: Weights) -> NDArray[np.float64]:
        caught, called = np.cumsum(positive, axis=1), np.cumsum(total, axis=1)
        precision = np.divide(caught, called, out=np.zeros_like(caught), where=called > 0)
        return _divide((precision * positive).sum(1), positive.sum(1))

    return _by_level(precision_of, scores, labels)


def weighted_false_alarms(
    scores: NDArray[np.floating], labels: NDArray[np.bool_], recall: float = 0.95
) -> Statistic:
    """Share of the OK images that score at least as high as the threshold that catches `recall` of the NG.

    The threshold is the largest one that does; a resample has its own.

    Args:
        scores: (N,).
        labels: (N,) True for NG.
        recall: over 0, up to 1.
    """

    def rate(positive: Weights, total: Weights) -> NDArray[np.float64]:
        caught, called = np.cumsum(positive, axis=1), np.cumsum(total, axis=1)
        enough = caught >= recall * caught[:, -1:] * (1 - 1e-12)
        first = np.argmax(enough, axis=1)[:, None]
        alarms = np.take_along_axis(called - caught, first, axis=1)[:, 0]
        return np.where(caught[:, -1] > 0, _divide(alarms, called[:, -1] - caught[:, -1]), np.nan)

    return _by_level(rate, scores, labels)


def _by_level(
    figure: Callable[[Weights, Weights], NDArray[np.float64]],
    scores: NDArray[np.floating],
    labels: NDArray[np.bool_],
) -> Statistic:
    """A figure that takes (R, L) weights at each distinct score, highest first: of NG images, and of all.

    Scores are sorted once. A resample then takes time in proportion to the number of images.
    """
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.diff(scores[order], prepend=np.inf))
    defective = labels[order].astype(np.float64)
    tied = len(starts) < len(order)

    def statistic(weights: Weights) -> NDArray[np.float64]:
        weights, rows = np.ascontiguousarray(weights), max(1, _CACHED // len(order))
        found = []
        for start in range(0, len(weights), rows):
            total = np.take(weights[start : start + rows], order, axis=1)
            positive = total * defective
            if tied:
                total, positive = (np.add.reduceat(each, starts, axis=1) for each in (total, positive))
            found.append(figure(positive, total))
        return np.concatenate(found)

    return statistic


def _divide(parts: NDArray[np.float64], wholes: NDArray[np.float64]) -> NDArray[np.float64]:
    quotient = np.full(len(parts), np.nan)
    np.divide(parts, wholes, out=quotient, where=wholes > 0)
    return quotient

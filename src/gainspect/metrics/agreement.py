"""Agreement of appraisers who decide the same parts, each of them once or several times.

Decisions are (P, T) integer codes 0…K − 1 of T decisions on each of P parts. Trials of one part are not
independent, so every interval counts parts, not decisions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gainspect.metrics.intervals import (
    Interval,
    Statistic,
    Weights,
    clopper_pearson,
    group_bootstrap,
    weighted_mean,
)

Codes = NDArray[np.integer]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Proportion:
    """A share, with a 95 % interval by part."""

    count: int
    of: int
    """Parts or decisions, whichever it is a share of."""
    interval: Interval

    @property
    def value(self) -> float | None:
        """The share, 0…1; None of nothing."""
        return self.count / self.of if self.of else None


@dataclass(frozen=True)
class Kappa:
    """Agreement beyond chance, at most 1, with a 95 % interval by part."""

    value: float | None
    """None where it is not defined: everything is in one category, or there is nothing to compare."""
    interval: Interval | None


def share_of_parts(flags: Flags) -> Proportion:
    """Share of (P,) parts for which something holds; the interval is exact (Clopper and Pearson).

    >>> share_of_parts(np.array([True, True, False, True])).value
    0.75
    """
    count, parts = int(flags.sum()), len(flags)
    return Proportion(count, parts, clopper_pearson(count, parts))


def share_of_decisions(flags: Flags) -> Proportion:
    """Share of (P, T) decisions for which something holds.

    The interval is that of Clopper and Pearson for P trials, in place of P·T: as if the trials of one part
    were all one decision. It is exact where this is so (T is 1, or a model repeats itself), and too wide
    rather than too narrow where trials differ.

    Source: Korn and Graubard, Survey Methodology 24 (1998): Clopper and Pearson with an effective number of
    trials; here the smallest that T trials of each part can have.

    >>> share_of_decisions(np.array([[True, False], [False, False]])).value
    0.25
    """
    count, of, parts = int(flags.sum()), flags.size, len(flags)
    return Proportion(count, of, clopper_pearson(count * parts / of if of else 0, parts))


def all_equal(decisions: Codes) -> Flags:
    """(P,) whether all decisions on a part are the same; (P, T) decisions, T at least 1."""
    return np.asarray((decisions == decisions[:, :1]).all(axis=1))


def category_counts(decisions: Codes, categories: int) -> NDArray[np.int64]:
    """(P, K) how many of the (P, T) decisions on a part are in each category."""
    return np.stack([(decisions == code).sum(axis=1) for code in range(categories)], axis=1)


def cross_tables(one: Codes, other: Codes, categories: int) -> NDArray[np.int64]:
    """(P, K, K) for each part, how often decision j of the other meets decision i of the one.

    With the same number of trials, (P, T) and (P, T), they are paired in order, as in AIAG's
    cross-tabulation; with different numbers each meets each.
    """
    if one.shape != other.shape:
        one, other = np.repeat(one, other.shape[1], axis=1), np.tile(other, (1, one.shape[1]))
    pairs = category_counts(one * categories + other, categories**2)
    return pairs.reshape(len(one), categories, categories)


def cohens_kappa(tables: NDArray[np.integer], parts: Sequence[str], *, seed: int = 0) -> Kappa:
    """Cohen's kappa of two appraisers, (Po − Pe) / (1 − Pe); Pe is the product of their shares, summed.

    Args:
        tables: (P, K, K) as `cross_tables` gives them, with as many pairs for each part.
        parts: (P,) names.
        seed: of the bootstrap.

    Returns:
        Kappa, and the interval of `_kappa`. Not defined if both use one and the same category only.

    Source: Cohen, Educational and Psychological Measurement 20 (1960).

    >>> both = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 1]], [[0, 1], [0, 0]], [[0, 0], [0, 1]]])
    >>> cohens_kappa(both, list("abcd")).value
    0.5
    """
    pairs = tables[0].sum()
    agreement = np.trace(tables, axis1=1, axis2=2) / pairs
    by_one, by_other = tables.sum(axis=2), tables.sum(axis=1)

    def chance(weights: Weights) -> NDArray[np.float64]:
        of_one, of_other = (_shares(weights @ counts) for counts in (by_one, by_other))
        return np.asarray((of_one * of_other).sum(axis=1))

    return _kappa(agreement, chance, parts, seed)


def fleiss_kappa(counts: NDArray[np.integer], parts: Sequence[str], *, seed: int = 0) -> Kappa:
    """Fleiss' kappa of n decisions on each part, (P̄ − Pe) / (1 − Pe); Pe is the squared shares, summed.

    Args:
        counts: (P, K) as `category_counts` gives them, n in each row.
        parts: (P,) names.
        seed: of the bootstrap.

    Returns:
        Kappa, and the interval of `_kappa`. Not defined if n is 1, or all decisions are in one category.

    Source: Fleiss, Psychological Bulletin 76 (1971), equations 1 to 7.

    >>> fleiss_kappa(np.array([[3, 0], [0, 3], [2, 1], [1, 2]]), list("abcd")).value
    0.333...
    """
    number = int(counts[0].sum())
    if number < 2:
        return Kappa(None, None)
    agreement = ((counts**2).sum(axis=1) - number) / (number * (number - 1))

    def chance(weights: Weights) -> NDArray[np.float64]:
        return np.asarray((_shares(weights @ counts) ** 2).sum(axis=1))

    return _kappa(agreement, chance, parts, seed)


def _kappa(
    agreement: NDArray[np.float64],
    chance: Callable[[Weights], NDArray[np.float64]],
    parts: Sequence[str],
    seed: int,
) -> Kappa:
    """Kappa from the (P,) agreement on each part, with a percentile interval of a bootstrap over parts.

    If all parts are agreed on, resampling finds no spread and would claim certainty. The interval then is
    that of "none of P parts is disagreed on" (Clopper and Pearson), with the agreement by chance held.
    """
    statistic = _statistic(agreement, chance)
    everything = np.ones((1, len(agreement)))
    value = float(statistic(everything)[0])
    if np.isnan(value):
        return Kappa(None, None)
    if (agreement == 1).all():
        _, disagreed = clopper_pearson(0, len(agreement))
        return Kappa(1.0, (max(-1.0, 1 - disagreed / (1 - float(chance(everything)[0]))), 1.0))
    return Kappa(value, group_bootstrap(statistic, parts, seed=seed))


def _statistic(agreement: NDArray[np.float64], chance: Callable[[Weights], NDArray[np.float64]]) -> Statistic:
    observed = weighted_mean(agreement)

    def statistic(weights: Weights) -> NDArray[np.float64]:
        expected = chance(weights)
        kappa = np.full(len(weights), np.nan)
        np.divide(observed(weights) - expected, 1 - expected, out=kappa, where=expected < 1)
        return kappa

    return statistic


def _shares(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(R, K) counts as shares of each row."""
    return np.asarray(counts / counts.sum(axis=1, keepdims=True))

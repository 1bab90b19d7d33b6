"""Thresholds on P(NG) by expected cost. `scores` are (N,) P(NG), 0…1; `labels` (N,) bool, True for NG.

A few defective parts say little about where their scores end, so each score is blurred by a normal kernel on
the logit scale before costs are compared (benchmarks/operating_point.py compares rules).

`noise_floor` and `least_cost` raise ValueError without a part of each class, or for scores outside 0…1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit, ndtr

from gainspect.metrics.classification import TIED, Labels, Scores
from gainspect.metrics.decisions import Costs, Flags

_Values = NDArray[np.float64]
_LEAST = 1e-7
"""Scores are kept so far from 0 and 1, the resolution of float32 near 1."""
_ROUNDING = 1e-3
"""Logits that are spread by less count as equal."""
_CANDIDATES = 500
"""Most thresholds that are compared; of more, some in even steps are left out."""
_PARTS = 4096
"""Parts that are held against all thresholds at once: memory does not grow with their number."""


class Thresholds(NamedTuple):
    """Two thresholds on P(NG): REVIEW from the first on, NG from the second on; equal without a band."""

    review_from: float
    threshold: float
    cost: float | None = None
    """Expected cost of one part, of blurred scores; None where it was not chosen by cost."""


def noise_floor(scores: Scores, labels: Labels) -> float:
    """The P(NG) below which a score speaks rather for OK than for NG: a part below shows no evidence.

    It is where recall minus false-alarm rate is largest. Below it a threshold buys NG parts at the price of a
    larger share of the OK parts, as drawing parts by lot would.

    Source: Youden, Index for rating diagnostic tests, Cancer 3 (1950), on blurred scores.
    """
    blurred = _Blurred(scores, labels)
    passed = blurred.sums([(labels / labels.sum(), False), (~labels / (~labels).sum(), False)])
    return blurred.at(_last_least(passed[0] - passed[1]))


def least_cost(
    scores: Scores,
    labels: Labels,
    costs: Costs,
    prevalence: float,
    *,
    floor: float = 0.0,
    doubted: Flags | None = None,
    band: bool = True,
) -> Thresholds:
    """The thresholds of the least expected cost; of equal ones, the highest.

    A higher cost of misses never raises them, a higher cost of false alarms never lowers them.

    Args:
        scores: of the parts.
        labels: of the parts.
        costs: of one part.
        prevalence: share of NG parts on the line, 0…1.
        floor: neither threshold is below this P(NG).
        doubted: (N,) True for a part that would be REVIEW if its score were NG; None: no part.
        band: whether there may be a band for REVIEW.
    """
    blurred = _Blurred(scores, labels, floor)
    weight = np.where(labels, prevalence / labels.sum(), (1 - prevalence) / (~labels).sum())
    as_ng = np.where(labels, 0.0, costs.false_alarm)
    if doubted is not None:
        as_ng = np.where(doubted, costs.review, as_ng)
    missed = np.where(labels, costs.miss, 0.0)
    if not band:
        passed, called = blurred.sums([(weight * missed, False), (weight * as_ng, True)])
        least = _last_least(cost := passed + called)
        return Thresholds(blurred.at(least), blurred.at(least), float(cost[least]))
    passed, stopped, upper = blurred.sums(
        [(weight * missed, False), (weight * costs.review, True), (weight * (as_ng - costs.review), True)]
    )
    lower = passed + stopped
    up_to = np.minimum.accumulate(lower)  # the least cost of a lower threshold up to each upper one
    high = _last_least(up_to + upper)
    return Thresholds(
        blurred.at(_last_least(lower[: high + 1])), blurred.at(high), float(up_to[high] + upper[high])
    )


def between(scores: Scores, floor: float = 0.0) -> NDArray[np.float64]:
    """(C,) rising thresholds, at most 500: the floor, between scores that are not `TIED`, above all."""
    levels = np.sort(np.asarray(scores, np.float64))
    gaps = np.flatnonzero(np.diff(levels) >= TIED)
    inside = logit(np.stack([levels[gaps], levels[gaps + 1]]).clip(_LEAST, 1 - _LEAST)).mean(axis=0)
    above = (levels[-1] + 1) / 2 if 1 - levels[-1] >= TIED else 1.0
    found = np.concatenate([[floor], expit(inside), [max(above, floor)]])
    found = found[found >= floor]
    kept = np.unique(np.linspace(0, len(found) - 1, min(len(found), _CANDIDATES)).round().astype(int))
    return np.asarray(found[kept], np.float64)


class _Blurred:
    """Scores, each a normal distribution of logits, and the thresholds that are compared."""

    def __init__(self, scores: Scores, labels: Labels, floor: float = 0.0) -> None:
        values = np.asarray(scores, np.float64)
        if labels.all() or not labels.any():
            raise ValueError("a threshold by cost needs parts of both classes")
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError("scores must be within 0…1")
        logits = logit(values.clip(_LEAST, 1 - _LEAST))
        self._logits = logits
        self._width = np.where(labels, _bandwidth(logits[labels]), _bandwidth(logits[~labels]))
        self.thresholds = between(values, floor)

    def sums(self, terms: Sequence[tuple[_Values, bool]]) -> list[_Values]:
        """For each term and threshold, how much of some weights lies on one side of it, (C,) each.

        Args:
            terms: weights (N,), and whether those count whose blurred scores reach the threshold, or those
                that lie below it.
        """
        places = logit(self.thresholds.clip(_LEAST, 1 - _LEAST))
        totals = [np.zeros(len(places)) for _ in terms]
        for start in range(0, len(self._logits), _PARTS):
            block = slice(start, start + _PARTS)
            below = ndtr((places - self._logits[block, None]) / self._width[block, None])
            for total, (weights, reaching) in zip(totals, terms, strict=True):
                total += weights[block] @ (1 - below if reaching else below)
        return totals

    def at(self, index: int) -> float:
        return float(self.thresholds[index])


def _bandwidth(logits: _Values) -> float:
    """Source: Silverman, Density Estimation for Statistics and Data Analysis (1986), section 3.4.2."""
    quartiles = float(np.subtract(*np.percentile(logits, [75, 25]))) / 1.34
    spread = float(logits.std())
    spread = min(spread, quartiles) if quartiles > _ROUNDING else spread  # most may lie on one floor
    return float(max(0.9 * spread * len(logits) ** -0.2, 1e-6))


def _last_least(values: _Values) -> int:
    """The last place of the least value, up to rounding."""
    return int(np.flatnonzero(values <= values.min() + 1e-12 * np.abs(values).max())[-1])

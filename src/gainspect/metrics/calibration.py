"""Score calibration: increasing maps between the logits of networks that were trained on other parts.

Networks of different folds have scores of their own scale. A map from a network's logit to the logit of the
share of NG parts makes them comparable; the inverse of the mean map brings them onto the scale of one
network. Logits and labels are (N,); labels are True for NG.
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression

from gainspect.metrics.classification import Labels

Logits = NDArray[np.float64]
CarryMethod = Literal["none", "platt", "isotonic"]
METHODS: tuple[CarryMethod, ...] = get_args(CarryMethod)
_LEAST = 1e-7
"""Scores are kept so far from 0 and 1, the resolution of float32 near 1."""


class Increasing(NamedTuple):
    """A piecewise linear, strictly increasing map of all real numbers."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    """Its knots, both strictly increasing; at least one."""
    below: float
    above: float
    """Its slopes before the first and after the last knot, above 0."""

    def __call__(self, values: Logits) -> Logits:
        """Map each value."""
        x, y = np.array(self.x), np.array(self.y)
        found = np.asarray(np.interp(values, x, y), np.float64)
        found += self.below * np.minimum(values - x[0], 0) + self.above * np.maximum(values - x[-1], 0)
        return found

    @property
    def inverse(self) -> "Increasing":
        """The map back."""
        return Increasing(self.y, self.x, 1 / self.below, 1 / self.above)


def mean_map(maps: Sequence[Increasing]) -> Increasing:
    """The mean of several maps, which is again increasing and piecewise linear."""
    x = np.unique(np.concatenate([one.x for one in maps]))
    y = np.mean([one(x) for one in maps], axis=0)
    return Increasing(
        tuple(x.tolist()),
        tuple(y.tolist()),
        float(np.mean([one.below for one in maps])),
        float(np.mean([one.above for one in maps])),
    )


def platt(logits: Logits, labels: Labels) -> Increasing:
    """The line a + b · logit of a logistic regression with Platt's targets, so that b is finite.

    Source: Platt, Probabilistic outputs for support vector machines, Advances in Large Margin Classifiers
    (1999), section 2.2.

    Raises:
        ValueError: a class is missing, or NG parts do not score higher (b is not above 0).
    """
    a, b = _logistic(logits, labels)
    if b <= 0:
        raise ValueError("NG parts do not score higher than OK parts: no increasing map fits")
    return Increasing((0.0,), (a,), b, b)


def isotonic(logits: Logits, labels: Labels) -> Increasing:
    """Isotonic regression, made strictly increasing by joining the centers of its steps.

    A step of n parts, k of them NG, lies at the logit of (k + ½) / (n + 1), since k may be 0 or n. Before the
    first and after the last step the map has slope 1.

    Source: Zadrozny and Elkan, Transforming classifier scores into accurate multiclass probability estimates,
    KDD 2002.

    Raises:
        ValueError: a class is missing.
    """
    _require_both(labels)
    order = np.argsort(logits, kind="stable")
    x = np.asarray(logits, np.float64)[order]
    fitted = IsotonicRegression().fit_transform(x, labels[order].astype(np.float64))
    steps = np.unique(fitted, return_inverse=True)[1]
    counts = np.bincount(steps)
    center = np.bincount(steps, x) / counts
    share = (np.bincount(steps, labels[order]) + 0.5) / (counts + 1)
    knots: list[tuple[float, float]] = []
    for at, value in zip(center.tolist(), np.asarray(logit(share)).tolist(), strict=True):
        if not knots or (at > knots[-1][0] and value > knots[-1][1]):
            knots.append((at, value))
    return Increasing(tuple(at for at, _ in knots), tuple(value for _, value in knots), 1.0, 1.0)


def carried(
    logits: Sequence[Logits], labels: Sequence[Labels], method: CarryMethod
) -> tuple[list[Logits], list[Increasing]]:
    """The logits of each fold on the scale of the mean network, and the map of each fold.

    Args:
        logits: of each fold, of its held-out part, by its own network.
        labels: of the same parts.
        method: "none" leaves the logits as they are, and there are no maps.

    Raises:
        ValueError: no map fits; see `platt`.
    """
    if method == "none":
        return list(logits), []
    maps = [_FIT[method](x, y) for x, y in zip(logits, labels, strict=True)]
    back = mean_map(maps).inverse
    return [back(to(x)) for to, x in zip(maps, logits, strict=True)], maps


def carry_losses(logits: Sequence[Logits], labels: Sequence[Labels]) -> dict[CarryMethod, Logits]:
    """For each method, how badly the pooled scores of all folds but one foretell the one left out.

    The network of the fold left out stands for the final one: its scores are taken as they are, as those of
    the final network will be. The share of NG parts at each score is learned from the pooled others by
    logistic regression.

    Args:
        logits: of each fold, at least two.
        labels: of the same parts.

    Returns:
        (N,) the log loss of each part, fold after fold; a method that fits no map is left out.
    """
    losses: dict[CarryMethod, Logits] = {}
    for method in METHODS:
        try:
            each = [
                _foretold(
                    [x for at, x in enumerate(logits) if at != left],
                    [y for at, y in enumerate(labels) if at != left],
                    method,
                    logits[left],
                    labels[left],
                )
                for left in range(len(logits))
            ]
        except ValueError:
            continue
        losses[method] = np.concatenate(each)
    return losses


def chosen_method(losses: Mapping[CarryMethod, Logits]) -> CarryMethod:
    """Platt's, unless isotonic regression foretells folds that are left out better by a standard error.

    "none" only where Platt's map does not fit: the wider scores of the raw pool often have the least loss,
    yet in benchmarks/carry_over.py they cost more, unless NG parts are few on the line.

    Args:
        losses: of each part, by method (see `carry_losses`).
    """
    if "platt" not in losses:
        return "none"
    gain = losses["platt"] - losses["isotonic"]
    return "isotonic" if gain.mean() > gain.std() / np.sqrt(len(gain)) else "platt"


def logits_of(scores: NDArray[np.floating]) -> Logits:
    """Logits of P(NG), 0…1; scores within 1e-7 of 0 or 1 count as that far away."""
    return np.asarray(logit(np.asarray(scores, np.float64).clip(_LEAST, 1 - _LEAST)), np.float64)


def _foretold(
    logits: Sequence[Logits], labels: Sequence[Labels], method: CarryMethod, x: Logits, y: Labels
) -> Logits:
    """Log loss of each part of one fold, foretold by the others."""
    pooled, _ = carried(logits, labels, method)
    a, b = _logistic(np.concatenate(pooled), np.concatenate(labels))
    return np.asarray(np.logaddexp(0, -np.where(y, 1.0, -1.0) * (a + b * x)), np.float64)


def _logistic(logits: Logits, labels: Labels) -> tuple[float, float]:
    """Intercept and slope of a logistic regression with Platt's targets."""
    _require_both(labels)
    ng, ok = int(labels.sum()), int((~labels).sum())
    target = np.where(labels, (ng + 1) / (ng + 2), 1 / (ok + 2))
    middle, spread = float(logits.mean()), float(logits.std()) or 1.0
    x = (logits - middle) / spread

    def loss(at: Logits) -> tuple[float, Logits]:
        z = at[0] + at[1] * x
        error = expit(z) - target
        return float((np.logaddexp(0, z) - target * z).mean()), np.array([error.mean(), (error * x).mean()])

    a, b = minimize(loss, [0.0, 0.0], jac=True, method="BFGS", options={"gtol": 1e-9}).x
    return float(a - b * middle / spread), float(b / spread)


def _require_both(labels: Labels) -> None:
    if labels.all() or not labels.any():
        raise ValueError("score calibration needs parts of both classes")


_FIT: Mapping[CarryMethod, Callable[[Logits, Labels], Increasing]] = MappingProxyType(
    {"platt": platt, "isotonic": isotonic}
)

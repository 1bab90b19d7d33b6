"""Whether a stream of values has changed, by a test martingale: its false-alarm rate holds at any length.

`SequentialRanks` turns values into p-values that are independent and uniform as long as the values are
exchangeable; no distribution is assumed, and the reference may be short. `ChangeMartingale` bets against
that. Its expected value is 1 at every moment, so that the probability of it ever reaching 1/α is at most α
(Ville 1939). Conformal test martingales: Vovk, Gammerman and Shafer, *Algorithmic Learning in a Random
World*, 2nd ed. (2022), ch. 8; the mixture over the moment of the change is that of Shiryaev and Roberts, with
weights whose sum is 1.

Both take K streams side by side, one value of each at a time.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
"""(K,): a value of each stream."""

EXPONENTS = (0.2, 0.5, 0.8)
"""A bet on small p pays κ·p^(κ − 1) for κ in these: the smaller κ, the larger the change that it is for."""


class SequentialRanks:
    """The rank of each new value among those before it, as a p-value.

    Of the values before, the reference is kept, and for each gap between two of its values how many new ones
    fell into it. If all values are exchangeable, the next one falls into a gap with the probability
    (new ones in it + 1) / (reference + new ones + 1), whatever the distribution is (Pólya's urn). So the
    randomized distribution function of the gap,

        p = (weight of the gaps above + θ · weight of its own gap) / weight of all,

    is uniform and independent of those before it, not only in the long run, but for this one reference.

    Equal values are put into an order by chance: each has a second value that decides.

    Args:
        reference: (N, K) values.
        ties: (N, K), independent and uniform in 0…1.

    Raises:
        ValueError: the reference is empty, or has a value that is not finite.
    """

    def __init__(self, reference: NDArray[np.float64], ties: NDArray[np.float64]) -> None:
        if not len(reference) or not np.isfinite(reference).all():
            raise ValueError("a reference has at least one row, of finite values")
        self._reference = reference
        self._ties = ties
        self._weights = np.ones((len(reference) + 1, reference.shape[1]))
        self._gaps = np.arange(len(reference) + 1)[:, None]

    def take(self, values: Values, ties: Values, within: Values) -> Values:
        """The p-value of each value: small where it is large.

        Args:
            values: (K,), finite.
            ties: (K,), independent and uniform in 0…1.
            within: (K,), likewise: θ.
        """
        below = (self._reference < values) | ((self._reference == values) & (self._ties < ties))
        gap = below.sum(axis=0)
        columns = np.arange(len(values))
        above = np.where(self._gaps > gap, self._weights, 0).sum(axis=0)
        p = (above + within * self._weights[gap, columns]) / self._weights.sum(axis=0)
        self._weights[gap, columns] += 1
        return np.asarray(p)


class Change(NamedTuple):
    """What the best bet of a stream says of a change."""

    larger: bool
    """Whether values are larger since."""
    since: int
    """Number of the value from which on it has gained most: the first one has the number 0."""


class ChangeMartingale:
    """The capital of somebody who bets, from 1, that p-values are small, or large, from some moment on.

    A part of the capital is kept for each moment at which the change may come: 1/log₂(n + 1) − 1/log₂(n + 2)
    for the n-th value, which is about 0.7/(n·ln²n); after it, 1/log₂(n + 2) has not been bet yet. So the
    capital does not wear out while nothing changes: the price of a late change is ln n + 2 ln ln n on the
    logarithmic scale. Each part is divided evenly among the bets.

    Args:
        streams: K.
    """

    def __init__(self, streams: int) -> None:
        self._count = 0
        bets = 2 * len(EXPONENTS)
        self._bet = np.full((bets, streams), -np.inf)
        """Logarithm of what has been bet, and what became of it."""
        self._run = np.zeros((bets, streams))
        """The same for the best moment to begin (Page's CUSUM), by which the moment is estimated."""
        self._since = np.zeros((bets, streams), np.int64)

    def take(self, p: Values) -> Values:
        """The natural logarithm of the capital in each stream after the next p-values.

        Args:
            p: (K,), in 0…1, without 0 and 1.
        """
        gains = log_gains(p)
        added, kept = _prior(self._count + 1)
        self._bet = np.logaddexp(self._bet, np.log(added / len(gains))) + gains
        fresh = self._run <= 0
        self._since[fresh] = self._count
        self._run = np.where(fresh, 0, self._run) + gains
        self._count += 1
        return np.asarray(np.logaddexp.reduce(self._bet, axis=0, initial=np.log(kept)))

    def change(self, stream: int) -> Change:
        """What the bet says that has gained most in a stream."""
        best = int(self._bet[:, stream].argmax())
        return Change(best < len(EXPONENTS), int(self._since[best, stream]))


def log_gains(p: Values) -> NDArray[np.float64]:
    """(2·κ, K): the logarithm of what each bet pays for its stake: first those on small p, then on large p.

    What a bet pays has the integral 1 over p in 0…1.
    """
    exponents = np.array(EXPONENTS)[:, None]
    small, large = (np.log(exponents) + (exponents - 1) * np.log(side) for side in (p, 1 - p))
    return np.concatenate([small, large])


def _prior(number: int) -> tuple[float, float]:
    """What is bet from the value with this number (from 1) on, and what is kept for later ones."""
    kept = 1 / float(np.log2(number + 2))
    return 1 / float(np.log2(number + 1)) - kept, kept

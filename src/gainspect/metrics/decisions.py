"""Counting decisions, and what they cost. Arrays are (N,), one value a part; `labels` is True for NG.

A part is decided NG (`called`), REVIEW (`review`), or else OK. Rates of a class without parts are None.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]

MARKS: Mapping[str, tuple[float, float]] = {
    "effectiveness": (0.90, 0.80),
    "miss": (0.02, 0.05),
    "false_alarm": (0.05, 0.10),
}
"""For each figure, what is acceptable, and what is marginal, for an appraiser. Source: AIAG, Measurement
Systems Analysis, attribute studies."""


class Costs(NamedTuple):
    """What a wrong or an open decision on one part costs, in any unit; right decisions cost nothing."""

    miss: float
    """An NG part that is decided OK."""
    false_alarm: float
    """An OK part that is decided NG."""
    review: float
    """A part that a person has to decide."""


class Outcome(NamedTuple):
    """Numbers of parts by what they are and what was decided."""

    caught: int
    """NG parts decided NG."""
    review_ng: int
    """NG parts decided REVIEW; not caught."""
    escapes: int
    """NG parts decided OK."""
    false_alarms: int
    """OK parts decided NG."""
    review_ok: int
    """OK parts decided REVIEW."""
    passed: int
    """OK parts decided OK."""

    @property
    def ng(self) -> int:
        """Number of NG parts."""
        return self.caught + self.review_ng + self.escapes

    @property
    def ok(self) -> int:
        """Number of OK parts."""
        return self.false_alarms + self.review_ok + self.passed

    @property
    def effectiveness(self) -> float | None:
        """Share of the parts that are decided as they are, 0…1; REVIEW is not."""
        return (self.caught + self.passed) / (self.ng + self.ok) if self.ng + self.ok else None

    @property
    def recall(self) -> float | None:
        """Share of the NG parts that are caught, 0…1."""
        return self.caught / self.ng if self.ng else None

    @property
    def escape_rate(self) -> float | None:
        """Share of the NG parts that are decided OK, 0…1."""
        return self.escapes / self.ng if self.ng else None

    @property
    def false_alarm_rate(self) -> float | None:
        """Share of the OK parts that are decided NG, 0…1."""
        return self.false_alarms / self.ok if self.ok else None


def outcome(called: Flags, review: Flags, labels: Flags) -> Outcome:
    """Count decisions.

    Raises:
        ValueError: a part is decided both NG and REVIEW.

    >>> ng, ok = [True] * 3, [False] * 3
    >>> called, review = [True, False, False, True, False, False], [False, True, False, False, True, False]
    >>> outcome(*map(np.array, (called, review, ng + ok)))
    Outcome(caught=1, review_ng=1, escapes=1, false_alarms=1, review_ok=1, passed=1)
    """
    if (called & review).any():
        raise ValueError("a part is decided either NG or REVIEW")
    decided = called, review, ~called & ~review
    return Outcome(*(int((part & of).sum()) for of in (labels, ~labels) for part in decided))


def distinct(groups: Sequence[str], chosen: Flags) -> int:
    """How many of the groups (N names, one a part) have a part that is chosen."""
    return len({group for group, is_one in zip(groups, chosen, strict=True) if is_one})


def expected_cost(counted: Outcome, costs: Costs, prevalence: float) -> float | None:
    """The cost per 1,000 parts of a line on which the rates are those counted.

    Args:
        counted: the decisions on parts of both classes.
        costs: of one part.
        prevalence: share of NG parts on the line, 0…1.

    Returns:
        1000 · (π · cost of an NG part + (1 − π) · cost of an OK part); None without parts of a class.

    >>> round(expected_cost(Outcome(9, 0, 1, 10, 0, 90), Costs(20, 1, 0.5), 0.01))
    119
    """
    if not counted.ng or not counted.ok:
        return None
    defective = (counted.escapes * costs.miss + counted.review_ng * costs.review) / counted.ng
    good = (counted.false_alarms * costs.false_alarm + counted.review_ok * costs.review) / counted.ok
    return 1000 * (prevalence * defective + (1 - prevalence) * good)

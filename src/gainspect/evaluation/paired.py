"""Comparison of two assessments of the same parts: how far they differ, and which verdicts change."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.evaluation.saved_verdicts import FIGURE_COLUMNS, SavedVerdicts
from gainspect.metrics.intervals import (
    Interval,
    Statistic,
    Weights,
    group_bootstraps,
    weighted_auroc,
    weighted_average_precision,
    weighted_false_alarms,
    weighted_ratio,
)


@dataclass(frozen=True)
class Difference:
    """The difference of one figure: the other strategy minus the base."""

    figure: str
    base: float
    other: float
    interval: Interval | None
    """95 % interval of other − base by bootstrap: groups are resampled, the same ones for both."""

    @property
    def value(self) -> float:
        """Other − base."""
        return self.other - self.base

    @property
    def is_clear(self) -> bool:
        """Whether the interval excludes 0."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)


@dataclass(frozen=True)
class Flips:
    """Names of the images whose verdict differs from that of the base."""

    newly_caught: tuple[str, ...]
    newly_missed: tuple[str, ...]
    newly_passed: tuple[str, ...]
    newly_alarmed: tuple[str, ...]


def differences(base: SavedVerdicts, other: SavedVerdicts) -> list[Difference]:
    """Every figure that both assessments have, with the interval of the paired difference.

    Raises:
        GainspectError: the assessments are of different images.
    """
    if base.images != other.images:
        raise GainspectError(
            "these are assessments of different images", hint="Compare runs evaluated on the same split."
        )
    whole = np.ones((1, len(base.images)))
    found = []
    for name, of in STATISTICS.items():
        first, second = of(base), of(other)
        values = float(first(whole)[0]), float(second(whole)[0])
        if not np.isnan(values).any():
            found.append((name, values, _minus(second, first)))
    intervals = group_bootstraps([statistic for _, _, statistic in found], base.groups)
    return [
        Difference(name, *values, interval)
        for (name, values, _), interval in zip(found, intervals, strict=True)
    ]


def flips(base: SavedVerdicts, other: SavedVerdicts) -> Flips:
    """Which verdicts change between the base and the other assessment."""

    def named(chosen: NDArray[np.bool_]) -> tuple[str, ...]:
        return tuple(image for image, picked in zip(base.images, chosen, strict=True) if picked)

    gained, lost = other.called & ~base.called, base.called & ~other.called
    return Flips(
        newly_caught=named(gained & base.labels),
        newly_missed=named(lost & base.labels),
        newly_passed=named(lost & ~base.labels),
        newly_alarmed=named(gained & ~base.labels),
    )


def _share(hits: NDArray[np.bool_], trials: NDArray[np.bool_]) -> Statistic:
    return weighted_ratio(hits.astype(np.float64), trials.astype(np.float64))


def _known(name: str) -> Callable[[SavedVerdicts], Statistic]:
    def statistic(table: SavedVerdicts) -> Statistic:
        known = ~np.isnan(table.figures[name])
        known &= (known & table.labels).any()  # OK images alone say nothing of a reason
        return weighted_ratio(np.nan_to_num(table.figures[name]), known.astype(np.float64))

    return statistic


STATISTICS: dict[str, Callable[[SavedVerdicts], Statistic]] = {
    "recall": lambda t: _share(t.called & t.labels, t.labels),
    "false_alarm_rate": lambda t: _share(t.called & ~t.labels, ~t.labels),
    "accuracy": lambda t: _share(t.called == t.labels, np.ones_like(t.labels)),
    "false_alarms_at_95": lambda t: weighted_false_alarms(t.scores, t.labels),
    "auroc": lambda t: weighted_auroc(t.scores, t.labels),
    "ap": lambda t: weighted_average_precision(t.scores, t.labels),
    **{name: _known(name) for name in FIGURE_COLUMNS},
}
"""The figures of an assessment by name."""


def _minus(first: Statistic, second: Statistic) -> Statistic:
    def statistic(weights: Weights) -> NDArray[np.float64]:
        return first(weights) - second(weights)

    return statistic

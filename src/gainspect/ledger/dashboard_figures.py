"""What a dashboard shows of a station in a period, by hour, shift or day.

Counts come from indexes. What only the records have (times, scores, figures of images) comes from a sample of
decisions of a given size, and says how many these are. Parts of a challenge are no parts of the line: they
count nowhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time

import numpy as np

from gainspect.evaluation.drift_watch import WATCHED, WatchedName
from gainspect.ledger.buckets import SHIFTS, Bucket, By, cut
from gainspect.ledger.dashboard_rows import BucketRows, bucket_rows, together
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.period import Period
from gainspect.metrics.intervals import clopper_pearson
from gainspect.types import Label

SAMPLE = 5_000
"""So many decisions of a period are read, about."""


@dataclass(frozen=True)
class Rate:
    """How many of so many, and the exact 95 % interval of the share (Clopper and Pearson)."""

    count: int
    of: int
    value: float | None
    """None: of none."""
    low: float
    high: float


@dataclass(frozen=True)
class Latency:
    """Seconds that judging the images of a part took: quantiles over the sampled decisions that say it."""

    p50: float
    p95: float
    p99: float
    sampled: int


@dataclass(frozen=True)
class Spread:
    """Where the values of a figure lie: 5 %, 50 % and 95 % of the sampled decisions are not above."""

    low: float
    median: float
    high: float
    sampled: int


@dataclass(frozen=True)
class StationFigures:
    """The figures of a station from a moment on, and before another. A decision counts when it was made."""

    begin: datetime
    end: datetime
    parts: int
    labels: Mapping[Label, int]
    """Parts by what was decided of them first."""
    fail_safes: int
    """Answers in the place of a decision; these parts are not among the others."""
    ng: Rate
    review: Rate
    overridden: Rate
    """Of the parts decided OK or NG, those that a person decided otherwise, and that still count so."""
    disagreement: Rate
    """The same, of those that a person confirmed or changed."""
    resolved: Rate
    """Of the parts decided REVIEW, those that a person has decided since."""
    reasons: Mapping[str, int]
    """Overrides of these parts by the code of their reason, the most frequent first."""
    latency: Latency | None
    """None: no sampled decision says it."""
    spread: Mapping[WatchedName, Spread]
    """Of the score and of the figures of the images, as a drift watch takes them."""


@dataclass(frozen=True)
class DashboardFigures:
    """The figures of a station: of a period, and of each bucket of it, also of those without a part."""

    station: str
    by: By
    whole: StationFigures
    buckets: Sequence[StationFigures]


def dashboard_figures(
    ledger: Ledger,
    station: str,
    period: Period,
    by: By = "hour",
    *,
    shifts: Sequence[time] = SHIFTS,
    sample: int = SAMPLE,
) -> DashboardFigures:
    """The figures of a station in a period, at one moment of the ledger.

    Args:
        ledger: which has them.
        station: whose.
        period: whole days.
        by: what it is cut into.
        shifts: when shifts begin.
        sample: how many decisions are read, about; all, if there are not more.

    Raises:
        GainspectError: see `buckets.cut`, or the database cannot be read.
    """
    buckets = cut(period, by, shifts)
    rows = bucket_rows(ledger, station, buckets, sample)
    figures = [_figures(bucket, found) for bucket, found in zip(buckets, rows, strict=True)]
    return DashboardFigures(station, by, _figures(Bucket(period.begin, period.end), together(rows)), figures)


def _figures(bucket: Bucket, rows: BucketRows) -> StationFigures:
    reviews = rows.labels[Label.REVIEW]
    decided = rows.parts - reviews
    return StationFigures(
        begin=bucket.begin,
        end=bucket.end,
        parts=rows.parts,
        labels={label: rows.labels[label] for label in Label},
        fail_safes=rows.fail_safes,
        ng=_rate(rows.labels[Label.NG], rows.parts),
        review=_rate(reviews, rows.parts),
        overridden=_rate(rows.changed, decided),
        disagreement=_rate(rows.changed, rows.looked_at),
        resolved=_rate(rows.resolved, reviews),
        reasons=dict(sorted(rows.reasons.items(), key=lambda row: (-row[1], row[0]))),
        latency=_latency(rows),
        spread=_spreads(rows),
    )


def _rate(count: int, of: int) -> Rate:
    if not of:
        return Rate(0, 0, None, 0.0, 1.0)
    low, high = clopper_pearson(count, of)
    return Rate(count, of, count / of, low, high)


def _latency(rows: BucketRows) -> Latency | None:
    known = [(one.seconds, one.weight) for one in rows.sample if one.seconds is not None]
    if not known:
        return None
    p50, p95, p99 = _quantiles(known, (0.5, 0.95, 0.99))
    return Latency(p50, p95, p99, len(known))


def _spreads(rows: BucketRows) -> dict[WatchedName, Spread]:
    found: dict[WatchedName, list[tuple[float, float]]] = {name: [] for name in WATCHED}
    for one in rows.sample:
        for name, value in one.figures.items():
            found[name].append((value, one.weight))
    return {name: _spread(values) for name, values in found.items() if values}


def _spread(values: Sequence[tuple[float, float]]) -> Spread:
    low, median, high = _quantiles(values, (0.05, 0.5, 0.95))
    return Spread(low, median, high, len(values))


def _quantiles(weighted: Sequence[tuple[float, float]], shares: Sequence[float]) -> list[float]:
    """The smallest values that at least these shares of the weights are not above."""
    values, weights = np.array(weighted).T
    order = values.argsort()
    reached = weights[order].cumsum()
    places = np.searchsorted(reached, np.array(shares) * reached[-1] * (1 - 1e-12))
    return [float(value) for value in values[order][places]]

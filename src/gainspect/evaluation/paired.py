"""Two judgements of the same parts: how far they differ, and which verdicts change hands."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.metrics.intervals import (
    Interval,
    Statistic,
    Weights,
    group_bootstrap,
    weighted_auroc,
    weighted_average_precision,
    weighted_ratio,
)


@dataclass(frozen=True, eq=False)
class Table:
    """What `predictions.csv` says of N images."""

    images: tuple[str, ...]
    groups: tuple[str, ...]
    labels: NDArray[np.bool_]
    """(N,) True for NG."""
    called: NDArray[np.bool_]
    """(N,) True where the verdict is NG."""
    scores: NDArray[np.float64]
    """(N,) P(NG)."""
    figures: dict[str, NDArray[np.float64]]
    """(N,) right_reason and map quality; NaN where an image has none."""


@dataclass(frozen=True)
class Difference:
    """Of one figure, the other strategy less the base."""

    figure: str
    base: float
    other: float
    interval: Interval | None
    """95 % of other − base: groups are drawn anew, both are judged on the same ones."""

    @property
    def value(self) -> float:
        """Other − base."""
        return self.other - self.base

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval is not None and (self.interval[0] > 0 or self.interval[1] < 0)


@dataclass(frozen=True)
class Flips:
    """Images whose verdict is another than the base's, by name."""

    newly_caught: tuple[str, ...]
    newly_missed: tuple[str, ...]
    newly_passed: tuple[str, ...]
    newly_alarmed: tuple[str, ...]


_COLUMNS = {
    "right_reason_rate": "right_reason",
    "cam_iou": "evidence_cam_iou",
    "pointing_game": "evidence_pointing_game",
    "energy_inside": "evidence_energy_inside",
    "localization_iou": "localization_iou",
}
"""Of predictions.csv, by figure."""


def read_predictions(path: Path) -> Table:
    """Read what `evaluation.evaluate.save` wrote, sorted by image.

    Raises:
        GainspectError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: row["image"])
        return Table(
            images=tuple(row["image"] for row in rows),
            groups=tuple(row["group"] for row in rows),
            labels=np.array([row["label"] == "ng" for row in rows], np.bool_),
            called=np.array([row["verdict"] == "ng" for row in rows], np.bool_),
            scores=np.array([float(row["score"]) for row in rows], np.float64),
            figures={name: _column(rows, column) for name, column in _COLUMNS.items()},
        )
    except (OSError, KeyError, ValueError) as error:
        raise GainspectError(f"cannot read the predictions ({error})", where=path) from error


def differences(base: Table, other: Table) -> list[Difference]:
    """Every figure that both have, with the interval of the paired difference.

    Raises:
        GainspectError: they are not of the same images.
    """
    if base.images != other.images:
        raise GainspectError("these are judgements of different images", mend="Compare runs of one split.")
    found = []
    for name, statistic in _STATISTICS.items():
        first, second = statistic(base), statistic(other)
        whole = np.ones((1, len(base.images)))
        values = float(first(whole)[0]), float(second(whole)[0])
        if not np.isnan(values).any():
            interval = group_bootstrap(_minus(second, first), base.groups)
            found.append(Difference(name, *values, interval))
    return found


def flips(base: Table, other: Table) -> Flips:
    """Which verdicts change hands from the base to the other."""

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


def _known(name: str) -> Callable[[Table], Statistic]:
    def statistic(table: Table) -> Statistic:
        known = ~np.isnan(table.figures[name])
        return weighted_ratio(np.nan_to_num(table.figures[name]), known.astype(np.float64))

    return statistic


_STATISTICS: dict[str, Callable[[Table], Statistic]] = {
    "recall": lambda t: _share(t.called & t.labels, t.labels),
    "false_alarm_rate": lambda t: _share(t.called & ~t.labels, ~t.labels),
    "accuracy": lambda t: _share(t.called == t.labels, np.ones_like(t.labels)),
    "auroc": lambda t: weighted_auroc(t.scores, t.labels),
    "ap": lambda t: weighted_average_precision(t.scores, t.labels),
    **{name: _known(name) for name in _COLUMNS},
}


def _minus(first: Statistic, second: Statistic) -> Statistic:
    def statistic(weights: Weights) -> NDArray[np.float64]:
        return first(weights) - second(weights)

    return statistic


def _column(rows: Sequence[dict[str, str]], name: str) -> NDArray[np.float64]:
    return np.array([float(row.get(name) or "nan") for row in rows], np.float64)

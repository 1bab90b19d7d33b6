"""Compares several assessments of the same parts: with one of them, or each figure with its interval."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from gainspect.evaluation.doubtful import resolve
from gainspect.evaluation.paired import STATISTICS, differences
from gainspect.evaluation.saved_verdicts import FIGURE_COLUMNS, PREDICTIONS, SavedVerdicts, read_verdicts
from gainspect.metrics.intervals import Interval, Statistic, Weights, group_bootstraps
from results_table import markdown

POINTS = FIGURE_COLUMNS["pointing_game"]


def against(
    base: str,
    judged: Mapping[str, Sequence[Path]],
    *,
    exclude: frozenset[str] = frozenset(),
    beside: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> str:
    """A table with one row per assessment and one column per figure.

    Args:
        base: the name that the others are compared with; if it has no assessment, the first name.
        judged: folders of assessments by name, each folder with other images; a name is left out if one of
            its assessments is missing.
        exclude: names of images that do not count.
        beside: further columns, by name.
    """
    tables = _read(judged, exclude)
    base = base if base in tables else next(iter(tables))
    cells = {
        name: {
            d.figure: f"{d.other:.3f}{' *' if d.is_clear else ''}" for d in differences(tables[base], table)
        }
        for name, table in tables.items()
    }
    unknown = dict.fromkeys(cells[base], "–")
    lines = [{"": name} | unknown | found | dict(beside.get(name, {})) for name, found in cells.items()]
    note = f"\\* the 95 % interval of the paired difference from {base}, by part, excludes 0."
    return f"{markdown(lines)}\n{note}\n"


def with_intervals(judged: Mapping[str, Sequence[Path]], *, exclude: frozenset[str] = frozenset()) -> str:
    """A table with one row per assessment: its figures by image and by part, each with its 95 % interval.

    Args:
        judged: as in `against`.
        exclude: names of images that do not count.
    """
    ranks, maps = ("false_alarms_at_95", "auroc"), ("pointing_game", "energy_inside", "localization_iou")
    lines = []
    for name, table in _read(judged, exclude).items():
        images = _figures(table, (*ranks, *maps))
        parts = _figures(by_group(table), ranks)
        by_image = {f"{figure}, by image": images[figure] for figure in ranks}
        by_part = {f"{figure}, by part": parts[figure] for figure in ranks}
        lines.append({"": name} | by_image | by_part | {figure: images[figure] for figure in maps})
    note = "95 % intervals in brackets, by part. The score of a part is the mean of those of its images."
    return f"{markdown(lines)}\n{note}\n"


def at_equal_alarms(base: str, judged: Mapping[str, Sequence[Path]], alarms: Sequence[float]) -> str:
    """A table with one row per assessment: what it catches where it calls equally many OK images NG.

    Each has its own threshold, the lowest at which at most so many of the judged OK images are NG. Those NG
    images that are caught, and whose evidence peaks in the defect, are counted apart.

    Args:
        base: the name that the others are compared with.
        judged: as in `against`.
        alarms: shares of the OK images, 0…1.
    """
    tables = _read(judged, frozenset())
    lines = []
    for name, table in tables.items():
        line = {"": name}
        for share in alarms:
            for reason, what in ((False, "caught"), (True, "for the right reason")):
                found, first = (
                    caught_at(t, share, for_the_right_reason=reason) for t in (table, tables[base])
                )
                value = float(found(np.ones((1, len(table.images))))[0])
                own, apart = group_bootstraps([found, _minus(found, first)], table.groups)
                clear = apart is not None and (apart[0] > 0 or apart[1] < 0)
                line[f"{what}, {share:.0%} false alarms"] = _cell(value, own) + (" *" if clear else "")
        lines.append(line)
    note = (
        "Shares of the NG images, with 95 % intervals by part. Each network has the lowest threshold at "
        "which at most so many of these OK images are NG, in each resample its own. For the right reason: "
        "the evidence peaks in the defect too. \\*: the interval of the paired difference from "
        f"{base} excludes 0."
    )
    return f"{markdown(lines)}\n{note}\n"


def caught_at(table: SavedVerdicts, alarms: float, *, for_the_right_reason: bool) -> Statistic:
    """Share of the NG images caught at the lowest threshold where at most `alarms` of the OK images are NG.

    Args:
        table: N images.
        alarms: 0…1.
        for_the_right_reason: only images whose evidence peaks in the defect count as caught (ties count in
            part), of those whose defect is marked.
    """
    order = np.argsort(-table.scores, kind="stable")
    scores, ng = table.scores[order], table.labels[order].astype(np.float64)
    hits = ng
    if for_the_right_reason:
        points = table.figures["pointing_game"][order]
        ng, hits = ng * ~np.isnan(points), ng * np.nan_to_num(points)
    ok = ~table.labels[order]
    ends = np.append(np.diff(scores) != 0, True)

    def statistic(weights: Weights) -> NDArray[np.float64]:
        drawn = weights[:, order]
        called = np.cumsum(drawn * ok, axis=1)
        allowed = ends & (called <= alarms * called[:, -1:] * (1 + 1e-12))
        caught = np.where(allowed, np.cumsum(drawn * hits, axis=1), 0.0).max(axis=1)
        marked = (drawn * ng).sum(axis=1)
        return np.divide(caught, marked, out=np.full(len(drawn), np.nan), where=marked > 0)

    return statistic


def by_type(judged: Mapping[str, Sequence[Path]], alarms: float) -> str:
    """A table with one row per type of defect: what each assessment catches of it, and where that points.

    Args:
        judged: as in `against`.
        alarms: share of the OK images that are NG at the threshold of each, 0…1.
    """
    lines: dict[str, dict[str, str]] = {}
    for name, folders in judged.items():
        images = [row for folder in folders for row in _rows(folder / PREDICTIONS)]
        ok = sorted((float(row["score"]) for row in images if row["label"] == "ok"), reverse=True)
        limit = [*ok, -np.inf][int(alarms * len(ok) * (1 + 1e-12))]
        ng = [row for row in images if row["label"] == "ng"]
        for kind in sorted({row["defect_type"] for row in ng}):
            of = [row for row in ng if row["defect_type"] == kind]
            caught = float(np.mean([float(row["score"]) > limit for row in of]))
            points = [float(row[POINTS]) for row in of if row[POINTS]]
            told = f"{caught:.2f}, {np.mean(points):.2f}" if points else f"{caught:.2f}, –"
            lines.setdefault(kind, {"": kind or "no type", "images": str(len(of))})[name] = told
    note = (
        f"Share of the images that are caught at {alarms:.0%} false alarms, and PointGame of all of them, "
        "caught or not."
    )
    return f"{markdown(list(lines.values()))}\n{note}\n"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _minus(one: Statistic, other: Statistic) -> Statistic:
    return lambda weights: one(weights) - other(weights)


def by_group(table: SavedVerdicts) -> SavedVerdicts:
    """One row for each group: NG if one of its images is, with the mean of their scores; without maps."""
    names, member = np.unique(table.groups, return_inverse=True)
    count = np.bincount(member)
    scores = np.bincount(member, table.scores) / count
    return SavedVerdicts(
        images=tuple(names.tolist()),
        groups=tuple(names.tolist()),
        labels=np.bincount(member, table.labels) > 0,
        called=scores >= 0.5,
        scores=scores,
        figures={},
    )


def _figures(table: SavedVerdicts, names: Sequence[str]) -> dict[str, str]:
    """Figures by name, with intervals that share their resamples."""
    statistics = [STATISTICS[name](table) for name in names]
    whole = np.ones((1, len(table.images)))
    intervals = group_bootstraps(statistics, table.groups)
    return {
        name: _cell(float(statistic(whole)[0]), interval)
        for name, statistic, interval in zip(names, statistics, intervals, strict=True)
    }


def _cell(value: float, interval: Interval | None) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:.3f}" + ("" if interval is None else f" ({interval[0]:.2f}–{interval[1]:.2f})")


def _read(judged: Mapping[str, Sequence[Path]], exclude: frozenset[str]) -> dict[str, SavedVerdicts]:
    return {
        name: _without(pooled([read_verdicts(folder / PREDICTIONS) for folder in folders]), exclude)
        for name, folders in judged.items()
        if all((folder / PREDICTIONS).is_file() for folder in folders)
    }


def pooled(tables: Sequence[SavedVerdicts]) -> SavedVerdicts:
    """Several tables, each of other images, joined into one."""
    return SavedVerdicts(
        images=tuple(image for table in tables for image in table.images),
        groups=tuple(group for table in tables for group in table.groups),
        labels=np.concatenate([table.labels for table in tables]),
        called=np.concatenate([table.called for table in tables]),
        scores=np.concatenate([table.scores for table in tables]),
        figures={
            name: np.concatenate([table.figures[name] for table in tables]) for name in tables[0].figures
        },
    )


def _without(table: SavedVerdicts, exclude: frozenset[str]) -> SavedVerdicts:
    left_out = resolve(exclude, table.images)
    kept = np.array([image not in left_out for image in table.images])
    return SavedVerdicts(
        images=tuple(np.array(table.images)[kept]),
        groups=tuple(np.array(table.groups)[kept]),
        labels=table.labels[kept],
        called=table.called[kept],
        scores=table.scores[kept],
        figures={name: values[kept] for name, values in table.figures.items()},
    )

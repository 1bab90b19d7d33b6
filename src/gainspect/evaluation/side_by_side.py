"""Several strategies on the same data, side by side."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from gainspect.files import write_json, write_text


@dataclass(frozen=True)
class RunFigures:
    """One run's figures; None where a figure does not exist."""

    strategy: str
    seed: int
    figures: dict[str, float | None]
    seconds: float
    """Of training."""
    intervals: dict[str, tuple[float, float] | None]
    """95 % by group, of the figures that have one."""


def run_figures(strategy: str, seed: int, summary: dict[str, Any], seconds: float) -> RunFigures:
    """The figures of a summary that a comparison shows, the missed defects first."""
    verdicts = summary["classification"]
    localization = summary["localization"] or {}
    evidence = summary["maps"].get("evidence", {})
    sources = {
        "recall": verdicts["operating"]["recall"],
        "false_alarm_rate": verdicts["operating"]["false_alarm_rate"],
        "accuracy": verdicts["operating"]["accuracy"],
        "recall_at_half": verdicts["half"]["recall"],
        "precision_at_half": verdicts["half"]["precision"],
        "accuracy_at_half": verdicts["half"]["accuracy"],
        "auroc": verdicts["ranking"]["auroc"],
        "ap": verdicts["ranking"]["ap"],
        "cam_iou": evidence.get("cam_iou"),
        "pointing_game": evidence.get("pointing_game"),
        "energy_inside": evidence.get("energy_inside"),
        "localization_iou": localization.get("iou"),
        "right_reason_rate": summary["right_reason_rate"],
    }
    return RunFigures(
        strategy=strategy,
        seed=seed,
        figures={name: None if figure is None else figure["value"] for name, figure in sources.items()},
        seconds=seconds,
        intervals={name: figure and figure["interval_by_group"] for name, figure in sources.items()},
    )


def over_seeds(rows: Sequence[RunFigures]) -> dict[str, dict[str, tuple[float, float | None] | None]]:
    """Mean and standard deviation over seeds (None with one seed) of each figure, by strategy."""
    result: dict[str, dict[str, tuple[float, float | None] | None]] = {}
    for strategy in dict.fromkeys(row.strategy for row in rows):
        of_strategy = [row for row in rows if row.strategy == strategy]
        result[strategy] = {
            name: _mean_sd([value for row in of_strategy if (value := row.figures[name]) is not None])
            for name in of_strategy[0].figures
        }
    return result


def save_comparison(rows: Sequence[RunFigures], out: Path, name: str = "compare") -> None:
    """Write NAME.csv (one row a run) and NAME.json (with means over seeds and intervals)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["strategy", "seed", *rows[0].figures, "seconds"])
    for row in rows:
        values = ("" if value is None else f"{value:.6f}" for value in row.figures.values())
        writer.writerow([row.strategy, row.seed, *values, row.seconds])
    write_text(out / f"{name}.csv", text.getvalue())
    runs = [{"strategy": r.strategy, "seed": r.seed, "seconds": r.seconds, **r.figures} for r in rows]
    intervals = [{"strategy": r.strategy, "seed": r.seed, **r.intervals} for r in rows]
    write_json(
        out / f"{name}.json", {"runs": runs, "intervals_by_group": intervals, "mean_and_sd": over_seeds(rows)}
    )


def _mean_sd(values: list[float]) -> tuple[float, float | None] | None:
    if not values:
        return None
    return mean(values), stdev(values) if len(values) > 1 else None

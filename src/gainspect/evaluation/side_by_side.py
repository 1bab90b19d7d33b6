"""Side-by-side comparison of several strategies on the same data."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from gainspect.files import write_json, write_text


@dataclass(frozen=True)
class RunFigures:
    """The figures of one run; None if a figure does not exist."""

    strategy: str
    seed: int
    figures: dict[str, float | None]
    seconds: float
    """Duration of the training."""
    intervals: dict[str, tuple[float, float] | None]
    """95 % interval by group, for the figures that have one."""
    judged_by: dict[str, str] = field(default_factory=dict)
    """runtime, precision and network (bundle or checkpoint) that the figures come from."""


def run_figures(strategy: str, seed: int, summary: dict[str, Any], seconds: float) -> RunFigures:
    """The figures of a summary that a comparison shows; recall comes first."""
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
        "cam_iou_unclamped": evidence.get("cam_iou_unclamped"),
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
        judged_by=summary.get("judged_by", {}),
    )


def over_seeds(runs: Sequence[RunFigures]) -> dict[str, dict[str, tuple[float, float | None] | None]]:
    """Mean and standard deviation over seeds (None for one seed) of each figure, by strategy."""
    result: dict[str, dict[str, tuple[float, float | None] | None]] = {}
    for strategy in dict.fromkeys(run.strategy for run in runs):
        of_strategy = [run for run in runs if run.strategy == strategy]
        result[strategy] = {
            name: _mean_sd([value for run in of_strategy if (value := run.figures[name]) is not None])
            for name in of_strategy[0].figures
        }
    return result


def save_comparison(runs: Sequence[RunFigures], out: Path, name: str = "compare") -> None:
    """Write NAME.csv (one row for each run) and NAME.json (with means, intervals, and what judged)."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["strategy", "seed", *runs[0].figures, "seconds"])
    for run in runs:
        values = ("" if value is None else f"{value:.6f}" for value in run.figures.values())
        writer.writerow([run.strategy, run.seed, *values, run.seconds])
    write_text(out / f"{name}.csv", text.getvalue())
    records = [{"strategy": r.strategy, "seed": r.seed, "seconds": r.seconds, **r.figures} for r in runs]
    intervals = [{"strategy": r.strategy, "seed": r.seed, **r.intervals} for r in runs]
    judged_by = [{"strategy": r.strategy, "seed": r.seed, **r.judged_by} for r in runs]
    content = {"runs": records, "intervals_by_group": intervals, "judged_by": judged_by}
    write_json(out / f"{name}.json", {**content, "mean_and_sd": over_seeds(runs)})


def _mean_sd(values: list[float]) -> tuple[float, float | None] | None:
    if not values:
        return None
    return mean(values), stdev(values) if len(values) > 1 else None

"""Comparison of the strategies on Magnetic Tile, as a table that is saved.

The script stops before --minutes are over; call it again with the same --work folder to continue. It prints
and saves the figures with and without doubtful labels, and the images per second of each training.
"""

import argparse
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from gainspect.config import load_config
from gainspect.data.importers import load_manifest
from gainspect.evaluation.doubtful import read_doubtful
from gainspect.evaluation.saved_verdicts import METRICS, PREDICTIONS, read_verdicts
from gainspect.evaluation.side_by_side import RunFigures, over_seeds
from gainspect.jobs.run_comparison import compare_strategies, run_path, train_or_resume, variant
from gainspect.strategies import STRATEGIES
from gainspect.training.run_folder import RunFolder
from gainspect.training.settle import settle
from gainspect.types import Label
from results_table import RESULTS, markdown, number, per, save, save_json
from stop_in_time import in_time

GOALS = {
    "accuracy": 0.97,
    "recall": 0.97,
    "auroc": 0.99,
    "cam_iou": 0.60,
    "pointing_game": 0.97,
    "energy_inside": 0.85,
    "loc_iou": 0.60,
}
"""The goals on the test part, with and without doubtful labels."""


def main(description: str = __doc__ or "", **defaults: Any) -> None:
    """Train, evaluate, print and save; `defaults` replaces defaults of the options."""
    options = _options(description, defaults)
    given = {
        "model.backbone": options.backbone,
        "model.weights": options.weights,
        "data.size": options.size,
        "training.epochs": options.epochs,
        "training.batch_size": options.batch_size,
    }
    config = load_config(options.config, {key: value for key, value in given.items() if value is not None})
    seeds = [int(seed) for seed in options.seeds.split(",")]
    doubtful = options.data / "suspect_labels.csv"
    config, manifest, *_ = settle(config, load_manifest(options.data))
    strategies = options.strategies.split(",")
    done = []
    for name in in_time(strategies, options.minutes):
        for seed in seeds:
            path = run_path(options.work, name, seed)
            train_or_resume(variant(config, name, seed), manifest, path, Console())
        done.append(name)
    if not done:
        return
    left_out = read_doubtful(doubtful) if doubtful.is_file() else None
    comparisons = compare_strategies(
        config, manifest, done, seeds, options.work, doubtful=left_out, runtime="torch"
    )
    runs = [(name, seed, RunFolder(run_path(options.work, name, seed))) for name in done for seed in seeds]
    text = "\n".join(section(title, rows, runs) for title, rows in comparisons.items())
    text += f"\n## Goals ({done[0]})\n\n{goals(record(*runs[0]))}"
    text += f"\n## Defective parts with images under 0.5 ({done[0]})\n\n{missed_parts(runs)}"
    if options.config:
        text += f"\n## {options.config.name}\n\n```yaml\n{options.config.read_text()}```\n"
    print(text)
    head = f"{config.model.backbone} ({config.model.weights}), {config.data.input_size} px"
    title = f"Magnetic Tile: {head}, {config.training.epoch_count} epochs"
    print("Saved:", save(options.name, title, text))
    print("Saved:", save_json(options.name, [record(*run) for run in runs]))
    picture = shutil.copy(options.work / "compare.png", RESULTS / f"{options.name}.png")
    print("Saved:", picture)


def section(title: str, rows: list[RunFigures], runs: list[tuple[str, int, RunFolder]]) -> str:
    """All figures for one choice of labels, one column per strategy; then recall by type of defect."""
    by_type = {
        kind: {f"{name} seed {seed}": _percent(figure["recall"]) for name, seed, figure in of_kind}
        for kind, of_kind in _by_type(title, runs).items()
    }
    parts = [
        f"## {title[0].upper()}{title[1:]}\n",
        figures_table(rows, [run for _, _, run in runs]),
        "Recall at the operating threshold by type of defect:\n",
        markdown([{"defect": kind, **shares} for kind, shares in by_type.items()]),
    ]
    return "\n".join(parts)


def figures_table(rows: list[RunFigures], runs: list[RunFolder]) -> str:
    """Mean ± sd over seeds (for one seed, the 95 % interval by part), and the speed of training."""
    spreads = over_seeds(rows)
    intervals = {row.strategy: row.intervals for row in rows}
    lines: list[dict[str, object]] = []
    for figure in rows[0].figures:
        cells = {name: _cell(spreads[name][figure], intervals[name][figure]) for name in spreads}
        lines.append({"figure": figure, **cells})
    speed = {run.config().strategy: _tenths(per(_images(run), run.result()["seconds"])) for run in runs}
    lines.append({"figure": "images/s in training (with validation)", **speed})
    lines.append({"figure": "epoch kept", **{r.config().strategy: r.result()["epoch"] for r in runs}})
    return markdown(lines)


def goals(row: Mapping[str, Any]) -> str:
    """The figures of a `record` compared with their goals."""
    titles = [title for title, figures in row.items() if isinstance(figures, Mapping)]
    lines = [
        {"": figure, "goal": f"{goal:.2f}"} | {title: number(row[title][figure]) for title in titles}
        for figure, goal in GOALS.items()
    ]
    return markdown(lines)


def missed_parts(runs: list[tuple[str, int, RunFolder]]) -> str:
    """For each defective part with an image that the first run misses at 0.5: how many images are caught."""
    tables = {
        f"{name} seed {seed}": read_verdicts(run.evaluation_folder() / PREDICTIONS)
        for name, seed, run in runs
    }
    parts = [part for part in runs[0][2].manifest().split("test").parts if part.label is Label.NG]
    first, *_ = tables.values()
    groups = np.array(first.groups)
    lines: list[dict[str, object]] = []
    for group in dict.fromkeys(groups[first.labels & (first.scores < 0.5)]):
        of_part = first.labels & (groups == group)
        kinds = sorted({part.defect_type or "" for part in parts if part.group == group})
        caught = {name: f"{(t.scores[of_part] >= 0.5).sum()}/{of_part.sum()}" for name, t in tables.items()}
        lines.append({"part": f"{', '.join(kinds)} {group}", **caught})
    count = len(set(groups[first.labels]))
    return f"{len(lines)} of {count} defective parts:\n\n{markdown(lines)}" if lines else "None.\n"


def record(name: str, seed: int, run: RunFolder) -> dict[str, Any]:
    """The figures of one run for JSON; verdicts are at the threshold that was chosen on validation."""
    config, environment, result = run.config(), run.environment(), run.result()
    row: dict[str, Any] = {
        "strategy": name,
        "backbone": config.model.backbone,
        "weights": environment["weights"],
        "size": config.data.input_size,
        "epochs": config.training.epoch_count,
        "seed": seed,
        "device": environment["device"],
        "seconds": result["seconds"],
    }
    for title, summary in _summaries(run).items():
        verdicts, maps = summary["classification"], summary["maps"]["evidence"]
        figures = {
            **{key: verdicts["operating"][key] for key in ("accuracy", "recall", "precision")},
            **{key: verdicts["ranking"][key] for key in ("auroc", "ap")},
            **{key: maps[key] for key in ("cam_iou", "pointing_game", "energy_inside")},
            "loc_iou": (summary["localization"] or {}).get("iou", {"value": None}),
            "right_reason_rate": summary["right_reason_rate"],
        }
        row[title] = {key: figure["value"] for key, figure in figures.items()} | {
            "recall_by_type": {
                kind: figure["recall"]["value"] for kind, figure in summary["defect_types"].items()
            }
        }
    return row


def _summaries(run: RunFolder) -> dict[str, Any]:
    summaries: dict[str, Any] = json.loads((run.evaluation_folder() / METRICS).read_text())
    return summaries


def _by_type(
    title: str, runs: list[tuple[str, int, RunFolder]]
) -> dict[str, list[tuple[str, int, dict[str, Any]]]]:
    found: dict[str, list[tuple[str, int, dict[str, Any]]]] = {}
    for name, seed, run in runs:
        for kind, figures in _summaries(run)[title]["defect_types"].items():
            found.setdefault(f"{kind} ({figures['n']})", []).append((name, seed, figures))
    return found


def _images(run: RunFolder) -> int:
    """Number of images that a training processed, over all epochs."""
    return len(run.manifest().split("train").parts) * run.config().training.epoch_count


def _cell(spread: tuple[float, float | None] | None, interval: tuple[float, float] | None) -> str:
    if spread is None:
        return "–"
    mean, deviation = spread
    if deviation is not None:
        return f"{mean:.3f} ± {deviation:.3f}"
    return f"{mean:.3f}" if interval is None else f"{mean:.3f} ({interval[0]:.2f}–{interval[1]:.2f})"


def _tenths(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _percent(figure: Mapping[str, Any]) -> str:
    return "–" if figure["value"] is None else f"{figure['value']:.2f}"


def _options(description: str, defaults: dict[str, Any]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--data", type=Path, required=True, help="the Magnetic Tile folder")
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--config", type=Path, help="YAML with further settings")
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--size", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-size", type=int)
    parser.add_argument("--minutes", type=float, default=float("inf"))
    parser.add_argument("--name", default="mt", help="of the table in benchmarks/results/")
    parser.set_defaults(**defaults)
    return parser.parse_args()


if __name__ == "__main__":
    main()

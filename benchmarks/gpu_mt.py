"""S1 … S8 on Magnetic Tile on a GPU: 512 px, Lite0 with ImageNet weights, two seeds, in one call.

Stops before --minutes are over and goes on where it stopped when called again with the same --work folder.
Prints and saves the comparison, and images per second of each training.
"""

import argparse
import time
from pathlib import Path

from rich.console import Console

from gainspect.config import RunConfig, load_config
from gainspect.data.load import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.evaluation.compare import Row, over_seeds
from gainspect.evaluation.evaluate import read_doubtful
from gainspect.strategies import STRATEGIES
from gainspect.training.fit import complete_split
from gainspect.training.run import RunFolder
from gainspect.workflow import compare_strategies, run_path, train_or_resume, variant
from results_table import markdown, save


def main() -> None:
    """Train, judge, print and save."""
    options = _options()
    config = load_config(
        options.config,
        {
            "model.backbone": options.backbone,
            "model.weights": options.weights,
            "data.size": options.size,
            "training.epochs": options.epochs,
            "training.batch_size": options.batch_size,
        },
    )
    seeds = [int(seed) for seed in options.seeds.split(",")]
    doubtful = options.data / "suspect_labels.csv"
    manifest = complete_split(config, load_manifest(options.data))
    strategies = options.strategies.split(",")
    done = train_until(config, manifest, strategies, seeds, options.work, seconds=60 * options.minutes)
    if not done:
        return
    left_out = read_doubtful(doubtful) if doubtful.is_file() else None
    rows = compare_strategies(config, manifest, done, seeds, options.work, doubtful=left_out)
    text = "\n".join(f"## {title}\n\n{table(of_title, options.work)}" for title, of_title in rows.items())
    print(text)
    title = (
        f"Magnetic Tile, {options.backbone} ({options.weights}), {options.size} px, {options.epochs} epochs"
    )
    print("Saved:", save(options.name, title, text))


def train_until(
    config: RunConfig,
    manifest: Manifest,
    strategies: list[str],
    seeds: list[int],
    work: Path,
    *,
    seconds: float,
) -> list[str]:
    """Train one strategy after the other until the next might take too long; those that are done."""
    started, longest = time.monotonic(), 0.0
    done: list[str] = []
    for name in strategies:
        begun = time.monotonic()
        if begun - started + longest >= seconds:
            print(f"Time is over before {name}: call again to go on.")
            break
        for seed in seeds:
            path = run_path(work, name, seed)
            train_or_resume(variant(config, name, seed), manifest, path, Console())
        done.append(name)
        longest = max(longest, time.monotonic() - begun)
    return done


def table(rows: list[Row], work: Path) -> str:
    """Mean ± sd over seeds, and the training speed."""
    lines = []
    for name, figures in over_seeds(rows).items():
        runs = [row for row in rows if row.strategy == name]
        line: dict[str, object] = {"strategy": name, "seeds": len(runs)}
        for figure, spread in figures.items():
            line[figure] = "–" if spread is None else _spread(*spread)
        line["images/s"] = f"{_images(run_path(work, name, runs[0].seed)) / runs[0].seconds:.1f}"
        lines.append(line)
    return markdown(lines)


def _images(run: Path) -> int:
    """Images that a training went over."""
    folder = RunFolder(run)
    return len(folder.manifest().split("train").parts) * folder.config().training.epochs


def _spread(mean: float, deviation: float | None) -> str:
    return f"{mean:.3f}" if deviation is None else f"{mean:.3f} ± {deviation:.3f}"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the Magnetic Tile folder")
    parser.add_argument("--work", type=Path, required=True, help="folder for the runs")
    parser.add_argument("--config", type=Path, help="YAML with further settings")
    parser.add_argument("--strategies", default=",".join(STRATEGIES))
    parser.add_argument("--seeds", default="1,2")
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--minutes", type=float, default=9)
    parser.add_argument("--name", default="gpu_mt", help="of the table in benchmarks/results/")
    return parser.parse_args()


if __name__ == "__main__":
    main()

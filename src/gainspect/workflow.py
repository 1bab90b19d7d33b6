"""Jobs that take several parts of gainspect: judge a run, compare strategies, the demo."""

from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest, Part
from gainspect.data.preprocess import read_image, read_mask
from gainspect.errors import GainspectError
from gainspect.evaluation.compare import Row, row_of, save_comparison
from gainspect.evaluation.evaluate import ALL_LABELS, evaluate
from gainspect.report.figures import PictureRow, picture_grid
from gainspect.strategies import strategy
from gainspect.training.fit import complete_split, resume, train
from gainspect.training.run import RunFolder
from gainspect.types import Label, Verdict


def evaluate_run(
    run: RunFolder,
    *,
    out: Path,
    split: str = "test",
    data: Path | None = None,
    maps: Path | None = None,
    doubtful: frozenset[str] | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """As `evaluation.evaluate.evaluate`, at the run's own threshold.

    Raises:
        GainspectError: the run has not ended, or the part is empty.
    """
    point = run.result()["operating_point"]  # says so if this is no run folder, or one that has not ended
    return evaluate(
        run.inspector(),
        run.manifest(data),
        split,
        out=out,
        map_thresholds=point["map_thresholds"],
        maps=maps,
        doubtful=doubtful,
        console=console,
    )


def compare_strategies(
    config: RunConfig,
    manifest: Manifest,
    strategies: list[str],
    seeds: list[int],
    out: Path,
    *,
    doubtful: frozenset[str] | None = None,
    console: Console | None = None,
) -> dict[str, list[Row]]:
    """Train and judge each strategy with each seed on the same split; what is done already is not done again.

    The split comes from the configuration's own seed, so that only the training differs between seeds.

    Returns:
        Rows by title: all labels, and without the doubtful ones if any are named.

    Raises:
        GainspectError: unknown strategy, data that cannot be trained on, or runs of another configuration.
        KeyboardInterrupt: stopped; the same call goes on.
    """
    names = [strategy(name).name for name in strategies]
    manifest = complete_split(config, manifest)
    comparisons: dict[str, list[Row]] = {}
    runs: dict[str, RunFolder] = {}
    for name in names:
        for seed in seeds:
            run = train_or_resume(variant(config, name, seed), manifest, run_path(out, name, seed), console)
            runs.setdefault(name, run)
            summaries = evaluate_run(
                run,
                out=run.judgement(),
                data=manifest.root,
                doubtful=doubtful,
                console=console,
            )
            for title, summary in summaries.items():
                row = row_of(name, seed, summary, run.result()["seconds"])
                comparisons.setdefault(title, []).append(row)
    for title, rows in comparisons.items():
        save_comparison(rows, out, "compare" if title == ALL_LABELS else "compare-without-doubtful")
    picture(runs, manifest.split("test"), out / "compare.png")
    return comparisons


def picture(runs: dict[str, RunFolder], manifest: Manifest, out: Path) -> None:
    """Draw parts of each defect type and OK ones, with the evidence of each run's strategy."""
    parts = _examples(manifest)
    verdicts = {
        name: list(run.inspector().inspect_many(part.image for part in parts)) for name, run in runs.items()
    }
    defective = [part.label is Label.NG for part in parts]
    scales = [_hottest(column, defective) for column in verdicts.values()]
    rows = []
    for index, part in enumerate(parts):
        image = read_image(part.image)
        mask = np.zeros(image.shape[:2], np.uint8) if part.mask is None else read_mask(part.mask, image.shape)
        title = part.defect_type or part.label.upper()
        rows.append(
            PictureRow(title, image, mask, part.label, [column[index] for column in verdicts.values()])
        )
    picture_grid(rows, list(verdicts), scales, out)


def _examples(manifest: Manifest) -> list[Part]:
    """A few parts of each kind, each of another group, the same ones at every call."""
    chosen: list[Part] = []
    kinds = sorted({part.defect_type or "" for part in manifest.parts if part.label is Label.NG})
    per_type, good = (1 if len(kinds) > 3 else 2), 2
    for kind in [*kinds, None]:
        groups: dict[str, Part] = {}
        for part in sorted(manifest.parts, key=lambda part: part.image.name):
            if (part.defect_type or "" if part.label is Label.NG else None) == kind:
                groups.setdefault(part.group, part)
        chosen.extend(list(groups.values())[: good if kind is None else per_type])
    return chosen


def _hottest(verdicts: list[Verdict], defective: list[bool]) -> float:
    """99th percentile of the evidence on the defective parts shown."""
    values = [v.evidence.evidence.ravel() for v, bad in zip(verdicts, defective, strict=True) if bad]
    return float(np.percentile(np.concatenate(values), 99)) if values else 1.0


def run_path(out: Path, name: str, seed: int) -> Path:
    """Where a comparison keeps the run of one strategy and seed."""
    return out / f"{name}-seed{seed}"


def variant(config: RunConfig, name: str, seed: int) -> RunConfig:
    """The same configuration for another strategy and seed."""
    training = config.training.model_copy(update={"seed": seed})
    return config.model_copy(update={"strategy": name, "training": training})


def train_or_resume(config: RunConfig, manifest: Manifest, path: Path, console: Console | None) -> RunFolder:
    """Train into a folder, or go on with what lies there.

    Raises:
        GainspectError: a run of another configuration lies there.
    """
    run = RunFolder(path)
    if not run.config_file.exists():
        return train(config, manifest, path, console=console)
    if run.config() != config.resolved():
        raise GainspectError(
            "a run of another configuration lies here", where=path, mend="Choose another --out, or delete it."
        )
    return resume(path, data=manifest.root, console=console)

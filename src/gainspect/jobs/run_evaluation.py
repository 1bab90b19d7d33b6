"""Judge data with a bundle: what is deployed, at its own policy."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from gainspect.data.importers import load_manifest
from gainspect.data.manifest import SPLITS, Manifest
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import MAP_THRESHOLDS, assess
from gainspect.evaluation.progress import progress_bar
from gainspect.evaluation.saved_verdicts import ALL_LABELS, WITHOUT_DOUBTFUL, save_verdicts
from gainspect.evaluation.summary import summarize
from gainspect.inspection.backends.backend import Precision, RuntimeName
from gainspect.inspection.bundle import read_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.training.run_folder import RunFolder
from gainspect.training.trained import trained_inspector
from gainspect.types import MapName


def evaluate_bundle(
    path: Path,
    *,
    data: Path | None,
    out: Path,
    split: str = "test",
    runtime: RuntimeName = "auto",
    precision: Precision = "f32",
    maps: Path | None = None,
    doubtful: frozenset[str] | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """As `evaluation.evaluate.evaluate`, with the threshold and the map thresholds of the bundle's policy.

    Args:
        path: the bundle.
        data: folder or manifest; the part is taken from its split, for a bundle keeps none.
        out: folder for predictions.csv and metrics.json.
        split: the part to judge.
        runtime: as `Inspector.load`.
        precision: as `Inspector.load`.
        maps: where to write the float maps.
        doubtful: images to leave out in a second summary.
        console: where progress is shown; none: silent.

    Raises:
        GainspectError: no data is named, it has no such part, or the bundle is refused.
    """
    bundle = read_bundle(path)
    if data is None:
        raise GainspectError(
            "a bundle does not know where its data lies", where=path, hint="Name it with --data DIR."
        )
    thresholds = bundle.description.policy.map_thresholds
    if foreign := set(thresholds.values()) - set(MAP_THRESHOLDS):
        raise GainspectError(
            f"its policy has a threshold on maps, {min(foreign)}, that this gainspect does not measure",
            where=path,
            hint="Export it again with this version.",
        )
    manifest = load_manifest(data)
    return evaluate(
        Inspector.load(bundle, runtime, precision, check=False),  # figures count verdicts by the score
        manifest,
        split,
        out=out,
        map_thresholds=thresholds,
        maps=maps,
        doubtful=doubtful,
        console=console,
    )


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
        trained_inspector(run),
        run.manifest(data),
        split,
        out=out,
        map_thresholds=point["map_thresholds"],
        maps=maps,
        doubtful=doubtful,
        console=console,
    )


def evaluate(
    inspector: Inspector,
    manifest: Manifest,
    split: str,
    *,
    out: Path,
    map_thresholds: Mapping[MapName, float],
    maps: Path | None = None,
    doubtful: frozenset[str] | None = None,
    console: Console | None = None,
) -> dict[str, Any]:
    """Judge one part of a data set and save predictions.csv and metrics.json.

    Args:
        inspector: of a run or a bundle, at its own threshold.
        manifest: with a split.
        split: the part to judge.
        out: folder for the two files.
        map_thresholds: for each map the fixed threshold that was chosen on validation.
        maps: where to write the float maps, as `judge` does.
        doubtful: images to leave out in a second summary.
        console: where progress is shown; none: silent.

    Returns:
        Summaries by title: all labels, and without the doubtful ones if any are named.

    Raises:
        GainspectError: the part is empty, or an image or mask cannot be read.
    """
    chosen = manifest.split(split)
    if not chosen.parts:
        there = [name for name in SPLITS if manifest.split(name).parts]
        raise GainspectError(
            f"the data has no {split} part (it has {', '.join(there)})"
            if there
            else "the data has no train, val or test part: its manifest names no split",
            where=manifest.root,
            hint=f"Choose --split {' or '.join(there)}." if there else "Fill in its column `split`.",
        )
    with progress_bar(f"judge {split}", len(chosen.parts), console) as advance:
        assessment = assess(inspector, chosen, progress=advance, maps_dir=maps)
    summaries = {ALL_LABELS: summarize(assessment, map_thresholds=map_thresholds)}
    if doubtful is not None:
        summaries[WITHOUT_DOUBTFUL] = summarize(assessment, exclude=doubtful, map_thresholds=map_thresholds)
    save_verdicts(assessment, out, summaries)
    return summaries

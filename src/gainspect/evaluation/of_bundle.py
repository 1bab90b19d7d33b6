"""Judge data with a bundle: what is deployed, at its own policy."""

from pathlib import Path
from typing import Any

from rich.console import Console

from gainspect.data.load import load_manifest
from gainspect.errors import GainspectError
from gainspect.evaluation.evaluate import evaluate
from gainspect.evaluation.judgement import MAP_THRESHOLDS
from gainspect.runtime.backends import Precision, RuntimeName
from gainspect.runtime.bundle import read_bundle
from gainspect.runtime.inspector import Inspector


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
            "a bundle does not know where its data lies", where=path, mend="Name it with --data DIR."
        )
    thresholds = bundle.description.policy.map_thresholds
    if foreign := set(thresholds.values()) - set(MAP_THRESHOLDS):
        raise GainspectError(
            f"its policy has a threshold on maps, {min(foreign)}, that this gainspect does not measure",
            where=path,
            mend="Export it again with this version.",
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

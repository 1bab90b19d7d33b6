"""Jobs that take several parts of gainspect: judge a run, compare strategies, the demo."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.evaluation.compare import comparison, save_comparison
from gainspect.evaluation.evaluate import judge, save, summarize
from gainspect.report.figures import PictureRow, picture_grid
from gainspect.runtime.inspector import Inspector
from gainspect.strategies import strategy
from gainspect.training.fit import resume, train
from gainspect.training.run import RunFolder

ALL_LABELS = "all labels"
WITHOUT_DOUBTFUL = "without doubtful labels"


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
    """Judge one part of a run's data and save predictions.csv and metrics.json.

    Returns:
        Summaries by title: all labels, and without the doubtful ones if any are named.

    Raises:
        GainspectError: the run has not ended, or the part is empty.
    """
    manifest = run.manifest(data).split(split)
    if not manifest.parts:
        raise GainspectError(f"the run has no {split} part", where=run.path, mend="Choose test, val or train.")
    with _progress(f"judge {split}", len(manifest.parts), console) as advance:
        judgement = judge(run.inspector(), manifest, progress=advance, maps_dir=maps)
    summaries = {ALL_LABELS: summarize(judgement)}
    if doubtful is not None:
        summaries[WITHOUT_DOUBTFUL] = summarize(judgement, exclude=doubtful)
    save(judgement, out, summaries)
    return summaries

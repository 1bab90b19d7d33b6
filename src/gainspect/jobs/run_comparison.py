"""Train and evaluate several strategies on the same data."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.importers import load_manifest
from gainspect.data.importers.choices import Choices
from gainspect.data.manifest import Manifest, Part
from gainspect.data.seen import SeenChoice, SeenImages, require_unseen
from gainspect.data.splits import divided_anew
from gainspect.data.taken import not_taken_sentence
from gainspect.errors import GainspectError
from gainspect.evaluation.doubtful import require_known
from gainspect.evaluation.saved_verdicts import ALL_LABELS
from gainspect.evaluation.side_by_side import RunFigures, run_figures, save_comparison
from gainspect.inspection.backends.backend import RuntimeName
from gainspect.inspection.batches import USUAL_BATCH
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.labeled_data import prepared
from gainspect.jobs.run_evaluation import run_evaluation
from gainspect.jobs.run_export import bundle_of
from gainspect.jobs.training_ranks import training_ranks
from gainspect.names import composed
from gainspect.report.drawing.picture_grid import PictureRow, picture_grid
from gainspect.report.terminal.sentences import say
from gainspect.report.texts import Wording
from gainspect.strategies import strategy
from gainspect.training.launch import resume, train
from gainspect.training.ranks import ALONE, Ranks
from gainspect.training.run_folder import LABELS, RunFolder
from gainspect.training.settle import settle
from gainspect.training.trained import trained_inspector
from gainspect.types import Label, Verdict


def compare_strategies(
    config: RunConfig,
    data: Manifest | Path,
    strategies: list[str],
    seeds: list[int],
    out: Path,
    *,
    doubtful: frozenset[str] | None = None,
    seen: SeenChoice = "refuse",
    choices: Choices | None = None,
    check: bool = False,
    devices: int = 1,
    nodes: int = 1,
    runtime: RuntimeName = "auto",
    batch_size: int = USUAL_BATCH,
    threads: int | None = None,
    console: Console | None = None,
) -> dict[str, list[RunFigures]]:
    """Train and evaluate each strategy with each seed on the same split; finished runs are not trained again.

    The split is made with the seed of the configuration, so that only the training differs between seeds.

    Args:
        config: the configuration of the runs.
        data: the parts; or where they are: a data folder, a manifest, or the labels of a tool, which are
            imported into labels/ in `out`.
        strategies: names of strategies.
        seeds: seeds to train with.
        out: folder for the runs and the comparison.
        doubtful: images to leave out in a second comparison.
        seen: whether to compare on a test part with images of the training or validation part.
        choices: what the labels of a tool do not say; None: nothing.
        check: whether to check reasons too, and to count decisions.
        devices: processes on each machine that train together, as in `run_training`.
        nodes: machines.
        runtime: see `Inspector.load`; "torch" judges with the checkpoints. All others judge with the bundles
            of the runs, which are exported where there are none.
        batch_size: see `Inspector.load`.
        threads: see `Inspector.load`.
        console: where progress is shown; None: no progress is shown.

    Returns:
        Rows by title: with all labels and, if doubtful images are given, without them.

    Raises:
        GainspectError: a strategy is unknown, the data cannot be trained on, or `out` contains runs of
            another configuration, or the test part has images of the other parts.
        KeyboardInterrupt: the comparison was stopped; the same call continues it.
        SystemExit: a launcher started this process beside rank 0, and the trainings have ended.
    """
    names = [strategy(name).name for name in strategies]
    with training_ranks(devices, nodes, console) as ranks:
        if isinstance(data, Manifest):
            manifest = data
        else:  # rank 0 alone
            manifest = load_manifest(prepared(data, choices, out / LABELS, console=console))
        return _compared(
            config,
            manifest,
            names,
            seeds,
            out,
            doubtful=doubtful,
            seen=seen,
            check=check,
            runtime=runtime,
            batch_size=batch_size,
            threads=threads,
            console=console,
            ranks=ranks,
        )


def _compared(
    config: RunConfig,
    manifest: Manifest,
    names: list[str],
    seeds: list[int],
    out: Path,
    *,
    doubtful: frozenset[str] | None,
    seen: SeenChoice,
    check: bool,
    runtime: RuntimeName,
    batch_size: int,
    threads: int | None,
    console: Console | None,
    ranks: Ranks,
) -> dict[str, list[RunFigures]]:
    """`compare_strategies` on ranks that have been brought together."""
    require_known(doubtful or (), manifest)
    say(console, not_taken_sentence(manifest.not_taken))
    settled = settle(config, manifest)
    config, manifest = settled.config, settled.manifest
    if seen == "refuse":  # now, not after hours of training
        tested = manifest.split("test")
        found = SeenImages.of(manifest).among(tested)
        require_unseen(found, len(tested.parts), what="the test part", where=manifest.root)
    say(console, *settled.sentences(names))
    comparisons: dict[str, list[RunFigures]] = {}
    runs: dict[str, RunFolder] = {}
    for name in names:
        for seed in seeds:
            path = run_path(out, name, seed)
            run = train_or_resume(variant(config, name, seed), manifest, path, console, ranks)
            runs.setdefault(name, run)
            summaries = run_evaluation(
                run.path,
                out=run.evaluation_folder(),
                data=manifest.root,
                runtime=runtime,
                doubtful=doubtful,
                seen=seen,
                check=check,
                batch_size=batch_size,
                threads=threads,
                console=console,
            )
            for title, summary in summaries.items():
                figures = run_figures(name, seed, summary, run.result()["seconds"])
                comparisons.setdefault(title, []).append(figures)
    for title, compared in comparisons.items():
        save_comparison(compared, out, "compare" if title == ALL_LABELS else "compare-without-doubtful")
    say(console, picture(runs, manifest.split("test"), out / "compare.png", runtime, threads))
    say(console, Wording("en")("divided_anew") if divided_anew(manifest) else None)
    return comparisons


def _inspector(run: RunFolder, runtime: RuntimeName, threads: int | None) -> Inspector:
    """As `run_evaluation` judged."""
    if runtime == "torch":
        return trained_inspector(run)
    return Inspector.load(bundle_of(run), runtime, threads=threads, check=False)


def picture(
    runs: Mapping[str, RunFolder],
    manifest: Manifest,
    out: Path,
    runtime: RuntimeName = "auto",
    threads: int | None = None,
) -> str | None:
    """Draw parts of each defect type and OK parts, with the evidence of each run, as `run_evaluation` judges.

    Returns:
        What no installed font can draw, in a sentence; None: nothing.
    """
    parts = _examples(manifest)
    verdicts = {
        name: list(_inspector(run, runtime, threads).judge(manifest.image(part) for part in parts))
        for name, run in runs.items()
    }
    defective = [part.label is Label.NG for part in parts]
    scales = [_hottest(column, defective) for column in verdicts.values()]
    rows = []
    for index, part in enumerate(parts):
        image = manifest.image(part)
        marked = manifest.mask(part, image.shape)
        mask = np.zeros(image.shape[:2], np.uint8) if marked is None else marked
        title = _title(manifest, part)
        rows.append(
            PictureRow(title, image, mask, part.label, [column[index] for column in verdicts.values()])
        )
    return picture_grid(rows, list(verdicts), scales, out).sentence


def _title(manifest: Manifest, part: Part) -> list[str]:
    """What a part shows, its name unless that of its image says it, and the name of its image."""
    lines = [part.defect_type or part.label.upper(), part.group, part.image.name]
    return [lines[0], lines[2]] if part.group in composed(manifest.key(part)) else lines


def _examples(manifest: Manifest) -> list[Part]:
    """A few parts of each kind, each from a different group; every call returns the same parts."""
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
    """99th percentile of the evidence over the defective parts in the picture."""
    values = [v.evidence.evidence.ravel() for v, bad in zip(verdicts, defective, strict=True) if bad]
    return float(np.percentile(np.concatenate(values), 99)) if values else 1.0


def run_path(out: Path, name: str, seed: int) -> Path:
    """The folder in which a comparison keeps the run of one strategy and seed."""
    return out / f"{name}-seed{seed}"


def variant(config: RunConfig, name: str, seed: int) -> RunConfig:
    """The same configuration for another strategy and seed."""
    training = config.training.model_copy(update={"seed": seed})
    return config.model_copy(update={"strategy": name, "training": training})


def train_or_resume(
    config: RunConfig, manifest: Manifest, path: Path, console: Console | None, ranks: Ranks = ALONE
) -> RunFolder:
    """Train into a folder, or continue the run that it already contains.

    Raises:
        GainspectError: the folder contains a run of another configuration or of other data.
    """
    run = RunFolder(path)
    if not run.config_file.exists():
        return train(config, manifest, path, console=console, announce=False, efforts=False, ranks=ranks)
    config, manifest, *_ = settle(config, manifest)
    begun = run.config()
    if begun.data.bits == "auto":  # a run of an older version, which did not settle it
        config = config.with_data(bits="auto")
    if begun != config.resolved():
        raise GainspectError(
            "the folder contains a run of another configuration",
            where=path,
            hint="Choose another --out, or delete the folder.",
        )
    run.require_unchanged(manifest)
    return resume(path, data=manifest.root, console=console, efforts=False, ranks=ranks)

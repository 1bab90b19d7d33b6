"""Train out of fold: one network for each fold, judged on what it was not trained on, then one on all parts.

The run folder of the whole is an ordinary one without a validation part; `folds/1 …` in it are ordinary runs.
"""

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from gainspect.config import RunConfig
from gainspect.data.manifest import Manifest
from gainspect.data.marked import Marking
from gainspect.data.splits import folds
from gainspect.data.unchanged import DataRecord
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import THRESHOLDS, assess
from gainspect.evaluation.out_of_fold import HeldOutMaps, pooled, pooled_thresholds
from gainspect.evaluation.validation_verdicts import (
    checked_verdicts,
    read_validation_verdicts,
    save_validation_verdicts,
)
from gainspect.inspection.inspector import Inspector
from gainspect.report.terminal.image_bar import image_bar
from gainspect.report.terminal.sentences import say
from gainspect.training import launch
from gainspect.training.device import device_at_hand
from gainspect.training.ranks import ALONE, Ranks
from gainspect.training.run_folder import RunFolder, require_new_run
from gainspect.training.settle import Settled, settle
from gainspect.training.trained import good_parts_for, last_average
from gainspect.wording import plural


def train(
    config: RunConfig,
    manifest: Manifest,
    out: Path,
    *,
    console: Console | None = None,
    ranks: Ranks = ALONE,
) -> RunFolder:
    """Train `training.folds` networks and the last one, into a new run folder.

    Folds that are there already are taken as they are, if nothing else is in the folder.

    Args:
        config: the configuration of the run.
        manifest: the parts, completed as by `launch.train`; then training and validation parts are divided.
        out: the run folder to create.
        console: where progress is shown; None: no progress is shown.
        ranks: the ranks to train on, of which this process leads.

    Raises:
        GainspectError: no number of folds is set, the folder is in use, there are fewer groups of a class
            than folds, a fold is of another configuration or other data, the data cannot be trained on, the
            batch cannot be divided among the ranks, or weights are missing.
        KeyboardInterrupt: the training was stopped; `resume` continues it.
    """
    count = _count(config, out)
    ranks.require_shares(config.training.batch_size)
    require_new_run(out, folds=True)
    settled = settle(config, manifest)
    say(console, *settled.sentences([config.strategy]))
    divisions = folds(settled.manifest, count, config.training.seed)
    run = RunFolder(out)
    if run.folds_folder.exists():
        _require_same(run, settled.config, divisions, DataRecord.of(settled.manifest))
    launch.start(_undivided(settled), out, ranks)
    return _continued(run, run.manifest(), console, ranks)


def resume(
    out: Path, *, data: Path | None = None, console: Console | None = None, ranks: Ranks = ALONE
) -> RunFolder:
    """Continue a run with folds that was stopped; a run that has ended is not changed.

    Args:
        out: its run folder.
        data: the data folder, if it has moved.
        console: where progress is shown; None: no progress is shown.
        ranks: the ranks to train on, of which this process leads.

    Raises:
        GainspectError: this is not a run folder, its data have changed or no longer exist, or a fold is of
            another configuration or other data.
        KeyboardInterrupt: the training was stopped again.
    """
    run = RunFolder(out)
    _count(run.config(), out)
    if run.result_file.exists() and run.validation_file.exists():
        return run
    return _continued(run, run.manifest(data), console, ranks)


def _count(config: RunConfig, out: Path) -> int:
    count = config.training.folds
    if count is None:
        raise GainspectError("this run has no folds", where=out, hint="Folds are chosen when a run begins.")
    return count


def _undivided(settled: Settled) -> Settled:
    """The same with training and validation parts together."""
    parts = tuple(
        part if part.split == "test" else replace(part, split="train") for part in settled.manifest.parts
    )
    pairs = zip(vars(settled.train).items(), vars(settled.validation).values(), strict=True)
    marking = Marking(**{name: one + other for (name, one), other in pairs})
    return settled._replace(
        manifest=replace(settled.manifest, parts=parts), train=marking, validation=Marking(0, 0, 0, 0)
    )


def _require_same(run: RunFolder, config: RunConfig, divisions: list[Manifest], record: DataRecord) -> None:
    """Refuse folds of another configuration or other data; folds that have not begun are left out."""
    expected = config.without_folds().resolved()
    known = {str(number) for number in range(1, len(divisions) + 1)}
    more = sorted(path.name for path in run.folds_folder.iterdir() if path.name not in known)
    if more:
        raise GainspectError(
            f"the run has {plural(len(divisions), 'fold')}, and there is {more[0]!r} beside them",
            where=run.folds_folder,
            hint="Remove what does not belong there.",
        )
    for number, division in enumerate(divisions, start=1):
        fold = run.fold(number)
        if not fold.config_file.is_file():
            continue
        what = None
        if differing := _differing(fold.config(), expected):
            what = f"another configuration ({', '.join(differing)})"
        elif fold.data_record() != DataRecord(division.fingerprint(record.files), record.files):
            what = "other data, or with another division"
        if what is not None:
            raise GainspectError(
                f"fold {number} was trained with {what}",
                where=fold.path,
                hint="Choose another run folder, or remove the fold.",
            )


def _differing(one: RunConfig, other: RunConfig) -> list[str]:
    """The settings that differ, by their names."""
    first, second = one.model_dump(), other.model_dump()
    found = [] if one.strategy == other.strategy else ["strategy"]
    sections = [name for name in first if isinstance(first[name], dict)]
    return found + [
        f"{section}.{name}"
        for section in sections
        for name in first[section]
        if first[section][name] != second[section][name]
    ]


def _continued(run: RunFolder, manifest: Manifest, console: Console | None, ranks: Ranks) -> RunFolder:
    """Train the folds that are missing, judge their held-out parts, then train on all parts."""
    config = run.config()
    count = _count(config, run.path)
    divisions = folds(manifest, count, config.training.seed)
    if run.folds_folder.exists():
        _require_same(run, config, divisions, run.data_record())
    ended = sum(run.fold(number).result_file.exists() for number in range(1, count + 1))
    if not run.result_file.exists():
        there = f", {ended} of them there" if ended else ""
        epochs = plural(config.training.epoch_count, "epoch")
        say(console, f"{count} folds{there}, then one network on all parts; {epochs} each.")
    for number, division in enumerate(divisions, start=1):
        fold = run.fold(number)
        if fold.result_file.exists():
            continue
        counts = " and ".join(plural(len(division.split(split).parts), "image") for split in ("train", "val"))
        say(console, f"Fold {number} of {count}: {counts} held out.")
        left = sum(not run.fold(at).result_file.exists() for at in range(1, count + 1)) + 1
        if fold.config_file.exists():
            launch.resume(
                fold.path,
                data=manifest.root,
                console=console,
                efforts=left > count,
                trainings=left,
                ranks=ranks,
            )
        else:
            for begun in (fold.split_file, fold.files_file, fold.environment_file):
                begun.unlink(missing_ok=True)  # stopped while the folder was made
            launch.train(
                config.without_folds(),
                division,
                fold.path,
                console=console,
                announce=False,
                efforts=left > count,  # said once, before the first
                trainings=left,
                ranks=ranks,
            )
    if not run.validation_file.exists():
        _judge(run, config, divisions, console)
    if not run.result_file.exists():
        images = plural(len(manifest.split("train").parts), "image")
        say(console, f"One network on all {images}; it keeps its last epoch.")
    return launch.resume(run.path, data=manifest.root, console=console, efforts=False, ranks=ranks)


def _judge(run: RunFolder, config: RunConfig, divisions: list[Manifest], console: Console | None) -> None:
    """Judge each held-out part with the last average of its network; store the pooled verdicts.

    The final training keeps its last average too, and no held-out part has chosen its network's epoch.
    """
    tiling = config.data.tiling
    held_out = [division.split("val") for division in divisions]
    runs = [run.fold(number) for number in range(1, len(divisions) + 1)]
    todo = list(zip(runs, held_out, divisions, strict=True))
    images = sum(
        len(held.parts) * sum(not file.is_file() for file in (fold.held_out_maps_file, fold.held_out_file))
        for fold, held, _ in todo
    )
    with image_bar("judge out of fold", images, console) as advance:
        for fold, held, _ in todo:
            if not fold.held_out_maps_file.is_file():
                inspector = Inspector(
                    last_average(fold, device=device_at_hand()), threshold=0.5, tiling=tiling
                )
                HeldOutMaps.of(assess(inspector, held, on_image=advance, scope=THRESHOLDS)).save(
                    fold.held_out_maps_file
                )
        thresholds, region = pooled_thresholds([HeldOutMaps.read(one.held_out_maps_file) for one in runs])
        for fold, held, division in todo:
            if not fold.held_out_file.is_file():
                backend = last_average(fold, division, device_at_hand())
                good = good_parts_for(config, division)
                found = checked_verdicts(backend, held, thresholds, region, tiling, advance, good=good)
                save_validation_verdicts(found, fold.held_out_file)
    verdicts = pooled([read_validation_verdicts(fold.held_out_file) for fold in runs])
    save_validation_verdicts(verdicts, run.validation_file)

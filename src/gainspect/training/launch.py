"""Train one strategy, from the configuration to the chosen checkpoint; can resume after Ctrl-C or a kill."""

import os
import platform
import sys
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import torch
from rich.console import Console

from gainspect.config import RunConfig, save_config
from gainspect.data.manifest import Manifest, save_manifest
from gainspect.data.unchanged import DataRecord
from gainspect.errors import GainspectError
from gainspect.evaluation.operating_point import choose_policy, operating_point, usual_goal
from gainspect.evaluation.validation_verdicts import save_validation_verdicts, validation_verdicts
from gainspect.files import write_json, write_text
from gainspect.models.gain_mtl import GainMTL
from gainspect.report.terminal.image_bar import image_bar
from gainspect.report.terminal.sentences import say
from gainspect.training.callbacks import Monitor
from gainspect.training.device import device_at_hand
from gainspect.training.earlier import seen_in
from gainspect.training.fitting import Fit, fit, initial_model, precision_of
from gainspect.training.initial import frozen_stages, load_initial
from gainspect.training.ranks import ALONE, Ranks
from gainspect.training.run_folder import RunFolder, require_new_run
from gainspect.training.selection import EpochFigures, monitored
from gainspect.training.settle import Settled, settle
from gainspect.training.trained import familiarize, keep_good_parts, trained_backend, validated


def train(
    config: RunConfig,
    manifest: Manifest,
    out: Path,
    *,
    console: Console | None = None,
    announce: bool = True,
    efforts: bool = True,
    trainings: int = 1,
    ranks: Ranks = ALONE,
) -> RunFolder:
    """Train into a new run folder.

    Args:
        config: the configuration of the run.
        manifest: the parts. Parts without a split are assigned to one (by group, stratified, seeded). If the
            size is "auto", it is chosen from their defects.
        out: the run folder to create.
        console: where progress is shown; None: no progress is shown.
        announce: whether to say what was settled; a comparison of several runs says it once.
        efforts: whether to say how long other efforts take.
        trainings: how many like it are still to come, itself among them; the time that they take is said.
        ranks: the ranks to train on, of which this process leads (`training.together`).

    Raises:
        GainspectError: the folder is in use, the data cannot be trained on, weights are missing, the batch
            cannot be divided among the ranks, or folds are asked for (see `training.folds`).
        KeyboardInterrupt: the training was stopped; `resume` continues it.
    """
    if config.training.folds is not None:
        raise GainspectError(
            "this trains one network, and folds are several",
            where="training.folds",
            hint="Leave it out, or use `gainspect train --folds K`.",
        )
    ranks.require_shares(config.training.batch_size)
    require_new_run(out, folds=False)
    settled = settle(config, manifest)
    config, manifest = settled.config, settled.manifest
    if announce:
        say(console, *settled.sentences([config.strategy]))
    monitored(config.training.monitor, manifest.split("val"))
    run, model = start(settled, out, ranks, console if announce else None)
    return _trained(run, config, manifest, model, console, trainings, ranks, efforts=efforts)


def start(
    settled: Settled, out: Path, ranks: Ranks = ALONE, console: Console | None = None
) -> tuple[RunFolder, GainMTL]:
    """Create the run folder of a training, and the model with its initial weights.

    Args:
        settled: what to train on.
        out: the run folder.
        ranks: the ranks to train on.
        console: where it is said what is taken over of an earlier network.

    Raises:
        GainspectError: weights are missing.
    """
    config = settled.config
    model = initial_model(config)
    weights, sentences = load_initial(model, config)
    say(console, *sentences)
    run = _start_run(
        out,
        settled,
        weights=weights,
        frozen=frozen_stages(config, model.backbone),
        device=device_at_hand(),
        precision=precision_of(config),
        ranks=ranks.count,
    )
    return run, model


def resume(
    out: Path,
    *,
    data: Path | None = None,
    console: Console | None = None,
    efforts: bool = True,
    trainings: int = 1,
    ranks: Ranks = ALONE,
) -> RunFolder:
    """Continue a run that was stopped, on any number of ranks; a run that has ended is not changed.

    Of a run with folds this is the last training, for which they must have been judged (`training.folds`).
    """
    run = RunFolder(out)
    config = run.config()
    if run.result_file.exists():
        return run
    ranks.require_shares(config.training.batch_size)
    if config.training.folds is not None:
        validated(run)  # raises if they are missing, before hours of training
    model = begun_model(run)
    return _trained(run, config, run.manifest(data), model, console, trainings, ranks, efforts=efforts)


def begun_model(run: RunFolder) -> GainMTL:
    """The model of a run that was stopped; `fit` loads its checkpoint, if it has one.

    Raises:
        GainspectError: it was stopped in its first epoch, and its initial weights are missing.
    """
    config = run.config()
    model = initial_model(config)
    if not run.last_checkpoint.exists():
        load_initial(model, config)
    return model


def _trained(
    run: RunFolder,
    config: RunConfig,
    manifest: Manifest,
    model: GainMTL,
    console: Console | None,
    trainings: int,
    ranks: Ranks,
    *,
    efforts: bool,
) -> RunFolder:
    """Train on all ranks; rank 0 alone does the rest."""
    order = Fit(run.path, config, manifest, resumes=run.last_checkpoint.exists())
    ranks.told(order)
    monitor, announced = fit(order, model, ranks, console, trainings, efforts=efforts)
    _finish(run, config, manifest, monitor, announced, console)
    return run


def _finish(
    run: RunFolder,
    config: RunConfig,
    manifest: Manifest,
    monitor: Monitor,
    announced: dict[str, float] | None,
    console: Console | None,
) -> None:
    """Judge the validation part with the kept model, choose the policy from the verdicts, save the result.

    Without a validation part the policy is chosen from the stored verdicts, which are out of fold.
    """
    kept = monitor.selection.kept
    assert kept is not None  # the last epoch is always a candidate
    validation = manifest.split("val")
    familiar, good = familiarize(run, manifest, console), keep_good_parts(run, manifest)
    if validation.parts:
        with image_bar("check reasons", 2 * len(validation.parts), console) as advance:
            backend = trained_backend(run, device_at_hand())
            verdicts = validation_verdicts(
                backend,
                validation,
                config.data.tiling,
                advance,
                training=() if familiar is None else familiar.inputs,
                good=good,
            )
        save_validation_verdicts(verdicts, run.validation_file)
    else:
        verdicts = validated(run)
    write_text(run.seen_file, seen_in(manifest, config).to_json().decode())
    goal = usual_goal(verdicts, config.training.target_recall)
    policy = choose_policy(verdicts, goal)
    write_json(
        run.result_file,
        {
            "epoch": kept["epoch"],
            "validation": kept,
            "policy": policy.model_dump(mode="json"),
            "operating_point": operating_point(verdicts, policy, goal).model_dump(mode="json"),
            "seconds": _seconds(monitor.history),
            "announced": announced
            and announced | {"taken": _seconds(monitor.history[-int(announced["epochs"]) :])},
        },
    )


def _seconds(epochs: list[EpochFigures]) -> float:
    return round(sum(epoch["seconds"] for epoch in epochs), 3)


_PACKAGES = ("torch", "torchvision", "timm", "lightning", "numpy", "opencv-python-headless", "scikit-learn")


def _start_run(
    path: Path, settled: Settled, *, weights: str, frozen: int, device: str, precision: str, ranks: int
) -> RunFolder:
    """Create a run folder and record what the training will use."""
    run, manifest = RunFolder(path), settled.manifest
    save_manifest(manifest, run.split_file)
    record = DataRecord.of(manifest)
    write_json(run.files_file, record.files)
    write_json(
        run.environment_file,
        {
            "data": {
                "root": str(manifest.root.resolve()),
                "fingerprint": record.fingerprint,
                "darkest": 0 if manifest.reading.depth is None else manifest.reading.depth.darkest,
                "marking": {
                    split: asdict(marking)
                    for split, marking in (("train", settled.train), ("val", settled.validation))
                    if manifest.split(split).parts
                },
            },
            "weights": weights,
            "frozen_stages": frozen,
            "device": device,
            "precision": precision,
            "processes": ranks,
            "threads": torch.get_num_threads(),
            "gainspect": version("gainspect"),
            "packages": {name: version(name) for name in _PACKAGES},
            "python": sys.version.split()[0],
            "platform": platform.platform(),
            "cpus": os.cpu_count(),
            "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        },
    )
    save_config(
        settled.config.resolved(), run.config_file
    )  # written last: its presence makes this a run folder
    return run

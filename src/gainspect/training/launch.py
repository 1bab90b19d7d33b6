"""Train one strategy, from the configuration to the chosen checkpoint; can resume after Ctrl-C or a kill."""

import logging
import os
import platform
import signal
import sys
import threading
import warnings
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import lightning.pytorch as pl
import torch
from rich.console import Console

from gainspect.config import MONITORS, RunConfig, save_config
from gainspect.data.loading.dataset import TrainingSet
from gainspect.data.manifest import Manifest, save_manifest
from gainspect.data.seen import SeenImages
from gainspect.data.unchanged import DataRecord
from gainspect.errors import GainspectError
from gainspect.evaluation.operating_point import choose_policy, operating_point, usual_goal
from gainspect.evaluation.validation_verdicts import save_validation_verdicts, validation_verdicts
from gainspect.files import write_json, write_text
from gainspect.models.gain_mtl import GainMTL, model_of
from gainspect.models.weights import load_weights
from gainspect.report.terminal.image_bar import image_bar
from gainspect.report.terminal.sentences import say
from gainspect.strategies import strategy
from gainspect.training.callbacks import EpochBar, EpochLines, Monitor, Patience
from gainspect.training.checkpoint import SafetensorsIO, load_state
from gainspect.training.compiled import compile_backbone, compiler_errors
from gainspect.training.device import device_at_hand
from gainspect.training.estimate import estimate
from gainspect.training.free_memory import cache_room
from gainspect.training.run_folder import RunFolder, require_new_run
from gainspect.training.selection import EpochFigures, monitored
from gainspect.training.settle import Settled, settle
from gainspect.training.task import InspectionTask
from gainspect.training.trained import familiarize, trained_backend, validated
from gainspect.training.workers import handle_no_child_signals, loading_workers, out_of_shared_memory
from gainspect.wording import in_words, plural

_LIGHTNING_ADVICE = (
    ".*does not have many workers",  # we choose the workers
    ".*is smaller than the logging interval",  # small data sets are normal here
    r"Found \d+ module\(s\) in eval mode",  # the weight average
    r".*isinstance\(treespec, LeafSpec\)",  # Lightning's own code, with torch 2.15
)


def train(
    config: RunConfig,
    manifest: Manifest,
    out: Path,
    *,
    console: Console | None = None,
    announce: bool = True,
    trainings: int = 1,
) -> RunFolder:
    """Train into a new run folder.

    Args:
        config: the configuration of the run.
        manifest: the parts. Parts without a split are assigned to one (by group, stratified, seeded). If the
            size is "auto", it is chosen from their defects.
        out: the run folder to create.
        console: where progress is shown; None: no progress is shown.
        announce: whether to say what was settled; a comparison of several runs says it once.
        trainings: how many like it are still to come, itself among them; the time that they take is said.

    Raises:
        GainspectError: the folder is in use, the data cannot be trained on, weights are missing, or folds are
            asked for (see `training.folds`).
        KeyboardInterrupt: the training was stopped; `resume` continues it.
    """
    if config.training.folds is not None:
        raise GainspectError(
            "this trains one network, and folds are several",
            where="training.folds",
            hint="Leave it out, or use `gainspect train --folds K`.",
        )
    require_new_run(out, folds=False)
    settled = settle(config, manifest)
    config, manifest = settled.config, settled.manifest
    if announce:
        say(console, *settled.sentences([config.strategy]))
    monitored(config.training.monitor, manifest.split("val"))
    run, model = start(settled, out)
    return _fit(run, config, manifest, model, console, trainings)


def start(settled: Settled, out: Path) -> tuple[RunFolder, GainMTL]:
    """Create the run folder of a training, and the model with its initial weights.

    Raises:
        GainspectError: weights are missing.
    """
    config = settled.config
    model = _build(config)
    weights = load_weights(model.backbone, config.model.backbone, config.model.weights)
    run = _start_run(out, settled, weights=weights, device=device_at_hand(), precision=_precision(config))
    return run, model


def resume(
    out: Path, *, data: Path | None = None, console: Console | None = None, trainings: int = 1
) -> RunFolder:
    """Continue a run that was stopped; a run that has ended is not changed.

    Of a run with folds this is the last training, for which they must have been judged (`training.folds`).
    """
    run = RunFolder(out)
    config = run.config()
    if run.result_file.exists():
        return run
    if config.training.folds is not None:
        validated(run)  # raises if they are missing, before hours of training
    model = _build(config)
    if not run.last_checkpoint.exists():  # stopped in its first epoch
        load_weights(model.backbone, config.model.backbone, config.model.weights)
    return _fit(run, config, run.manifest(data), model, console, trainings)


@compiler_errors()
def _fit(
    run: RunFolder,
    config: RunConfig,
    manifest: Manifest,
    model: GainMTL,
    console: Console | None,
    trainings: int,
) -> RunFolder:
    model.backbone.freeze(config.training.frozen_stages)
    if config.training.compile:
        compile_backbone(model)
    transplants = config.training.transplants
    data = TrainingSet(
        manifest.split("train"),
        config.training.seed,
        mask_share=config.experimental.mask_share,
        boxes=config.experimental.boxes,
        transplants=strategy(config.strategy).transplants if transplants is None else transplants,
        tiling=config.data.tiling,
        room=cache_room(config.training.cache_gb),
        room_asked=config.training.cache_gb is not None,
    )
    workers, fewer = loading_workers(config)
    say(console, fewer or None)
    task = InspectionTask(config, model, data, workers)
    lines = EpochLines(config.strategy, console or Console(quiet=True))
    validation = manifest.split("val")
    figure = monitored(config.training.monitor, validation) if validation.parts else None
    monitor = Monitor(run, validation, figure, lines.add, "max" if figure is None else MONITORS[figure])
    announced = None
    if console is not None:
        announced = _announce(task, validation, console, done=_epochs_done(run), trainings=trainings)
    trainer = _trainer(config, monitor, figure, bar=console is not None and console.is_terminal)
    handler = signal.getsignal(signal.SIGINT)
    # Only the main thread may set handlers; elsewhere Lightning sets none.
    main = threading.current_thread() is threading.main_thread()
    handle_no_child_signals()
    try:
        with warnings.catch_warnings():
            for message in _LIGHTNING_ADVICE:
                warnings.filterwarnings("ignore", message=message)
            trainer.fit(task, ckpt_path=str(run.last_checkpoint) if run.last_checkpoint.exists() else None)
    except GainspectError as error:
        raise _from_worker(error) from error
    except RuntimeError as error:
        raise out_of_shared_memory(error) or error from error
    except SystemExit as error:  # Lightning turns Ctrl-C into SystemExit
        raise KeyboardInterrupt from error
    finally:
        data.forget()
        if main and handler is not None:
            signal.signal(signal.SIGINT, handler)  # Lightning leaves it ignored
    _finish(run, config, manifest, monitor, announced, console)
    return run


def _announce(
    task: InspectionTask, validation: Manifest, console: Console, *, done: int, trainings: int
) -> dict[str, float]:
    """Print how long the remaining epochs will take; return their number and the seconds."""
    epochs = task.config.training.epochs - done
    bf16 = _precision(task.config) == "bf16"
    seconds = estimate(task, validation, epochs=epochs, device=device_at_hand(), bf16=bf16)
    steps = plural(len(task.batches(0)), "step")
    console.print(f"{plural(epochs, 'epoch')} of {steps}: {in_words(seconds)} on this machine.")
    if trainings > 1:
        whole = seconds * (1 + (trainings - 1) * task.config.training.epochs / max(1, epochs))
        console.print(f"With {plural(trainings - 1, 'further training')}: {in_words(whole)}.")
    return {"epochs": epochs, "seconds": round(seconds, 3)}


def _from_worker(error: GainspectError) -> GainspectError:
    """An error of a worker process, without the traceback that torch puts into its text."""
    if "Original Traceback" not in error.what:
        return error
    return GainspectError(error.what.strip().splitlines()[-1].partition("GainspectError: ")[2])


def _epochs_done(run: RunFolder) -> int:
    return int(load_state(run.last_checkpoint)["epoch"]) + 1 if run.last_checkpoint.exists() else 0


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
    familiar = familiarize(run, manifest, console)
    if validation.parts:
        with image_bar("check reasons", 2 * len(validation.parts), console) as advance:
            backend = trained_backend(run, device_at_hand())
            verdicts = validation_verdicts(
                backend,
                validation,
                config.data.tiling,
                advance,
                training=() if familiar is None else familiar.inputs,
            )
        save_validation_verdicts(verdicts, run.validation_file)
    else:
        verdicts = validated(run)
    write_text(run.seen_file, SeenImages.of(manifest).to_json().decode())
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


def _build(config: RunConfig) -> GainMTL:
    """The model with the initial weights that the seed gives."""
    torch.manual_seed(config.training.seed)
    return model_of(config)


def _trainer(config: RunConfig, monitor: Monitor, figure: str | None, *, bar: bool) -> pl.Trainer:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)
    settings = config.training
    callbacks: list[pl.Callback] = [monitor, *([EpochBar()] if bar else [])]
    if settings.patience is not None and figure is not None:
        callbacks.append(Patience(figure, settings.patience, MONITORS[figure]))
    return pl.Trainer(
        accelerator="auto",
        devices=1,
        precision="bf16-mixed" if _precision(config) == "bf16" else "32-true",
        max_epochs=settings.epochs,
        accumulate_grad_batches=settings.accumulate,
        gradient_clip_val=settings.clip,
        reload_dataloaders_every_n_epochs=1,
        callbacks=callbacks,
        plugins=[SafetensorsIO()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=bar,
        enable_model_summary=False,
    )


def _precision(config: RunConfig) -> str:
    if config.training.precision != "auto":
        return config.training.precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "32"


_PACKAGES = ("torch", "torchvision", "timm", "lightning", "numpy", "opencv-python-headless", "scikit-learn")


def _start_run(path: Path, settled: Settled, *, weights: str, device: str, precision: str) -> RunFolder:
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
            "device": device,
            "precision": precision,
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

"""Fits a network to the training part, on one or several ranks: all between the run folder and its result."""

import logging
import signal
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import lightning.pytorch as pl
import torch
from lightning.fabric.plugins import CheckpointIO, ClusterEnvironment
from lightning.pytorch.plugins import LayerSync, Precision
from lightning.pytorch.strategies import DDPStrategy
from rich.console import Console

from gainspect.config import EFFORTS, MONITORS, RunConfig
from gainspect.data.loading.dataset import TrainingSet
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.models.gain_mtl import GainMTL, model_of
from gainspect.report.terminal.sentences import say
from gainspect.training.batch_norm import SynchronizedBatchNorm
from gainspect.training.callbacks import EpochBar, EpochLines, Monitor, Patience, StopOnTerminate
from gainspect.training.checkpoint import SafetensorsIO, load_state
from gainspect.training.compiled import compile_backbone, compiler_errors
from gainspect.training.device import arithmetic, device_at_hand
from gainspect.training.estimate import estimate
from gainspect.training.free_memory import cache_room
from gainspect.training.ranks import ALONE, Ranks
from gainspect.training.run_folder import RunFolder
from gainspect.training.selection import monitored
from gainspect.training.task import InspectionTask
from gainspect.training.workers import handle_no_child_signals, loading_workers, out_of_shared_memory
from gainspect.wording import in_words, plural

_LIGHTNING_ADVICE = (
    ".*does not have many workers",  # we choose the workers
    ".*is smaller than the logging interval",  # small data sets are normal here
    r"Found \d+ module\(s\) in eval mode",  # the weight average
    r".*isinstance\(treespec, LeafSpec\)",  # Lightning's own code, with torch 2.15
    ".*sync_dist=True.*",  # validation figures are the same on all ranks
    "Grad strides do not match bucket view strides",  # of 1×1 convolutions in channels_last
    "`broadcast_buffers` is deprecated",  # what replaces it is too new
)


_WHAT_STEPS_GIVE = (
    "On screws of 192 px, 84 steps gave AUROC 0.746, 168 steps 0.841, and 560 steps 0.940 "
    "(docs/explanation/recipe.md)."
)
"""From benchmarks/results/recipe_epochs.md."""


@dataclass(frozen=True)
class Fit:
    """What all ranks of a training need to know of it."""

    run: Path
    """The run folder, which all ranks read and rank 0 writes."""
    config: RunConfig
    manifest: Manifest
    resumes: bool
    """Whether there is a checkpoint to go on from."""


class Fitted(NamedTuple):
    """What a training came to."""

    monitor: Monitor
    announced: dict[str, float] | None
    """How many epochs were announced, and the seconds that they would take; None: nothing was."""


def initial_model(config: RunConfig) -> GainMTL:
    """The model with the initial weights that the seed gives."""
    torch.manual_seed(config.training.seed)
    return model_of(config)


def precision_of(config: RunConfig) -> str:
    """The arithmetic of the training: "32" or "bf16"."""
    if config.training.precision != "auto":
        return config.training.precision
    return "bf16" if torch.cuda.is_available() and torch.cuda.is_bf16_supported() else "32"


def follow(ranks: Ranks) -> None:
    """Take part in the trainings that rank 0 orders, until it orders none any more.

    Raises:
        GainspectError: this rank failed, or lost the others.
        KeyboardInterrupt: the training was stopped.
    """
    try:
        while (order := ranks.told()) is not None:
            assert isinstance(order, Fit)
            fit(order, initial_model(order.config), ranks)
    except Exception as error:
        raise ranks.report(error) from error


@compiler_errors()
def fit(
    order: Fit,
    model: GainMTL,
    ranks: Ranks = ALONE,
    console: Console | None = None,
    trainings: int = 1,
    *,
    efforts: bool = True,
) -> Fitted:
    """Train a model to the last epoch, or until patience ends.

    Args:
        order: what to train.
        model: with its initial weights; on the ranks that follow they are those of rank 0.
        ranks: the ranks that train together; all of them call this.
        console: where progress is shown; None: no progress is shown.
        trainings: how many like it are still to come, itself among them; the time that they take is said.
        efforts: whether to say how long other efforts take.

    Raises:
        GainspectError: an image cannot be read, a file not be written, or another rank failed.
        KeyboardInterrupt: the training was stopped.
    """
    run, config, manifest = RunFolder(order.run), order.config, order.manifest
    settings = config.training
    if device_at_hand() == "cuda":
        model.to(memory_format=torch.channels_last)  # in which convolutions are fastest there
    model.backbone.freeze(run.frozen_stages())
    if settings.compile:
        compile_backbone(model)
    data = _training_set(config, manifest.split("train"), ranks)
    workers, fewer = loading_workers(config, devices=ranks.devices, ranks=ranks.count)
    say(console, fewer or None)
    task = InspectionTask(config, model, data, workers, ranks)
    lines = EpochLines(config.strategy, console or Console(quiet=True))
    validation = manifest.split("val")
    figure = monitored(settings.monitor, validation)
    better = "max" if figure is None else MONITORS[figure]
    monitor = Monitor(run, validation, figure, lines.add, better)
    announced = None
    if console is not None:
        done = int(load_state(run.last_checkpoint)["epoch"]) + 1 if order.resumes else 0
        announced = _announce(task, validation, console, done=done, trainings=trainings)
        if efforts and not done:
            say(console, _other_efforts(task, trainings * announced["seconds"]))
    trainer = _trainer(config, monitor, figure, ranks, bar=console is not None and console.is_terminal)
    checkpoint = str(run.last_checkpoint) if order.resumes else None
    try:
        with arithmetic(tf32=settings.tf32):
            _run(trainer, task, checkpoint)
    except GainspectError as error:
        raise _from_worker(error) from error
    except RuntimeError as error:
        failed_first = ranks.reported() if ranks.leads else None
        raise failed_first or out_of_shared_memory(error) or error from error
    finally:
        data.forget()
    return Fitted(monitor, announced)


def _run(trainer: pl.Trainer, task: InspectionTask, checkpoint: str | None) -> None:
    """`Trainer.fit`, without its advice, its way with Ctrl-C, and what it leaves of signal handlers."""
    handler = signal.getsignal(signal.SIGINT)
    # Only the main thread may set handlers; elsewhere Lightning sets none.
    main = threading.current_thread() is threading.main_thread()
    handle_no_child_signals()
    try:
        with warnings.catch_warnings():
            for message in _LIGHTNING_ADVICE:
                warnings.filterwarnings("ignore", message=message)
            trainer.fit(task, ckpt_path=checkpoint)
    except SystemExit as error:  # Lightning turns Ctrl-C into SystemExit
        raise KeyboardInterrupt from error
    finally:
        if main and handler is not None:
            signal.signal(signal.SIGINT, handler)  # Lightning leaves it ignored


def _training_set(config: RunConfig, manifest: Manifest, ranks: Ranks) -> TrainingSet:
    training = config.resolved().training
    return TrainingSet(
        manifest,
        config.training.seed,
        mask_share=config.experimental.mask_share,
        boxes=config.experimental.boxes,
        transplants=training.transplants or 0.0,
        repairs=training.repairs or 0.0,
        repair_fill=training.repair_fill or "matched",
        tiling=config.data.tiling,
        room=cache_room(config.training.cache_gb) // ranks.devices,
        room_asked=config.training.cache_gb is not None,
    )


def _other_efforts(task: InspectionTask, seconds: float) -> str | None:
    """How long shorter and longer trainings take, where this one takes so many seconds; None: as long."""
    settings = task.config.training
    images = len(task.data.manifest.parts)
    count = {effort: settings.epochs_for(images, effort) for effort in EFFORTS}
    told = [
        f"--{effort} ({plural(epochs, 'epoch')}) {in_words(seconds * epochs / settings.epoch_count)}"
        for effort, epochs in count.items()
        if effort != "usual" and epochs != settings.epoch_count
    ]
    return f"Instead: {', '.join(told)}. {_WHAT_STEPS_GIVE}" if told else None


def _announce(
    task: InspectionTask, validation: Manifest, console: Console, *, done: int, trainings: int
) -> dict[str, float]:
    """Print how long the remaining epochs will take; return their number and the seconds."""
    epochs = task.config.training.epoch_count - done
    bf16 = precision_of(task.config) == "bf16"
    seconds = estimate(task, validation, epochs=epochs, device=device_at_hand(), bf16=bf16)
    steps = plural(len(task.batches(0)), "step")
    console.print(f"{plural(epochs, 'epoch')} of {steps}: {in_words(seconds)} on this machine.")
    if trainings > 1:
        whole = seconds * (1 + (trainings - 1) * task.config.training.epoch_count / max(1, epochs))
        console.print(f"With {plural(trainings - 1, 'further training')}: {in_words(whole)}.")
    return {"epochs": epochs, "seconds": round(seconds, 3)}


def _from_worker(error: GainspectError) -> GainspectError:
    """An error of a worker process, without the traceback that torch puts into its text."""
    if "Original Traceback" not in error.what:
        return error
    return GainspectError(error.what.strip().splitlines()[-1].partition("GainspectError: ")[2])


def _trainer(
    config: RunConfig, monitor: Monitor, figure: str | None, ranks: Ranks, *, bar: bool
) -> pl.Trainer:
    for logger in ("lightning.pytorch", "lightning.fabric"):
        logging.getLogger(logger).setLevel(logging.WARNING)
    settings = config.training
    callbacks: list[pl.Callback] = [monitor, *([EpochBar()] if bar else [])]
    if settings.patience is not None and figure is not None:
        callbacks.append(Patience(figure, settings.patience, MONITORS[figure]))
    plugins: list[CheckpointIO | ClusterEnvironment | LayerSync | Precision] = [SafetensorsIO()]
    if ranks.environment is not None:
        plugins.append(ranks.environment)
        plugins += [SynchronizedBatchNorm()] if device_at_hand() == "cuda" else []
        callbacks.append(StopOnTerminate())
    return pl.Trainer(
        accelerator="auto" if ranks.alone else device_at_hand(),
        devices=ranks.devices,
        num_nodes=ranks.nodes,
        # A stage trains some heads only; statistics of BatchNorm are made equal once an epoch.
        strategy="auto" if ranks.alone else DDPStrategy(find_unused_parameters=True, broadcast_buffers=False),
        use_distributed_sampler=False,
        precision="bf16-mixed" if precision_of(config) == "bf16" else "32-true",
        max_epochs=settings.epoch_count,
        accumulate_grad_batches=settings.accumulate,
        gradient_clip_val=settings.clip,
        reload_dataloaders_every_n_epochs=1,
        callbacks=callbacks,
        plugins=plugins,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=bar,
        enable_model_summary=False,
    )

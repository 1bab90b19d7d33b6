"""Callbacks at the end of each epoch: validation, log, checkpoints, and the output on the terminal."""

import csv
import io
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EarlyStopping, RichProgressBar
from rich.console import Console
from rich.text import Text

from gainspect.config import Direction
from gainspect.data.manifest import Manifest
from gainspect.evaluation.assessment import SELECTION, Assessment, assess
from gainspect.evaluation.validation_figures import validation_figures
from gainspect.files import write_text
from gainspect.inspection.backends.torch import TorchBackend
from gainspect.inspection.inspector import Inspector
from gainspect.training.checkpoint import device_of, save_state
from gainspect.training.run_folder import RunFolder
from gainspect.training.selection import EpochFigures, Selection
from gainspect.training.task import InspectionTask


class Monitor(pl.Callback):
    """Validates with the Inspector, as evaluation does, and never sees the test part.

    On several ranks each judges its share of the validation part, and all know all of what was found; rank 0
    writes the files.

    Without a figure, or without a validation part, nothing is compared, and the last epoch is kept.

    A checkpoint is a candidate only after all losses of the strategy have reached their full weight; before
    that, the head that decides may not have been trained yet.
    """

    def __init__(
        self,
        run: RunFolder,
        validation: Manifest,
        figure: str | None,
        on_epoch: Callable[[EpochFigures], None],
        better: Direction = "max",
    ) -> None:
        self.run = run
        self.validation = validation
        self.on_epoch = on_epoch
        self.history: list[EpochFigures] = []
        self.selection = Selection(figure, validation, better)
        self._started = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of this epoch."""
        del trainer, pl_module
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validate, log, keep, save; in this order, so that a kill in between loses only this epoch."""
        assert isinstance(pl_module, InspectionTask)
        epoch: EpochFigures = {"epoch": trainer.current_epoch + 1}
        epoch |= {
            name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("loss/")
        }
        pl_module.equalize_statistics()
        figures = self._validate(pl_module)
        pl_module.log_dict(figures)
        epoch |= figures
        epoch["seconds"] = round(time.monotonic() - self._started, 3)
        self.history.append(epoch)
        if pl_module.is_complete:
            self._keep_if_good(pl_module, epoch)
        if pl_module.ranks.leads:
            self._write_log()
        trainer.save_checkpoint(self.run.last_checkpoint)
        self.on_epoch(epoch)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run needs to know about the earlier epochs."""
        return {"history": self.history, "best": self.selection.best, "kept": self.selection.kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` returned."""
        self.history = state_dict["history"]
        self.selection.best, self.selection.kept = state_dict["best"], state_dict["kept"]

    def _validate(self, task: InspectionTask) -> EpochFigures:
        if not self.validation.parts:
            return {}
        model = task.kept_model
        device = device_of(model)
        bf16 = device.type == "cuda" and task.trainer.precision == "bf16-mixed"
        backend = TorchBackend(model, task.config.data.input_size, device, bf16=bf16)
        inspector = Inspector(backend, threshold=0.5, tiling=task.config.data.tiling)
        share = replace(self.validation, parts=tuple(task.ranks.share(list(self.validation.parts))))
        own = assess(inspector, share, scope=SELECTION) if share.parts else None
        images = task.ranks.gathered([] if own is None else list(own.images))
        assessment = Assessment(inspector.threshold, tuple(images))
        return dict(validation_figures(assessment, task.config.training.monitor_recall))

    def _keep_if_good(self, task: InspectionTask, epoch: EpochFigures) -> None:
        if self.selection.keeps(epoch) and task.ranks.leads:
            save_state(
                {"model": task.kept_model.state_dict(), "epoch": epoch["epoch"]}, self.run.best_checkpoint
            )

    def _write_log(self) -> None:
        names = list(dict.fromkeys(name for epoch in self.history for name in epoch))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        write_text(self.run.log_file, text.getvalue())


class Patience(EarlyStopping):
    """Stops the training after a number of candidate epochs without a better figure.

    Args:
        figure: a figure that the `Monitor` logs, or a loss.
        epochs: the number of candidate epochs.
        better: whether the largest or the smallest is the best.
    """

    def __init__(self, figure: str, epochs: int, better: Direction = "max") -> None:
        super().__init__(monitor=figure, mode=better, patience=epochs, check_on_train_epoch_end=True)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Check the figure if the epoch is a candidate."""
        assert isinstance(pl_module, InspectionTask)
        if pl_module.is_complete:
            super().on_train_epoch_end(trainer, pl_module)


class StopOnTerminate(pl.Callback):
    """Lets SIGTERM stop one of several ranks as Ctrl-C does; the others lose it, and end too.

    Lightning's own way tells the others in the middle of whatever they exchange, and can wait for them for
    ever.
    """

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Take the place of Lightning's handler, which is set after `on_fit_start`.

        At the end Lightning puts back what was there before.
        """
        del trainer, pl_module
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, signal.default_int_handler)


class EpochBar(RichProgressBar):
    """Lightning's progress bar over the batches of an epoch; epochs are counted from 1 as everywhere else."""

    def _get_train_description(self, current_epoch: int) -> str:
        return f"epoch {current_epoch + 1} of {self.trainer.max_epochs}"


class EpochLines:
    """Prints one line per epoch while a model trains."""

    def __init__(self, title: str, console: Console) -> None:
        self.title = title
        self.console = console

    def add(self, row: EpochFigures) -> None:
        """Print the loss, and on the validation part how the model ranks and where it looks."""
        parts = [f"{self.title} epoch {row['epoch']}", f"loss {row['loss/total']:.3f}"]
        parts += [f"{label} {row[name]:.2f}" for name, label in _SHOWN.items() if name in row]
        line = Text.assemble("  ".join(parts), (f"  {row['seconds']:.0f} s", "dim"))
        self.console.print(line, highlight=False, soft_wrap=True)


_SHOWN = {"ap": "val AP", "pointing_game": "PointGame", "right_reason_at_recall": "right reason at recall"}

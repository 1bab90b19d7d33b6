"""What happens around the epochs of a training: validation, log and checkpoints, and what a person sees."""

import csv
import io
import time
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from gainspect.data.manifest import Manifest
from gainspect.evaluation.assessment import assess
from gainspect.evaluation.validation_figures import validation_figures
from gainspect.files import write_text
from gainspect.inspection.backends.torch import TorchBackend
from gainspect.inspection.inspector import Inspector
from gainspect.training.checkpoint import device_of, save_state
from gainspect.training.run_folder import RunFolder
from gainspect.training.selection import EpochFigures, Selection
from gainspect.training.task import InspectionTask


class Monitor(pl.Callback):
    """Validates through the Inspector, as evaluation does, and never sees the test part.

    A checkpoint is a candidate only once all losses of the strategy have their full weight: before that,
    heads that decide may not have been trained yet.
    """

    def __init__(
        self, run: RunFolder, validation: Manifest, figure: str, on_epoch: Callable[[EpochFigures], None]
    ) -> None:
        self.run = run
        self.validation = validation
        self.on_epoch = on_epoch
        self.history: list[EpochFigures] = []
        self.selection = Selection(figure, validation)
        self._started = time.monotonic()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock of this epoch."""
        del trainer, pl_module
        self._started = time.monotonic()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Judge, log, keep, save; in that order, so that a kill in between costs this epoch only."""
        assert isinstance(pl_module, InspectionTask)
        settings = pl_module.config.training
        row: EpochFigures = {"epoch": trainer.current_epoch + 1}
        row |= {
            name: float(value) for name, value in trainer.callback_metrics.items() if name.startswith("loss/")
        }
        row |= self._validate(pl_module)
        row["seconds"] = round(time.monotonic() - self._started, 1)
        self.history.append(row)
        if pl_module.is_complete:
            self._keep_if_good(pl_module, row)
            self._stop_if_stale(trainer, row, settings.patience)
        self._write_log()
        trainer.save_checkpoint(self.run.last_checkpoint)
        self.on_epoch(row)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must know of the epochs before."""
        return {"history": self.history, "best": self.selection.best, "kept": self.selection.kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it up again."""
        self.history = state_dict["history"]
        self.selection.best, self.selection.kept = state_dict["best"], state_dict["kept"]

    def _validate(self, task: InspectionTask) -> EpochFigures:
        model = task.kept_model
        backend = TorchBackend(model, task.config.data.input_size, device_of(model))
        inspector = Inspector(backend, threshold=0.5, tiling=task.config.data.tiling)
        assessment = assess(inspector, self.validation)
        return dict(validation_figures(assessment, task.config.training.monitor_recall))

    def _keep_if_good(self, task: InspectionTask, row: EpochFigures) -> None:
        if self.selection.keeps(row):
            save_state(
                {"model": task.kept_model.state_dict(), "epoch": row["epoch"]}, self.run.best_checkpoint
            )

    def _stop_if_stale(self, trainer: pl.Trainer, row: EpochFigures, patience: int | None) -> None:
        best = self.selection.best
        if patience is not None and best is not None and row["epoch"] - best["epoch"] >= patience:
            trainer.should_stop = True

    def _write_log(self) -> None:
        names = list(dict.fromkeys(name for row in self.history for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        write_text(self.run.log_file, text.getvalue())


class ProgressBar(pl.Callback):
    """A rich bar over the batches of the whole run; on a console that is no terminal only the epoch lines."""

    def __init__(self, title: str, console: Console) -> None:
        self.console = console
        self.title = title
        self.bar = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("· left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Show the bar, from where a resumed run stands."""
        assert isinstance(pl_module, InspectionTask)
        self.batches = int(trainer.num_training_batches)
        self.job = self.bar.add_task(
            self.title,
            total=self.batches * pl_module.config.training.epochs,
            completed=self.batches * trainer.current_epoch,
        )
        self.bar.start()

    def on_train_batch_end(self, *_: Any) -> None:
        """One batch further."""
        self.bar.advance(self.job)

    def epoch_line(self, row: EpochFigures) -> None:
        """One line: loss, and on the validation part how it ranks and where it looks."""
        parts = [f"{self.title} epoch {row['epoch']}", f"loss {row['loss/total']:.3f}"]
        parts += [f"{label} {row[name]:.2f}" for name, label in _SHOWN.items() if name in row]
        line = "  ".join(parts) + f"  [dim]{row['seconds']:.0f} s[/]"
        self.console.print(line, highlight=False, soft_wrap=True)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Take the bar away, also when the run was stopped."""
        del trainer, pl_module, stage
        self.bar.stop()


_SHOWN = {"ap": "val AP", "pointing_game": "PointGame", "right_reason_at_recall": "right reason at recall"}

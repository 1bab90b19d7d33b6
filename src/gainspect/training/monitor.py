"""After each epoch: judge the validation part, log, keep the best model, save what a resume needs."""

import csv
import io
import time
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl

from gainspect.data.manifest import Manifest
from gainspect.evaluation.evaluate import judge
from gainspect.evaluation.operating_point import validation_figures
from gainspect.files import write_text
from gainspect.models.inference import TorchBackend
from gainspect.runtime.inspector import Inspector
from gainspect.training.checkpoint import device_of, save_state
from gainspect.training.run import RunFolder
from gainspect.training.selection import Row, Selection
from gainspect.training.task import InspectionTask


class Monitor(pl.Callback):
    """Validates through the Inspector, as evaluation does, and never sees the test part.

    A checkpoint is a candidate only once all losses of the strategy have their full weight: before that,
    heads that decide may not have been trained yet.
    """

    def __init__(
        self, run: RunFolder, validation: Manifest, figure: str, on_epoch: Callable[[Row], None]
    ) -> None:
        self.run = run
        self.validation = validation
        self.on_epoch = on_epoch
        self.history: list[Row] = []
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
        row: Row = {"epoch": trainer.current_epoch + 1}
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

    def _validate(self, task: InspectionTask) -> Row:
        model = task.judged_model
        backend = TorchBackend(model, task.config.data.size, device_of(model))
        inspector = Inspector(backend, threshold=0.5, tiling=task.config.data.tiling)
        judgement = judge(inspector, self.validation)
        return dict(validation_figures(judgement, task.config.training.monitor_recall))

    def _keep_if_good(self, task: InspectionTask, row: Row) -> None:
        if self.selection.keeps(row):
            save_state(
                {"model": task.judged_model.state_dict(), "epoch": row["epoch"]}, self.run.best_checkpoint
            )

    def _stop_if_stale(self, trainer: pl.Trainer, row: Row, patience: int | None) -> None:
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

"""After each epoch: judge the validation part, log, keep the best model, save what a resume needs."""

import csv
import io
import math
import time
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl

from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.evaluation.evaluate import judge
from gainspect.evaluation.operating_point import validation_figures
from gainspect.files import write_text
from gainspect.models.inference import TorchBackend
from gainspect.runtime.inspector import Inspector
from gainspect.training.checkpoint import device_of, save_state
from gainspect.training.run import RunFolder
from gainspect.training.task import InspectionTask
from gainspect.types import Label

Row = dict[str, float | int]


class Monitor(pl.Callback):
    """Validates through the Inspector, as evaluation does, and never sees the test part.

    A checkpoint is a candidate only once all losses of the strategy have their full weight: before that,
    heads that decide may not have been trained yet. Of the candidates the latest one is kept that is within
    one standard error of the best: a validation part has few defective parts, and the learning rate falls
    to 0, so that an early lead is mostly luck.

    Source: the one-standard-error rule of Breiman et al., Classification and Regression Trees (1984), 3.4.3.
    """

    def __init__(self, run: RunFolder, validation: Manifest, on_epoch: Callable[[Row], None]) -> None:
        self.run = run
        self.validation = validation
        self.on_epoch = on_epoch
        self.history: list[Row] = []
        self.best: Row | None = None
        self.kept: Row | None = None
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
            self._keep_if_good(pl_module, row, settings.monitor)
            self._stop_if_stale(trainer, row, settings.patience)
        self._write_log()
        trainer.save_checkpoint(self.run.last_checkpoint)
        self.on_epoch(row)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must know of the epochs before."""
        return {"history": self.history, "best": self.best, "kept": self.kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take it up again."""
        self.history, self.best, self.kept = (state_dict[name] for name in ("history", "best", "kept"))

    def _validate(self, task: InspectionTask) -> Row:
        model = task.judged_model
        backend = TorchBackend(model, task.config.data.size, device_of(model))
        inspector = Inspector(backend, threshold=0.5, tiling=task.config.data.tiling)
        judgement = judge(inspector, self.validation)
        return dict(validation_figures(judgement, task.config.training.monitor_recall))

    def _keep_if_good(self, task: InspectionTask, row: Row, monitor: str) -> None:
        if monitor not in row:
            raise GainspectError(
                f"there is no validation figure {monitor!r}",
                where="training.monitor",
                mend=f"Choose one of {', '.join(name for name in row if '/' not in name)}.",
            )
        # Average precision settles ties, which are common on a small validation part.
        if self.best is None or (row[monitor], row["ap"]) > (self.best[monitor], self.best["ap"]):
            self.best = row
        if row[monitor] >= self.best[monitor] - self._standard_error(self.best[monitor]):
            self.kept = row
            save_state(
                {"model": task.judged_model.state_dict(), "epoch": row["epoch"]}, self.run.best_checkpoint
            )

    def _standard_error(self, share: float) -> float:
        """Of a share of the defective validation parts (groups, not images); figures here are such shares."""
        groups = {part.group for part in self.validation.parts if part.label is Label.NG}
        return math.sqrt(max(0.0, share * (1 - share)) / max(1, len(groups)))

    def _stop_if_stale(self, trainer: pl.Trainer, row: Row, patience: int | None) -> None:
        if patience is not None and self.best is not None and row["epoch"] - self.best["epoch"] >= patience:
            trainer.should_stop = True

    def _write_log(self) -> None:
        names = list(dict.fromkeys(name for row in self.history for name in row))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(self.history)
        write_text(self.run.log_file, text.getvalue())

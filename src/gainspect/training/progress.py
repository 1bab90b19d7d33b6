"""What a person sees while a model trains: one bar for the whole run, one line an epoch."""

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

from gainspect.training.selection import Row
from gainspect.training.task import InspectionTask


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

    def epoch_line(self, row: Row) -> None:
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

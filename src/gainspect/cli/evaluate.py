"""`gainspect evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console


def evaluate(
    run: Annotated[Path, typer.Argument(help="Run folder of `gainspect train`.")],
    split: Annotated[str, typer.Option(help="Part to judge: test, val or train.")] = "test",
    data: Annotated[
        Path | None, typer.Option(help="Data folder, if it has moved since the training.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Result folder.  [default: RUN/evaluation/SPLIT]")] = None,
    maps: Annotated[Path | None, typer.Option(help="Also write the float maps, one .npz an image.")] = None,
    doubtful: Annotated[
        Path | None,
        typer.Option(help="CSV with a column `file`: also give the figures without these images."),
    ] = None,
) -> None:
    """Judge the parts a run has never seen: verdicts, and where the model looked."""
    from gainspect.evaluation.evaluate import read_doubtful
    from gainspect.report.tables import evaluation_tables
    from gainspect.training.run import RunFolder
    from gainspect.workflow import evaluate_run

    folder = RunFolder(run)
    target = out or run / "evaluation" / split
    left_out = None if doubtful is None else read_doubtful(doubtful)
    summaries = evaluate_run(
        folder, out=target, split=split, data=data, maps=maps, doubtful=left_out, console=console
    )
    for title, summary in summaries.items():
        console.rule(title)
        for table in evaluation_tables(summary):
            console.print(table)
    console.print(f"Saved: {target / 'predictions.csv'}, {target / 'metrics.json'}")

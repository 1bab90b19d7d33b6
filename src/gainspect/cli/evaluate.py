"""`gainspect evaluate`."""

from pathlib import Path
from typing import Annotated, cast

import typer

from gainspect.cli.console import console
from gainspect.errors import GainspectError


def evaluate(
    judge: Annotated[
        Path, typer.Argument(metavar="RUN|BUNDLE", help="Run folder of `gainspect train`, or a bundle.")
    ],
    split: Annotated[str, typer.Option(help="Part to judge: test, val or train.")] = "test",
    data: Annotated[
        Path | None,
        typer.Option(help="Data folder or manifest. For a run only if it has moved since the training."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Result folder.  [default: RUN/evaluation/SPLIT, or NAME-evaluation/SPLIT]"),
    ] = None,
    maps: Annotated[Path | None, typer.Option(help="Also write the float maps, one .npz an image.")] = None,
    doubtful: Annotated[
        Path | None,
        typer.Option(help="CSV with a column `file`: also give the figures without these images."),
    ] = None,
    runtime: Annotated[str, typer.Option(help="Of a bundle: auto, onnxruntime, openvino or torch.")] = "auto",
    precision: Annotated[str, typer.Option(help="Of a bundle: f32, bf16 or int8 (OpenVINO).")] = "f32",
) -> None:
    """Judge parts that a run has never seen: verdicts, and where the model looked."""
    from gainspect.evaluation.doubtful import read_doubtful
    from gainspect.inspection.backends.backend import Precision, RuntimeName
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.inspection.bundle import is_bundle
    from gainspect.report.terminal.evaluation_tables import evaluation_tables

    require_choice(runtime, precision)
    left_out = None if doubtful is None else read_doubtful(doubtful)
    if is_bundle(judge):
        from gainspect.jobs.run_evaluation import evaluate_bundle

        target = out or judge.with_name(f"{judge.stem}-evaluation") / split
        summaries = evaluate_bundle(
            judge,
            data=data,
            out=target,
            split=split,
            runtime=cast(RuntimeName, runtime),
            precision=cast(Precision, precision),
            maps=maps,
            doubtful=left_out,
            console=console,
        )
    else:
        if (runtime, precision) not in {("auto", "f32"), ("torch", "f32")}:
            raise GainspectError(
                f"a run is judged by torch in f32, not by {runtime} in {precision}",
                where=judge,
                hint="Name its bundle instead: RUN/model.gain, or what `gainspect export` makes.",
            )
        from gainspect.jobs.run_evaluation import evaluate_run
        from gainspect.training.run_folder import RunFolder

        target = out or judge / "evaluation" / split
        summaries = evaluate_run(
            RunFolder(judge),
            out=target,
            split=split,
            data=data,
            maps=maps,
            doubtful=left_out,
            console=console,
        )
    for title, summary in summaries.items():
        console.rule(title)
        for table in evaluation_tables(summary):
            console.print(table)
    console.print(f"Saved: {target / 'predictions.csv'}, {target / 'metrics.json'}")

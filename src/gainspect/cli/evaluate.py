"""`gainspect evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gainspect.cli.console import console
from gainspect.cli.import_options import Import, choices_of
from gainspect.cli.mask_options import JudgedMaskValues
from gainspect.cli.speed_options import BatchSize, Threads
from gainspect.inspection.batches import USUAL_BATCH

if TYPE_CHECKING:
    from gainspect.inspection.backends.backend import Precision, RuntimeName


def evaluate(
    target: Annotated[
        Path, typer.Argument(metavar="RUN|BUNDLE", help="Run folder of `gainspect train`, or a bundle.")
    ],
    split: Annotated[str, typer.Option(help="Part of the data: test, val, train or all.")] = "test",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Data folder, manifest, or labels of a tool. A run needs it only if the data have moved."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Result folder.  [default: RUN/evaluation/SPLIT, or NAME-evaluation/SPLIT]"),
    ] = None,
    maps: Annotated[
        Path | None, typer.Option(help="Folder for the maps as floats, one .npz file per image.")
    ] = None,
    doubtful: Annotated[
        Path | None,
        typer.Option(help="CSV with a column `file`; also print the figures without these images."),
    ] = None,
    runtime: Annotated[
        str,
        typer.Option(help="auto, onnxruntime or openvino run the bundle; torch runs the trained model."),
    ] = "auto",
    precision: Annotated[str, typer.Option(help="f32, bf16 or int8 (OpenVINO).")] = "f32",
    seen: Annotated[
        str,
        typer.Option(help="Test images that the model has seen in training or validation: refuse or allow."),
    ] = "refuse",
    check: Annotated[
        bool,
        typer.Option("--check", help="Check reasons too, and count decisions: caught, missed, REVIEW, cost."),
    ] = False,
    mask_values: JudgedMaskValues = None,
    import_: Import = None,
    batch_size: BatchSize = USUAL_BATCH,
    threads: Threads = None,
) -> None:
    """Evaluate on one part of the data: quality of the verdicts and of the evidence."""
    from gainspect.data.mask_values import MaskValues
    from gainspect.data.seen import require_seen_choice
    from gainspect.evaluation.doubtful import read_doubtful
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.inspection.bundle import is_bundle
    from gainspect.jobs.run_evaluation import run_evaluation
    from gainspect.report.terminal.evaluation_tables import evaluation_tables, seen_sentence
    from gainspect.report.terminal.policy_sentences import decision_sentences
    from gainspect.report.terminal.region_sentences import accepted_sentence
    from gainspect.report.terminal.sentences import say
    from gainspect.report.texts import Wording
    from gainspect.report.texts.judged_by import judged_by_words

    require_choice(runtime, precision)
    folder = target.with_name(f"{target.stem}-evaluation") if is_bundle(target) else target / "evaluation"
    saved = out or folder / split
    summaries = run_evaluation(
        target,
        out=saved,
        split=split,
        data=data,
        runtime=cast("RuntimeName", runtime),
        precision=cast("Precision", precision),
        maps=maps,
        doubtful=None if doubtful is None else read_doubtful(doubtful),
        seen=require_seen_choice(seen),
        mask_values=None if mask_values is None else MaskValues.parse(mask_values),
        choices=choices_of(import_, data),
        check=check,
        batch_size=batch_size,
        threads=threads,
        console=console,
    )
    for title, summary in summaries.items():
        console.rule(title)
        for table in evaluation_tables(summary):
            console.print(table)
        say(console, *(decision_sentences(summary["decisions"]) if check else []))
        say(console, accepted_sentence(summary.get("accepted")))
    first = next(iter(summaries.values()))
    console.print(judged_by_words(first["judged_by"], Wording("en")))
    console.print(seen_sentence(first["seen"]))
    if first.get("divided_anew"):
        console.print(Wording("en")("divided_anew"))
    files = ("predictions.csv", *(("decisions.csv",) if check else ()), "metrics.json")
    console.print(f"Saved: {', '.join(str(saved / file) for file in files)}", soft_wrap=True)

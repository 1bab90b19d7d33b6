"""`gainspect export`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from gainspect.cli.console import console
from gainspect.cli.goal_options import (
    Confidence,
    Cost,
    Escape,
    FalseAlarmRate,
    Prevalence,
    ReviewFrom,
    TargetRecall,
    Threshold,
)
from gainspect.cli.import_options import Import, choices_of


def export(
    run: Annotated[Path, typer.Argument(help="Run folder of `gainspect train`.")],
    out: Annotated[Path | None, typer.Option(help="Bundle to write.  [default: RUN/model.gain]")] = None,
    formats: Annotated[
        str, typer.Option(help="Comma-separated: onnx, openvino, openvino-int8, torch.")
    ] = "onnx,torch",
    cost: Cost = None,
    prevalence: Prevalence = None,
    escape: Escape = None,
    confidence: Confidence = None,
    target_recall: TargetRecall = None,
    false_alarms: FalseAlarmRate = None,
    threshold: Threshold = None,
    review_from: ReviewFrom = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Data folder, or labels of a tool, if they have moved since the training."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Whether the bundle checks the reason of NG verdicts.")
    ] = True,
    import_: Import = None,
) -> None:
    """Make a bundle from a run: one file that inspects without torch, tested against the trained model."""
    from gainspect.evaluation.goals import goal_of, point_of
    from gainspect.inspection.regions.defect_types import types_of
    from gainspect.jobs.labeled_data import data_of_run
    from gainspect.jobs.run_export import export_run
    from gainspect.report.terminal.bundle_tables import (
        input_sentence,
        parity_table,
        policy_sentence,
        reason_sentence,
    )
    from gainspect.report.terminal.policy_sentences import policy_sentences
    from gainspect.report.terminal.region_sentences import types_sentence
    from gainspect.report.terminal.sentences import say
    from gainspect.training.run_folder import RunFolder

    goal = goal_of(
        cost=cost,
        prevalence=prevalence,
        escape=escape,
        confidence=confidence,
        recall=target_recall,
        false_alarms=false_alarms,
        threshold=threshold,
        review_from=review_from,
    )
    names = [name.strip() for name in formats.split(",") if name.strip()]
    folder = RunFolder(run)
    moved = data_of_run(folder, data, choices_of(import_, data), console=console)
    with console.status("export") as status:
        bundle, parity = export_run(
            folder,
            out or folder.bundle_file,
            formats=names,
            goal=goal,
            data=moved,
            check=check,
            on_step=status.update,
        )
    console.print(parity_table(parity))
    point = point_of(bundle)
    console.print(policy_sentence(bundle.description.policy, point))
    console.print(reason_sentence(bundle.description.policy))
    console.print(input_sentence(bundle.description.policy))
    say(console, *([] if point is None else policy_sentences(point)))
    say(console, types_sentence(types_of(bundle)))
    console.print(f"Saved: {bundle.path} ({bundle.path.stat().st_size / 2**20:.1f} MiB)", soft_wrap=True)
    console.print(Text.assemble("Next: ", (f"gainspect bundle show {bundle.path}", "bold")), soft_wrap=True)

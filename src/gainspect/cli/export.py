"""`gainspect export`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from gainspect.cli.console import console


def export(
    run: Annotated[Path, typer.Argument(help="Run folder of `gainspect train`.")],
    out: Annotated[Path | None, typer.Option(help="Bundle to write.  [default: RUN/model.gain]")] = None,
    formats: Annotated[
        str, typer.Option(help="Comma-separated: onnx, openvino, openvino-int8, torch.")
    ] = "onnx,torch",
    target_recall: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=1,
            help="Choose the threshold for this recall on the validation part.  [default: that of the run]",
        ),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(min=0, max=1, help="Set the threshold on P(NG) by hand instead.")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Data folder, if it has moved since the training.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Whether the bundle checks the reason of NG verdicts.")
    ] = True,
) -> None:
    """Make a bundle from a run: one file that inspects without torch, tested against the trained model."""
    from gainspect.jobs.run_export import export_run
    from gainspect.report.terminal.bundle_tables import parity_table, policy_sentence, reason_sentence
    from gainspect.training.run_folder import RunFolder

    names = [name.strip() for name in formats.split(",") if name.strip()]
    folder = RunFolder(run)
    with console.status("export") as status:
        bundle, parity = export_run(
            folder,
            out or folder.bundle_file,
            formats=names,
            target_recall=target_recall,
            threshold=threshold,
            data=data,
            check=check,
            on_step=status.update,
        )
    console.print(parity_table(parity))
    console.print(policy_sentence(bundle.description.policy))
    console.print(reason_sentence(bundle.description.policy))
    console.print(f"Saved: {bundle.path} ({bundle.path.stat().st_size / 2**20:.1f} MiB)", soft_wrap=True)
    console.print(Text.assemble("Next: ", (f"gainspect bundle show {bundle.path}", "bold")), soft_wrap=True)

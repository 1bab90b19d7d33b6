"""`gainspect bundle compare`."""

from pathlib import Path
from typing import Annotated, cast

import typer

from gainspect.cli.console import console
from gainspect.cli.speed_options import BatchSize, Threads
from gainspect.inspection.batches import USUAL_BATCH


def compare(
    old: Annotated[Path, typer.Argument(help="The bundle that is active.")],
    new: Annotated[Path, typer.Argument(help="The bundle that is to follow it.")],
    old_parts: Annotated[
        Path,
        typer.Option(metavar="RUN|DATA", help="Their test part; data that name no split count as a whole."),
    ],
    new_parts: Annotated[
        Path, typer.Option(metavar="DATA", help="Reviewed parts, of `gainspect data from-ledger`.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to make: comparison.html and comparison.json.")],
    lang: Annotated[str, typer.Option(help="Language of the page: en or ko.")] = "en",
    runtime: Annotated[str, typer.Option(help="auto, onnxruntime, openvino or torch.")] = "auto",
    precision: Annotated[str, typer.Option(help="f32, bf16 or int8 (OpenVINO).")] = "f32",
    batch_size: BatchSize = USUAL_BATCH,
    threads: Threads = None,
) -> None:
    """Show which decisions change from one bundle to the next, part by part with pictures."""
    from gainspect.inspection.backends.backend import Precision, RuntimeName
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.jobs.compare_bundles import compare_bundles
    from gainspect.report.terminal.change_table import change_sentences, change_table

    require_choice(runtime, precision)
    comparison = compare_bundles(
        old,
        new,
        old_parts,
        new_parts,
        out,
        runtime=cast(RuntimeName, runtime),
        precision=cast(Precision, precision),
        batch_size=batch_size,
        threads=threads,
        language=lang,
        console=console,
    )
    console.print(change_table(comparison))
    for sentence in change_sentences(comparison):
        console.print(sentence, highlight=False, soft_wrap=True)
    console.print(f"Saved: {out / 'comparison.html'}, {out / 'comparison.json'}", soft_wrap=True)

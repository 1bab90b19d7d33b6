"""`gainspect data correct`."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console


def correct(
    data: Annotated[Path, typer.Argument(help="Data folder (images/, masks/), or a manifest .csv/.parquet.")],
    corrections: Annotated[
        Path, typer.Argument(help="Table with the columns image and correction: right, ok, ng, mask, unsure.")
    ],
    out: Annotated[Path, typer.Option(help="Manifest to write, a new .csv.")],
) -> None:
    """Write a manifest with corrected labels and masks; the data themselves stay as they are."""
    from gainspect.jobs.correct_data import correct_data
    from gainspect.report.terminal.correction_sentences import correction_sentences
    from gainspect.report.terminal.sentences import say

    done = correct_data(data, corrections, out)
    say(console, *correction_sentences(done))
    console.print(f"Saved: {out}. Next: gainspect data check {out}", soft_wrap=True)

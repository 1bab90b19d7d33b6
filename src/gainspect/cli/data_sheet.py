"""`gainspect data sheet`."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console, errors
from gainspect.cli.import_options import Import, choices_of
from gainspect.cli.mask_options import MaskValues


def sheet(
    data: Annotated[
        Path,
        typer.Argument(
            metavar="DATA|RUN",
            help="Data folder (images/, masks/), manifest, or labels of a tool; or a run, with its split.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="FILE.html, FILE.png, or a folder for both.")],
    per_cell: Annotated[
        int, typer.Option(min=1, help="Images shown of each label, type of defect and split.")
    ] = 16,
    lang: Annotated[str, typer.Option(help="Language: en or ko.")] = "en",
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Whether to look for doubtful images first.")
    ] = True,
    doubtful: Annotated[
        Path | None, typer.Option(help="CSV with a column `file` that lists images with doubtful labels.")
    ] = None,
    mask_values: MaskValues = None,
    moved: Annotated[
        Path | None, typer.Option("--data", help="Of a run: where its data are, if they have moved.")
    ] = None,
    import_: Import = None,
) -> None:
    """Show a data set on one sheet, by type of defect and split: masks as contours, doubtful images first."""
    from gainspect.data.mask_values import MaskValues as Meanings
    from gainspect.evaluation.doubtful import read_doubtful
    from gainspect.jobs.write_sheet import write_sheet

    written = write_sheet(
        data,
        out,
        language=lang,
        per_cell=per_cell,
        checks=check,
        doubtful=frozenset() if doubtful is None else read_doubtful(doubtful),
        mask_values=None if mask_values is None else Meanings.parse(mask_values),
        moved=moved,
        choices=choices_of(import_, data),
        console=errors,
    )
    for path in written:
        console.print(f"Saved: {path} ({path.stat().st_size / 2**20:.1f} MiB)", soft_wrap=True)

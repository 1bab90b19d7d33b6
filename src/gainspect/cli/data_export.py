"""`gainspect data export`."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console
from gainspect.cli.import_options import Import, choices_of
from gainspect.cli.mask_options import MaskValues
from gainspect.cli.overrides import overrides_of


def export(
    data: Annotated[
        Path, typer.Argument(help="Data folder (images/, masks/), manifest, or labels of a tool.")
    ],
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    format_: Annotated[str, typer.Option("--format", help="coco, or folder (images/, masks/, split.csv).")],
    polygons: Annotated[
        bool,
        typer.Option("--polygons", help="Of COCO: polygons along the edges of pixels, not run lengths."),
    ] = False,
    mask_values: MaskValues = None,
    import_: Import = None,
) -> None:
    """Write a data set with its images and masks as others read it."""
    from gainspect.config import load_config
    from gainspect.data.exporters.exported_folder import export_format_of
    from gainspect.jobs.export_data import export_data

    as_ = export_format_of(format_, polygons=polygons)
    config = load_config(None, overrides_of(mask_values=mask_values)).data
    choices = choices_of(import_, data)
    export_data(data, out, as_, polygons=polygons, config=config, choices=choices, console=console)


def register(app: typer.Typer) -> None:
    """Add the command to `gainspect data`."""
    app.command("export")(export)

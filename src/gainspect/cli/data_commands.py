"""`gainspect data`: check a data set, or create a synthetic one."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console, print_json
from gainspect.errors import GainspectError

app = typer.Typer(no_args_is_help=True, help="Check a data set, or create a synthetic one.")


@app.command("check")
def check(
    data: Annotated[Path, typer.Argument(help="Data folder (images/, masks/), or a manifest .csv/.parquet.")],
    size: Annotated[int, typer.Option(help="Input side at which defects are measured, pixels.")] = 384,
    tile: Annotated[
        int | None, typer.Option(min=64, help="Side of the tiles that images are cut into, pixels.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Look for problems that would spoil a training; exit code 1 if there are errors."""
    from gainspect.data.checks import check as check_data
    from gainspect.data.importers import load_manifest
    from gainspect.data.tiles import Tiling
    from gainspect.report.terminal.check_tables import check_tables

    tiling = None if tile is None else Tiling(tile, overlap=0.0)  # the overlap does not affect the check
    report = check_data(load_manifest(data), size=size, tiling=tiling)
    if as_json:
        print_json(report.to_json(), indent=2)
    else:
        for table in check_tables(report):
            console.print(table)
    raise typer.Exit(1 if report.has_errors else 0)


@app.command("synthesize")
def synthesize(
    out: Annotated[Path, typer.Argument(help="Folder to create.")],
    parts: Annotated[
        int, typer.Option(min=30, help="Parts for training; the test gets a third as many.")
    ] = 120,
    size: Annotated[int, typer.Option(min=64, max=2048, help="Image side, pixels.")] = 256,
    cue: Annotated[
        str,
        typer.Option(help="none, stamp or corner_shadow: a mark that indicates NG in training only."),
    ] = "none",
    seed: Annotated[int, typer.Option(help="The same seed gives the same bytes.")] = 1,
) -> None:
    """Create synthetic parts with exact masks: two materials, five kinds of defects."""
    from pydantic import ValidationError

    from gainspect.data.synthetic import SyntheticSpec, generate

    try:
        spec = SyntheticSpec.model_validate(
            {"seed": seed, "size": size, "cue": cue, "parts": {"train": parts, "test": parts // 3}}
        )
    except ValidationError as error:
        fault = error.errors()[0]
        raise GainspectError(f"{fault['loc'][0]}: {fault['msg']}", where="data synthesize") from error
    manifest = generate(spec, out)
    console.print(
        f"Created {len(manifest.parts)} images in {out}. Next: gainspect data check {out}", soft_wrap=True
    )

"""`gainspect data`: import labels, check a data set, look at it, correct its labels, or create one."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli import data_correct, data_export, data_from_ledger, data_import, data_review, data_sheet
from gainspect.cli.console import console, print_json
from gainspect.cli.import_options import Import, choices_of
from gainspect.cli.mask_options import MaskValues
from gainspect.cli.overrides import overrides_of
from gainspect.errors import GainspectError

app = typer.Typer(no_args_is_help=True, help="Import, check, look at, correct or create a data set.")
data_import.register(app)
data_export.register(app)
data_from_ledger.register(app)
app.command("sheet")(data_sheet.sheet)
app.command("review")(data_review.review)
app.command("correct")(data_correct.correct)


@app.command("check")
def check(
    data: Annotated[
        Path, typer.Argument(help="Data folder (images/, masks/), manifest, or labels of a tool.")
    ],
    config: Annotated[
        Path | None, typer.Option(help="YAML file, as for `train`; the options below override it.")
    ] = None,
    size: Annotated[
        int | None, typer.Option(help="Input side, pixels.  [default: chosen from the defect sizes]")
    ] = None,
    tile: Annotated[
        int | None, typer.Option(min=64, help="Side of the tiles that images are cut into, pixels.")
    ] = None,
    mask_values: MaskValues = None,
    seed: Annotated[
        int | None, typer.Option(help="Determines the split, where the data name none.  [default: 1]")
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any other setting, e.g. data.val_fraction=0.3."),
    ] = None,
    import_: Import = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every name.")] = False,
) -> None:
    """Look for problems that would spoil a training; exit code 1 if there are errors.

    The split and the image size are those that `train` would take with the same options.
    """
    from gainspect.config import load_config
    from gainspect.jobs.check_data import check_data
    from gainspect.report.terminal.check_list import check_list

    overrides = overrides_of(size=size, tile=tile, mask_values=mask_values, seed=seed, set_=set_)
    report = check_data(
        load_config(config, overrides),
        data,
        console=None if as_json else console,
        choices=choices_of(import_, data),
    )
    if as_json:
        print_json(report.to_json(), indent=2)
    else:
        for part in check_list(report):
            console.print(part)
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
        typer.Option(
            help="none, stamp, touching_stamp (beside the defect), corner_shadow or blur: what indicates NG "
            "in training only."
        ),
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

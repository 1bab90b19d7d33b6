"""`gainspect data import` and `gainspect data formats`."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console
from gainspect.errors import GainspectError


def import_(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(help="Folder of images and labels, or one file of labels.")],
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    format_: Annotated[
        str, typer.Option("--format", help="One of `gainspect data formats`; auto: by what is in the folder.")
    ] = "auto",
    ok: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Class of a good part, or of a feature of one.")
    ] = None,
    defect: Annotated[list[str] | None, typer.Option(metavar="NAME", help="Class that is a defect.")] = None,
    ignore: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Class whose shapes count in no loss and no figure."),
    ] = None,
    background: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Class that is as if it were not drawn.")
    ] = None,
    unlabeled: Annotated[
        str | None, typer.Option(help="Images that no labels name: ok, or skip.  [default: asked]")
    ] = None,
    group: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Finds in an image's path the physical item that it shows (its first group counts), "
            "such as 'lot(\\d+)'; or the name of a column of the labels.",
        ),
    ] = None,
    part: Annotated[
        str | None, typer.Option(metavar="REGEX", help="The same for images that are decided together.")
    ] = None,
    line_width: Annotated[
        float, typer.Option(min=0.5, max=1000, help="Of lines whose tool states no width, pixels.")
    ] = 3.0,
    resplit: Annotated[
        bool,
        typer.Option(
            "--resplit", help="Divide anew, by group and defect type; the set's own splits are left."
        ),
    ] = False,
    copy: Annotated[bool, typer.Option("--copy", help="Copy images; otherwise they are linked.")] = False,
) -> None:
    """Make a data folder of what a label tool or a public set gave: manifest, images, masks."""
    from gainspect.data.importers.choices import Choices, unlabeled_of
    from gainspect.data.importers.classes import Role
    from gainspect.jobs.import_data import import_data
    from gainspect.report.terminal.import_lines import import_lines, next_lines

    if context.args:
        raise GainspectError(
            f"{context.args[0]!r} belongs to no option",
            hint="An option takes one value: repeat it (--ok A --ok B), or use commas (--ok A,B).",
        )
    said = {Role.OK: ok, Role.DEFECT: defect, Role.IGNORE: ignore, Role.BACKGROUND: background}
    choices = Choices(
        format=format_,
        classes={role: tuple(names) for role, names in said.items() if names},
        unlabeled=unlabeled_of(unlabeled),
        group=group,
        part=part,
        line_width=line_width,
        copy=copy,
        resplit=resplit,
    )
    imported = import_data(source, choices, out, console=console)
    for line in (*import_lines(imported), *next_lines(imported)):
        console.print(line, soft_wrap=True, highlight=False)


def formats() -> None:
    """List the formats that are imported: what each is recognized by, what is read and what is not."""
    from gainspect.data.importers.registry import IMPORTERS
    from gainspect.report.terminal.import_lines import formats_table

    console.print(formats_table(IMPORTERS))


def register(app: typer.Typer) -> None:
    """Add the commands to `gainspect data`."""
    app.command("import", context_settings={"allow_extra_args": True})(import_)
    app.command("formats")(formats)

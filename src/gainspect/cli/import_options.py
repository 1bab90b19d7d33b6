"""The option `--import`, as the commands that read data have it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gainspect.errors import GainspectError

if TYPE_CHECKING:
    from gainspect.data.importers.choices import Choices

Import = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="NAME=VALUE",
        help="Where the data are the labels of a tool: an option of `gainspect data import`, such as "
        "unlabeled=ok or defect=scratch,dent.",
    ),
]


def choices_of(written: list[str] | None, data: Path | None) -> "Choices":
    """What the option says.

    Args:
        written: the option, each time that it was given.
        data: the data that it is said of.

    Raises:
        GainspectError: there are no data, or see `Choices.parse`.
    """
    from gainspect.data.importers.choices import Choices

    if written and data is None:
        raise GainspectError(
            "--import says how data are read, and there are none", hint="Leave it out, or name the data."
        )
    return Choices.parse(written or ())

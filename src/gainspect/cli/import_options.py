"""The option `--import`, as the commands that read data have it."""

from typing import Annotated

import typer

Import = Annotated[
    list[str] | None,
    typer.Option(
        "--import",
        metavar="NAME=VALUE",
        help="Where DATA is the labels of a tool: an option of `gainspect data import`.",
    ),
]

"""The options of commands that judge images on how many are judged at once, and by how many threads."""

from typing import Annotated

import typer

SPEED = "Speed"

BatchSize = Annotated[int, typer.Option(min=1, help="Images that are judged at once.", rich_help_panel=SPEED)]
Threads = Annotated[
    int | None,
    typer.Option(
        min=1,
        help="Threads of the runtime; torch keeps those of the process (OMP_NUM_THREADS).  "
        "[default: all CPUs that it may use]",
        rich_help_panel=SPEED,
        show_default=False,
    ),
]

"""Options on speed: how many images are judged at once and by how many threads; how many processes train."""

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
Devices = Annotated[
    int,
    typer.Option(
        min=1,
        help="Processes that train together on each machine: one for each GPU, or all on the CPUs.",
        rich_help_panel=SPEED,
    ),
]
Nodes = Annotated[
    int,
    typer.Option(
        min=1,
        help="Machines that train together; torchrun or srun then starts this command in every process.",
        rich_help_panel=SPEED,
    ),
]

"""`gainspect demo`."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demo's parts and runs.")] = Path("gainspect-demo"),
) -> None:
    """See a plain classifier rely on a stamp, and a guided one on the defect (a few minutes)."""
    from gainspect.jobs.run_demo import run_demo

    try:
        run_demo(out, console)
    except KeyboardInterrupt:
        console.print("Stopped. Run the same command again to continue where it stopped.")
        raise typer.Exit(130) from None

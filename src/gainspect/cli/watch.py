"""`gainspect watch`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from gainspect.cli.console import console, errors, print_json
from gainspect.cli.judging_options import (
    Bits,
    Check,
    Ledger,
    Lot,
    MaxMpx,
    Pictures,
    Precision,
    Runtime,
    Station,
    ledger_place,
)
from gainspect.cli.speed_options import Threads
from gainspect.errors import GainspectError
from gainspect.wording import plural

if TYPE_CHECKING:
    from gainspect.inspection.backends.backend import Precision as PrecisionName
    from gainspect.inspection.backends.backend import RuntimeName

FILES = "Which files are taken, and when"
"""Heading of the options on that."""


def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder that images are written into.")],
    bundle: Annotated[Path, typer.Argument(help="NAME.gain, or the folder it was unpacked to.")],
    done: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Files go to its folders ok, ng and review once decided; what cannot be judged, to failed.",
        ),
    ] = None,
    keep: Annotated[
        bool, typer.Option("--keep", help="Decided files stay where they are, and are marked.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Without --ledger: for verdicts.jsonl and decisions.jsonl.  [default: that of --done]",
            show_default=False,
        ),
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Print one JSON line per part instead of a sentence.")
    ] = False,
    once: Annotated[
        bool, typer.Option("--once", help="End when all that was there is decided, as for cron.")
    ] = False,
    check: Check = True,
    runtime: Runtime = "auto",
    precision: Precision = "f32",
    max_mpx: MaxMpx = None,
    bits: Bits = None,
    parts: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            help="Images that are decided together: a pattern whose group is the part's name, such as "
            "'([^/]+)_view[0-9]'.",
            rich_help_panel=FILES,
        ),
    ] = None,
    views: Annotated[
        int | None,
        typer.Option(
            min=1, max=100, help="Images of a part; if fewer come, it is REVIEW.", rich_help_panel=FILES
        ),
    ] = None,
    part_wait: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds after a part's last image before it is decided from those that came.",
            rich_help_panel=FILES,
        ),
    ] = 10.0,
    settle: Annotated[
        float,
        typer.Option(min=0, help="Seconds without a change before a file is read.", rich_help_panel=FILES),
    ] = 1.0,
    give_up: Annotated[
        float,
        typer.Option(
            min=0,
            help="Seconds without a change before a file that cannot be read goes to REVIEW.",
            rich_help_panel=FILES,
        ),
    ] = 30.0,
    poll: Annotated[
        float,
        typer.Option(min=0.05, help="Seconds between two looks at the folder.", rich_help_panel=FILES),
    ] = 0.5,
    recursive: Annotated[
        bool, typer.Option("--recursive", help="Look into subfolders too.", rich_help_panel=FILES)
    ] = False,
    ledger: Ledger = None,
    pictures: Pictures = None,
    station: Station = None,
    lot: Lot = None,
    threads: Threads = None,
) -> None:
    """Judge images as they come into a folder; each is moved or marked once its decision is recorded.

    Ctrl-C and SIGTERM end it after the part at hand. A kill at any moment loses no part and records none
    twice: the same command goes on. With --once, exit code 3 if an image could not be judged.
    """
    from gainspect.feeds.stop import stop_at_signals
    from gainspect.feeds.watch import Waits
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.inspection.batches import USUAL_BATCH
    from gainspect.inspection.engines.judge import Recipe
    from gainspect.jobs.run_watch import WatchPlace, WatchPlan, run_watch
    from gainspect.report.terminal.decision_line import decision_line

    require_choice(runtime, precision)
    if (done is None) != keep:
        raise GainspectError(
            "files that are decided are either moved or kept", hint="Give one of --done DIR and --keep."
        )
    if ledger is not None and out is not None:
        raise GainspectError("decisions are recorded in one place", hint="Give one of --ledger and --out.")

    def show(record: dict[str, Any]) -> None:
        if jsonl:
            print_json(record)
        else:
            console.print(decision_line(record), highlight=False, soft_wrap=True)

    recipe = Recipe(
        bundle,
        None,
        cast("RuntimeName", runtime),
        cast("PrecisionName", precision),
        threads,
        USUAL_BATCH,
        check,
        max_mpx,
        bits,
    )
    with stop_at_signals() as stop:
        result = run_watch(
            recipe.load,
            WatchPlace(folder, done, ledger_place(ledger, pictures, station, lot), out),
            WatchPlan(parts, views, recursive, Waits(settle, give_up, part_wait), poll, once),
            stop=stop,
            on_decision=show,
            tell=lambda sentence: errors.print(sentence, highlight=False, soft_wrap=True),
        )
    failed = f", {plural(result.failed, 'image')} not judged" if result.failed else ""
    errors.print(f"{plural(result.parts, 'part')} decided{failed}.", highlight=False, soft_wrap=True)
    raise typer.Exit(3 if once and result.failed else 0)

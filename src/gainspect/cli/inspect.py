"""`gainspect inspect`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.text import Text

from gainspect.cli.console import console, errors, print_json, progress
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
from gainspect.cli.speed_options import SPEED, BatchSize, Threads
from gainspect.inspection.batches import USUAL_BATCH
from gainspect.names import printable
from gainspect.wording import plural

if TYPE_CHECKING:
    from gainspect.inspection.backends.backend import Precision as PrecisionName
    from gainspect.inspection.backends.backend import RuntimeName


def inspect(
    bundle: Annotated[Path, typer.Argument(help="NAME.gain, or the folder it was unpacked to.")],
    paths: Annotated[
        list[str],
        typer.Argument(
            help="Images, folders, globs, URIs of these, Parquet tables; - reads one image from stdin."
        ),
    ],
    out: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|URI",
            help="Folder for verdicts.jsonl and overlays; a URI, and Ray, get Parquet files.",
        ),
    ] = None,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Print one JSON line per image instead of a table.")
    ] = False,
    overlay: Annotated[
        bool, typer.Option("--overlay", help="Also draw where the evidence is, into OUT/overlays.")
    ] = False,
    style: Annotated[
        str, typer.Option(help="Style of the overlays: overlay, side-by-side or contour.")
    ] = "overlay",
    check: Check = True,
    runtime: Runtime = "auto",
    precision: Precision = "f32",
    max_mpx: MaxMpx = None,
    bits: Bits = None,
    parts: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN|CSV",
            help="Images that are decided together: a pattern whose group is the part's name, such as "
            "'([^/]+)_view[0-9]', or a table with the columns image and part.",
        ),
    ] = None,
    column: Annotated[
        str | None,
        typer.Option(help="Column of Parquet tables with paths, URIs or image files.  [default: image]"),
    ] = None,
    engine: Annotated[
        str,
        typer.Option(help="Who judges: local (this process), pool (several), or ray.", rich_help_panel=SPEED),
    ] = "local",
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes of pool and ray, which share the CPUs.  [default: one for each CPU]",
            rich_help_panel=SPEED,
            show_default=False,
        ),
    ] = None,
    ledger: Ledger = None,
    pictures: Pictures = None,
    station: Station = None,
    lot: Lot = None,
    batch_size: BatchSize = USUAL_BATCH,
    threads: Threads = None,
) -> None:
    """Judge images with a bundle; exit code 3 if one could not be judged or drawn (all others are).

    With --out, each verdict is in OUT/verdicts.jsonl as soon as it is made (behind a URI and with Ray: in a
    Parquet file of several), and the same command goes on where it stopped.
    """
    from gainspect.data.taken import OVERLAYS
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.jobs.run_inspection import require_style, run_inspection
    from gainspect.report.terminal.region_sentences import accepted_sentence
    from gainspect.report.terminal.verdict_table import decision_table, verdict_table

    require_choice(runtime, precision)
    place = ledger_place(ledger, pictures, station, lot)
    drawn = require_style(style)
    result = run_inspection(
        bundle,
        paths,
        out=out,
        engine=engine,
        workers=workers,
        column=column,
        style=drawn if overlay else None,
        check=check,
        runtime=cast("RuntimeName", runtime),
        precision=cast("PrecisionName", precision),
        max_mpx=max_mpx,
        bits=bits,
        parts=parts,
        batch_size=batch_size,
        threads=threads,
        ledger=place,
        on_record=lambda record: print_json(record) if jsonl else None,
        shown=progress("inspect"),
    )
    if not jsonl:
        console.print(verdict_table(result.verdicts, result.seconds))
        if parts is not None:
            console.print(decision_table(result.decisions))
        if result.saved:
            console.print(f"Saved: {', '.join(map(printable, result.saved))}", soft_wrap=True)
    if result.kept_sentence is not None:
        (errors if jsonl else console).print(result.kept_sentence, highlight=False, soft_wrap=True)
    if result.lost_sentence is not None:
        errors.print(result.lost_sentence, highlight=False, soft_wrap=True)
    if (sentence := accepted_sentence(result.accepted.found)) is not None:
        (errors if jsonl else console).print(sentence, highlight=False, soft_wrap=True)
    if result.input_gap is not None:
        errors.print(result.input_gap, highlight=False, soft_wrap=True)
    if result.unlettered is not None:
        errors.print(result.unlettered, highlight=False, soft_wrap=True)
    if result.stopped:
        again = "" if out is None else " The same command goes on there."
        errors.print(f"Stopped after {result.verdicts.count} of {len(result.sources)} images.{again}")
        raise typer.Exit(130)
    for record in result.unread_first:
        sentence = f" {record['image']}: {record['error']}"
        errors.print(Text.assemble(("Not judged", "bold red"), sentence), highlight=False, soft_wrap=True)
    if more := result.unread - len(result.unread_first):
        errors.print(f"Not judged either: {plural(more, 'further image')}.", highlight=False)
    for error, count in result.not_drawn.items():
        sentence = f" {plural(count, 'picture')} in {OVERLAYS}: {error}"
        errors.print(Text.assemble(("Not drawn", "bold red"), sentence), highlight=False, soft_wrap=True)
    if result.left_sentence is not None:
        (errors if jsonl else console).print(result.left_sentence, highlight=False, soft_wrap=True)
    raise typer.Exit(3 if result.unread or result.not_drawn else 0)

"""`gainspect data from-ledger`."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console
from gainspect.cli.ledger_options import Ledger, Pictures


def from_ledger(
    ledger: Ledger,
    out: Annotated[Path, typer.Argument(help="Data folder to make.")],
    begin: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Decided then or later: 2026-03-04 or 2026-03-04T05:06."),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Earlier than that; a day without time: in it too."),
    ] = None,
    station: Annotated[list[str] | None, typer.Option(help="Decided there; repeat it for several.")] = None,
    bundle: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SHA256", help="Decided by it; 8 digits or more, from the beginning. Repeat it."
        ),
    ] = None,
    with_: Annotated[
        Path | None,
        typer.Option(
            "--with",
            metavar="RUN|DATA",
            help="Add to these data, as they are divided; their test part stays as it is.",
        ),
    ] = None,
    not_in: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="RUN|BUNDLE|DATA",
            help="Leave out what its test part or its training has; data that name no split are all a test. "
            "Repeat it.",
        ),
    ] = None,
    challenge: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR|MANIFEST",
            help="Leave out these pictures too, besides those of challenges in the ledger. Repeat it.",
        ),
    ] = None,
    group: Annotated[
        str, typer.Option(help="What must not cross splits: part (in its lot) or lot.")
    ] = "part",
    val_fraction: Annotated[
        float, typer.Option(min=0.01, max=0.9, help="Share of the groups that validation gets.")
    ] = 0.2,
    seed: Annotated[int, typer.Option(min=0, help="Determines which groups.")] = 1,
    pictures: Pictures = None,
) -> None:
    """Make the next training's data of decisions that people confirmed, overrode or corrected."""
    from gainspect.jobs.ask_ledger import time_in
    from gainspect.jobs.data_from_ledger import Against, Asked, Division, data_from_ledger, require_group_by
    from gainspect.report.terminal.loop_sentences import notes

    account = data_from_ledger(
        ledger,
        out,
        Asked(
            begin=None if begin is None else time_in(begin),
            end=None if end is None else time_in(end, end=True),
            stations=tuple(station or ()),
            bundles=tuple(bundle or ()),
        ),
        Against(not_in=tuple(not_in or ()), challenges=tuple(challenge or ()), base=with_),
        Division(require_group_by(group), val_fraction, seed),
        pictures=pictures,
        console=console,
    )
    for sentence in notes(account):
        console.print(sentence, highlight=False, soft_wrap=True)
    console.print(f"Saved: {out}. Next: gainspect data check {out}", soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command to `gainspect data`."""
    app.command("from-ledger")(from_ledger)

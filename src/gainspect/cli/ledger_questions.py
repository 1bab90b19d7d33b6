"""`gainspect ledger find`, `since` and `replay`: what the ledger says, and whether it comes out so again."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console, print_stored_json
from gainspect.cli.ledger_options import Ledger, Pictures

MOST_ROWS = 40
"""Of a table, unless others are asked for."""
_Bundle = Annotated[
    str | None, typer.Option(metavar="SHA256", help="Of the bundle; 8 digits or more, from the beginning.")
]
_Policy = Annotated[str | None, typer.Option(metavar="ID", help="Of the policy; the same.")]
_Limit = Annotated[
    int | None,
    typer.Option(min=1, help=f"Most records, the newest.  [default: {MOST_ROWS}; with --json all]"),
]
_Json = Annotated[bool, typer.Option("--json", help="Print records as the ledger has them, one a line.")]


def find(
    ledger: Ledger,
    part: Annotated[str | None, typer.Option(help="Its name; corrections of its decisions too.")] = None,
    lot: Annotated[str | None, typer.Option(help="The same by lot.")] = None,
    station: Annotated[str | None, typer.Option(help="Where it happened.")] = None,
    bundle: _Bundle = None,
    policy: _Policy = None,
    begin: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="2026-03-04 or 2026-03-04T05:06, or later.")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="Earlier than that; a day without time: in it too."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(help="ok, ng, review; challenge (its parts), passed, failed.")
    ] = None,
    kind: Annotated[str | None, typer.Option(help="decision, override, challenge_result ….")] = None,
    text: Annotated[str | None, typer.Option(help="In names of parts, notes and reasons.")] = None,
    limit: _Limit = None,
    as_json: _Json = False,
) -> None:
    """Find records, newest first. All that is asked for must hold."""
    from gainspect.jobs.ask_ledger import ask_ledger, time_in
    from gainspect.ledger.questions import Question
    from gainspect.report.terminal.record_table import record_table

    question = Question(
        part=part,
        lot=lot,
        station=station,
        bundle=bundle,
        policy=policy,
        begin=None if begin is None else time_in(begin),
        end=None if end is None else time_in(end, end=True),
        label=label,
        kind=kind,
        text=text,
    )
    with ask_ledger(ledger, question, limit=_rows(limit, as_json=as_json)) as answer:
        if as_json:
            for entry in answer.entries:
                print_stored_json(entry.content)
        else:
            console.print(record_table([*answer.entries], answer.count))


def since(
    ledger: Ledger,
    bundle: _Bundle = None,
    policy: _Policy = None,
    challenge: Annotated[
        str | None, typer.Option(metavar="STATION", help="Since this station last passed a challenge.")
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the decisions, newest first.")] = False,
    limit: _Limit = None,
    as_json: _Json = False,
) -> None:
    """Say which parts a bundle or a policy decided, or a station since it last passed a challenge."""
    from gainspect.jobs.ask_ledger import ask_since
    from gainspect.report.terminal.record_table import record_table, since_sentences

    rows = _rows(limit, as_json=as_json)
    with ask_since(ledger, bundle=bundle, policy=policy, challenge=challenge, limit=rows) as (found, answer):
        if as_json:
            for entry in answer.entries:
                print_stored_json(entry.content)
            return
        for sentence in since_sentences(found):
            console.print(sentence, highlight=False, soft_wrap=True)
        if listed:
            console.print(record_table([*answer.entries], answer.count))


def replay(
    ledger: Ledger,
    which: Annotated[str, typer.Argument(metavar="INDEX|KEY", help="Place or key of a decision.")],
    bundle: Annotated[Path, typer.Option(help="The bundle that decided.")],
    pictures: Pictures = None,
    threads: Annotated[int | None, typer.Option(help="Threads.  [default: all CPUs]")] = None,
    max_mpx: Annotated[
        float | None, typer.Option(help="Largest image, millions of pixels.  [default: 64]")
    ] = None,
) -> None:
    """Judge the stored pictures of a decision again and compare; exit code 1 if it comes out otherwise."""
    from gainspect.jobs.replay_decision import replay_decision
    from gainspect.report.terminal.replay_sentences import replay_sentences

    done = replay_decision(ledger, which, bundle, pictures=pictures, threads=threads, max_mpx=max_mpx)
    for sentence in replay_sentences(done):
        console.print(sentence, highlight=False, soft_wrap=True)
    raise typer.Exit(1 if done.wrong else 0)


def _rows(limit: int | None, *, as_json: bool) -> int | None:
    return MOST_ROWS if limit is None and not as_json else limit

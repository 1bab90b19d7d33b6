"""`gainspect ledger`: anchor, verify, export and tend the record of all decisions."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli import ledger_questions
from gainspect.cli.console import console, errors, progress
from gainspect.cli.ledger_options import Ledger, Pictures
from gainspect.errors import GainspectError
from gainspect.names import printable
from gainspect.wording import plural

app = typer.Typer(no_args_is_help=True, help="Anchor, verify, ask and export the record of all decisions.")
app.command("find")(ledger_questions.find)
app.command("since")(ledger_questions.since)
app.command("replay")(ledger_questions.replay)

_Anchors = Annotated[
    list[Path] | None, typer.Option(metavar="FILE", help="Signed checkpoint that was kept elsewhere.")
]
_PublicKey = Annotated[
    Path | None, typer.Option(help="Key that signed the anchors.  [default: with your settings]")
]
_Key = Annotated[
    Path | None,
    typer.Option(help="File of the private key, made on first use.  [default: with your settings]"),
]


@app.command("anchor")
def anchor(
    ledger: Ledger,
    out: Annotated[Path | None, typer.Option(help="File to write, to be kept on another machine.")] = None,
    qr: Annotated[bool, typer.Option("--qr", help="Also print a QR code, to be kept on paper.")] = False,
    post: Annotated[
        str | None, typer.Option(metavar="URL", help="Post it to another station, http://… or https://….")
    ] = None,
    key: _Key = None,
) -> None:
    """Sign what the ledger holds now. Kept elsewhere, it shows later whether anything of that was changed."""
    import segno

    from gainspect.jobs.anchor_ledger import anchor_ledger

    made = anchor_ledger(ledger, key=key, out=out, post=post)
    if made.new_key:
        errors.print(
            f"A key was made. Give {printable(str(made.public_key))} to those who verify.", soft_wrap=True
        )
    typer.echo(made.note, nl=False)
    if qr:
        typer.echo()
        segno.make(made.note, error="m", micro=False).terminal(compact=True)
    if post is not None:
        console.print("The station has taken it.")
    if out is not None:
        console.print(f"Saved: {printable(str(out))}. Keep it on another machine.", soft_wrap=True)


@app.command("verify")
def verify(
    ledger: Ledger,
    anchor: _Anchors = None,
    public_key: _PublicKey = None,
    pictures: Pictures = None,
) -> None:
    """Read every record and every picture; exit code 1 and the first bad one if anything is wrong."""
    from gainspect.jobs.verify_ledger import verify_ledger
    from gainspect.ledger.faults import FaultKind

    found = verify_ledger(
        ledger,
        anchor or (),
        public_key=public_key,
        pictures=pictures,
        shown=progress("verify"),
    )
    if found.first is not None:
        more = len(found.faults) - 1
        errors.print(f"Wrong: {printable(found.first.what)}.", highlight=False, soft_wrap=True)
        if more:
            errors.print(f"{plural(more, 'further fault')}.", highlight=False)
        if not found.pictures and {fault.kind for fault in found.faults} == {FaultKind.PICTURE_MISSING}:
            errors.print("None of its pictures is there: if they are elsewhere, name the place (--pictures).")
        raise typer.Exit(1)
    console.print(
        f"{printable(found.origin)}: {plural(found.size, 'record')} and their "
        f"{plural(found.pictures, 'stored image')} are as they were appended; "
        f"{plural(found.removed, 'picture')} removed by rule.",
        highlight=False,
        soft_wrap=True,
    )
    if found.unknown:
        console.print(f"{plural(found.unknown, 'record')} of a later version: only hashes were verified.")
    if found.anchors:
        last = found.anchors[-1].checkpoint
        console.print(
            f"Anchors that hold: {len(found.anchors)}, the last over {plural(last.size, 'record')}.",
            highlight=False,
        )
    else:
        console.print("Without an anchor, a ledger that was made anew as a whole is not seen (--anchor).")


@app.command("export")
def export(
    ledger: Ledger,
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    form: Annotated[
        str, typer.Option("--format", help="jsonl (records with proofs), csv or parquet (decisions).")
    ] = "jsonl",
    record: Annotated[
        list[int] | None, typer.Option(help="Place of a record; may be repeated.  [default: all]")
    ] = None,
    images: Annotated[bool, typer.Option("--images", help="Write their pictures too.")] = False,
    key: _Key = None,
    pictures: Pictures = None,
) -> None:
    """Write records with their proofs, for docs/verify.py, or decisions as a table.

    To verify records, an outsider needs Python and openssl alone. A table has one row a part, and columns.csv
    beside it says what its columns mean, in English and Korean.
    """
    if form != "jsonl":
        from gainspect.jobs.export_decisions import export_decisions, require_format

        if record or images or key or pictures:
            raise GainspectError(
                "a table has all decisions, and neither pictures nor signatures",
                hint="Leave --record, --images, --pictures and --key out, or take --format jsonl.",
            )
        count = export_decisions(ledger, out, require_format(form))
        console.print(f"Saved: {plural(count, 'decision')} in {printable(str(out))}.", soft_wrap=True)
        return
    from gainspect.jobs.export_ledger import export_ledger

    count = export_ledger(ledger, out, wanted=record, key=key, images=images, pictures=pictures)
    console.print(f"Saved: {plural(count, 'record')} in {printable(str(out))}.", soft_wrap=True)


@app.command("prove")
def prove(
    ledger: Ledger,
    anchor: Annotated[Path, typer.Argument(help="Signed checkpoint that an outsider keeps.")],
    out: Annotated[Path, typer.Argument(help="File to write.")],
    later: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Up to this anchor.  [default: what is there now, signed]"),
    ] = None,
    key: _Key = None,
    public_key: _PublicKey = None,
) -> None:
    """Prove that the ledger goes on from an anchor, without showing any record.

    Whoever keeps the anchor verifies the file with docs/verify_consistency.py. It is a consistency proof of
    RFC 6962, as C2SP's witnesses take it.
    """
    from gainspect.jobs.prove_ledger import prove_ledger

    older, newer = prove_ledger(ledger, anchor, out, later=later, key=key, public_key=public_key)
    console.print(
        f"Saved: {printable(str(out))}, from {plural(older.size, 'record')} to {newer.size}.",
        highlight=False,
        soft_wrap=True,
    )


@app.command("backup")
def backup(
    ledger: Ledger,
    out: Annotated[Path, typer.Argument(help="Folder to make.")],
    anchor: _Anchors = None,
    public_key: _PublicKey = None,
    pictures: Pictures = None,
) -> None:
    """Copy a ledger with its pictures, also while others write it, and verify the copy."""
    from gainspect.jobs.back_up_ledger import back_up_ledger

    made = back_up_ledger(ledger, out, anchor or (), public_key=public_key, pictures=pictures)
    console.print(
        f"Saved: {plural(made.size, 'record')} and their {plural(made.pictures, 'stored image')} in "
        f"{printable(str(out))}, verified.",
        highlight=False,
        soft_wrap=True,
    )


@app.command("remove-pictures")
def remove_pictures(
    ledger: Ledger,
    older_than_days: Annotated[float, typer.Option(min=0, help="Of decisions recorded so long ago.")],
    label: Annotated[
        list[str] | None, typer.Option(help="ok, ng or review; may be repeated.  [default: ok]")
    ] = None,
    touched: Annotated[
        bool,
        typer.Option("--touched", help="Also of decisions that people confirmed, overrode or corrected."),
    ] = False,
    pictures: Pictures = None,
) -> None:
    """Remove pictures by a rule. Their hashes stay, and the removal is recorded."""
    from gainspect.jobs.tend_ledger import remove_pictures as remove

    count = remove(
        ledger,
        older_than_days=older_than_days,
        labels=label or ("ok",),
        spare_touched=not touched,
        pictures=pictures,
    )
    console.print(f"Removed: {plural(count, 'picture')}.")


@app.command("clock")
def clock(
    ledger: Ledger,
    actor: Annotated[str, typer.Option(help="Who says so: person-….")],
    reason: Annotated[str, typer.Option(help="What was wrong with the clock.")],
) -> None:
    """Record that a clock had run ahead and is right now: times may begin anew, and everybody sees that."""
    from gainspect.jobs.tend_ledger import correct_clock

    correct_clock(ledger, actor=actor, reason=reason)
    console.print("Recorded.")


@app.command("person")
def person(ledger: Ledger, name: Annotated[str, typer.Argument(help="Of the person.")]) -> None:
    """Give a person a pseudonym, by which records name them."""
    from gainspect.jobs.tend_ledger import add_person

    typer.echo(add_person(ledger, name))


@app.command("people")
def people(ledger: Ledger) -> None:
    """List pseudonyms with their names. A name that was erased is not there."""
    from gainspect.jobs.tend_ledger import people_of

    for actor, name in people_of(ledger):
        typer.echo(f"{actor}  {printable(name)}")


@app.command("invite")
def invite(
    ledger: Ledger,
    role: Annotated[str, typer.Option(help="operator, engineer or auditor.")] = "engineer",
    person: Annotated[
        str | None,
        typer.Option(help="person-…: gets an account or a new password.  [default: somebody new]"),
    ] = None,
    hours: Annotated[float, typer.Option(min=0.01, help="How long the link works.")] = 24.0,
    url: Annotated[str, typer.Option(help="Where the service is reached, https://….")] = "",
) -> None:
    """Make a link to an account of the service, for when nobody can sign in. It works once."""
    from gainspect.jobs.tend_ledger import invite as invited

    typer.echo(invited(ledger, role=role, person=person, hours=hours, service=url))


@app.command("erase")
def erase(
    ledger: Ledger,
    actor: Annotated[str, typer.Argument(help="person-….")],
    reason: Annotated[str, typer.Option(help="Why.")],
) -> None:
    """Erase the name behind a pseudonym. Records stay as they are, and the erasure is recorded."""
    from gainspect.jobs.tend_ledger import erase_person

    erase_person(ledger, actor, reason=reason)
    console.print(f"The name behind {printable(actor)} is erased.")

"""`gainspect msa`: people and models as appraisers of the same parts."""

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from gainspect.cli.console import console
from gainspect.cli.import_options import Import, choices_of
from gainspect.names import printable

_STUDY = "study"


class _StudyByDefault(TyperGroup):
    """`gainspect msa TABLE.csv` means `gainspect msa study TABLE.csv`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = [_STUDY, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_StudyByDefault,
    no_args_is_help=True,
    help="Measurement system analysis: do people and models decide right, and alike, on the same parts?\n\n"
    "`gainspect msa TABLE.csv` prints a study (the word `study` may be left out).",
)


@app.command(_STUDY)
def study(
    tables: Annotated[
        list[Path],
        typer.Argument(
            metavar="TABLE",
            help="CSV or Parquet: part, appraiser, trial, decision, reference; several are read together.",
        ),
    ],
    out: Annotated[Path | None, typer.Option(help="HTML report to write, one page.")] = None,
    lang: Annotated[str, typer.Option(help="Language of the report: en or ko.")] = "en",
) -> None:
    """Effectiveness, misses, false alarms, agreement, kappa and borderline parts of appraisers."""
    from gainspect.jobs.run_msa import run_msa
    from gainspect.report.terminal.agreement_tables import agreement_tables, cautions

    found = run_msa(tables, out=out, language=lang)
    for table in agreement_tables(found):
        console.print(table)
    console.print()
    for sentence in cautions(found):
        console.print(sentence, highlight=False)
    if out is not None:
        console.print(f"Saved: {printable(str(out))}. It opens in any browser, offline.", soft_wrap=True)


@app.command("rows")
def rows(
    verdicts: Annotated[
        list[Path],
        typer.Argument(
            metavar="VERDICTS.jsonl",
            help="verdicts.jsonl of `gainspect inspect --out`, or decisions.jsonl where images were decided "
            "together; each file is a trial.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="CSV to write.")],
    appraiser: Annotated[str, typer.Option(help="The model's name in the study.")] = "model",
    reference: Annotated[
        Path | None,
        typer.Option(
            metavar="TABLE|DATA",
            help="What the parts are: a table with part and reference (such as people's decisions), a data "
            "folder, a manifest, or a folder with the labels of a tool.  [default: left open]",
        ),
    ] = None,
    import_: Import = None,
) -> None:
    """Write a model's verdicts as rows of a study: `gainspect msa PEOPLE.csv ROWS.csv`."""
    from gainspect.jobs.write_model_rows import write_model_rows
    from gainspect.report.terminal.sentences import rows_sentences

    choices = choices_of(import_, reference)
    made = write_model_rows(
        verdicts, out, appraiser=appraiser, reference=reference, choices=choices, console=console
    )
    for sentence in rows_sentences(made, reference):
        console.print(sentence, highlight=False, soft_wrap=True)
    console.print(f"Saved: {printable(str(out))}", soft_wrap=True)

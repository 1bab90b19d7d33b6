"""`gainspect report`."""

from collections.abc import Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer

from gainspect.cli.console import console, errors, progress
from gainspect.cli.import_options import Import, choices_of
from gainspect.cli.mask_options import JudgedMaskValues
from gainspect.cli.speed_options import BatchSize, Threads
from gainspect.errors import GainspectError
from gainspect.inspection.batches import USUAL_BATCH
from gainspect.names import printable

if TYPE_CHECKING:
    from gainspect.inspection.backends.backend import Precision, RuntimeName


_OF_BOTH = ("out", "lang")
_OF_LEDGER = ("first", "last", "anchor", "public_key", "pictures")


def report(
    context: typer.Context,
    target: Annotated[
        Path | None,
        typer.Argument(
            metavar="RUN|BUNDLE",
            help="Run folder of `gainspect train`, or NAME.gain; left out with --ledger.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Data folder, manifest, or labels of a tool. A run needs it only if the data have moved."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="HTML file.  [default: RUN/report.html, NAME-report.html, or LEDGER-DATE-DATE.html]"
        ),
    ] = None,
    lang: Annotated[str, typer.Option(help="Language: en or ko.")] = "en",
    split: Annotated[str, typer.Option(help="Part of the data: test, val, train or all.")] = "test",
    limit: Annotated[
        int | None,
        typer.Option(
            min=2,
            help="Judge a sample of at most so many images: OK and each type of defect in their shares of "
            "the whole, the same images each time.  [default: all]",
            show_default=False,
        ),
    ] = None,
    doubtful: Annotated[
        Path | None, typer.Option(help="CSV with a column `file` that lists images with doubtful labels.")
    ] = None,
    seen: Annotated[
        str, typer.Option(help="Images that the model has seen in training or validation: refuse or allow.")
    ] = "refuse",
    mask_values: JudgedMaskValues = None,
    import_: Import = None,
    runtime: Annotated[
        str, typer.Option(help="auto, onnxruntime, openvino or torch; the report names it.")
    ] = "auto",
    precision: Annotated[str, typer.Option(help="f32, bf16 or int8 (OpenVINO).")] = "f32",
    batch_size: BatchSize = USUAL_BATCH,
    threads: Threads = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="Instead of a run or a bundle: the auditor's report of a ledger, which is verified for it.",
        ),
    ] = None,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DATE", help="First day, YYYY-MM-DD (--ledger).")
    ] = None,
    last: Annotated[
        str | None, typer.Option("--to", metavar="DATE", help="Last day, YYYY-MM-DD (--ledger).")
    ] = None,
    anchor: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Signed checkpoint that was kept elsewhere (--ledger)."),
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(help="Key that signed the anchors (--ledger).  [default: with your settings]"),
    ] = None,
    pictures: Annotated[
        str | None,
        typer.Option(
            metavar="DIR|URI", help="Where the ledger's pictures are (--ledger).  [default: FILE.pictures]"
        ),
    ] = None,
) -> None:
    """Write a report that opens offline, one HTML file: of an inspector, or of a ledger for an auditor."""
    if ledger is not None:
        _require_only(context, {"ledger", *_OF_BOTH, *_OF_LEDGER}, "--ledger")
        _report_ledger(ledger, first, last, out, anchor or [], public_key, pictures, lang)
        return
    if target is None:
        raise GainspectError(
            "what to report on is not named", hint="Name a run folder, a bundle, or a ledger (--ledger)."
        )
    _require_only(context, {name for name in context.params if name not in _OF_LEDGER}, "a run or a bundle")
    from gainspect.data.mask_values import MaskValues
    from gainspect.data.seen import require_seen_choice
    from gainspect.evaluation.doubtful import read_doubtful
    from gainspect.inspection.backends.choice import require_choice
    from gainspect.inspection.bundle import is_bundle
    from gainspect.jobs.write_report import write_inspection_report
    from gainspect.report.html.inspection_report import verdict_table_of

    require_choice(runtime, precision)
    of_bundle = target.with_name(f"{target.stem}-report.html")
    path = out or (of_bundle if is_bundle(target) else target / "report.html")
    left_out = frozenset() if doubtful is None else read_doubtful(doubtful)
    write_inspection_report(
        target,
        data=data,
        out=path,
        language=lang,
        split=split,
        limit=limit,
        doubtful=left_out,
        seen=require_seen_choice(seen),
        mask_values=None if mask_values is None else MaskValues.parse(mask_values),
        choices=choices_of(import_, data),
        runtime=cast("RuntimeName", runtime),
        precision=cast("Precision", precision),
        batch_size=batch_size,
        threads=threads,
        console=errors,
    )
    console.print(
        f"Saved: {path} ({path.stat().st_size / 2**20:.1f} MiB), which opens in any browser, offline; "
        f"{verdict_table_of(path)}, every verdict.",
        soft_wrap=True,
    )


def _require_only(context: typer.Context, allowed: Set[str], asked: str) -> None:
    """Refuse what was given on the command line, and says nothing to the report that is asked for.

    Raises:
        GainspectError: something was.
    """
    for parameter in context.command.params:
        name = str(parameter.name)
        source = context.get_parameter_source(name)
        if name not in allowed and source is not None and source.name == "COMMANDLINE":
            said = "RUN|BUNDLE" if name == "target" else parameter.opts[0]
            raise GainspectError(f"{said} does not go with {asked}", hint=f"Leave {said} out.")


def _report_ledger(
    ledger: str,
    first: str | None,
    last: str | None,
    out: Path | None,
    anchors: Sequence[Path],
    public_key: Path | None,
    pictures: str | None,
    lang: str,
) -> None:
    from gainspect.jobs.report_ledger import report_ledger, usual_report
    from gainspect.ledger.period import Period

    if first is None or last is None:
        raise GainspectError(
            "the report of a ledger is that of a period", hint="Give its days: --from DATE --to DATE."
        )
    period = Period.parse(first, last)
    path = out or usual_report(ledger, period)
    found = report_ledger(
        ledger,
        period,
        path,
        anchors,
        public_key=public_key,
        pictures=pictures,
        language=lang,
        shown=progress("verify"),
    )
    console.print(f"Saved: {printable(str(path))}, which opens in any browser, offline.", soft_wrap=True)
    if found.first is not None:
        errors.print(f"Wrong: {printable(found.first.what)}.", highlight=False, soft_wrap=True)
        raise typer.Exit(1)

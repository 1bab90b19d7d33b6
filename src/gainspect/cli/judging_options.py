"""Options of commands that judge what they are given, and of where its decisions are recorded."""

from typing import TYPE_CHECKING, Annotated

import typer

from gainspect.errors import GainspectError

if TYPE_CHECKING:
    from gainspect.jobs.inspection_output import LedgerPlace

LEDGER = "Ledger"
"""Heading of the options of a ledger."""

Check = Annotated[
    bool,
    typer.Option("--check/--no-check", help="Check the reason of NG verdicts if the bundle asks for it."),
]
Runtime = Annotated[str, typer.Option(help="auto, onnxruntime, openvino or torch.")]
Precision = Annotated[str, typer.Option(help="f32, bf16 or int8 (OpenVINO).")]
MaxMpx = Annotated[
    float | None,
    typer.Option(help="Largest image, millions of pixels; larger ones are not decoded.  [default: 64]"),
]
Bits = Annotated[
    int | None,
    typer.Option(
        min=8,
        max=16,
        help="Bits that 16-bit images use, such as 12, if the bundle was trained without such images.",
    ),
]
Ledger = Annotated[
    str | None,
    typer.Option(
        metavar="FILE|URL",
        help="Ledger that each decision is recorded in; made if there is none.",
        rich_help_panel=LEDGER,
    ),
]
Pictures = Annotated[
    str | None,
    typer.Option(
        metavar="DIR|URI",
        help="Where the ledger keeps the images.  [default: FILE.pictures; with PostgreSQL only hashes]",
        rich_help_panel=LEDGER,
        show_default=False,
    ),
]
Station = Annotated[
    str | None,
    typer.Option(
        help="Where the parts are inspected.  [default: the name of this machine]",
        rich_help_panel=LEDGER,
        show_default=False,
    ),
]
Lot = Annotated[str | None, typer.Option(help="Of the parts.", rich_help_panel=LEDGER)]


def ledger_place(
    ledger: str | None, pictures: str | None, station: str | None, lot: str | None
) -> "LedgerPlace | None":
    """Where decisions are recorded; None: in no ledger.

    Raises:
        GainspectError: there is no ledger, and something is said of it.
    """
    from gainspect.jobs.inspection_output import LedgerPlace

    if ledger is not None:
        return LedgerPlace(ledger, pictures, station, lot)
    if (pictures, station, lot) != (None, None, None):
        raise GainspectError(
            "--pictures, --station and --lot are of decisions that are recorded", hint="Add --ledger FILE."
        )
    return None

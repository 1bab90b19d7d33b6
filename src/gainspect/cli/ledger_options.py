"""Options that commands on a ledger share."""

from typing import Annotated

import typer

Ledger = Annotated[str, typer.Argument(metavar="LEDGER", help="A file, or postgresql://HOST/DATABASE.")]
Pictures = Annotated[
    str | None, typer.Option(metavar="DIR|URI", help="Where its pictures are.  [default: FILE.pictures]")
]

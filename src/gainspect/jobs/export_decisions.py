"""Write the decisions of a ledger as a table, and beside it what its columns mean."""

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from gainspect.errors import GainspectError
from gainspect.files import new_folder
from gainspect.inspection.records.parquet_verdicts import parquet
from gainspect.ledger import open_ledger
from gainspect.ledger.decision_rows import COLUMNS, DecisionRow, decision_rows
from gainspect.ledger.records.base import written_time
from gainspect.names import no_formula
from gainspect.report.texts import LANGUAGES, TEXTS

TableFormat = Literal["csv", "parquet"]
_DESCRIPTIONS = "columns.csv"
_AT_ONCE = 10_000
"""Rows in memory, and in a row group of Parquet."""
_Rows = list[DecisionRow]


def export_decisions(url: str, out: Path, form: TableFormat) -> int:
    """Write decisions.csv or decisions.parquet, and columns.csv, into a folder; how many decisions there are.

    CSV is in UTF-8 with a byte order mark, so that spreadsheets read Korean, and what is not known is empty.
    Text that a spreadsheet would take for a formula has an apostrophe before it.

    Args:
        url: see `open_ledger`.
        out: folder to make.
        form: of the table.

    Raises:
        GainspectError: the ledger cannot be read, the folder is there or cannot be written, or a package for
            Parquet is not installed.
    """
    writer = {"csv": _csv, "parquet": _parquet}[form]
    count = 0
    with open_ledger(url, create=False) as ledger, new_folder(out) as folder:
        with writer(folder / f"decisions.{form}") as write:
            rows = decision_rows(ledger)
            while some := list(islice(rows, _AT_ONCE)):
                write(some)
                count += len(some)
        _describe(folder / _DESCRIPTIONS)
    return count


def require_format(name: str) -> TableFormat:
    """A format by its name.

    Raises:
        GainspectError: there is no such format.
    """
    for form in get_args(TableFormat):
        if form == name:
            chosen: TableFormat = form
            return chosen
    raise GainspectError(f"there is no format {name!r}", hint="Choose from jsonl, csv, parquet.")


def _describe(path: Path) -> None:
    """What each column means, in each language, and in the row `*` what holds for all."""
    texts = {name: f"lc_{name}" for name in COLUMNS} | {"*": "lc_formula"}
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["column", *LANGUAGES])
        table.writerows(
            [name, *(TEXTS[language][key] for language in LANGUAGES)] for name, key in texts.items()
        )


@contextmanager
def _csv(path: Path) -> Iterator[Callable[[_Rows], None]]:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        # Lines end as RFC 4180 has it; so the writer quotes cells with a carriage return.
        table = csv.writer(file, lineterminator="\r\n")
        table.writerow(COLUMNS)
        yield lambda rows: table.writerows(map(in_csv, row.values()) for row in rows)


def in_csv(value: object) -> object:
    """Floats as Python repeats them, so that they come back exactly; times as records have them.

    >>> [in_csv(cell) for cell in ("=1+1", "-7", -0.5, "a=b")]
    ["'=1+1", '-7', -0.5, 'a=b']
    """
    match value:
        case datetime():
            return written_time(value)
        case str():
            return no_formula(value)
        case _:
            return value


@contextmanager
def _parquet(path: Path) -> Iterator[Callable[[_Rows], None]]:
    pa, pq = parquet()
    types: dict[Any, Any] = {
        int: pa.int64(),
        float: pa.float64(),
        datetime: pa.timestamp("us", tz="UTC"),
        str: pa.string(),
    }
    types |= {kind | None: types[kind] for kind in (int, float, str)}
    schema = pa.schema((name, types[hint]) for name, hint in get_type_hints(DecisionRow).items())
    with pq.ParquetWriter(path, schema, compression="zstd") as file:
        yield lambda rows: file.write_table(pa.Table.from_pylist(rows, schema))

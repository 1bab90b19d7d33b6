"""Images by Parquet tables: a column of paths or URIs, or of the bytes of image files."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gainspect.data.named_files import is_file
from gainspect.errors import GainspectError
from gainspect.inspection.sources.remote import below, is_uri, open_remote

USUAL_COLUMN = "image"
_ROW = re.compile(r"(.+\.parquet)#(.+)=([0-9]+)", re.IGNORECASE | re.DOTALL)


def is_table(name: str) -> bool:
    """Whether a name is that of a Parquet table."""
    return name.lower().endswith(".parquet")


def row_of(name: str) -> tuple[str, str, int] | None:
    """The table, the column and the row, from 0, that a name of an image stands for; None: it is of no table.

    >>> row_of("s3://bucket/lot.parquet#image=1")
    ('s3://bucket/lot.parquet', 'image', 0)
    """
    match = _ROW.fullmatch(name)
    if match is None or (not is_uri(name) and is_file(Path(name))):
        return None
    return match[1], match[2], int(match[3]) - 1


def images_in(table: str, column: str | None) -> Iterator[str]:
    """The names of the images of a table, row by row: `TABLE#COLUMN=ROW`, from 1, for one that holds bytes.

    Args:
        table: path or URI of a Parquet file.
        column: the column of paths (relative to the table), of URIs, or of bytes; None: "image", or the only
            one that may be such a column. Also a struct with the field bytes, as data sets have it.

    Raises:
        GainspectError: it cannot be read, there is no such column, or a row names no image.
    """
    with _opened(table) as parquet:
        schema = parquet.schema_arrow
        field = schema.field(_column(table, schema, column))
        if _holds_bytes(field.type):
            for row in range(parquet.metadata.num_rows):
                yield f"{table}#{field.name}={row + 1}"
            return
        row = 0
        for batch in parquet.iter_batches(columns=[field.name]):
            for value in batch.column(0).to_pylist():
                row += 1
                if not value:
                    raise GainspectError("it names no image", where=f"{table}, row {row}")
                yield _beside(table, str(value))


class RowReader:
    """Reads images that are rows of tables; the last group of rows is kept, since they come in order."""

    def __init__(self) -> None:
        self._group: tuple[str, str, int, Any] | None = None  # table, column, first row, values

    def read(self, table: str, column: str, row: int) -> bytes:
        """The bytes of an image file.

        Raises:
            GainspectError: the table cannot be read, or has no such row.
        """
        held = self._group
        if held is None or held[:2] != (table, column) or not 0 <= row - held[2] < len(held[3]):
            held = self._group = self._group_with(table, column, row)
        value = held[3][row - held[2]].as_py()
        content = value.get("bytes") if isinstance(value, dict) else value
        if not isinstance(content, bytes):
            raise GainspectError("the row holds no image", where=f"{table}, row {row + 1}")
        return content

    @staticmethod
    def _group_with(table: str, column: str, row: int) -> tuple[str, str, int, Any]:
        with _opened(table) as parquet:
            first = 0
            for group in range(parquet.num_row_groups):
                count = parquet.metadata.row_group(group).num_rows
                if row < first + count:
                    return table, column, first, parquet.read_row_group(group, columns=[column]).column(0)
                first += count
        raise GainspectError(f"the table has {first} rows", where=f"{table}, row {row + 1}")


def _column(table: str, schema: Any, column: str | None) -> str:
    fitting = [field.name for field in schema if _holds_bytes(field.type) or _holds_names(field.type)]
    if column is None:
        column = USUAL_COLUMN if USUAL_COLUMN in fitting or len(fitting) != 1 else fitting[0]
    if column not in fitting:
        raise GainspectError(
            f"there is no column {column!r} of paths, URIs or image files",
            where=table,
            hint=f"Name it with --column; the table has {', '.join(schema.names) or 'none'}.",
        )
    return column


def _holds_bytes(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_struct(kind):
        return any(part.name == "bytes" and _holds_bytes(part.type) for part in kind)
    return bool(types.is_binary(kind) or types.is_large_binary(kind))


def _holds_names(kind: Any) -> bool:
    import pyarrow.types as types

    if types.is_dictionary(kind):
        kind = kind.value_type
    return bool(types.is_string(kind) or types.is_large_string(kind))


def _beside(table: str, name: str) -> str:
    """A name as the table means it: relative ones from its folder."""
    if is_uri(name):
        return name
    if is_uri(table):
        return below(table.rpartition("/")[0], name)
    return str(Path(table).parent / name)


@contextmanager
def _opened(table: str) -> Iterator[Any]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise GainspectError(
            "reading Parquet needs pyarrow", where=table, hint="pip install 'gainspect[parquet]'."
        ) from error
    try:
        if is_uri(table):
            with open_remote(table) as file, pq.ParquetFile(file) as parquet:
                yield parquet
        else:
            with pq.ParquetFile(table) as parquet:
                yield parquet
    except GainspectError:
        raise
    except (OSError, pa.ArrowException) as error:
        raise GainspectError(f"cannot read it as Parquet ({error})", where=table) from error

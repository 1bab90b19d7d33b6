"""What a ledger asks of a database: statements by name, in transactions."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, TypeVar

Dialect = Literal["sqlite", "postgresql"]
T = TypeVar("T")

_SQL = Path(__file__).parents[1] / "sql"
_VALUE = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_PAGE = 500
"""Rows that are in memory at once."""


@cache
def statement(dialect: Dialect, name: str) -> str:
    """The SQL of sql/DIALECT/NAME.sql or, if both dialects say it alike, of sql/NAME.sql.

    Values are written `:name` there; psycopg wants `%(name)s`.
    """
    own = _SQL / dialect / f"{name}.sql"
    text = (own if own.is_file() else _SQL / f"{name}.sql").read_text(encoding="utf-8")
    return text if dialect == "sqlite" else _VALUE.sub(r"%(\1)s", text.replace("%", "%%"))


class Rows:
    """The rows of the tables, within a transaction.

    Args:
        execute: runs SQL with values by name; gives the driver's cursor.
        dialect: of that SQL.
    """

    def __init__(self, execute: Callable[[str, dict[str, Any]], Any], dialect: Dialect) -> None:
        self._execute = execute
        self._dialect = dialect

    def all(self, name: str, /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """The rows that a statement of `sql/` gives."""
        found: list[tuple[Any, ...]] = self._execute(statement(self._dialect, name), values).fetchall()
        return found

    def one(self, name: str, /, **values: Any) -> tuple[Any, ...] | None:
        """The first of them; None: there is none."""
        rows = self.all(name, **values)
        return rows[0] if rows else None

    def where(self, name: str, conditions: Sequence[str], /, **values: Any) -> Sequence[tuple[Any, ...]]:
        """The rows of a statement with `{conditions}`, for which all of these stand (`sql/where/`)."""
        wanted = " AND ".join(statement(self._dialect, f"where/{one}").rstrip() for one in conditions)
        sql = statement(self._dialect, name).replace("{conditions}", wanted)
        found: list[tuple[Any, ...]] = self._execute(sql, values).fetchall()
        return found

    def run(self, name: str, /, **values: Any) -> int:
        """Run a statement that changes rows; how many it changed."""
        changed: int = self._execute(statement(self._dialect, name), values).rowcount
        return changed

    def each(self, name: str, /, first: int = 0, **values: Any) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement with `:first` and `:count` whose first column rises, a page at a time."""
        while page := self.all(name, first=first, count=_PAGE, **values):
            yield from page
            first = page[-1][0] + 1


class Database(Protocol):
    """The tables of a ledger."""

    place: str
    """Where they are, for people; without a password."""
    url: str
    """The same, for `open_database`."""

    def reading(self) -> AbstractContextManager[Rows]:
        """A transaction in which nothing changes, whatever others append meanwhile.

        Raises:
            GainspectError: the database cannot be reached or read.
        """

    def write(self, work: Callable[[Rows], T]) -> T:
        """Do something in a transaction that no other writer is in; if it raises, nothing is changed.

        A lost connection is made anew and the work done again, once: it must not matter whether it was done
        before.

        Raises:
            GainspectError: the database cannot be reached or written.
        """

    def forget(self) -> None:
        """Overwrite what was deleted, as far as that is in the hands of this process.

        Raises:
            GainspectError: the database cannot be written.
        """

    def damage(self) -> str | None:
        """What its own check finds wrong: an index, too, may lack a row. None: nothing, or it has no check.

        Raises:
            GainspectError: the database cannot be read.
        """

    def copy_to(self, path: Path) -> None:
        """Write a copy of all tables into a new file, as they are at one moment; others may write meanwhile.

        Raises:
            GainspectError: the file cannot be written, or this database is copied by tools of its own.
        """

    def close(self) -> None:
        """Let go of its connections."""

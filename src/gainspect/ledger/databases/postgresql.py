"""The tables of a ledger on a PostgreSQL server."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from gainspect.errors import GainspectError
from gainspect.ledger.databases.database import Rows, statement
from gainspect.ledger.databases.migrations import CURRENT, migrate, require_known

T = TypeVar("T")
Connection = psycopg.Connection[tuple[object, ...]]
_PATIENCE = {
    "connect_timeout": 10,
    "tcp_user_timeout": 10_000,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
}
"""How long a silent server is waited for, in s (`tcp_user_timeout`: ms), if the URL does not say it (libpq).
Without that, a machine without power or a cut cable holds a writer for up to a quarter of an hour."""
_MOST_READERS = 32
"""Questions at once, each with a connection: a server has about a hundred for all who use it."""
_READER_WAITS_S = 10.0
"""How long a question waits until another ends."""
_MOST_KEPT = 4
"""Connections that are kept for the next question."""
_WAIT = "30s"
"""How long a writer waits for another."""
_FAULTS: dict[type[psycopg.Error], tuple[str, str]] = {
    psycopg.errors.DiskFull: (
        "the disk of the server is full",
        "Make room, and repeat it: nothing was written.",
    ),
    psycopg.errors.LockNotAvailable: (
        f"another process has held the ledger for {_WAIT}",
        "Repeat it when that has ended.",
    ),
    psycopg.errors.InsufficientPrivilege: ("this user may not do that", "Check the rights of the user."),
    psycopg.errors.ReadOnlySqlTransaction: ("the server takes no changes", "Name the primary server."),
}


class PostgresDatabase:
    """See `Database`.

    Args:
        url: `postgresql://USER@HOST/DATABASE`, with all that libpq knows.
        create: see `open_database`.

    Raises:
        GainspectError: see `open_database`.
    """

    def __init__(self, url: str, *, create: bool) -> None:
        self.url = url
        self.place = _place(url)
        self._lock = threading.RLock()
        self._writer: Connection | None = None
        self._at_once = threading.BoundedSemaphore(_MOST_READERS)
        self._idle = threading.Lock()
        self._readers: list[Connection] = []
        """That nobody uses now: a new one costs the server a process."""
        with self._told():
            self._prepare(create=create)

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """See `Database`."""
        with self._turn(), self._told():
            connection = self._reader()
            try:
                yield _rows(connection)
            finally:
                self._give_back(connection)

    def write(self, work: Callable[[Rows], T]) -> T:
        """See `Database`."""
        with self._lock, self._told():
            known = self._writer is not None
            try:
                return self._written(work)
            except psycopg.OperationalError:
                # The server may have been started anew since the last time.
                if not (known and self._lost()):
                    raise
            return self._written(work)

    def forget(self) -> None:
        """See `Database`: rows that no transaction sees any more are freed."""
        with self._told(), self._connect() as connection:
            connection.execute("VACUUM ledger_people, ledger_accounts")

    def damage(self) -> str | None:
        """See `Database`: the check of a server, `pg_amcheck`, is for who runs it."""
        return None

    def copy_to(self, path: Path) -> None:
        """See `Database`."""
        raise GainspectError(
            "a database of a server is backed up by its own tools",
            where=self.place,
            hint=f"pg_dump --format=custom --file={path.name} URL.",
        )

    def close(self) -> None:
        """See `Database`."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
            self._writer = None
        with self._idle:
            while self._readers:
                self._readers.pop().close()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Be one of the questions that are asked at once.

        Raises:
            GainspectError: so many are being asked, and none of them ends.
        """
        if not self._at_once.acquire(timeout=_READER_WAITS_S):
            raise GainspectError(
                f"{_MOST_READERS} questions are being read, and none ended within {_READER_WAITS_S:g} s",
                where=self.place,
                hint="Repeat it when fewer people and programs ask at once.",
            )
        try:
            yield
        finally:
            self._at_once.release()

    def _reader(self) -> Connection:
        """A connection in a transaction in which nothing changes; one that was lost is made anew."""
        while True:
            with self._idle:
                kept = self._readers.pop() if self._readers else None
            connection = kept or self._connect()
            try:
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            except psycopg.Error:
                connection.close()
                if kept is None:
                    raise
            else:
                return connection

    def _give_back(self, connection: Connection) -> None:
        """End the transaction of a reader, and keep it for the next."""
        try:
            connection.rollback()
        except psycopg.Error:
            connection.close()
        with self._idle:
            if not connection.closed and len(self._readers) < _MOST_KEPT:
                self._readers.append(connection)
                return
        connection.close()

    def _written(self, work: Callable[[Rows], T]) -> T:
        if self._lost():
            self._writer = None
        if self._writer is None:
            self._writer = self._connect()
        rows = _rows(self._writer)
        with self._writer.transaction():
            rows.all("lock_head")
            return work(rows)

    def _lost(self) -> bool:
        return self._writer is not None and (self._writer.closed or self._writer.broken)

    def _connect(self) -> Connection:
        connection = _connected(self.url, autocommit=True)
        connection.execute("SET synchronous_commit = on")
        connection.execute(f"SET lock_timeout = '{_WAIT}'".encode())
        return connection

    def _prepare(self, *, create: bool) -> None:
        """Make the tables, or bring them up to date."""
        with self._connect() as connection:
            version = _version(connection)
        if version is None and not create:
            raise GainspectError("there is no ledger in this database", where=self.place)
        if version is not None:
            require_known(version, self.place)
        if version != CURRENT:
            migrate("postgresql", lambda: _connected(self.url))

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in words what the server or the driver says."""
        try:
            yield
        except psycopg.Error as error:
            said = " ".join(str(error).split())
            what, hint = next(
                (fault for kind, fault in _FAULTS.items() if isinstance(error, kind)),
                (f"the database refuses it ({said})", ""),
            )
            if isinstance(error, psycopg.OperationalError) and _is_away(error):
                what = f"the database cannot be reached ({said})"
                hint = "Repeat it when the server runs: a record that was written is not written again."
            raise GainspectError(what, where=self.place, hint=hint) from error


def _connected(url: str, *, autocommit: bool = False) -> Connection:
    said: dict[str, Any] = {"application_name": "gainspect"} | _PATIENCE | conninfo_to_dict(url)
    return psycopg.connect(**said, autocommit=autocommit)


def _rows(connection: Connection) -> Rows:
    return Rows(lambda sql, values: connection.execute(sql.encode(), values), "postgresql")


def _is_away(error: psycopg.Error) -> bool:
    """Whether it is the connection, or the server as a whole, that fails (classes 08 and 57P)."""
    return error.sqlstate is None or error.sqlstate.startswith(("08", "57P"))


def _version(connection: Connection) -> str | None:
    """Of the tables; None: there are none."""
    try:
        row = connection.execute(statement("postgresql", "version").encode()).fetchone()
    except psycopg.errors.UndefinedTable:
        return None
    return None if row is None else str(row[0])


def _place(url: str) -> str:
    """A URL without user, password and options."""
    try:
        said = conninfo_to_dict(url)
    except psycopg.ProgrammingError as error:
        raise _no_address() from error
    # libpq ends user and password at the first @ or /: what follows would be told, and be part of a password.
    if any("@" in str(said.get(part, ""))[1:] for part in ("host", "dbname")):
        raise _no_address()
    port = f":{said['port']}" if "port" in said else ""
    return f"postgresql://{said.get('host', '')}{port}/{said.get('dbname', '')}"


def _no_address() -> GainspectError:
    return GainspectError(
        "this is no address of a PostgreSQL database",
        hint="It is postgresql://USER@HOST:PORT/DATABASE; in a password, @ is %40, / is %2F, % is %25.",
    )

"""The tables of a ledger in a file of SQLite: write-ahead log, every commit synced to the disk."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from gainspect.errors import GainspectError
from gainspect.ledger.databases.database import Rows, statement
from gainspect.ledger.databases.migrations import CURRENT, migrate, require_known

T = TypeVar("T")
_WAIT_S = 30.0
"""How long a writer waits for another."""
_FAULTS = {
    "SQLITE_FULL": ("the disk is full", "Make room, and repeat it: nothing was written."),
    "SQLITE_BUSY": (
        f"another process has held the ledger for {_WAIT_S:g} s",
        "Repeat it when that has ended.",
    ),
    "SQLITE_READONLY": ("the ledger cannot be written", "Check who may write the file and its folder."),
    "SQLITE_CANTOPEN": ("the ledger cannot be opened", "Check the path, and who may read the folder."),
    "SQLITE_CORRUPT": ("the file is damaged", "Keep it, take the last back-up, and verify that."),
    "SQLITE_NOTADB": ("this is no ledger", "Name the file of a ledger, or a new one."),
    "SQLITE_IOERR": ("the disk does not read or write", "Check the disk and the room on it, and repeat it."),
}


class SqliteDatabase:
    """See `Database`.

    Args:
        path: of the file.
        create: see `open_database`.

    Raises:
        GainspectError: see `open_database`.
    """

    def __init__(self, path: str, *, create: bool) -> None:
        self._path = Path(path)
        self.place = self.url = path
        self._lock = threading.RLock()
        self._writer: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        if not create:
            self._require_there()
        with self._told():
            with suppress(FileExistsError):
                if create:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
            self._prepare(create=create)

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """See `Database`."""
        self._require_there()
        with self._told(), closing(self._connect("ro")) as connection:
            connection.execute("BEGIN")
            yield Rows(connection.execute, "sqlite")
            connection.execute("ROLLBACK")

    def write(self, work: Callable[[Rows], T]) -> T:
        """See `Database`."""
        with self._lock, self._told():
            connection = self._connected()
            connection.execute("BEGIN IMMEDIATE")
            try:
                done = work(Rows(connection.execute, "sqlite"))
                connection.execute("COMMIT")
            except BaseException:
                # After some errors SQLite has rolled back by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            return done

    def forget(self) -> None:
        """See `Database`: the log, too, is emptied. A reader that is at work keeps it from that."""
        with self._lock, self._told():
            self._connected().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def damage(self) -> str | None:
        """See `Database`: each index is held against its table."""
        with self._told(), closing(self._connect("ro")) as connection:
            said = str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0])
        return None if said == "ok" else " ".join(said.split())

    def copy_to(self, path: Path) -> None:
        """See `Database`."""
        self._require_there()
        with self._told(), closing(self._connect("ro")) as connection, closing(sqlite3.connect(path)) as copy:
            copy.execute("PRAGMA synchronous = FULL")
            connection.backup(copy)

    def close(self) -> None:
        """See `Database`."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
            self._writer = None

    def _connected(self) -> sqlite3.Connection:
        """The connection of the writer; made anew if another file has taken the place of the ledger's."""
        found = self._require_there()
        if self._writer is None or found != self._identity:
            self.close()
            self._writer, self._identity = self._connect("rw"), found
        return self._writer

    def _connect(self, mode: str) -> sqlite3.Connection:
        connection = sqlite3.connect(
            f"{self._path.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_WAIT_S,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.execute("PRAGMA synchronous = FULL")
        # What is erased is overwritten.
        connection.execute("PRAGMA secure_delete = ON")
        return connection

    def _prepare(self, *, create: bool) -> None:
        """Make the tables, or bring them up to date."""
        with closing(self._connect("rwc" if create else "rw")) as connection:
            version = _version(connection)
            if version is None and not create:
                raise GainspectError("this is no ledger", where=self.place)
            if version is not None:
                require_known(version, self.place)
            if version != CURRENT:
                _keep_a_log(connection, self.place)
        if version != CURRENT:
            migrate("sqlite", lambda: self._connect("rw"))

    def _require_there(self) -> tuple[int, int]:
        """Which file it is: SQLite would write on into one that was moved away."""
        try:
            status = self._path.stat()
        except OSError as error:
            raise GainspectError(
                f"there is no such ledger ({error.strerror or error})",
                where=self.place,
                hint="Check the path, and that the disk is there.",
            ) from error
        return status.st_dev, status.st_ino

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Say in words what SQLite or the system says."""
        try:
            yield
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "")
            known = next((fault for start, fault in _FAULTS.items() if name.startswith(start)), None)
            what, hint = known or (f"the database refuses it ({error})", "")
            raise GainspectError(what, where=self.place, hint=hint) from error
        except OSError as error:
            raise GainspectError(
                f"the ledger cannot be opened ({error.strerror or error})", where=self.place
            ) from error


def _version(connection: sqlite3.Connection) -> str | None:
    """Of the tables; None: there are none."""
    try:
        row: tuple[Any, ...] | None = connection.execute(statement("sqlite", "version")).fetchone()
    except sqlite3.OperationalError as error:
        if "no such table" not in str(error):
            raise
        return None
    return None if row is None else str(row[0])


def _keep_a_log(connection: sqlite3.Connection, place: str) -> None:
    """Turn the write-ahead log on, which stays on. SQLite does not wait for others that do the same."""
    end = time.monotonic() + _WAIT_S
    while True:
        try:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            break
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)
    if mode != "wal":
        raise GainspectError(
            "a ledger cannot be kept on this file system",
            where=place,
            hint="Choose a local disk, or PostgreSQL.",
        )

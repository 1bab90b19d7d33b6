"""Where the tables of a ledger are: a file of SQLite, or a PostgreSQL server."""

from gainspect.errors import GainspectError
from gainspect.ledger.databases.database import Database, Rows

_POSTGRES = ("postgresql://", "postgres://")
_SQLITE = "sqlite:///"

__all__ = ["Database", "Rows", "is_server", "open_database"]


def is_server(url: str) -> bool:
    """Whether a URL is that of a PostgreSQL server."""
    return url.startswith(_POSTGRES)


def file_of(url: str) -> str:
    """The file of a ledger that is no server's.

    >>> file_of("sqlite:///line.ledger"), file_of("sqlite:////srv/line.ledger"), file_of("line.ledger")
    ('line.ledger', '/srv/line.ledger', 'line.ledger')
    """
    return url.removeprefix(_SQLITE)


def open_database(url: str, *, create: bool) -> Database:
    """Open the tables of a ledger; those of an earlier version are brought up to date.

    Args:
        url: a path, `sqlite:///PATH`, or `postgresql://…`.
        create: whether to make them if there are none.

    Raises:
        GainspectError: they cannot be opened, are of a later version, or there are none.
    """
    if is_server(url):
        from gainspect.ledger.databases.postgresql import PostgresDatabase

        return PostgresDatabase(url, create=create)
    if "://" in file_of(url):
        raise GainspectError(
            "this is no ledger's address",
            where=url,
            hint="Name a file, sqlite:///FILE, or postgresql://HOST/DATABASE.",
        )
    from gainspect.ledger.databases.sqlite import SqliteDatabase

    return SqliteDatabase(file_of(url), create=create)

"""Makes the tables, and brings those of earlier versions up to date. Alembic is imported only for that."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from gainspect.errors import GainspectError
from gainspect.ledger.databases.database import Dialect, statement

CURRENT = "5"
"""The last revision in `versions`."""
VERSION_TABLE = "ledger_version"
_VERSIONS = Path(__file__).parent / "versions"
_LOCK = 0x6761_696E
"""Key of the lock that one migration at a time holds on a PostgreSQL server."""


def require_known(version: str, place: str) -> None:
    """Refuse tables of a later version.

    Raises:
        GainspectError: they are of one.
    """
    if not version.isdecimal() or int(version) > int(CURRENT):
        raise GainspectError(
            f"the ledger's tables are of version {version}; this gainspect knows those up to {CURRENT}",
            where=place,
            hint="Install a newer version of gainspect.",
        )


def migrate(dialect: Dialect, connect: Callable[[], Any]) -> None:
    """Bring the tables up to date, in one transaction; others that do the same wait.

    Args:
        dialect: of the database.
        connect: opens a connection of its driver, in which transactions begin by a BEGIN.

    Raises:
        Exception: of the driver: the tables are not those of the version that they say, or cannot be written.
    """
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.script import ScriptDirectory
    from sqlalchemy import NullPool, create_engine, event
    from sqlalchemy.exc import DBAPIError

    driver = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}[dialect]
    engine = create_engine(driver, creator=connect, poolclass=NullPool)
    begin = "BEGIN IMMEDIATE" if dialect == "sqlite" else f"SELECT pg_advisory_xact_lock({_LOCK})"
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    scripts = ScriptDirectory(str(_VERSIONS.parent), version_locations=[str(_VERSIONS)])

    def steps(revision: Any, context: Any) -> Any:
        del context
        return scripts._upgrade_revs(CURRENT, revision)

    try:
        with (
            engine.begin() as connection,
            EnvironmentContext(Config(), scripts, fn=steps, destination_rev=CURRENT) as environment,
        ):
            environment.configure(connection=connection, version_table=VERSION_TABLE)
            with environment.begin_transaction():
                environment.run_migrations()
    except DBAPIError as error:
        raise error if error.orig is None else error.orig from error
    finally:
        engine.dispose()


def apply(name: str) -> None:
    """Run a script of `sql/DIALECT/` within a migration.

    Args:
        name: of the file, without its suffix.
    """
    from alembic import op

    connection = op.get_bind()
    dialect: Dialect = "sqlite" if connection.dialect.name == "sqlite" else "postgresql"
    for sql in _pieces(statement(dialect, name), dialect):
        connection.exec_driver_sql(sql)


def _pieces(script: str, dialect: Dialect) -> Iterator[str]:
    """The statements of a script; PostgreSQL takes it whole."""
    if dialect == "postgresql":
        yield script
        return
    piece = ""
    for line in script.splitlines(keepends=True):
        piece += line
        if sqlite3.complete_statement(piece):
            yield piece
            piece = ""

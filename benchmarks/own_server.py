"""A PostgreSQL server that a benchmark starts for itself; what it commits reaches the disk."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from gainspect.errors import GainspectError

if TYPE_CHECKING:
    from postgres_server import PostgresServer


@contextmanager
def own_server() -> Iterator["PostgresServer"]:
    """The server, which is stopped at the end.

    Raises:
        GainspectError: none is installed.
    """
    sys.path.append(str(Path(__file__).parents[1] / "tests"))
    from postgres_server import binaries, postgres_server

    programs = binaries()
    if programs is None:
        raise GainspectError("no PostgreSQL server is installed", hint="Install the package postgresql.")
    with postgres_server(programs, synced=True) as server:
        yield server

"""A PostgreSQL server of a test run: an own cluster in a temporary folder, reached by a socket there."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

_USER = "postgres"


def binaries() -> Path | None:
    """The folder of the newest installed server; None: there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    return found[-1].parent if found else None


class PostgresServer:
    """A server that is started, and may be stopped and started again.

    Args:
        place: an empty folder.
        programs: the folder of its programs.
        synced: whether what it commits reaches the disk, as on a line; tests need not wait for that.
    """

    def __init__(self, place: Path, programs: Path, *, synced: bool = False) -> None:
        self._place = place
        self._programs = programs
        self._sync = "on" if synced else "off"
        self._schemas = 0
        self._run(
            "initdb", "--auth=trust", f"--username={_USER}", "--no-sync", "--locale=C", "--encoding=UTF8"
        )
        self.start()

    def start(self) -> None:
        options = f"-k {self._place} -c listen_addresses='' -c fsync={self._sync} -c max_connections=40"
        self._run("pg_ctl", "start", "--wait", f"--log={self._place / 'log'}", f"--options={options}")

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--wait", "--mode=immediate")

    def new_schema(self) -> str:
        """The URL of an empty schema: databases of their own would take 8 MB each."""
        self._schemas += 1
        name = f"ledger{self._schemas}"
        url = f"postgresql://{_USER}@/{_USER}?host={self._place}"
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE SCHEMA {name}".encode())
        return f"{url}&options=-csearch_path%3D{name}"

    def _run(self, program: str, *arguments: str) -> None:
        # A server refuses to run as root.
        as_user = ["runuser", "-u", _USER, "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(self._programs / program), f"--pgdata={self._place / 'data'}", *arguments]
        subprocess.run(
            command, check=True, cwd=self._place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


@contextmanager
def postgres_server(programs: Path, *, synced: bool = False) -> Iterator[PostgresServer]:
    """A server in a temporary folder, which is stopped at the end; see `PostgresServer`."""
    # Not pytest's folder: it is closed to other users, and the path of a socket has 107 bytes at most.
    place = Path(tempfile.mkdtemp(prefix="gainspect-pg-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(place, _USER)
        server = PostgresServer(place, programs, synced=synced)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(place, ignore_errors=True)

"""What cannot be written is refused with its reason, nothing is half done, and it can be repeated."""

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from gainspect.errors import GainspectError
from gainspect.ledger import open_ledger
from gainspect.ledger.databases import Rows
from gainspect.ledger.databases.sqlite import SqliteDatabase
from gainspect.ledger.verification import verify
from ledger_records import Intruder, decision
from postgres_server import PostgresServer


def test_a_full_disk_under_sqlite(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "line.ledger") as ledger:
        ledger.append(decision("first"))
        assert isinstance(ledger.database, SqliteDatabase)
        writer = ledger.database._connected()
        (pages,) = writer.execute("PRAGMA page_count").fetchone()
        writer.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(GainspectError, match="the disk is full"):
            ledger.append_all([decision(f"p{number}") for number in range(100)])
        assert ledger.head().size == 1 and not verify(ledger).faults
        writer.execute("PRAGMA max_page_count = 1000000")
        ledger.append_all([decision(f"p{number}") for number in range(100)])
        assert ledger.head().size == 101 and not verify(ledger).faults


UNTIL_FULL = """
import resource, sys
from gainspect.errors import GainspectError
from gainspect.ledger import open_ledger
from ledger_records import decision
with open_ledger(sys.argv[1]) as ledger:
    resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000))
    try:
        for number in range(1000):
            ledger.append(decision(f"p{number}"))
            print(number, flush=True)
    except GainspectError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files as POSIX does")
def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "line.ledger"
    command = [sys.executable, "-c", UNTIL_FULL, str(path)]
    said = subprocess.run(
        command, capture_output=True, text=True, check=True, env={"PYTHONPATH": ":".join(sys.path)}
    ).stdout.splitlines()
    assert str(path) in said[-1] and 5 < len(said) < 1000
    with open_ledger(path) as ledger:
        assert [entry.record.key for entry in ledger.records()] == [
            f"decision of p{number}" for number in range(len(said) - 1)
        ]
        ledger.append(decision(f"p{len(said) - 1}"))
        assert not verify(ledger).faults


def test_a_full_disk_of_the_server(postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Rows.run

    def full(rows: Rows, name: str, /, **values: object) -> int:
        if name == "swap_head":
            raise psycopg.errors.DiskFull("could not extend file")
        return whole(rows, name, **values)

    with open_ledger(postgres.new_schema()) as ledger:
        ledger.append(decision("first"))
        with monkeypatch.context() as patched:
            patched.setattr(Rows, "run", full)
            with pytest.raises(GainspectError, match="the disk of the server is full"):
                ledger.append(decision("second"))
        assert ledger.head().size == 1 and not verify(ledger).faults
        assert ledger.append(decision("second")).index == 1


def test_a_file_that_is_away_for_a_while(tmp_path: Path) -> None:
    path, away = tmp_path / "line.ledger", tmp_path / "away"
    with open_ledger(path) as ledger:
        ledger.append(decision("p0"))
        path.rename(away)
        for _ in range(2):
            with pytest.raises(GainspectError, match="there is no such ledger"):
                ledger.append(decision("p1"))
        with pytest.raises(GainspectError, match="there is no such ledger"):
            ledger.head()
        assert not path.exists()
        away.rename(path)
        assert ledger.append(decision("p1")).index == 1
        assert not verify(ledger).faults


def test_a_server_that_is_away_for_a_while(postgres: PostgresServer) -> None:
    with open_ledger(postgres.new_schema()) as ledger:
        ledger.append(decision("p0"))
        postgres.stop()
        try:
            for _ in range(2):
                with pytest.raises(GainspectError, match="the database cannot be reached"):
                    ledger.append(decision("p1"))
            with pytest.raises(GainspectError, match="the database cannot be reached"):
                ledger.head()
        finally:
            postgres.start()
        assert ledger.append(decision("p1")).index == 1
        assert [entry.record.key for entry in ledger.records()] == ["decision of p0", "decision of p1"]
        assert not verify(ledger).faults


def test_a_lost_connection_is_made_anew(postgres: PostgresServer) -> None:
    url = postgres.new_schema()
    with open_ledger(url) as ledger:
        ledger.append(decision("p0"))
        Intruder(url).run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND application_name = 'gainspect'"
        )
        assert ledger.append(decision("p1")).index == 1


def test_an_answer_that_was_lost_after_the_commit(ledger_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_ledger(ledger_url) as ledger:
        write = ledger.database.write

        def cut(work):  # type: ignore[no-untyped-def]
            write(work)
            raise GainspectError("the database cannot be reached")

        with monkeypatch.context() as patched:
            patched.setattr(ledger.database, "write", cut)
            with pytest.raises(GainspectError):
                ledger.append(decision("p0"))
        assert ledger.append(decision("p0")).index == 0
        assert ledger.head().size == 1


def test_another_that_holds_the_ledger_too_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gainspect.ledger.databases.sqlite._WAIT_S", 0.05)
    with open_ledger(tmp_path / "line.ledger") as ledger, open_ledger(tmp_path / "line.ledger") as other:
        assert isinstance(other.database, SqliteDatabase)
        other.database._connected().execute("BEGIN IMMEDIATE")
        with pytest.raises(GainspectError, match="another process has held the ledger"):
            ledger.append(decision())
        other.database._connected().execute("ROLLBACK")
        assert ledger.append(decision()).index == 0


@pytest.mark.parametrize("password", ["p@hush", "p/hush@x", "%zzhush"])
def test_an_address_that_cannot_be_read_tells_no_part_of_its_password(password: str) -> None:
    with pytest.raises(GainspectError, match=r"no address of a PostgreSQL.*@ is %40") as refused:
        open_ledger(f"postgresql://u:{password}@host/ledger")
    assert "hush" not in str(refused.value)


def test_what_may_not_be_reached_is_named_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match="cannot be reached") as refused:
        open_ledger(f"postgresql://user:hush@/ledger?host={tmp_path}")
    assert "hush" not in str(refused.value) and f"postgresql://{tmp_path}/ledger" in str(refused.value)

"""Back-ups that are made while a writer appends: they restore to a ledger that verifies."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.backup import back_up
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.verification import verify
from ledger_records import Intruder, decision
from postgres_server import binaries

if TYPE_CHECKING:
    from postgres_server import PostgresServer

PICTURE = b"the file of a picture"
SHA256 = hashlib.sha256(PICTURE).hexdigest()
ORIGIN = "plant7.example/line3"
# Each record has a picture of its own.
WRITER = """
import hashlib, sys
from gainspect.ledger import open_ledger
from ledger_records import decision

url, pictures = sys.argv[1:]
with open_ledger(url, pictures=pictures) as ledger:
    for number in range(100_000):
        picture = f"picture {number}".encode()
        ledger.append(decision(f"w{number}", pictures=[hashlib.sha256(picture).hexdigest()]), [picture])
        print(number, flush=True)
"""


@contextmanager
def writer(url: str, pictures: Path) -> Iterator[None]:
    """A process that appends, from when it has begun until it is killed."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, url, str(pictures)], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.readline() == "0\n"
            yield
            assert process.poll() is None
        finally:
            process.kill()
            process.communicate()


def filled(ledger: Ledger) -> Checkpoint:
    """Append some; an anchor over them."""
    ledger.append(decision("with a picture", pictures=[SHA256]), [PICTURE])
    ledger.append_all([decision(f"p{number}") for number in range(200)])
    head = ledger.head()
    return Checkpoint(ORIGIN, head.size, head.root)


def require_beginning(restored: Ledger, ledger: Ledger) -> None:
    """The records of one are the first of the other, byte for byte."""
    size = restored.head().size
    assert 201 < size < ledger.head().size
    assert [entry.content for entry in restored.records()] == [e.content for e in ledger.records(0, size)]


def require_more_after(ledger: Ledger) -> None:
    """Wait until the writer has appended again."""
    size, end = ledger.head().size, time.monotonic() + 60
    while ledger.head().size < size + 3:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_a_back_up_beside_a_writer_restores(tmp_path: Path) -> None:
    file, folder = tmp_path / "line.ledger", tmp_path / "backup"
    with open_ledger(file, origin=ORIGIN) as ledger:
        anchor = filled(ledger)
        with writer(str(file), tmp_path / "line.ledger.pictures"):
            made = back_up(ledger, folder, "line.ledger", [anchor])
            require_more_after(ledger)
        assert [held.holds for held in made.anchors] == [True]
        assert {path.name for path in folder.iterdir()} == {"line.ledger", "line.ledger.pictures"}
        with open_ledger(folder / "line.ledger", create=False) as restored:
            require_beginning(restored, ledger)
            found = verify(restored, [anchor])
            assert (found.faults, found.pictures, found.size) == ([], made.pictures, made.size)
            assert found.pictures == made.size - 200
            restored.append(decision("after"))
            assert verify(restored, [anchor]).faults == []
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_back_up_by_the_tool_of_sqlite_restores(tmp_path: Path) -> None:
    """What docs/ledger.md says for those who have sqlite3 and no gainspect."""
    program = shutil.which("sqlite3")
    if program is None:
        pytest.skip("no sqlite3 is installed")
    file, copy = tmp_path / "line.ledger", tmp_path / "copy.ledger"
    with open_ledger(file, origin=ORIGIN) as ledger:
        anchor = filled(ledger)
        with writer(str(file), tmp_path / "line.ledger.pictures"):
            subprocess.run([program, file, f".backup {copy}"], check=True)
            require_more_after(ledger)
        with open_ledger(copy, pictures=f"{file}.pictures", create=False) as restored:
            require_beginning(restored, ledger)
            assert verify(restored, [anchor]).faults == []


def test_a_back_up_by_the_tools_of_postgresql_restores(postgres: "PostgresServer", tmp_path: Path) -> None:
    programs = binaries()
    assert programs is not None
    url, dump = postgres.new_schema(), tmp_path / "ledger.dump"
    new = url.replace("/postgres?", "/restored?")
    with open_ledger(url, pictures=tmp_path / "pictures", origin=ORIGIN) as ledger:
        anchor = filled(ledger)
        schema = url.rpartition("%3D")[2]
        with writer(url, tmp_path / "pictures"):
            subprocess.run(
                [programs / "pg_dump", "--format=custom", f"--schema={schema}", f"--file={dump}", url],
                check=True,
            )
            require_more_after(ledger)
        subprocess.run([programs / "psql", "--quiet", "-c", "CREATE DATABASE restored", url], check=True)
        subprocess.run([programs / "pg_restore", f"--dbname={new}", dump], check=True)
        with open_ledger(new, pictures=tmp_path / "pictures", create=False) as restored:
            require_beginning(restored, ledger)
            assert verify(restored, [anchor]).faults == []
            restored.append(decision("after"))
            assert verify(restored, [anchor]).faults == []


def test_a_ledger_that_was_changed_is_not_backed_up(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "line.ledger", origin=ORIGIN) as ledger:
        filled(ledger)
        Intruder(str(tmp_path / "line.ledger")).rewrite(7, b'"label":"ok"', b'"label":"ng"')
        with pytest.raises(GainspectError, match="the copy does not verify: record 7 was changed"):
            back_up(ledger, tmp_path / "backup", "line.ledger")
    assert not (tmp_path / "backup").exists()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_a_missing_picture_and_a_used_folder_are_told(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "line.ledger", origin=ORIGIN) as ledger:
        filled(ledger)
        (tmp_path / "backup").mkdir()
        with pytest.raises(GainspectError, match="already such a"):
            back_up(ledger, tmp_path / "backup", "line.ledger")
        assert ledger.pictures is not None
        ledger.pictures.remove(SHA256)
        with pytest.raises(GainspectError, match="is missing, and no rule has removed it"):
            back_up(ledger, tmp_path / "other", "line.ledger")


def test_a_server_is_backed_up_by_its_own_tools(postgres: "PostgresServer", tmp_path: Path) -> None:
    with open_ledger(postgres.new_schema()) as ledger, pytest.raises(GainspectError) as error:
        back_up(ledger, tmp_path / "backup", "ledger")
    assert "pg_dump" in error.value.hint
    assert list(tmp_path.iterdir()) == []

"""A server goes away while it is written to: however long, nothing is lost, doubled or half done."""

import hashlib
import os
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from gainspect.errors import GainspectError
from gainspect.ledger import open_ledger
from gainspect.ledger.databases import Rows
from gainspect.ledger.databases.postgresql import PostgresDatabase
from gainspect.ledger.verification import verify
from ledger_records import decision
from postgres_server import PostgresServer

WRITERS, EACH, REFUSALS = 2, 6, 3
PICTURE = b"picture"
SHA256 = hashlib.sha256(PICTURE).hexdigest()


@pytest.mark.parametrize("last", ["append_record", "append_picture", "swap_head"])
def test_a_server_that_goes_in_the_middle_of_a_write(
    postgres: PostgresServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """Of two decisions: the server goes after a statement of the second, before the commit."""
    run, ran = Rows.run, list[str]()
    records = [decision(part, pictures=[SHA256]) for part in ("p1", "p2")]
    wanted = 1 if last == "swap_head" else 2

    def going(rows: Rows, name: str, /, **values: object) -> int:
        changed = run(rows, name, **values)
        ran.append(name)
        if name == last and ran.count(last) == wanted:
            postgres.stop()
        return changed

    with open_ledger(postgres.new_schema(), pictures=tmp_path) as ledger:
        ledger.append(decision("p0"))
        with monkeypatch.context() as patched:
            patched.setattr(Rows, "run", going)
            try:
                with pytest.raises(GainspectError, match="the database cannot be reached"):
                    ledger.append_all(records, [PICTURE])
            finally:
                postgres.start()
        assert [entry.record.key for entry in ledger.records()] == ["decision of p0"]
        assert not verify(ledger).faults
        assert [entry.index for entry in ledger.append_all(records, [PICTURE])] == [1, 2]
        assert ledger.head().size == 3 and not verify(ledger).faults


def test_writers_go_on_when_the_server_is_back(postgres: PostgresServer, tmp_path: Path) -> None:
    """It comes back when each was refused several times, however long that takes."""
    url, stopped, back = postgres.new_schema(), threading.Event(), threading.Event()
    begun, refused = threading.Semaphore(0), threading.Semaphore(0)
    reasons = list[str]()

    def write(writer: int) -> None:
        with open_ledger(url, pictures=tmp_path) as ledger:
            for number in range(EACH):
                record, refusals = decision(f"{writer} {number}", pictures=[SHA256]), 0
                while True:
                    try:
                        ledger.append(record, [PICTURE])
                        break
                    except GainspectError as error:
                        reasons.append(error.what)
                        refusals += 1
                        if refusals == REFUSALS:
                            refused.release()
                            back.wait()
                if number == 1:
                    begun.release()
                    stopped.wait()

    writers = [threading.Thread(target=write, args=(writer,), daemon=True) for writer in range(WRITERS)]
    for writer in writers:
        writer.start()
    for _ in writers:
        begun.acquire()
    postgres.stop()
    stopped.set()
    try:
        for _ in writers:
            refused.acquire()
    finally:
        postgres.start()
        back.set()
    for writer in writers:
        writer.join()
    assert len(reasons) == WRITERS * REFUSALS
    assert all(reason.startswith("the database cannot be reached") for reason in reasons)
    with open_ledger(url, pictures=tmp_path) as ledger:
        parts = [entry.record.part for entry in ledger.records() if entry.record.kind == "decision"]
        assert not verify(ledger).faults
    for writer in range(WRITERS):
        own = [part for part in parts if part.startswith(f"{writer} ")]
        assert own == [f"{writer} {number}" for number in range(EACH)]
    assert len(parts) == WRITERS * EACH


def test_a_refused_writer_tries_to_connect_once(
    postgres: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is silent would else hold it twice as long as a connection may take."""
    connect, tried = psycopg.connect, list[None]()
    with open_ledger(postgres.new_schema()) as ledger:
        ledger.append(decision("p0"))
        monkeypatch.setattr(psycopg, "connect", lambda **said: (tried.append(None), connect(**said))[1])
        postgres.stop()
        try:
            for attempts in (1, 2):
                with pytest.raises(GainspectError, match="the database cannot be reached"):
                    ledger.append(decision("p1"))
                assert len(tried) == attempts
        finally:
            postgres.start()


def test_a_silent_server_is_given_up_by_the_kernel(postgres: PostgresServer) -> None:
    """A cut cable says nothing: the connection itself has a time after which it ends."""
    with _over_tcp(postgres.new_schema()) as url, open_ledger(url) as ledger:
        ledger.append(decision("p0"))
        assert isinstance(ledger.database, PostgresDatabase) and ledger.database._writer is not None
        with socket.socket(fileno=os.dup(ledger.database._writer.fileno())) as connection:
            option = connection.getsockopt
            assert option(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert option(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 10_000
            assert option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 10
            assert option(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 5
            assert option(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3


@contextmanager
def _over_tcp(url: str) -> Iterator[str]:
    """The URL by which a server that listens at a socket of its machine alone is reached over TCP."""
    folder = str(conninfo_to_dict(url)["host"])

    def carry(client: socket.socket) -> None:
        with client, socket.socket(socket.AF_UNIX) as server:
            server.connect(f"{folder}/.s.PGSQL.5432")
            other = {client: server, server: client}
            while True:
                for source in select.select([*other], [], [])[0]:
                    if not (content := source.recv(65536)):
                        return
                    other[source].sendall(content)

    def serve() -> None:
        carriers = []
        with suppress(OSError):  # the listener was shut
            while True:
                carriers.append(threading.Thread(target=carry, args=(listener.accept()[0],)))
                carriers[-1].start()
        for carrier in carriers:
            carrier.join()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve)
        server.start()
        yield url.replace(f"host={folder}", f"host=127.0.0.1&port={listener.getsockname()[1]}")
        listener.shutdown(socket.SHUT_RDWR)
        server.join()

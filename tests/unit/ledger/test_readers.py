"""Questions to a server take no new connection each; one that was lost, or is in use, costs one more."""

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger import open_ledger
from gainspect.ledger.databases import postgresql
from gainspect.ledger.databases.postgresql import PostgresDatabase

if TYPE_CHECKING:
    from postgres_server import PostgresServer


def backends(database: PostgresDatabase) -> list[int]:
    return [one.info.backend_pid for one in database._readers]


def test_a_reader_is_kept_for_the_next_question(postgres: "PostgresServer") -> None:
    with open_ledger(postgres.new_schema()) as ledger:
        database = ledger.database
        assert isinstance(database, PostgresDatabase)
        ledger.head()
        (first,) = backends(database)
        ledger.head()
        assert backends(database) == [first]
        with database.reading(), database.reading():
            assert backends(database) == []
        assert len(backends(database)) == 2
        with pytest.raises(GainspectError), database.reading() as rows:
            rows.run("begin_head", origin="x", frontier=b"")  # nothing changes there
        assert ledger.head().size == 0
        assert len(backends(database)) == 2
    assert backends(database) == []


def test_a_reader_that_was_lost_is_made_anew(postgres: "PostgresServer") -> None:
    with open_ledger(postgres.new_schema()) as ledger:
        database = ledger.database
        assert isinstance(database, PostgresDatabase)
        with database.reading(), database.reading():
            pass
        before = backends(database)
        for pid in before:
            with database._connect() as other:
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
        assert ledger.head().size == 0
        assert not set(backends(database)) & set(before)


def test_so_many_questions_are_asked_at_once_and_no_more(
    postgres: "PostgresServer", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postgresql, "_MOST_READERS", 3)
    with open_ledger(postgres.new_schema()) as ledger:
        ended, sizes = threading.Event(), list[int]()

        def ask() -> None:
            sizes.append(ledger.head().size)
            ended.set()

        with ExitStack() as asked:
            for _ in range(3):
                asked.enter_context(ledger.database.reading())
            with monkeypatch.context() as patch:
                patch.setattr(postgresql, "_READER_WAITS_S", 0.01)
                with pytest.raises(GainspectError, match="3 questions are being read"):
                    ledger.head()
            waiting = threading.Thread(target=ask)
            waiting.start()
            assert not ended.is_set()
        waiting.join()
        assert sizes == [0]  # it waited for one of the three to end

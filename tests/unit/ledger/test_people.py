import contextlib
import sqlite3
from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger import open_ledger
from gainspect.ledger.records.decision import Confirm
from gainspect.ledger.records.upkeep import NameErased
from gainspect.ledger.verification import verify
from gainspect.types import Label
from ledger_records import STATION, decision

NAME = "김민수 (Kim Min-su)"


def test_an_erased_name_leaves_every_record_verifiable(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        actor, other = ledger.people.add(NAME), ledger.people.add("Lee")
        ledger.append(decision())
        confirmed = Confirm(station=STATION, actor=actor, decision="decision of part 1", label=Label.OK)
        ledger.append(confirmed)
        assert ledger.people.name_of(actor) == NAME
        assert [*ledger.people.all()] == [(other, "Lee"), (actor, NAME)]
        ledger.people.erase(actor)
        ledger.append(NameErased(station=STATION, person=actor, reason="has left"))
        assert ledger.people.name_of(actor) is None
        assert ledger.record(1).record == confirmed
        assert not verify(ledger).faults
        with pytest.raises(GainspectError, match=f"no name behind {actor}"):
            ledger.people.erase(actor)


def test_names_that_are_exchanged_are_not_seen(tmp_path: Path) -> None:
    """The table is no part of the tree: what the threat model says that nothing shows."""
    path = tmp_path / "line.ledger"
    with open_ledger(path) as ledger:
        actor, other = ledger.people.add(NAME), ledger.people.add("Lee")
        ledger.append(decision())
        ledger.append(Confirm(station=STATION, actor=actor, decision="decision of part 1", label=Label.OK))
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        names = [("Lee", actor), (NAME, other)]
        database.executemany("UPDATE ledger_people SET name = ? WHERE actor = ?", names)
    with open_ledger(path) as ledger:
        assert ledger.people.name_of(actor) == "Lee"
        assert not verify(ledger).faults


def test_an_erased_name_is_in_no_file_of_sqlite(tmp_path: Path) -> None:
    with open_ledger(tmp_path / "line.ledger") as ledger:
        actor = ledger.people.add(NAME)
        files = [*tmp_path.iterdir()]
        assert any(NAME.encode() in file.read_bytes() for file in files)
        ledger.people.erase(actor)
        assert not any(NAME.encode() in file.read_bytes() for file in tmp_path.iterdir())

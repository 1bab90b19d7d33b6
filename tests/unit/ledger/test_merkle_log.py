from datetime import timedelta
from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.databases import open_database
from gainspect.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from gainspect.ledger.merkle_log import SKEW
from gainspect.ledger.records.sealed import sealed
from gainspect.ledger.records.upkeep import ClockCorrected
from ledger_records import AT, PERSON, STATION, Intruder, decision, one_of_each_kind
from reference.merkle_reference import mth, path, proof


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.time = AT

    def __call__(self):  # type: ignore[no-untyped-def]
        return self.time


def test_records_stand_in_one_tree_in_the_order_in_which_they_came(ledger_url: str) -> None:
    records = one_of_each_kind()
    with open_ledger(ledger_url) as ledger:
        entries = [ledger.append(record) for record in records]
        assert [entry.index for entry in entries] == [*range(len(records))]
        assert [*ledger.records()] == entries
        assert [*ledger.records(2, 5)] == entries[2:5]
        assert ledger.record(4) == entries[4]
        assert ledger.record_of(records[3].key) == entries[3]
        assert ledger.record_of("none") is None
        head = ledger.head()
        assert head.size == len(records) and head.recorded == entries[-1].recorded
        assert head.root == mth([entry.content for entry in entries])
    with open_ledger(ledger_url, create=False) as again:
        assert [*again.records()] == entries
        assert again.head() == head


def test_what_is_stored_are_the_bytes_that_were_hashed(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        entry = ledger.append(decision())
    assert entry.content == sealed(decision(), 0, entry.recorded)
    assert Intruder(ledger_url).content(0) == entry.content


def test_proofs_of_every_record_and_every_beginning(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        leaves = [entry.content for entry in ledger.append_all([decision(f"p{i}") for i in range(21)])]
        root = ledger.head().root
        for index, leaf in enumerate(leaves):
            proved = ledger.proofs.inclusion(index, 21)
            assert proved == path(index, leaves)
            assert verify_inclusion(leaf_hash(leaf), index, 21, proved, root)
        for old in range(1, 22):
            assert ledger.proofs.root(old) == mth(leaves[:old])
            proved = ledger.proofs.consistency(old, 21)
            assert proved == proof(old, leaves)
            assert verify_consistency(old, 21, mth(leaves[:old]), root, proved)
        assert ledger.proofs.inclusion(3, 17) == path(3, leaves[:17])
        for wrong in (lambda: ledger.proofs.root(22), lambda: ledger.proofs.inclusion(5, 5)):
            with pytest.raises(GainspectError):
                wrong()
        with pytest.raises(GainspectError, match="does not begin"):
            ledger.proofs.consistency(4, 3)
        with pytest.raises(GainspectError, match="no record 21"):
            ledger.record(21)


def test_a_record_that_is_appended_again_is_not_doubled(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        first = ledger.append(decision("p1"))
        more = ledger.append_all([decision("p0"), decision("p1"), decision("p2"), decision("p2")])
        assert [entry.index for entry in more] == [1, 0, 2, 2]
        assert more[1] == first and ledger.head().size == 3


def test_a_key_is_of_one_record_only_and_nothing_is_half_done(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        ledger.append(decision("p1"))
        before = ledger.head()
        with pytest.raises(GainspectError, match="has the key decision of p1 already"):
            ledger.append_all([decision("p2"), decision("p1", score=0.25)])
        assert ledger.head() == before and ledger.record_of("decision of p2") is None


def test_two_that_have_it_open_append_to_one_tree(ledger_url: str) -> None:
    with open_ledger(ledger_url) as one, open_ledger(ledger_url) as other:
        assert one.origin == other.origin
        for number in range(6):
            (one, other)[number % 2].append(decision(f"p{number}"))
        contents = [entry.content for entry in other.records()]
        assert len(contents) == 6 and one.head().root == other.head().root == mth(contents)


def test_a_head_that_has_changed_meanwhile_is_not_overwritten(
    ledger_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_ledger(ledger_url) as ledger:
        empty = ledger.head()
        ledger.append(decision("p1"))
        monkeypatch.setattr("gainspect.ledger.merkle_log.read_head", lambda rows, place: empty)
        with pytest.raises(GainspectError):  # another record stands in this place already
            ledger.append(decision("p2"))
        Intruder(ledger_url).run("DELETE FROM ledger_records")
        with pytest.raises(GainspectError, match="head of the ledger has changed"):
            ledger.append(decision("p2"))
        monkeypatch.undo()
        assert ledger.head().size == 1 and Intruder.content


def test_times_never_go_back(ledger_url: str) -> None:
    clock = Clock()
    with open_ledger(ledger_url) as opened:
        ledger = Ledger(opened.database, clock=clock)
        first = ledger.append(decision("p1"))
        clock.time = AT - SKEW
        assert ledger.append(decision("p2")).recorded == first.recorded
        clock.time = AT - SKEW - timedelta(microseconds=1)
        with pytest.raises(GainspectError, match=r"clock.*is behind the last record"):
            ledger.append(decision("p3"))
        assert ledger.head().size == 2
        ledger.append(ClockCorrected(station=STATION, actor=PERSON, reason="was in 2099"))
        assert ledger.append(decision("p3")).recorded == clock.time


def test_records_cannot_be_changed_or_deleted_by_mistake(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        ledger.append(decision())
        columns = "content, nodes, recorded, kind, at, station"
        for statement in (
            "UPDATE ledger_records SET part = 'x'",
            "DELETE FROM ledger_records",
            f"INSERT INTO ledger_records (idx, key, {columns}) SELECT -1, 'x', {columns} FROM ledger_records",
        ):

            def spoil(rows, sql=statement):  # type: ignore[no-untyped-def]
                rows._execute(sql, {})

            with pytest.raises(GainspectError, match="never"):
                ledger.database.write(spoil)
        assert ledger.record(0).record == decision()


def test_a_ledger_keeps_its_name(ledger_url: str) -> None:
    with open_ledger(ledger_url, origin="plant7.example/line3") as ledger:
        assert ledger.origin == "plant7.example/line3"
    with open_ledger(ledger_url) as ledger:
        assert ledger.origin == "plant7.example/line3"
    with pytest.raises(GainspectError, match=r"is called plant7\.example/line3, not other"):
        open_ledger(ledger_url, origin="other")


@pytest.mark.parametrize("name", ["", "line 3", "a+b", "a\nb"])
def test_a_name_that_no_checkpoint_can_carry_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(GainspectError, match="cannot be the name"):
        open_ledger(tmp_path / "line.ledger", origin=name)


def test_what_is_not_there_is_not_made(ledger_url: str) -> None:
    with pytest.raises(GainspectError, match=r"no such ledger|no ledger in this database"):
        open_ledger(ledger_url, create=False)


def test_tables_of_a_later_version_are_refused(ledger_url: str) -> None:
    open_ledger(ledger_url).close()
    Intruder(ledger_url).run("UPDATE ledger_version SET version_num = '99'")
    with pytest.raises(GainspectError, match="are of version 99"):
        open_ledger(ledger_url)


def test_a_damaged_head_is_named(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        ledger.append(decision())
        Intruder(ledger_url).run("UPDATE ledger_head SET size = 3")
        with pytest.raises(GainspectError, match="head of the ledger is damaged"):
            ledger.append(decision("p2"))


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no ledger, but longer than the header of one " * 20)
    with pytest.raises(GainspectError, match="no ledger"):
        open_ledger(path)
    with pytest.raises(GainspectError, match="no ledger's address"):
        open_ledger("mysql://host/database")
    with pytest.raises(GainspectError, match="no address of a PostgreSQL"):
        open_database("postgresql://host:port:5/x y", create=True)


def test_a_url_of_a_file_is_the_file(tmp_path: Path) -> None:
    with open_ledger(f"sqlite:///{tmp_path / 'line.ledger'}") as ledger:
        ledger.append(decision())
    with open_ledger(tmp_path / "line.ledger", create=False) as ledger:
        assert ledger.head().size == 1

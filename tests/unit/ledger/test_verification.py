"""Each row of the threat model in docs/ledger.md has its test here, or is named there."""

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.faults import FaultKind
from gainspect.ledger.merkle import Frontier, leaf_hash, verify_inclusion
from gainspect.ledger.questions import Question, find
from gainspect.ledger.records.columns import COLUMNS
from gainspect.ledger.records.operation import BundleActivation
from gainspect.ledger.records.upkeep import Anchored, PicturesRemoved, RetentionRule
from gainspect.ledger.verification import verify
from ledger_records import AT, STATION, A, B, Intruder, decision

COUNT = 10
PICTURES = [f"picture {number}".encode() for number in range(COUNT)]
SHA256 = [hashlib.sha256(picture).hexdigest() for picture in PICTURES]


@pytest.fixture
def ledger(ledger_url: str, tmp_path: Path) -> Iterator[Ledger]:
    """Ten decisions, each with a picture."""
    with open_ledger(ledger_url, pictures=tmp_path / "pictures", origin="plant7.example/line3") as opened:
        decisions = [decision(f"p{number}", pictures=[SHA256[number]]) for number in range(COUNT)]
        opened.append_all(decisions, PICTURES)
        yield opened


@pytest.fixture
def intruder(ledger: Ledger) -> Intruder:
    return Intruder(ledger.database.url)


def anchor(ledger: Ledger, size: int | None = None) -> Checkpoint:
    size = ledger.head().size if size is None else size
    return Checkpoint(ledger.origin, size, ledger.proofs.root(size))


def anchored(ledger: Ledger, size: int) -> Anchored:
    root = ledger.proofs.root(size).hex()
    return Anchored(station=STATION, size=size, root=root, signed_by="plant7.example/line3+00000000+AAAA")


def first(ledger: Ledger, *anchors: Checkpoint) -> tuple[FaultKind, int]:
    """Kind and place of what is wrong first."""
    found = verify(ledger, anchors).first
    assert found is not None and found.what
    return found.kind, found.index


def rebuild(intruder: Intruder) -> None:
    """Make all hashes anew, as somebody would who knows how a ledger is made."""
    frontier, recorded = Frontier(), None
    for index, content, recorded in intruder.run(  # noqa: B007
        "SELECT idx, content, recorded FROM ledger_records ORDER BY idx"
    ):
        assert index == frontier.size
        frontier, completed = frontier.appended(leaf_hash(bytes(content)))
        intruder.run(
            "UPDATE ledger_records SET nodes = :nodes WHERE idx = :idx", nodes=b"".join(completed), idx=index
        )
    intruder.run(
        "UPDATE ledger_head SET size = :size, frontier = :frontier, recorded = :recorded",
        size=frontier.size,
        frontier=frontier.to_bytes(),
        recorded=recorded,
    )


def test_a_ledger_that_nobody_touched_verifies(ledger: Ledger) -> None:
    anchors = [anchor(ledger, size) for size in (10, 0, 7, 10)]
    found = verify(ledger, anchors)
    assert (found.faults, found.first) == ([], None)
    assert (found.size, found.pictures, found.root) == (COUNT, COUNT, ledger.head().root)
    assert [(held.checkpoint.size, held.holds) for held in found.anchors] == [
        (0, True),
        (7, True),
        (10, True),
        (10, True),
    ]


def test_an_empty_ledger_verifies(ledger_url: str) -> None:
    with open_ledger(ledger_url) as ledger:
        assert not verify(ledger, [anchor(ledger)]).faults


@pytest.mark.parametrize("index", [0, 3, 6, 9])
def test_an_edited_record(ledger: Ledger, intruder: Intruder, index: int) -> None:
    intruder.rewrite(index, b'"label":"ok"', b'"label":"ng"')
    assert first(ledger) == (FaultKind.CHANGED, index)
    assert len(verify(ledger, [anchor(ledger)]).faults) == 1, "all else is as it was"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("content", "abc"),
        ("content", 7),
        ("content", 10**15),
        ("nodes", "abc"),
        ("nodes", 10**15),
        ("nodes", b""),
    ],
)
def test_a_column_that_holds_no_bytes(tmp_path: Path, column: str, value: object) -> None:
    """SQLite keeps any type in any column: `replace()` makes a text of bytes. PostgreSQL refuses it."""
    path = tmp_path / "line.ledger"
    with open_ledger(path) as ledger:
        ledger.append_all([decision("p0"), decision("p1"), decision("p2")])
        Intruder(str(path)).run(f"UPDATE ledger_records SET {column} = :value WHERE idx = 1", value=value)
        assert [(fault.kind, fault.index) for fault in verify(ledger).faults] == [(FaultKind.CHANGED, 1)]
        with pytest.raises(GainspectError, match=r"no record that|hash of the tree is missing"):
            [*ledger.records()] and ledger.proofs.inclusion(0, 2)


def test_a_record_of_more_levels_than_can_be_read(ledger: Ledger, intruder: Intruder) -> None:
    deep = b'{"index":4,"record":' + b"[" * 200_000 + b"]" * 200_000 + b"}"
    intruder.run("UPDATE ledger_records SET content = :content WHERE idx = 4", content=deep)
    assert first(ledger) == (FaultKind.CHANGED, 4)
    with pytest.raises(GainspectError, match="more levels"):
        ledger.record(4)
    rebuild(intruder)
    assert first(ledger) == (FaultKind.INVALID, 4)


@pytest.mark.parametrize("index", range(COUNT))
def test_an_edited_record_with_its_own_hash(ledger: Ledger, intruder: Intruder, index: int) -> None:
    intruder.rewrite(index, b'"label":"ok"', b'"label":"ng"')
    intruder.run("UPDATE ledger_records SET label = 'ng' WHERE idx = :idx", idx=index)
    nodes = bytes(intruder.run("SELECT nodes FROM ledger_records WHERE idx = :idx", idx=index)[0][0])
    mine = leaf_hash(intruder.content(index)) + nodes[32:]
    intruder.run("UPDATE ledger_records SET nodes = :nodes WHERE idx = :idx", nodes=mine, idx=index)
    kind, place = first(ledger)
    assert kind in (FaultKind.CHANGED, FaultKind.HEAD) and (place <= index or kind == FaultKind.HEAD)


def test_a_deleted_record(ledger: Ledger, intruder: Intruder) -> None:
    intruder.run("DELETE FROM ledger_records WHERE idx = 4")
    assert first(ledger) == (FaultKind.MISSING, 4)
    intruder.run("DELETE FROM ledger_records WHERE idx = 0 OR idx = 3")
    assert first(ledger) == (FaultKind.MISSING, 0)


def test_records_in_another_order(ledger: Ledger, intruder: Intruder) -> None:
    for old, new in ((2, -1), (5, 2), (-1, 5)):
        intruder.run("UPDATE ledger_records SET idx = :new WHERE idx = :old", new=new, old=old)
    assert first(ledger) == (FaultKind.MOVED, 2)


@pytest.mark.parametrize(("place", "where"), [(-1, "before its first record"), (COUNT + 7, "behind its end")])
def test_a_row_outside_the_ledger(ledger: Ledger, intruder: Intruder, place: int, where: str) -> None:
    """A copy of record 3 that only questions would count."""
    rest = "content, nodes, recorded, kind, at, station, part, lot, label, bundle, policy_id"
    intruder.run(
        f"INSERT INTO ledger_records (idx, key, {rest}) "
        f"SELECT {place}, 'copy', {rest} FROM ledger_records WHERE idx = 3"
    )
    (fault,) = verify(ledger).faults
    assert (fault.kind, fault.index) == (FaultKind.STRAY, place)
    assert fault.what == f"the table of records has 1 row in place {place}, {where}"


def test_the_contents_of_two_records_swapped_and_all_hashes_made_anew(
    ledger: Ledger, intruder: Intruder
) -> None:
    three, four = intruder.content(3), intruder.content(4)
    intruder.run("UPDATE ledger_records SET content = :content WHERE idx = 3", content=four)
    intruder.run("UPDATE ledger_records SET content = :content WHERE idx = 4", content=three)
    rebuild(intruder)
    assert first(ledger) == (FaultKind.MOVED, 3)


def test_a_cut_tail(ledger: Ledger, intruder: Intruder) -> None:
    intruder.run("DELETE FROM ledger_records WHERE idx >= 8")
    assert first(ledger) == (FaultKind.TAIL_CUT, 8)


def test_a_tail_that_was_cut_with_care_is_seen_by_an_anchor_alone(ledger: Ledger, intruder: Intruder) -> None:
    signed = anchor(ledger)
    intruder.run("DELETE FROM ledger_records WHERE idx >= 8")
    intruder.run("DELETE FROM ledger_pictures WHERE idx >= 8")
    rebuild(intruder)
    assert not verify(ledger).faults
    assert first(ledger, signed) == (FaultKind.TAIL_CUT, 8)
    assert not verify(ledger, [anchor(ledger, 7)]).faults, "what an early anchor signed is there"


def test_a_ledger_that_was_made_anew_is_seen_by_an_anchor_alone(ledger: Ledger, intruder: Intruder) -> None:
    early, late = anchor(ledger, 4), anchor(ledger)
    intruder.rewrite(6, b'"label":"ok"', b'"label":"ng"')
    intruder.run("UPDATE ledger_records SET label = 'ng' WHERE idx = 6")
    rebuild(intruder)
    assert not verify(ledger).faults
    found = verify(ledger, [late, early])
    assert [held.holds for held in found.anchors] == [True, False]
    assert found.first is not None and (found.first.kind, found.first.index) == (FaultKind.REBUILT, 4)
    assert "records 4 to 9" in found.first.what


def test_records_appended_after_a_change_do_not_hide_it(ledger: Ledger, intruder: Intruder) -> None:
    signed = anchor(ledger)
    intruder.rewrite(6, b'"label":"ok"', b'"label":"ng"')
    intruder.run("UPDATE ledger_records SET label = 'ng' WHERE idx = 6")
    rebuild(intruder)
    ledger.append(decision("after"))
    assert not verify(ledger).faults
    assert first(ledger, signed) == (FaultKind.REBUILT, 0)


def test_a_replaced_bundle(ledger: Ledger, intruder: Intruder) -> None:
    """A record says which bundle decided; that it was another cannot be written into it afterwards."""
    activated = BundleActivation(station=STATION, old=None, new=A, policy_id=B, reason="first", at=AT)
    ledger.append(activated)
    intruder.rewrite(COUNT, A.encode(), B.encode())
    assert first(ledger) == (FaultKind.CHANGED, COUNT)


def test_an_edited_picture_that_nobody_reads(ledger: Ledger, tmp_path: Path) -> None:
    path = tmp_path / "pictures" / SHA256[5][:2] / SHA256[5]
    path.write_bytes(PICTURES[5] + b"!")
    assert first(ledger) == (FaultKind.PICTURE_REPLACED, 5)


def test_a_picture_in_the_place_of_another(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "pictures" / SHA256[5][:2] / SHA256[5]).write_bytes(PICTURES[6])
    assert first(ledger) == (FaultKind.PICTURE_REPLACED, 5)


def test_a_deleted_picture(ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "pictures" / SHA256[5][:2] / SHA256[5]).unlink()
    assert first(ledger) == (FaultKind.PICTURE_MISSING, 5)


def test_a_picture_that_a_rule_removed_is_not_missing(ledger: Ledger, tmp_path: Path) -> None:
    rule = RetentionRule(name="all", older_than_days=0)
    removed = PicturesRemoved(station=STATION, rule=rule, before=AT, pictures=(SHA256[5],))
    ledger.append(removed)
    (tmp_path / "pictures" / SHA256[5][:2] / SHA256[5]).unlink()
    found = verify(ledger)
    assert not found.faults and (found.pictures, found.removed) == (COUNT - 1, 1)
    ledger.append(decision("again", pictures=[SHA256[5]]), [PICTURES[5]])
    assert not verify(ledger).faults
    (tmp_path / "pictures" / SHA256[5][:2] / SHA256[5]).unlink()
    assert first(ledger) == (FaultKind.PICTURE_MISSING, COUNT + 1)


def test_a_deleted_picture_beside_a_damaged_head(ledger: Ledger, intruder: Intruder, tmp_path: Path) -> None:
    (tmp_path / "pictures" / SHA256[5][:2] / SHA256[5]).unlink()
    intruder.run("UPDATE ledger_head SET frontier = :frontier", frontier=b"")
    assert [(fault.kind, fault.index) for fault in verify(ledger).faults] == [
        (FaultKind.HEAD, 0),
        (FaultKind.PICTURE_MISSING, 5),
    ]


def test_a_rule_that_removes_while_an_audit_reads(ledger: Ledger, tmp_path: Path) -> None:
    """The removal is no part of what the audit reads, and is not mistaken for a loss; a loss is named."""
    rule = RetentionRule(name="all", older_than_days=0)
    (tmp_path / "pictures" / SHA256[8][:2] / SHA256[8]).unlink()

    def beside(rows: Iterator[Any], count: int) -> Iterator[Any]:
        for number, row in enumerate(rows):
            if number == 2:
                pictures = (SHA256[5], SHA256[6])
                ledger.append(PicturesRemoved(station=STATION, rule=rule, before=AT, pictures=pictures))
                for sha256 in pictures:
                    (tmp_path / "pictures" / sha256[:2] / sha256).unlink()
            yield row

    found = verify(ledger, shown=beside)
    assert found.size == COUNT
    assert [(fault.kind, fault.index) for fault in found.faults] == [(FaultKind.PICTURE_MISSING, 8)]


def test_columns_that_would_find_a_record_as_something_else(ledger: Ledger, intruder: Intruder) -> None:
    intruder.run("UPDATE ledger_records SET part = 'another' WHERE idx = 7")
    assert first(ledger) == (FaultKind.COLUMNS, 7)
    intruder.run("UPDATE ledger_pictures SET removed = 1 WHERE idx = 2")
    assert first(ledger) == (FaultKind.COLUMNS, 2)


@pytest.mark.parametrize("column", ["key", "recorded", *COLUMNS])
def test_each_column_alone(ledger: Ledger, intruder: Intruder, column: str) -> None:
    intruder.run(f"UPDATE ledger_records SET {column} = 'x' WHERE idx = 6")
    assert first(ledger) == (FaultKind.COLUMNS, 6)


def test_an_index_that_was_edited_in_the_file(tmp_path: Path) -> None:
    """All rows are as they were, and a question misses one: the index beside them says another lot."""
    path = tmp_path / "line.ledger"
    with open_ledger(path) as ledger:
        ledger.append_all([decision(f"p{number}") for number in range(COUNT)])
    with closing(sqlite3.connect(path)) as file:
        (size,) = file.execute("PRAGMA page_size").fetchone()
        ((page,),) = file.execute("SELECT rootpage FROM sqlite_master WHERE name = 'ledger_records_lot'")
    content = bytearray(path.read_bytes())
    place = content.index(b"lot 7", (page - 1) * size, page * size)
    content[place : place + 5] = b"lot 8"
    path.write_bytes(content)
    with open_ledger(path) as ledger:
        assert len(find(ledger, Question(lot="lot 7"))) == COUNT - 1
        assert first(ledger) == (FaultKind.DAMAGED, COUNT)


def test_an_older_copy_of_the_file_put_back(tmp_path: Path) -> None:
    """It is a whole ledger, with its own log: only an anchor from the time after the copy shows it."""
    path, copy = tmp_path / "line.ledger", tmp_path / "copy"
    with open_ledger(path) as ledger:
        ledger.append_all([decision("p0"), decision("p1")])
        early = anchor(ledger)
        copy.mkdir()
        for file in tmp_path.glob("line.ledger*"):
            shutil.copy(file, copy)
        assert (copy / "line.ledger-wal").stat().st_size > 0
        ledger.append(decision("p2"))
        late = anchor(ledger)
    for file in copy.iterdir():
        shutil.copy(file, tmp_path)
    with open_ledger(path) as ledger:
        assert not verify(ledger, [early]).faults
        assert first(ledger, early, late) == (FaultKind.TAIL_CUT, 2)


def test_a_version_of_the_tables_that_they_have_not(ledger_url: str) -> None:
    open_ledger(ledger_url).close()
    intruder = Intruder(ledger_url)
    for version, said in (("1", "the database refuses it"), ("99", "version 99"), ("two", "version two")):
        intruder.run("UPDATE ledger_version SET version_num = :version", version=version)
        with pytest.raises(GainspectError, match=said):
            open_ledger(ledger_url)


def test_two_anchors_of_one_size(ledger: Ledger) -> None:
    """One of them was signed over another ledger of this name: a key that signed both was misused."""
    other = Checkpoint(ledger.origin, COUNT, bytes(32))
    found = verify(ledger, [anchor(ledger), other])
    assert [held.holds for held in found.anchors] == [True, False]
    assert [(fault.kind, fault.index) for fault in found.faults] == [(FaultKind.REBUILT, COUNT)]
    assert first(ledger, other, anchor(ledger)) == (FaultKind.REBUILT, 0)


def test_pictures_of_two_records_exchanged(ledger: Ledger, tmp_path: Path) -> None:
    three, six = (tmp_path / "pictures" / sha256[:2] / sha256 for sha256 in (SHA256[3], SHA256[6]))
    three.write_bytes(PICTURES[6])
    six.write_bytes(PICTURES[3])
    assert [(fault.kind, fault.index) for fault in verify(ledger).faults] == [
        (FaultKind.PICTURE_REPLACED, 3),
        (FaultKind.PICTURE_REPLACED, 6),
    ]


def test_letters_that_look_alike(ledger: Ledger, intruder: Intruder) -> None:
    """A Cyrillic a in a key of the record, or in the lot beside it, is another letter."""
    intruder.run("UPDATE ledger_records SET lot = :lot WHERE idx = 2", lot="l\u043et 7")
    assert first(ledger) == (FaultKind.COLUMNS, 2)
    intruder.rewrite(1, b'"label"', '"l\u0430bel"'.encode())
    assert first(ledger) == (FaultKind.CHANGED, 1)
    rebuild(intruder)
    assert first(ledger) == (FaultKind.INVALID, 1)


@pytest.mark.parametrize(("place", "removed"), [(COUNT + 7, 1), (-1, 1), (COUNT, 0)])
def test_a_row_of_pictures_without_a_record(
    ledger: Ledger, intruder: Intruder, place: int, removed: int
) -> None:
    intruder.run(
        "INSERT INTO ledger_pictures (sha256, idx, removed) VALUES (:sha256, :idx, :removed)",
        sha256=SHA256[3],
        idx=place,
        removed=removed,
    )
    (fault,) = verify(ledger).faults
    assert (fault.kind, fault.index) == (FaultKind.STRAY, place)


def test_a_row_of_pictures_of_a_record_that_has_none(ledger: Ledger, intruder: Intruder) -> None:
    ledger.append(BundleActivation(station=STATION, old=None, new=A, policy_id=B, reason="first", at=AT))
    intruder.run(
        "INSERT INTO ledger_pictures (sha256, idx, removed) VALUES (:sha256, :idx, 1)",
        sha256=SHA256[3],
        idx=COUNT,
    )
    assert first(ledger) == (FaultKind.COLUMNS, COUNT)


def test_a_changed_head(ledger: Ledger, intruder: Intruder) -> None:
    intruder.run("UPDATE ledger_head SET frontier = :frontier", frontier=bytes(64))
    assert first(ledger) == (FaultKind.HEAD, COUNT)
    intruder.run("UPDATE ledger_head SET frontier = :frontier", frontier=b"")
    assert first(ledger) == (FaultKind.HEAD, 0)


def test_a_changed_time_of_the_head(ledger: Ledger, intruder: Intruder) -> None:
    change = "UPDATE ledger_head SET recorded = :time"
    intruder.run(change, time="2001-01-01T00:00:00.000000Z")
    assert first(ledger) == (FaultKind.HEAD, COUNT)
    intruder.run(change, time=None)
    assert first(ledger) == (FaultKind.HEAD, COUNT)
    intruder.run(change, time="2001-01-01T00:00:00")
    assert first(ledger) == (FaultKind.HEAD, 0)


@pytest.mark.parametrize("size", [0, 1, 7, COUNT])
def test_a_ledger_that_was_made_anew_before_an_anchored_record(
    ledger: Ledger, intruder: Intruder, size: int
) -> None:
    """Whoever makes all anew has to change what is recorded of anchors too."""
    ledger.append(anchored(ledger, size))
    assert not verify(ledger).faults
    intruder.rewrite(0, b'"score":0.125', b'"score":0.375')
    rebuild(intruder)
    assert [(fault.kind, fault.index) for fault in verify(ledger).faults] == (
        [(FaultKind.REBUILT, COUNT)] if size else []
    )


def test_an_anchored_record_of_more_than_there_was(ledger: Ledger) -> None:
    record = anchored(ledger, COUNT)
    ledger.append(record.model_copy(update={"size": COUNT + 1}))
    assert first(ledger) == (FaultKind.REBUILT, COUNT)


def test_a_time_that_goes_back(ledger: Ledger, intruder: Intruder) -> None:
    time = intruder.content(4).split(b'"recorded":"')[1][:27]
    intruder.rewrite(4, time, b"2001" + time[4:])
    intruder.run("UPDATE ledger_records SET recorded = :time WHERE idx = 4", time="2001" + time.decode()[4:])
    rebuild(intruder)
    assert first(ledger) == (FaultKind.TIME, 4)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"score":0.125', b'"score":7.125'),
        (b'"lot":"lot 7"', b'"lit":"lot 7"'),
        (b"{", b"["),
        (b'"recorded":"2', b'"recorded":"x'),
        (b'"label":"ok","lot"', b'"label":"ng","label":"ok","lot"'),  # a repeated key
        (b'"score":0.125', b'"score":0.1250'),
        (b'"lot":"lot 7"', b'"lot": "lot 7"'),
        (b'"kind":"decision"', b'"kind":{}'),
        (b'"index":4', b'"index":"4"'),
        (b'"index":4', b'"index":4.0'),
        (b'"at":"2026-03-04T05:06:07.890123Z"', b'"at":"0001-01-01T00:00:00+14:00"'),
        (b'Z"}', b'"}'),  # a time without its zone
    ],
)
def test_a_record_that_says_what_none_says(
    ledger: Ledger, intruder: Intruder, old: bytes, new: bytes
) -> None:
    intruder.rewrite(4, old, new)
    rebuild(intruder)
    assert first(ledger) == (FaultKind.INVALID, 4)


def test_a_record_of_a_later_version_is_counted(ledger: Ledger, intruder: Intruder) -> None:
    intruder.rewrite(4, b'"schema":1', b'"schema":2')
    rebuild(intruder)
    found = verify(ledger)
    assert found.unknown == 1 and not found.faults


def test_an_anchor_of_another_ledger(ledger: Ledger) -> None:
    signed = Checkpoint("plant7.example/line4", COUNT, ledger.head().root)
    assert first(ledger, signed) == (FaultKind.OTHER_LEDGER, 0)


def test_pictures_must_be_in_reach(ledger: Ledger) -> None:
    with pytest.raises(GainspectError, match="this ledger has pictures"):
        verify(Ledger(ledger.database))


def test_several_changes_are_all_named_and_the_first_first(
    ledger: Ledger, intruder: Intruder, tmp_path: Path
) -> None:
    intruder.rewrite(8, b'"label":"ok"', b'"label":"ng"')
    (tmp_path / "pictures" / SHA256[1][:2] / SHA256[1]).unlink()
    intruder.rewrite(3, b'"label":"ok"', b'"label":"ng"')
    found = verify(ledger)
    assert [(fault.kind, fault.index) for fault in found.faults] == [
        (FaultKind.PICTURE_MISSING, 1),
        (FaultKind.CHANGED, 3),
        (FaultKind.CHANGED, 8),
    ]


def test_an_intruder_who_knows_a_proof_cannot_forge_one(ledger: Ledger, intruder: Intruder) -> None:
    """Proofs come from stored hashes: changed ones make proofs that do not verify."""
    root = ledger.head().root
    intruder.run("UPDATE ledger_records SET nodes = :nodes WHERE idx = 0", nodes=bytes(32))
    leaf = leaf_hash(ledger.record(1).content)
    assert not verify_inclusion(leaf, 1, COUNT, ledger.proofs.inclusion(1, COUNT), root)

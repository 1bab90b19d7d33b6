"""What people did, what waits, what is new: against a look at every record."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.databases.database import statement
from gainspect.ledger.records.decision import Confirm, Decision, FailSafe, Override, RegionCorrection
from gainspect.ledger.review_queue import (
    Undecided,
    newest_of_station,
    news,
    outlines_in,
    reviewed,
    stations,
    with_actions,
)
from gainspect.types import Label
from ledger_records import AT, PERSON, STATION, A, decision, mixed_records


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with open_ledger(ledger_url) as opened:
        yield Ledger(opened.database, clock=lambda: AT)


def about(key: str, number: int) -> dict[str, Any]:
    return {"key": f"action {number}", "at": AT, "station": STATION, "actor": PERSON, "decision": key}


def undecided_by_hand(ledger: Ledger, labels: set[Label], station: str | None) -> list[int]:
    every = [*ledger.records()]
    decided = {one.record.decision for one in every if isinstance(one.record, Confirm | Override)}
    return [
        one.index
        for one in every
        if isinstance(one.record, Decision)
        and one.record.label in labels
        and one.record.key not in decided
        and one.record.challenge is None
        and station in (None, one.record.station)
    ]


def test_what_waits_is_what_a_look_at_every_record_finds(ledger: Ledger) -> None:
    records = [record for record in mixed_records() if record.kind != "pictures_removed"]
    undecided = Undecided(ledger)
    for first in range(0, len(records), 20):  # it remembers from where on they wait
        ledger.append_all(records[first : first + 20])
        for labels in ({Label.REVIEW}, {Label.REVIEW, Label.NG}):
            for station in (None, "line 3", "line 4"):
                expected = undecided_by_hand(ledger, labels, station)
                found = undecided.find(sorted(labels), station=station)
                assert [one.place for one in found] == expected
                assert undecided.find(sorted(labels), station=station, count=2) == found[:2]
    assert expected


def test_what_was_decided_late_is_still_found_while_older_ones_wait(ledger: Ledger) -> None:
    ledger.append_all([decision(f"p{number}", label=Label.REVIEW) for number in range(4)])
    undecided = Undecided(ledger)
    assert [one.place for one in undecided.find([Label.REVIEW])] == [0, 1, 2, 3]
    for number, part in enumerate(("p1", "p0", "p3")):
        ledger.append(Confirm(**about(f"decision of {part}", number), label=Label.OK))
        left = {"p1": [0, 2, 3], "p0": [2, 3], "p3": [2]}[part]
        assert [one.place for one in undecided.find([Label.REVIEW])] == left


def test_the_label_that_counts_and_the_outlines(ledger: Ledger) -> None:
    drawn, key = ((1, 2), (9, 2), (9, 9)), "decision of p"
    made = decision("p", label=Label.NG)
    image = made.images[0].model_copy(
        update={"details": {"regions": [{"polygon": [[3, 4], [5, 4], [5, 6]]}]}}
    )
    ledger.append(made.model_copy(update={"images": (image,)}))
    known = reviewed(ledger, key)
    assert known is not None and (known.label, known.decided) == (Label.NG, False)
    assert known.outlines(0) == (((3, 4), (5, 4), (5, 6)),) and known.correction_of(0) is None
    keys = [known.next_key]
    for number, record in enumerate(
        (
            RegionCorrection(**about(key, 1), image=A, old=known.outlines(0), new=(drawn,), reason="other"),
            Override(**about(key, 2), old=Label.NG, new=Label.OK, reason="dirt"),
            Confirm(**about(key, 3), label=Label.OK),
            Override(**about(key, 4), old=Label.OK, new=Label.NG, reason="other"),
        )
    ):
        ledger.append(record)
        known = reviewed(ledger, key)
        assert known is not None and known.outlines(0) == (drawn,)
        assert known.decided is (number > 0)
        keys.append(known.next_key)
    assert known.label is Label.NG and len(known.actions) == 4
    assert len(set(keys)) == 5  # of two people who act at once, one has the key of the other
    assert reviewed(ledger, "action 1") is None and reviewed(ledger, "nobody's") is None


def test_the_newest_of_a_station_and_all_stations(ledger: Ledger) -> None:
    records = [record for record in mixed_records() if record.kind != "pictures_removed"]
    ledger.append_all(records)
    every = [*ledger.records()]
    parts = [one for one in every if one.record.kind in ("decision", "fail_safe")]
    active = {one.record.station for one in every if one.record.kind in ("decision", "bundle_activation")}
    assert stations(ledger) == sorted(active)
    for station in active:
        # Of each kind the last that were recorded; of these, those that happened last.
        own = [one for one in reversed(parts) if one.record.station == station]
        last = [
            one for kind in (Decision, FailSafe) for one in [o for o in own if isinstance(o.record, kind)][:7]
        ]
        expected = sorted(last, key=lambda one: (one.record.at, one.index), reverse=True)[:7]
        assert newest_of_station(ledger, station, 7) == expected
    told = news(ledger, 3, 5)
    assert [(one.place, one.kind, one.key) for one in told] == [
        (one.index, one.record.kind, one.record.key) for one in every[3:8]
    ]
    assert news(ledger, len(every), 5) == []


def test_regions_of_another_shape_are_refused() -> None:
    made = decision("p")
    image = made.images[0].model_copy(update={"details": {"regions": [{"outline": 3}]}})
    with pytest.raises(GainspectError, match="another shape"):
        outlines_in(made.model_copy(update={"images": (image,)}), 0)


@pytest.mark.parametrize("name", ["undecided", "actions_of", "news"])
def test_no_question_reads_all_records(tmp_path: Path, name: str) -> None:
    with open_ledger(tmp_path / "line.ledger") as opened:
        opened.append(decision())
        entry = opened.record(0)
        assert with_actions(opened, entry).actions == ()
    values = {"label": "review", "first": 0, "station": None, "count": 5, "key": "k"}
    with closing(sqlite3.connect(tmp_path / "line.ledger")) as file:
        plan = " ".join(
            str(row[3]) for row in file.execute(f"EXPLAIN QUERY PLAN {statement('sqlite', name)}", values)
        )
    assert "SCAN" not in plan.replace("SCALAR SUBQUERY", "").replace("SCAN ledger_head", ""), plan

"""Questions, against a filter that looks at every record."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger, questions
from gainspect.ledger.databases import Rows
from gainspect.ledger.databases.database import statement
from gainspect.ledger.questions import Question, entries, find, since, words_of
from gainspect.ledger.records.columns import columns_of
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.operation import ChallengeResult
from gainspect.ledger.records.sealed import Entry
from ledger_records import (
    AT,
    BESIDE_THE_TREE,
    HASHES,
    LOTS,
    PARTS,
    STATIONS,
    TIMES,
    A,
    B,
    Intruder,
    decision,
    mixed_records,
)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with open_ledger(ledger_url) as opened:
        made = Ledger(opened.database, clock=lambda: AT)
        # Of pictures there are none, so what says that some were removed is left out.
        made.append_all([record for record in mixed_records() if record.kind != "pictures_removed"])
        yield made


def says(entry: Entry, question: Question, all_entries: list[Entry]) -> bool:
    """Whether a record says it, by its model alone."""
    record = entry.record
    said = columns_of(record)
    about = next((one.record for one in all_entries if one.record.key == said["about"]), record)
    subject = about if isinstance(about, Decision) else None
    checks = [
        question.part is None or (subject is not None and subject.part == question.part),
        question.lot is None or (subject is not None and subject.lot == question.lot),
        question.station is None or record.station == question.station,
        question.bundle is None or str(said["bundle"]).startswith(question.bundle),
        question.policy is None or str(said["policy_id"]).startswith(question.policy),
        question.begin is None or record.at >= question.begin,
        question.end is None or record.at < question.end,
        question.label is None or said["label"] == question.label,
        question.kind is None or record.kind == question.kind,
        question.text is None
        or any(question.text.casefold() in word.casefold() for word in words_of(record)),
    ]
    return all(checks)


def maybe(*values: Any) -> st.SearchStrategy[Any]:
    return st.none() | st.sampled_from(values)


QUESTIONS = st.builds(
    Question,
    part=maybe(*PARTS, "none"),
    lot=maybe(*filter(None, LOTS)),
    station=maybe(*STATIONS),
    bundle=maybe(*HASHES, "aaaaaaaa"),
    policy=maybe(*HASHES, "b" * 9),
    begin=maybe(*TIMES),
    end=maybe(*(time.astimezone(timezone(timedelta(hours=9))) for time in TIMES)),
    label=maybe("ok", "ng", "review", "challenge", "passed", "failed"),
    kind=maybe("decision", "override", "challenge_result", "policy_change"),
    text=maybe("edge", "EDGE", "덮개", "p1", "gehäuse", "%", "nowhere"),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(question=QUESTIONS)
def test_what_is_found_is_what_a_look_at_every_record_finds(ledger: Ledger, question: Question) -> None:
    every = [*ledger.records()]
    expected = [entry for entry in reversed(every) if says(entry, question, every)]
    places = find(ledger, question)
    assert places == [entry.index for entry in expected]
    assert [*entries(ledger, places)] == expected


@pytest.mark.parametrize("field", ["part", "lot", "station", "bundle", "policy", "label", "kind", "text"])
def test_each_question_alone_finds_some_and_not_all(ledger: Ledger, field: str) -> None:
    asked = {"part": "p1", "lot": "lot 8", "station": "line 4", "bundle": A, "policy": B, "label": "ng"}
    asked |= {"kind": "override", "text": "edge"}
    assert 0 < len(find(ledger, Question(**{field: asked[field]}))) < ledger.head().size


@pytest.mark.parametrize("what", ["bundle", "policy"])
def test_all_that_a_bundle_or_a_policy_decided(ledger: Ledger, what: str) -> None:
    every = [entry for entry in ledger.records() if isinstance(entry.record, Decision)]
    for given_hash in (A, "0" * 8):
        found = since(ledger, **{what: given_hash})
        name = "bundle" if what == "bundle" else "policy_id"
        expected = [
            entry
            for entry in every
            if str(getattr(entry.record.made_with, name)).startswith(given_hash)  # type: ignore[union-attr]
        ]
        assert found.places == [entry.index for entry in reversed(expected)]
        assert found.counts == Counter(columns_of(entry.record)["label"] for entry in expected)
        assert (found.first, found.last) == (expected[0], expected[-1])


def test_all_parts_since_the_last_passed_challenge(ledger: Ledger) -> None:
    every = [*ledger.records()]
    for station in STATIONS:
        passed = [
            entry
            for entry in every
            if isinstance(entry.record, ChallengeResult)
            and entry.record.passed
            and entry.record.station == station
        ][-1]
        expected = [
            entry
            for entry in every
            if isinstance(entry.record, Decision)
            and entry.record.station == station
            and (entry.index > passed.index or entry.record.at > passed.record.at)
        ]
        found = since(ledger, challenge=station)
        assert found.challenge == passed
        assert found.places == [entry.index for entry in reversed(expected)]
        assert found.counts == Counter(columns_of(entry.record)["label"] for entry in expected)


def test_what_nothing_can_say_is_refused(ledger: Ledger) -> None:
    for asked, match in (
        ({"label": "bad"}, "no label 'bad'"),
        ({"kind": "verdict"}, "no kind 'verdict'"),
        ({"bundle": "aaa"}, "no hash of a bundle"),
        ({"policy": "A" * 64}, "no hash of a policy"),
        ({"begin": datetime(2026, 3, 4)}, "any time zone"),
    ):
        with pytest.raises(GainspectError, match=match):
            Question(**asked)  # type: ignore[arg-type]
    with pytest.raises(GainspectError, match="2 bundles begin with aaaaaaaa"):
        since(ledger, bundle="aaaaaaaa")
    with pytest.raises(GainspectError, match="line 9 has passed no challenge"):
        since(ledger, challenge="line 9")
    for several in ({}, {"bundle": A, "policy": B}):
        with pytest.raises(GainspectError, match="since what"):
            since(ledger, **several)


def test_a_bundle_that_decided_nothing(ledger: Ledger) -> None:
    found = since(ledger, bundle="f" * 64)
    assert (found.first, found.last, found.places, found.counts) == (None, None, [], Counter())


def test_a_ledger_of_the_first_version_gets_its_indexes(ledger_url: str) -> None:
    with open_ledger(ledger_url) as opened:
        opened.append(decision())
    intruder = Intruder(ledger_url)
    names = ("lot", "station", "bundle", "policy", "at", "kind")
    for name in names:
        intruder.run(f"DROP INDEX ledger_records_{name}")
    for name in ("newest", "waiting"):
        intruder.run(f"DROP INDEX IF EXISTS ledger_records_{name}")
    for table in BESIDE_THE_TREE:
        intruder.run(f"DROP TABLE {table}")
    intruder.run("UPDATE ledger_version SET version_num = '1'")
    with open_ledger(ledger_url, create=False) as opened:
        assert find(opened, Question(lot="lot 7")) == [0]
    for name in names:
        intruder.run(f"DROP INDEX ledger_records_{name}")


@pytest.mark.parametrize(
    ("asked", "index"),
    [
        ({"part": "p1"}, "INTEGER PRIMARY KEY"),
        ({"lot": "lot 7", "bundle": A, "kind": "decision", "station": "line 3"}, "INTEGER PRIMARY KEY"),
        ({"bundle": A, "kind": "decision"}, "COVERING INDEX ledger_records_bundle"),
        ({"policy": B, "kind": "decision"}, "COVERING INDEX ledger_records_policy"),
        ({"begin": AT}, "COVERING INDEX ledger_records_at"),
        ({"label": "ng", "kind": "decision"}, "COVERING INDEX ledger_records_kind"),
        ({"station": "line 3", "kind": "decision"}, "COVERING INDEX ledger_records_newest"),
    ],
)
def test_a_file_is_not_read_as_a_whole(tmp_path: Path, asked: dict[str, Any], index: str) -> None:
    path = tmp_path / "line.ledger"
    open_ledger(path).close()
    conditions, values = Question(**asked).in_sql()
    wanted = " AND ".join(statement("sqlite", f"where/{name}") for name in conditions)
    sql = statement("sqlite", "find").replace("{conditions}", wanted)
    with closing(sqlite3.connect(path)) as connection:
        plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert plan[0].startswith(f"SEARCH r USING {index}"), plan


def test_whoever_takes_records_slowly_holds_no_transaction(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, reading = list[str](), ledger.database.reading

    @contextmanager
    def noted() -> Iterator[Rows]:
        with reading() as rows:
            held.append("reading")
            yield rows
            held.pop()

    monkeypatch.setattr(questions, "_PAGE", 2)
    monkeypatch.setattr(ledger.database, "reading", noted)
    places = find(ledger, Question())
    taken = list[int]()
    for entry in entries(ledger, places):
        taken.append(entry.index)
        assert held == []
    assert taken == places

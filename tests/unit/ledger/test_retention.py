import hashlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger import retention as retention_module
from gainspect.ledger.records.base import now
from gainspect.ledger.records.decision import Decision, Override
from gainspect.ledger.records.upkeep import PicturesRemoved, RetentionRule
from gainspect.ledger.replays import pictures_of
from gainspect.ledger.retention import remove_by_rule
from gainspect.ledger.verification import verify
from gainspect.types import Label
from ledger_records import AT, PERSON, STATION, Intruder, decision

OLD_OK, OLD_NG, OVERRIDDEN, NEW_OK, SHARED, SHARED_NG = (f"picture {number}".encode() for number in range(6))
RULE = RetentionRule(name="OK after 30 days", older_than_days=30)


def sha256(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()


@pytest.fixture
def ledger(ledger_url: str, tmp_path: Path) -> Iterator[Ledger]:
    """Old and new decisions; one picture is that of an old and a new OK part, one that of OK and NG."""
    with open_ledger(ledger_url, pictures=tmp_path / "pictures") as opened:
        clock = [now() - timedelta(days=40)]
        made = Ledger(opened.database, opened.pictures, clock=lambda: clock[0])

        def append(part: str, picture: bytes, label: Label = Label.OK) -> None:
            made.append(decision(part, label=label, pictures=[sha256(picture)]), [picture])

        append("old", OLD_OK)
        append("old ng", OLD_NG, Label.NG)
        append("overridden", OVERRIDDEN)
        append("shared", SHARED)
        append("shared ng", SHARED_NG, Label.NG)
        append("shared ok", SHARED_NG)
        about = {"station": STATION, "actor": PERSON, "decision": "decision of overridden", "at": AT}
        made.append(Override(**about, old=Label.OK, new=Label.NG, reason="scratch"))
        clock[0] = now() - timedelta(days=20)
        append("new", NEW_OK)
        append("shared again", SHARED)
        yield opened


def removed_from(ledger: Ledger) -> set[bytes]:
    """The pictures that are not there any more."""
    assert ledger.pictures is not None
    every = (OLD_OK, OLD_NG, OVERRIDDEN, NEW_OK, SHARED, SHARED_NG)
    return {picture for picture in every if ledger.pictures.read(sha256(picture)) is None}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, {OLD_OK}),
        ({"spare_touched": False}, {OLD_OK, OVERRIDDEN}),
        ({"labels": (Label.OK, Label.NG)}, {OLD_OK, OLD_NG, SHARED_NG}),
        ({"labels": (Label.NG,)}, {OLD_NG}),
        ({"older_than_days": 10}, {OLD_OK, NEW_OK, SHARED}),
        ({"older_than_days": 50}, set()),
    ],
)
def test_a_rule_removes_what_no_decision_still_needs(
    ledger: Ledger, change: dict[str, object], expected: set[bytes]
) -> None:
    rule = RULE.model_copy(update=change)
    before = ledger.head().size
    assert remove_by_rule(ledger, rule, station=STATION, actor=PERSON) == len(expected)
    assert removed_from(ledger) == expected
    added = [entry.record for entry in ledger.records(before)]
    if expected:
        (record,) = added
        assert isinstance(record, PicturesRemoved)
        assert set(record.pictures) == set(map(sha256, expected))
        assert record.rule == rule and record.actor == PERSON
    else:
        assert not added
    found = verify(ledger)
    assert not found.faults and found.removed == len(expected)
    assert remove_by_rule(ledger, rule, station=STATION) == 0


def test_many_are_removed_in_several_records(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention_module, "_AT_ONCE", 2)
    assert remove_by_rule(ledger, RULE.model_copy(update={"older_than_days": 10}), station=STATION) == 3
    kinds = [entry.record.kind for entry in ledger.records()]
    assert kinds.count("pictures_removed") == 2 and not verify(ledger).faults


def test_a_removal_that_was_killed_after_its_record_is_finished(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ledger.pictures is not None

    def killed(sha256: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ledger.pictures, "remove", killed)
        with pytest.raises(KeyboardInterrupt):
            remove_by_rule(ledger, RULE, station=STATION)
    assert removed_from(ledger) == set() and not verify(ledger).faults
    assert remove_by_rule(ledger, RULE, station=STATION) == 0
    assert removed_from(ledger) == {OLD_OK} and not verify(ledger).faults


def test_a_picture_that_comes_again_between_record_and_removal_stays(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    finish = retention_module._finish

    def again(found: Ledger, pictures: tuple[str, ...]) -> None:
        if pictures:
            found.append(decision("the same part again", pictures=[sha256(OLD_OK)]), [OLD_OK])
        finish(found, pictures)

    monkeypatch.setattr(retention_module, "_finish", again)
    assert remove_by_rule(ledger, RULE, station=STATION) == 1
    assert removed_from(ledger) == set() and not verify(ledger).faults


@pytest.mark.parametrize("place", [-1, 0, 6, 7, 99])
def test_a_row_without_a_record_removes_nothing(ledger: Ledger, place: int) -> None:
    """Rows for a place before the ledger, a decision, an override, a decision, and behind the end."""
    Intruder(ledger.database.url).run(
        "INSERT INTO ledger_pictures (sha256, idx, removed) VALUES (:sha256, :idx, 1)",
        sha256=sha256(OLD_NG),
        idx=place,
    )
    assert remove_by_rule(ledger, RULE, station=STATION) == 1
    assert removed_from(ledger) == {OLD_OK}
    entry = ledger.record(1)
    assert isinstance(entry.record, Decision)
    assert pictures_of(ledger, entry, entry.record) == [OLD_NG]


def test_without_pictures_there_is_nothing_to_remove(ledger: Ledger) -> None:
    with pytest.raises(GainspectError, match="keeps no pictures"):
        remove_by_rule(Ledger(ledger.database), RULE, station=STATION)

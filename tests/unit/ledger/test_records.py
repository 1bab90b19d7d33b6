from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from gainspect.errors import GainspectError
from gainspect.ledger.canonical import parsed
from gainspect.ledger.records.base import written_time
from gainspect.ledger.records.columns import COLUMNS, columns_of
from gainspect.ledger.records.decision import Decision, details_of
from gainspect.ledger.records.sealed import Record, opened, sealed
from ledger_records import AT, PERSON, STATION, A, B, decision, one_of_each_kind

RECORD: TypeAdapter[Record] = TypeAdapter(Record)


@pytest.mark.parametrize("record", one_of_each_kind(), ids=lambda record: record.kind)
def test_each_kind_comes_back_from_its_bytes(record: Record) -> None:
    content = sealed(record, 3, AT)
    entry = opened(content)
    assert (entry.index, entry.recorded, entry.record, entry.content) == (3, AT, record, content)
    assert sealed(entry.record, 3, entry.recorded) == content
    said = parsed(content)["record"]
    assert said["schema"] == 1 and said["kind"] == record.kind and said["station"] == STATION
    assert columns_of(record).keys() == set(COLUMNS)


def test_the_bytes_of_a_record_stay_what_they_are() -> None:
    """A change here makes later versions of gainspect write other bytes for the same record."""
    assert sealed(one_of_each_kind()[2], 2, AT + timedelta(microseconds=1)).decode() == (
        '{"index":2,"record":{"actor":"person-00112233445566aa","at":"2026-03-04T05:06:07.890123Z",'
        '"decision":"decision of part 1","key":"o","kind":"override","new":"ng","note":"긁힘","old":"ok",'
        '"reason":"scratch","schema":1,"station":"line 3"},"recorded":"2026-03-04T05:06:07.890124Z"}'
    )


@given(st.floats(0, 1))
def test_scores_come_back_exactly(score: float) -> None:
    record = opened(sealed(decision(score=score), 0, AT)).record
    assert isinstance(record, Decision)
    assert record.score == score and record.images[0].score == score


def test_times_are_written_in_utc_and_sort_as_text() -> None:
    times = [AT + timedelta(microseconds=step) for step in (0, 1, 10**6, 10**9)]
    assert sorted(map(written_time, times)) == [*map(written_time, times)]
    kst = decision().to_json() | {"at": "2026-03-04T14:06:07.890123+09:00"}
    assert RECORD.validate_python(kst).at == AT


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"actor": "Kim Min-su"}, "actor"),
        ({"at": "2026-03-04T05:06:07"}, "at"),
        ({"score": float("nan")}, "score"),
        ({"score": 1.5}, "score"),
        ({"images": []}, "images"),
        ({"schema": 2}, "schema"),
        ({"color": "red"}, "color"),
        ({"key": ""}, "key"),
        ({"kind": "guess"}, "kind"),
    ],
)
def test_what_no_decision_says_is_refused(change: dict[str, Any], what: str) -> None:
    with pytest.raises(ValidationError, match=what):
        RECORD.validate_python(decision().to_json() | change)


def test_a_bypass_ends_and_a_sign_in_is_of_somebody() -> None:
    bypass = next(record for record in one_of_each_kind() if record.kind == "bypass").to_json()
    with pytest.raises(ValidationError, match="ends after it has begun"):
        RECORD.validate_python(bypass | {"until": bypass["at"]})
    sign_in = next(record for record in one_of_each_kind() if record.kind == "sign_in").to_json()
    with pytest.raises(ValidationError, match="somebody"):
        RECORD.validate_python(sign_in | {"actor": None})
    assert RECORD.validate_python(sign_in | {"actor": None, "accepted": False}).actor is None


def test_an_integer_beyond_2_to_the_53_is_refused() -> None:
    image = decision().images[0].model_copy(update={"details": {"count": 2**53}})
    with pytest.raises(GainspectError, match="cannot be recorded"):
        sealed(decision().model_copy(update={"images": (image,)}), 0, AT)


def test_a_record_of_a_later_version_is_named() -> None:
    content = sealed(decision(), 0, AT).replace(b'"schema":1', b'"schema":2')
    with pytest.raises(GainspectError, match=r"this version of gainspect knows .*schema"):
        opened(content)
    for wrong in (b"{}", b"[]", b'{"index":0,"recorded":"never","record":{}}'):
        with pytest.raises(GainspectError, match="this version"):
            opened(wrong)


def test_columns_say_by_what_a_record_is_found() -> None:
    found = {record.kind: columns_of(record) for record in one_of_each_kind()}
    assert found["decision"] == {
        "kind": "decision",
        "at": "2026-03-04T05:06:07.890123Z",
        "station": STATION,
        "actor": None,
        "part": "part 1",
        "lot": "lot 7",
        "label": "ok",
        "bundle": A,
        "policy_id": B,
        "about": None,
    }
    assert (found["override"]["about"], found["override"]["label"]) == ("decision of part 1", "ng")
    assert (found["confirm"]["actor"], found["confirm"]["label"]) == (PERSON, "ok")
    assert (found["policy_change"]["policy_id"], found["bundle_activation"]["bundle"]) == (B, A)
    assert found["challenge_result"]["label"] == "passed"


def test_details_are_what_has_no_field_of_its_own() -> None:
    record = {
        "image": "a.png",
        "sha256": A,
        "verdict": "ng",
        "score": 0.9,
        "regions": [{"polygon": ((1, 2), (3, 4))}],
        "part": "p",
        "bundle": A,
    }
    assert details_of(record) == {"regions": [{"polygon": [[1, 2], [3, 4]]}]}

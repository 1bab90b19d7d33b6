"""Whether a station may decide, by its records alone."""

from datetime import timedelta

import pytest

from gainspect.ledger.records.operation import ChallengedPart, ChallengeResult, ChallengeWaived
from gainspect.serve.locks import Lock, StationRecords, lock_at
from gainspect.types import Label
from ledger_records import AT, PERSON

BUNDLE, POLICY = "a" * 64, "b" * 64
HOUR = timedelta(hours=1)


def result(passed: bool) -> ChallengeResult:
    part = ChallengedPart(part="p", expected=Label.NG, decided=Label.NG if passed else Label.OK)
    return ChallengeResult(
        station="s", at=AT, challenge="c", bundle=BUNDLE, policy_id=POLICY, parts=(part,), passed=passed
    )


WAIVER = ChallengeWaived(
    station="s", at=AT, actor=PERSON, bundle=BUNDLE, until=AT + 2 * HOUR, reason="camera is new"
)


@pytest.mark.parametrize(
    ("bundle", "challenge", "waiver", "hours", "later", "expected"),
    [
        (None, result(True), WAIVER, 8, HOUR, Lock("no_bundle")),
        (BUNDLE, None, None, None, HOUR, Lock(None)),
        (BUNDLE, None, None, 8, HOUR, Lock("challenge_due")),
        (BUNDLE, result(False), None, 8, HOUR, Lock("challenge_failed")),
        (BUNDLE, result(True), None, 8, 8 * HOUR - timedelta(microseconds=1), Lock(None, AT + 8 * HOUR)),
        (BUNDLE, result(True), None, 8, 8 * HOUR, Lock("challenge_due")),
        (BUNDLE, result(False), WAIVER, 8, HOUR, Lock(None, AT + 2 * HOUR, waived=True)),
        (BUNDLE, result(False), WAIVER, 8, 2 * HOUR, Lock("challenge_failed")),
        (BUNDLE, result(True), WAIVER, 8, HOUR, Lock(None, AT + 8 * HOUR)),
    ],
)
def test_a_station_is_locked_until_its_challenge_is_passed_or_waived_in_time(
    bundle: str | None,
    challenge: ChallengeResult | None,
    waiver: ChallengeWaived | None,
    hours: float | None,
    later: timedelta,
    expected: Lock,
) -> None:
    assert lock_at(StationRecords(bundle, -1, challenge, waiver), hours, AT + later) == expected

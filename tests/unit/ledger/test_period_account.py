"""What is counted of a period, beside brute force over the records."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.period import Period
from gainspect.ledger.period_account import PeriodAccount
from gainspect.ledger.records.decision import Confirm, Decision, Override, RegionCorrection
from gainspect.ledger.records.operation import Bypass, ChallengedPart, ChallengeResult
from gainspect.ledger.records.sealed import Record
from gainspect.ledger.tallies import Listing, Tally
from gainspect.ledger.verification import verify
from gainspect.types import Label
from ledger_records import PERSON, Intruder, decision, one_of_each_kind

SEOUL = timezone(timedelta(hours=9))
START = datetime(2026, 3, 1, 12, tzinfo=UTC)
PERIOD = Period(date(2026, 3, 3), date(2026, 3, 6), SEOUL)
STEP = timedelta(hours=3)
PICTURE = b"the file of a picture"
SHA256 = hashlib.sha256(PICTURE).hexdigest()


def mixed_records(seed: int = 0, count: int = 60) -> list[Record]:
    """Decisions of two stations, and what people do to some."""
    random, records = Random(seed), list[Record]()
    for number in range(count):
        part = f"part {number}"
        station = random.choice(["line 1", "line 2"])
        label = random.choice(list(Label))
        made = decision(part, label=label).model_copy(update={"station": station, "at": START})
        about = {"station": station, "actor": PERSON, "decision": made.key, "at": START}
        follow = random.randrange(8)
        records.append(made)
        if follow == 0:
            new = random.choice([other for other in Label if other != label])
            reason = random.choice(["dust", "glare"])
            records.append(Override(key=f"o{number}", **about, old=label, new=new, reason=reason))
        elif follow == 1:
            records.append(
                Confirm(key=f"c{number}", **about, label=label, note=random.choice(["", "measured"]))
            )
        elif follow == 2:
            outline = ((1, 2), (3, 4), (1, 4))
            records.append(
                RegionCorrection(
                    key=f"r{number}", **about, image="a" * 64, old=(), new=(outline,), reason="outline"
                )
            )
        elif follow == 3:
            decided = random.choice([Label.OK, Label.NG])
            records.append(
                ChallengeResult(
                    key=f"h{number}",
                    at=START,
                    station=station,
                    challenge="master parts",
                    bundle="a" * 64,
                    policy_id="b" * 64,
                    parts=(ChallengedPart(part="m1", expected=Label.NG, decided=decided),),
                    passed=decided == Label.NG,
                )
            )
    return records


@pytest.fixture
def ledger(ledger_url: str, tmp_path: Path) -> Iterator[Ledger]:
    """Mixed records, one each three hours over ten days."""
    with open_ledger(ledger_url, pictures=tmp_path / "pictures") as opened:
        clock = (START + STEP * number for number in range(10_000))
        made = Ledger(opened.database, opened.pictures, clock=lambda: next(clock))
        made.append(decision("with a picture", pictures=[SHA256]), [PICTURE])
        made.append_all(mixed_records())
        yield made


def test_counts_are_those_of_the_records(ledger: Ledger) -> None:
    account = PeriodAccount(PERIOD)
    assert verify(ledger, taken=account.add).faults == []
    # Midnight in Seoul is 15:00 UTC of the day before.
    begin, end = datetime(2026, 3, 2, 15, tzinfo=UTC), datetime(2026, 3, 6, 15, tzinfo=UTC)
    entries = [entry for entry in ledger.records() if begin <= entry.recorded < end]
    records = [entry.record for entry in entries]
    assert 20 < len(entries) < ledger.head().size
    assert account.places == (entries[0].index, entries[-1].index)
    assert account.kinds == Counter(record.kind for record in records)
    days = [(entry.recorded + timedelta(hours=9)).date() for entry in entries]
    assert account.decisions == Counter(
        (day, record.station, record.label)
        for day, record in zip(days, records, strict=True)
        if isinstance(record, Decision)
    )
    overrides = [record for record in records if isinstance(record, Override)]
    assert {key: span.count for key, span in account.overridden.rows.items()} == Counter(
        (record.old, record.new, record.reason) for record in overrides
    )
    assert [row.decision for row in account.overrides.rows] == [record.decision for record in overrides]
    confirmed = [record for record in records if isinstance(record, Confirm)]
    assert account.confirmed == Counter(record.label for record in confirmed)
    assert account.confirmations.total == sum(record.note != "" for record in confirmed)
    assert account.corrections.total == account.kinds["region_correction"] > 0
    assert account.corrected.total == account.corrections.total
    challenges = [record for record in records if isinstance(record, ChallengeResult)]
    assert {key: span.count for key, span in account.challenged.rows.items()} == Counter(
        (record.station, record.challenge, record.passed) for record in challenges
    )
    for station in ("line 1", "line 2"):
        own = [
            entry.recorded
            for entry in entries
            if isinstance(entry.record, Decision) and entry.record.station == station
        ]
        (span,) = [span for key, span in account.in_force.rows.items() if key.station == station]
        assert (span.count, span.first, span.last) == (len(own), own[0], own[-1])


def test_a_changed_record_is_not_counted(ledger: Ledger) -> None:
    Intruder(ledger.database.url).rewrite(20, b'"station":"line', b'"station":"lime')
    account = PeriodAccount(Period(date(2026, 1, 1), date(2026, 12, 31), UTC))
    found = verify(ledger, taken=account.add)
    assert [fault.index for fault in found.faults] == [20]
    assert sum(account.kinds.values()) == ledger.head().size - 1
    assert {key.station for key in account.decisions} == {"line 1", "line 2", "line 3"}


def test_records_of_each_kind_are_found(ledger_url: str, tmp_path: Path) -> None:
    with open_ledger(ledger_url, pictures=tmp_path / "pictures") as opened:
        made = Ledger(opened.database, opened.pictures, clock=lambda: START)
        entries = made.append_all(one_of_each_kind())
        account = PeriodAccount(Period(START.date(), START.date(), UTC), today=START)
        for entry in made.records():
            account.add(entry)
    assert set(account.kinds.values()) == {1} and len(account.kinds) == len(entries)
    assert (account.removed.total, account.sign_ins.total, account.open_bypasses) == (1, 1, 1)
    assert [row.is_bundle for row in account.changes.rows] == [False, True]
    assert [row.size for row in account.anchors.rows] == [0]
    assert account.erasures.total == account.clock_corrections.total == account.challenges.total == 1
    brought = ("fail_safes", "waivers", "services", "roles", "tokens", "drifts", "acknowledgments")
    listed = {name: getattr(account, name) for name in brought}
    assert {name: (listing.total, len(listing.rows)) for name, listing in listed.items()} == dict.fromkeys(
        brought, (1, 1)
    )
    assert (account.failed_safe.total, account.fail_safes.rows[0].part) == (1, "p")


@pytest.mark.parametrize(
    ("recorded", "until", "listed", "still_open"),
    [
        ("2026-03-01T00", "2026-03-02T00", False, False),  # over before the period
        ("2026-03-01T00", "2026-03-04T00", True, False),  # reaches into it
        ("2026-03-04T00", "2026-03-05T00", True, False),
        ("2026-03-04T00", "2026-03-09T00", True, True),  # reaches beyond it
        ("2026-03-07T00", "2026-03-09T00", False, False),  # began after it
    ],
)
def test_a_bypass_counts_where_it_was_in_force(
    tmp_path: Path, recorded: str, until: str, listed: bool, still_open: bool
) -> None:
    moment = datetime.fromisoformat(recorded).replace(tzinfo=UTC)
    end = datetime.fromisoformat(until).replace(tzinfo=UTC)
    record = Bypass(at=moment, station="line 1", actor=PERSON, until=end, reason="camera cleaned")
    account = PeriodAccount(Period(date(2026, 3, 3), date(2026, 3, 6), UTC))
    with open_ledger(tmp_path / "line.ledger") as opened:
        account.add(Ledger(opened.database, clock=lambda: moment).append(record))
    assert (account.bypasses.total, account.open_bypasses) == (listed, still_open)


def test_a_bypass_of_today_is_open_until_it_ends() -> None:
    period = Period(date(2026, 3, 3), date(2026, 3, 6), UTC)
    assert PeriodAccount(period, today=period.begin).closed == period.begin
    assert PeriodAccount(period, today=period.end + timedelta(days=9)).closed == period.end


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 50)), max_size=40), st.integers(1, 12))
def test_a_tally_loses_nothing_and_tells_apart_no_more_than_it_may(
    events: list[tuple[int, int]], most: int
) -> None:
    tally, listing = Tally[int](most), Listing[int](most)
    for key, hours in events:
        tally.add(key, START + timedelta(hours=hours))
        listing.add(key)
    keys = list(dict.fromkeys(key for key, _ in events))
    assert list(tally.rows) == keys[:most]
    assert tally.total == listing.total == len(events)
    assert listing.rows == [key for key, _ in events][:most]
    counts = [span.count for _, span in tally.ordered()]
    assert counts == sorted(counts, reverse=True)
    for key, span in tally.rows.items():
        own = [START + timedelta(hours=hours) for other, hours in events if other == key]
        assert (span.count, span.first, span.last) == (len(own), min(own), max(own))


@given(st.datetimes(datetime(2026, 3, 1), datetime(2026, 3, 9)), st.integers(-12, 14))
def test_a_moment_is_in_a_period_if_its_day_is(moment: datetime, hours: int) -> None:
    zone = timezone(timedelta(hours=hours))
    period = Period(date(2026, 3, 3), date(2026, 3, 6), zone)
    day = (moment + timedelta(hours=hours)).date()
    assert period.day_of(moment.replace(tzinfo=UTC)) == day
    assert (moment.replace(tzinfo=UTC) in period) == (date(2026, 3, 3) <= day <= date(2026, 3, 6))


@pytest.mark.parametrize(
    ("first", "last", "said"),
    [
        ("2026-03-06", "2026-03-03", "before it begins"),
        ("March", "2026-03-03", "is no date"),
        ("2026-02-30", "2026-03-03", "is no date"),
        ("0001-01-01", "2026-03-03", "outside of the years"),
    ],
)
def test_what_is_no_period_is_told(first: str, last: str, said: str) -> None:
    with pytest.raises(GainspectError, match=said):
        Period.parse(first, last)

"""Figures of a dashboard, against a look at every record."""

import json
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.buckets import By
from gainspect.ledger.dashboard_figures import StationFigures, dashboard_figures
from gainspect.ledger.databases.database import statement
from gainspect.ledger.period import Period
from gainspect.ledger.records.decision import Confirm, Decision, FailSafe, JudgedImage, Override
from gainspect.ledger.records.sealed import Record
from gainspect.metrics.intervals import clopper_pearson
from gainspect.types import Label
from ledger_records import PERSON, STATIONS, A, decision

BEGIN = datetime(2026, 10, 24, tzinfo=UTC)
REASONS = ("scratch", "edge", "긁힘")


def made(number: int, choose: random.Random) -> Decision:
    """A decision somewhere in four days; some say no time, some are of an image that could not be read."""
    base = decision(f"part {number}", label=choose.choices([*Label], [6, 2, 2])[0])
    inputs: dict[str, Any] = {"brightness": choose.gauss(100, 5), "width": 640.0}
    image = JudgedImage(image="i", sha256=A, verdict=base.label, details={"inputs": inputs})
    score = choose.random()
    if choose.random() < 0.1:
        image, score = JudgedImage(image="i", sha256=None, verdict=None, error="empty"), None
    return base.model_copy(
        update={
            "key": f"k{number}",
            "at": BEGIN + timedelta(seconds=choose.randrange(4 * 86400)),
            "station": choose.choice(STATIONS),
            "score": score,
            "images": (image,),
            "seconds": None if choose.random() < 0.2 else choose.expovariate(3),
            "challenge": "shift" if choose.random() < 0.1 else None,
        }
    )


def acted(number: int, about: Decision, choose: random.Random) -> Confirm | Override:
    """What somebody does to it at any station, at any time."""
    common: dict[str, Any] = {
        "key": f"a{number}",
        "at": BEGIN + timedelta(days=choose.randrange(-1, 9)),
        "station": choose.choice(STATIONS),
        "actor": PERSON,
        "decision": about.key,
    }
    if choose.random() < 0.4:
        return Confirm(**common, label=about.label)
    old, new = choose.sample([*Label], 2)
    return Override(**common, old=old, new=new, reason=choose.choice(REASONS))


def in_place(number: int, choose: random.Random) -> FailSafe:
    """An answer in the place of a decision."""
    return FailSafe(
        key=f"f{number}",
        at=BEGIN + timedelta(seconds=choose.randrange(4 * 86400)),
        station=choose.choice(STATIONS),
        decision=f"never {number}",
        part=f"part {number}",
        label=choose.choice([Label.NG, Label.REVIEW]),
        why="late",
        images=(A,),
    )


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    choose = random.Random(11)
    decisions, records = list[Decision](), list[Record]()
    for number in range(600):
        if decisions and choose.random() < 0.3:
            records.append(acted(number, choose.choice(decisions), choose))
        else:
            decisions.append(made(number, choose))
            records.append(decisions[-1])
        if choose.random() < 0.1:
            records.append(in_place(number, choose))
    with open_ledger(ledger_url) as opened:
        opened.append_all(records)
        yield opened


def looked_at(records: list[Record], station: str, figures: StationFigures) -> dict[str, Any]:
    """The same counts, from all records, one by one."""
    chosen = {
        record.key: record
        for record in records
        if isinstance(record, Decision)
        and record.station == station
        and record.challenge is None
        and figures.begin.astimezone(UTC) <= record.at < figures.end.astimezone(UTC)
    }
    fail_safes = sum(
        isinstance(record, FailSafe)
        and record.station == station
        and figures.begin.astimezone(UTC) <= record.at < figures.end.astimezone(UTC)
        for record in records
    )
    said, reasons = dict[str, Label](), Counter[str]()
    for record in records:
        if isinstance(record, Confirm | Override) and record.decision in chosen:
            said[record.decision] = record.label if isinstance(record, Confirm) else record.new
            reasons += Counter([record.reason] if isinstance(record, Override) else [])
    sure = {key for key, record in chosen.items() if record.label is not Label.REVIEW}
    changed = sum(key in sure and label is not chosen[key].label for key, label in said.items())
    labels = Counter(record.label for record in chosen.values())
    return {
        "parts": len(chosen),
        "fail_safes": fail_safes,
        "labels": {label: labels[label] for label in Label},
        "ng": (labels[Label.NG], len(chosen)),
        "review": (labels[Label.REVIEW], len(chosen)),
        "overridden": (changed, len(sure)),
        "disagreement": (changed, len(said.keys() & sure)),
        "resolved": (
            sum(label is not Label.REVIEW for key, label in said.items() if key not in sure),
            labels[Label.REVIEW],
        ),
        "reasons": dict(reasons),
        "seconds": [record.seconds for record in chosen.values() if record.seconds is not None],
        "scores": [record.score for record in chosen.values() if record.score is not None],
        "light": [
            inputs["brightness"]
            for record in chosen.values()
            if isinstance(inputs := record.images[0].details.get("inputs"), dict)
        ],
    }


def require_same(found: StationFigures, expected: dict[str, Any]) -> None:
    for name in ("parts", "labels", "fail_safes", "reasons"):
        assert getattr(found, name) == expected[name], name
    for name in ("ng", "review", "overridden", "disagreement", "resolved"):
        rate = getattr(found, name)
        assert (rate.count, rate.of) == expected[name], name
        assert (rate.low, rate.high) == (clopper_pearson(rate.count, rate.of) if rate.of else (0, 1))
        assert rate.value == (rate.count / rate.of if rate.of else None)
    at = lambda values, shares: np.quantile(values, shares, method="inverted_cdf")  # noqa: E731
    if expected["seconds"]:
        assert found.latency is not None and found.latency.sampled == len(expected["seconds"])
        times = [found.latency.p50, found.latency.p95, found.latency.p99]
        assert times == at(expected["seconds"], [0.5, 0.95, 0.99]).tolist()
    else:
        assert found.latency is None
    for name, values in (("score", expected["scores"]), ("brightness", expected["light"])):
        spread = found.spread.get(name)  # type: ignore[call-overload]
        assert (spread is None) == (not values)
        if spread is not None:
            assert spread.sampled == len(values)
            assert [spread.low, spread.median, spread.high] == at(values, [0.05, 0.5, 0.95]).tolist()


@pytest.mark.parametrize("zone", ["UTC", "Asia/Seoul", "Europe/Berlin"])
@pytest.mark.parametrize("by", ["hour", "shift", "day"])
def test_they_are_those_of_a_look_at_every_record(ledger: Ledger, by: By, zone: str) -> None:
    """In Berlin the clocks go back in this period."""
    period = Period.parse("2026-10-24", "2026-10-26", ZoneInfo(zone))
    found = dashboard_figures(ledger, STATIONS[0], period, by)
    records = [entry.record for entry in ledger.records()]
    for figures in (found.whole, *found.buckets):
        require_same(figures, looked_at(records, STATIONS[0], figures))
    assert found.whole.parts == sum(each.parts for each in found.buckets) > 100
    assert set(found.whole.reasons) == set(REASONS) and found.whole.fail_safes > 5
    assert found.whole.overridden.count and found.whole.resolved.count


def test_of_a_station_or_a_day_without_parts_there_are_no_figures(ledger: Ledger) -> None:
    for station, day in (("line 9", "2026-10-24"), (STATIONS[0], "2026-12-24")):
        found = dashboard_figures(ledger, station, Period.parse(day, day, UTC))
        assert len(found.buckets) == 24
        for figures in (found.whole, *found.buckets):
            assert (figures.parts, figures.latency, figures.spread, figures.reasons) == (0, None, {}, {})
            assert (figures.ng.value, figures.ng.low, figures.ng.high) == (None, 0, 1)


def test_they_are_json(ledger: Ledger) -> None:
    found = asdict(dashboard_figures(ledger, STATIONS[0], Period.parse("2026-10-24", "2026-10-25", UTC)))
    assert json.loads(json.dumps(found, default=datetime.isoformat))["whole"]["ng"]["count"] > 0


def test_of_many_decisions_a_sample_is_read_from_every_bucket(tmp_path: Path) -> None:
    """One day has 3,000, another 30; every second record is of another station."""
    choose, records = random.Random(3), list[Record]()
    for number in range(6060):
        day, station = timedelta(days=number // 6000), STATIONS[number % 2]
        at = BEGIN + day + timedelta(seconds=number % 6000)
        update = {"at": at, "station": station, "seconds": 1 + (number % 6000) / 6000, "challenge": None}
        records.append(made(number, choose).model_copy(update=update))
    with open_ledger(tmp_path / "line.ledger") as ledger:
        ledger.append_all(records)
        period = Period.parse("2026-10-24", "2026-10-25", UTC)
        found = dashboard_figures(ledger, STATIONS[1], period, "day", sample=300)
    assert [each.parts for each in found.buckets] == [3000, 30]
    many, few = (each.latency for each in found.buckets)
    assert many is not None and few is not None and found.whole.latency is not None
    assert abs(few.sampled - 20) <= 2 and abs(many.sampled - 297) <= 5
    # Times rise evenly from 1 s to 2 s on the first day: an even sample finds their quantiles.
    assert (many.p50, many.p95) == pytest.approx((1.5, 1.95), abs=0.01)
    # 30 of 3,030 take 1 s on the second day; as parts of the sample they would be 20 of 317.
    assert found.whole.latency.p50 == pytest.approx(1.495, abs=0.012)
    assert found.whole.latency.sampled == few.sampled + many.sampled


@pytest.mark.parametrize("name", ["dashboard_counts", "dashboard_sample", "dashboard_first"])
def test_a_file_is_asked_by_its_indexes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "line.ledger"
    open_ledger(path).close()
    values = {"station": "s", "kind": "decision", "buckets": "[]", "begin": "", "end": ""}
    with closing(sqlite3.connect(path)) as connection:
        sql = statement("sqlite", name)
        plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    of_records = [step for step in plan if step.startswith("SEARCH")]
    assert len(of_records) == 1
    assert "ledger_records_station (station=? AND kind=? AND label=? AND at>? AND at<?)" in of_records[0]


def test_actions_are_found_by_their_kind(tmp_path: Path) -> None:
    path = tmp_path / "line.ledger"
    open_ledger(path).close()
    with closing(sqlite3.connect(path)) as connection:
        sql = f"EXPLAIN QUERY PLAN {statement('sqlite', 'dashboard_actions')}"
        values = {"station": "s", "first": 0, "begin": "", "end": ""}
        plan = [row[-1] for row in connection.execute(sql, values)]
    assert plan[0] == "SEARCH a USING INDEX ledger_records_kind (kind=? AND label=? AND rowid>?)"
    assert "(key=?)" in plan[1]

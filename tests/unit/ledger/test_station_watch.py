"""The watch of a station, made from a ledger."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from gainspect.evaluation.drift_watch import DriftWatch
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.records.decision import Decision, JudgedImage
from gainspect.ledger.records.operation import (
    DriftAcknowledged,
    DriftAlarm,
)
from gainspect.ledger.station_watch import StationWatch
from gainspect.ledger.watched import watched_part
from gainspect.types import Label
from ledger_records import AT, PERSON, STATION, A, B, decision

REFERENCE = 60


def judged(number: int, *, light: float = 1.0, station: str = STATION, **made: Any) -> Decision:
    """The decision on a part of two images; a number is always the same part."""
    drawn = np.random.default_rng(number).normal(size=3)
    images = [
        JudgedImage(
            image=f"{number}_{view}",
            sha256=A,
            verdict=Label.OK,
            details={"inputs": {"brightness": light * (100 + value), "height": 480}},
        )
        for view, value in enumerate(drawn[:2])
    ]
    base = decision(f"part {number}", score=float(1 / (1 + np.exp(3 - drawn[2]))), key=f"k{number}")
    update: dict[str, Any] = {
        "at": AT + timedelta(seconds=number),
        "station": station,
        "images": tuple(images),
        "made_with": base.made_with.model_copy(update=made),
    }
    return base.model_copy(update=update)


def some(first: int, end: int, **how: Any) -> list[Decision]:
    return [judged(number, **how) for number in range(first, end)]


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with open_ledger(ledger_url) as opened:
        yield opened


def watch_of(ledger: Ledger) -> StationWatch:
    return StationWatch(ledger, STATION, reference=REFERENCE)


def alone(decisions: Sequence[Decision]) -> DriftWatch:
    watch = DriftWatch(reference=REFERENCE)
    for one in decisions:
        watch.take(watched_part(one))
    return watch


def test_what_is_watched_of_a_part() -> None:
    part = watched_part(judged(7))
    first, second, _ = np.random.default_rng(7).normal(size=3)
    assert (part.key, part.part, part.label) == ("k7", "part 7", Label.OK)
    assert part.figures["brightness"] == pytest.approx(100 + (first + second) / 2)
    assert part.figures["height"] == 480 and part.figures.keys() == {"score", "brightness", "height"}
    unread = judged(7).images[0].model_copy(update={"details": {}})
    assert watched_part(judged(7).model_copy(update={"images": (unread,)})).figures.keys() == {"score"}


def test_an_alarm_is_a_record_that_says_what_changed_and_is_there_once(ledger: Ledger) -> None:
    watch = watch_of(ledger)
    mixed = [one for number in range(200) for one in (judged(number), judged(5000 + number, station="other"))]
    ledger.append_all(mixed)
    assert watch.catch_up() == []
    dark = some(200, 230, light=0.25)
    ledger.append_all(dark)
    (alarm,) = watch.catch_up()
    assert (alarm.statistic, alarm.larger, alarm.watch) == ("brightness", False, "k0")
    assert (alarm.since, alarm.since_part, alarm.since_at) == ("k200", "part 200", dark[0].at)
    noticed = dark[alarm.parts - 1]
    assert (alarm.decision, alarm.at) == (noticed.key, noticed.at)
    assert alarm.before == pytest.approx(100, abs=1) and alarm.after == pytest.approx(25, abs=1)
    assert (alarm.ng_before.parts, alarm.ng_since.parts) == (200, alarm.parts)
    ledger.append(alarm)
    # Another process that reads the ledger from the beginning finds the same, and knows that it is there.
    assert watch.catch_up() == watch_of(ledger).catch_up() == []
    other = watch_of(ledger)
    other.catch_up()
    assert other.status() == watch.status() and len(watch.status().found) == 1


def test_it_is_the_watch_of_the_decisions_however_often_it_catches_up(ledger: Ledger) -> None:
    decisions, watch = some(0, 150), watch_of(ledger)
    for first, end in ((0, 1), (1, 1), (1, 70), (70, 150)):
        ledger.append_all(decisions[first:end])
        watch.catch_up()
    assert watch.status() == alone(decisions).status()


def test_after_an_acknowledgment_the_watch_begins_anew(ledger: Ledger) -> None:
    ledger.append_all([*some(0, 100), *some(100, 120, light=0.25)])
    watch = watch_of(ledger)
    ledger.append_all(watch.catch_up())
    told = {"at": AT, "actor": PERSON, "watch": "k0", "reason": "lamp"}
    ledger.append(DriftAcknowledged(key="elsewhere", station="other", **told))
    watch.catch_up()
    assert watch.status().found
    ledger.append(DriftAcknowledged(key="here", station=STATION, **told))
    after = some(120, 300, light=0.25)
    ledger.append_all(after)
    assert watch.catch_up() == []
    assert watch.status() == alone(after).status()
    fresh = watch_of(ledger)
    fresh.catch_up()
    assert fresh.status() == watch.status()


@pytest.mark.parametrize(
    ("made", "anew"),
    [
        ({"bundle": B}, True),
        ({"runtime": "openvino"}, True),
        ({"policy_id": A}, True),
        ({"isa": "x"}, False),
    ],
)
def test_what_judges_otherwise_is_watched_anew(ledger: Ledger, made: dict[str, str], anew: bool) -> None:
    before, after = some(0, 100), some(100, 180, **made)
    ledger.append_all([*before, *after])
    watch = watch_of(ledger)
    watch.catch_up()
    assert watch.status() == alone(after if anew else before + after).status()


def test_parts_of_a_challenge_are_no_parts_of_the_line(ledger: Ledger) -> None:
    masters = [one.model_copy(update={"challenge": "masters"}) for one in some(100, 106, light=0.25)]
    before, after = some(0, 100), some(106, 150)
    watch = watch_of(ledger)
    ledger.append_all(before)
    watch.catch_up()
    ledger.append_all(masters)
    assert watch.catch_up() == []  # its result is not there yet
    ledger.append_all(after)
    assert watch.catch_up() == []
    assert watch.status() == alone(before + after).status()


def test_a_station_without_decisions(ledger: Ledger) -> None:
    watch = watch_of(ledger)
    assert watch.catch_up() == []
    assert watch.status() == DriftWatch(reference=REFERENCE).status()


def test_two_who_append_the_same_alarm_append_one(ledger: Ledger) -> None:
    ledger.append_all([*some(0, 100), *some(100, 130, light=0.5)])
    one, other = watch_of(ledger).catch_up(), watch_of(ledger).catch_up()
    assert one == other and one
    first, second = ledger.append_all(one), ledger.append_all(other)
    assert first == second
    kept = [entry for entry in ledger.records() if isinstance(entry.record, DriftAlarm)]
    assert kept == first

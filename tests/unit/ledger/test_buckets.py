"""Periods cut by clocks, also where clocks change."""

from datetime import UTC, time, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger.buckets import By, cut
from gainspect.ledger.period import Period

BERLIN, SEOUL = ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Seoul")
ZONES = [UTC, BERLIN, SEOUL, ZoneInfo("Asia/Kathmandu"), None]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("by", ["hour", "shift", "day"])
def test_buckets_cover_the_period_without_gaps(zone, by: By) -> None:
    period = Period.parse("2026-10-24", "2026-10-26", zone)
    buckets = cut(period, by)
    assert (buckets[0].begin, buckets[-1].end) == (period.begin, period.end)
    for one, other in pairwise(buckets):
        assert one.end == other.begin and one.begin.astimezone(UTC) < one.end.astimezone(UTC)


def lengths(day: str, by: By) -> list[float]:
    buckets = cut(Period.parse(day, day, BERLIN), by)
    return [(end.astimezone(UTC) - begin.astimezone(UTC)) / timedelta(hours=1) for begin, end in buckets]


def test_where_clocks_change_hours_stay_hours_and_the_night_shift_does_not() -> None:
    """In Berlin they go back on 2026-10-25 and forward on 2026-03-29, at night."""
    assert lengths("2026-10-25", "hour") == [1] * 25 and lengths("2026-03-29", "hour") == [1] * 23
    assert lengths("2026-10-25", "shift") == [7, 8, 8, 2] and lengths("2026-03-29", "shift") == [5, 8, 8, 2]
    assert lengths("2026-10-25", "day") == [25]


def test_a_night_shift_is_one_bucket_over_midnight() -> None:
    buckets = cut(Period.parse("2026-03-02", "2026-03-03", SEOUL), "shift", [time(7, 30), time(19, 30)])
    assert [f"{begin:%d %H:%M}" for begin, _ in buckets] == [
        "02 00:00",
        "02 07:30",
        "02 19:30",
        "03 07:30",
        "03 19:30",
    ]


@pytest.mark.parametrize("shifts", [[], [time(14), time(6)], [time(6), time(6)]])
def test_shifts_that_are_none_are_refused(shifts: list[time]) -> None:
    with pytest.raises(GainspectError, match="in order"):
        cut(Period.parse("2026-03-02", "2026-03-02", UTC), "shift", shifts)


def test_a_period_that_no_page_shows_is_refused() -> None:
    with pytest.raises(GainspectError, match="more than 1000 hours"):
        cut(Period.parse("2026-01-01", "2026-02-15", UTC), "hour")

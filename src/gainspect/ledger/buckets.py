"""A period cut into hours, shifts or days, which figures are counted by."""

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from math import ceil
from typing import Literal, NamedTuple

from gainspect.errors import GainspectError
from gainspect.ledger.period import Period

By = Literal["hour", "shift", "day"]
SHIFTS = (time(6), time(14), time(22))
"""When shifts begin, if a plant says nothing else."""
_MOST = 1000


class Bucket(NamedTuple):
    """From a moment on, and before another."""

    begin: datetime
    end: datetime


def cut(period: Period, by: By, shifts: Sequence[time] = SHIFTS) -> list[Bucket]:
    """Cut a period, by the clocks of its zone; where they change, a shift or a day is longer or shorter.

    Args:
        period: whole days. What is left in it of the last shift of the day before is a bucket of its own, and
            so is what it has of its own last shift.
        by: what.
        shifts: when shifts begin, in order, on every day.

    Raises:
        GainspectError: there would be more than 1,000 buckets, or no shift begins, or not in order.

    >>> monday = Period.parse("2026-03-02", "2026-03-02", UTC)
    >>> [f"{begin:%H}–{end:%H}" for begin, end in cut(monday, "shift")]
    ['00–06', '06–14', '14–22', '22–00']
    """
    days = (period.last - period.first).days + 1
    if days * {"hour": 24, "shift": len(shifts) + 1, "day": 1}[by] > _MOST:
        raise GainspectError(
            f"the period has more than {_MOST} {by}s",
            hint="Choose a shorter period, or count by day.",
        )
    if by == "shift" and (not shifts or sorted(set(shifts)) != list(shifts)):
        raise GainspectError("shifts begin at different times, in order", hint="Write them as 06:00, 14:00.")
    begin, end = period.begin.astimezone(UTC), period.end.astimezone(UTC)
    if by == "hour":
        hours = (end - begin) / timedelta(hours=1)
        marks = {begin + timedelta(hours=hour) for hour in range(ceil(hours))}
    else:
        times = [time.min] if by == "day" else shifts
        marks = {begin, *(_in_utc(period, day, mark) for day in range(days) for mark in times)}
    moments = [moment.astimezone(period.zone) for moment in sorted(marks)]
    return [Bucket(*ends) for ends in pairwise([*moments, period.end])]


def _in_utc(period: Period, day: int, mark: time) -> datetime:
    """A time of day by the clocks of the period's zone; in UTC no hour comes twice."""
    moment = datetime.combine(period.first + timedelta(days=day), mark, period.zone)
    return moment.astimezone(UTC)

"""A period of whole days, over which a ledger is accounted for."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Self

from gainspect.errors import GainspectError

_YEARS = range(1970, 9000)


@dataclass(frozen=True)
class Period:
    """From the beginning of one day to the end of another."""

    first: date
    last: date
    """The last day of the period, with which it ends."""
    zone: tzinfo | None = None
    """Whose days these are; None: of this machine's time zone."""

    @classmethod
    def parse(cls, first: str, last: str, zone: tzinfo | None = None) -> Self:
        """A period from two dates as YYYY-MM-DD.

        Raises:
            GainspectError: one is no date, or the last day is before the first.
        """
        begin, end = _date(first), _date(last)
        if end < begin:
            raise GainspectError(
                f"the period ends on {end}, before it begins on {begin}", hint="Exchange --from and --to."
            )
        return cls(begin, end, zone)

    @property
    def begin(self) -> datetime:
        """The first moment of it."""
        return self._midnight(self.first)

    @property
    def end(self) -> datetime:
        """The first moment after it."""
        return self._midnight(self.last + timedelta(days=1))

    def day_of(self, moment: datetime) -> date:
        """The day of a moment, in the zone of the period."""
        return moment.astimezone(self.zone).date()

    def __contains__(self, moment: datetime) -> bool:
        """Whether a moment is in it."""
        return self.begin <= moment < self.end

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time.min, self.zone).astimezone(self.zone)


def _date(text: str) -> date:
    try:
        found = date.fromisoformat(text)
    except ValueError as error:
        raise GainspectError(f"{text!r} is no date", hint="Write it as YYYY-MM-DD.") from error
    if found.year not in _YEARS:
        raise GainspectError(f"{text!r} is outside of the years {_YEARS[0]} to {_YEARS[-1]}")
    return found

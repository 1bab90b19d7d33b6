"""Failed sign-ins: who has failed often waits, ever longer up to a limit, and never for good."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from gainspect.ledger.databases import Database, Rows
from gainspect.ledger.records.base import now, written_time

FORGOTTEN = timedelta(hours=24)
"""Without a failure for so long, counting begins anew."""


@dataclass(frozen=True)
class Limit:
    """How often something may fail."""

    origin: str
    """What is counted: an account, an address, a browser."""
    free: int
    """Failures without a delay. After the next one it is 1 s, and twice as long after each further one …"""
    longest: timedelta
    """… up to this."""

    def delay(self, failures: int) -> timedelta:
        """How long to wait after so many failures.

        >>> limit = Limit("address", 2, timedelta(seconds=5))
        >>> [limit.delay(failures).seconds for failures in range(7)]
        [0, 0, 0, 1, 2, 4, 5]
        """
        if failures <= self.free:
            return timedelta()
        doubled = min(failures - self.free - 1, 30)
        return min(timedelta(seconds=2**doubled), self.longest)


class Attempts:
    """The failed sign-ins of a ledger, which all its services share.

    Args:
        database: of the ledger.
        clock: gives the time.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = now) -> None:
        self._database = database
        self._clock = clock

    def begin(self, limits: Sequence[Limit]) -> timedelta:
        """Begin a sign-in.

        If none has to wait, it is counted as failed at once, until `succeeded`: many that are sent together
        gain nothing.

        Returns:
            How long to wait; zero: it may go on.

        Raises:
            GainspectError: the database cannot be read or written.
        """
        moment = self._clock()
        # Whoever has to wait writes nothing: a flood of them does not hold up what is recorded.
        with self._database.reading() as rows:
            wait = _wait(rows, limits, moment)
        return wait or self._database.write(lambda rows: _begun(rows, limits, moment))

    def succeeded(self, own: Sequence[Limit], shared: Sequence[Limit]) -> None:
        """Take back what `begin` has counted.

        Args:
            own: of the one who has signed in: all their failures are forgotten.
            shared: with others, such as an address: this one alone is.

        Raises:
            GainspectError: the database cannot be written.
        """

        def forgiven(rows: Rows) -> None:
            for limit in own:
                rows.run("attempts/drop", origin=limit.origin)
            for limit in shared:
                rows.run("attempts/forgive", origin=limit.origin)

        self._database.write(forgiven)


def _begun(rows: Rows, limits: Sequence[Limit], moment: datetime) -> timedelta:
    wait = _wait(rows, limits, moment)
    if not wait:
        rows.run("attempts/drop_old", before=written_time(moment - FORGOTTEN))
        for limit in limits:
            rows.run("attempts/count", origin=limit.origin, now=written_time(moment))
    return wait


def _wait(rows: Rows, limits: Sequence[Limit], moment: datetime) -> timedelta:
    waits = [timedelta()]
    for limit in limits:
        found = rows.one("attempts/of", origin=limit.origin)
        if found is None:
            continue
        since, delay = moment - datetime.fromisoformat(found[1]), limit.delay(found[0])
        if since < min(delay, FORGOTTEN):
            # A clock that was set back makes nobody wait longer than the delay.
            waits.append(min(delay - since, delay))
    return max(waits)

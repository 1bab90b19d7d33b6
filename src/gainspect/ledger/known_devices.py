"""Browsers in which a person has signed in before.

Their failed sign-ins are counted apart: whoever guesses elsewhere delays only themselves, never the person at
their own machine (device cookies, OWASP).
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from gainspect.ledger.databases import Database, Rows
from gainspect.ledger.records.base import now, written_time
from gainspect.ledger.secret_codes import code_hash, new_code

REMEMBERED = timedelta(days=180)
"""Without a sign-in for so long, a browser is not known any more."""


class KnownDevices:
    """The known browsers of a ledger.

    Args:
        database: of the ledger.
        clock: gives the time.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = now) -> None:
        self._database = database
        self._clock = clock

    def knows(self, code: str, actor: str) -> bool:
        """Whether this person has signed in with the browser that has this code."""
        after = written_time(self._clock() - REMEMBERED)
        with self._database.reading() as rows:
            return rows.one("devices/known", hash=code_hash(code), actor=actor, after=after) is not None

    def add(self, actor: str, code: str | None) -> str:
        """Know a browser from now on; its code. Several people may share one.

        Args:
            actor: who has signed in there.
            code: that it has already, if this was given by `add`; anything else is replaced.

        Raises:
            GainspectError: the database cannot be written.
        """
        moment = self._clock()
        given = new_code() if code is None or not self._is_ours(code) else code

        def added(rows: Rows) -> None:
            rows.run("devices/drop_old", before=written_time(moment - REMEMBERED))
            rows.run("devices/add", hash=code_hash(given), actor=actor, now=written_time(moment))

        self._database.write(added)
        return given

    def _is_ours(self, code: str) -> bool:
        with self._database.reading() as rows:
            return rows.one("devices/any", hash=code_hash(code)) is not None

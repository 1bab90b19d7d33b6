"""Who is signed in: sessions, of which the database has only the hash of their id."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from gainspect.errors import GainspectError
from gainspect.ledger.databases import Database, Rows
from gainspect.ledger.records.base import now, written_time
from gainspect.ledger.records.operation import Role
from gainspect.ledger.secret_codes import code_hash, new_code

_GRAIN = timedelta(minutes=1)
"""Use is written down so often at most: not with each request."""


@dataclass(frozen=True)
class Session:
    """Somebody who is signed in."""

    actor: str
    name: str
    role: Role
    """What they may do now, not at the time of the sign-in."""


class Sessions:
    """The sessions of a ledger, which all its services share.

    Args:
        database: of the ledger.
        idle: without use for so long, a session ends.
        longest: so long after the sign-in it ends.
        clock: gives the time.
    """

    def __init__(
        self, database: Database, idle: timedelta, longest: timedelta, clock: Callable[[], datetime] = now
    ) -> None:
        self._database = database
        self._idle, self._longest = idle, longest
        self._clock = clock

    def begin(self, actor: str) -> str:
        """Begin a session; its id, which is stored nowhere. What has ended is forgotten.

        Raises:
            GainspectError: the database cannot be written.
        """
        code, moment = new_code(), self._clock()

        def begun(rows: Rows) -> None:
            rows.run(
                "sessions/drop_old",
                begun=written_time(moment - self._longest),
                used=written_time(moment - self._idle),
            )
            rows.run("sessions/add", hash=code_hash(code), actor=actor, now=written_time(moment))

        self._database.write(begun)
        return code

    def of(self, code: str, *, used: bool = True) -> Session | None:
        """Whose session this is; None: it has ended, or never began.

        Args:
            code: of the session.
            used: whether that is a use of it. What a page asks by itself is none: people may be gone.

        Raises:
            GainspectError: the database cannot be read.
        """
        hashed, moment = code_hash(code), self._clock()
        with self._database.reading() as rows:
            found = rows.one("sessions/of", hash=hashed)
        if found is None:
            return None
        begun, last = (datetime.fromisoformat(time) for time in found[:2])
        if moment >= begun + self._longest or moment >= last + self._idle:
            return None
        if used and moment >= last + min(_GRAIN, self._idle / 2):
            with contextlib.suppress(GainspectError):  # with a full disk, people still see what there is
                self._database.write(
                    lambda rows: rows.run("sessions/use", hash=hashed, now=written_time(moment))
                )
        return Session(found[2], found[3], Role(found[4]))

    def end(self, code: str) -> None:
        """End a session; nothing happens if it has ended."""
        self._database.write(lambda rows: rows.run("sessions/drop", hash=code_hash(code)))

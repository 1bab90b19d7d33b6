"""Who has a decision of the review queue in hand: two people never have the same."""

from collections.abc import Callable
from datetime import datetime, timedelta

from gainspect.ledger.databases import Database, Rows
from gainspect.ledger.records.base import now, written_time


class Claims:
    """Decisions that people have taken to review them, for a time.

    Args:
        database: of the ledger.
        clock: gives the time.
    """

    def __init__(self, database: Database, clock: Callable[[], datetime] = now) -> None:
        self._database = database
        self._clock = clock

    def take(self, decision: str, actor: str, seconds: float) -> bool:
        """Take a decision, or keep it for longer; whether it is theirs now.

        Args:
            decision: its key.
            actor: who takes it.
            seconds: how long nobody else may.

        Raises:
            GainspectError: the database cannot be written.
        """
        moment = self._clock()
        until = written_time(moment + timedelta(seconds=seconds))

        def taken(rows: Rows) -> bool:
            said = {"decision": decision, "now": written_time(moment)}
            rows.run("claims/drop_old", **said)
            return rows.run("claims/take", **said, actor=actor, until=until) == 1

        return self._database.write(taken)

    def release(self, decision: str, actor: str) -> None:
        """Give a decision back; nothing happens if somebody else has it.

        Raises:
            GainspectError: the database cannot be written.
        """
        self._database.write(lambda rows: rows.run("claims/release", decision=decision, actor=actor))

    def holders(self) -> dict[str, str]:
        """Who has which decision: actors by the keys of decisions.

        Raises:
            GainspectError: the database cannot be read.
        """
        with self._database.reading() as rows:
            return dict(rows.all("claims/holders", now=written_time(self._clock())))

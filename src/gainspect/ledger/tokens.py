"""Tokens by which machines send parts: each for one station, and stored only as a hash."""

import contextlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from gainspect.errors import GainspectError
from gainspect.ledger.account_faults import AccountError, AccountFault
from gainspect.ledger.databases import Rows
from gainspect.ledger.merkle_log import Ledger
from gainspect.ledger.records.base import new_key, now, written_time
from gainspect.ledger.records.operation import TokenChange
from gainspect.ledger.secret_codes import code_hash, new_code

PREFIX = "gainspect-"
"""By it, tools that look for secrets in files find a token."""
_GRAIN = timedelta(minutes=1)
_LONGEST = 300


@dataclass(frozen=True)
class Token:
    """What is known of a token."""

    id: str
    """Names it without letting anybody in."""
    name: str
    """Of the machine."""
    station: str
    made: datetime
    used: datetime | None
    """Last time, to the minute; None: never."""
    revoked: datetime | None


class Tokens:
    """The tokens of a ledger.

    Args:
        ledger: that records which are made and revoked.
        clock: gives the time.
    """

    def __init__(self, ledger: Ledger, clock: Callable[[], datetime] = now) -> None:
        self._ledger = ledger
        self._clock = clock

    def make(self, name: str, station: str, *, by: str | None) -> str:
        """Make a token; it is told once, here.

        Raises:
            AccountError: this cannot be a name or a station.
            GainspectError: the database cannot be written.
        """
        if not (_fits(name) and _fits(station)):
            raise AccountError(AccountFault.TOKEN_UNFIT)
        token, ident, key, moment = PREFIX + new_code(), secrets.token_hex(8), new_key(), self._clock()

        def made(rows: Rows) -> list[TokenChange]:
            if rows.one("tokens/of", id=ident) is not None:
                return []
            rows.run(
                "tokens/add",
                id=ident,
                hash=code_hash(token),
                name=name,
                station=station,
                made=written_time(moment),
            )
            said = {"key": key, "at": moment, "station": station, "actor": by, "token": ident, "name": name}
            return [TokenChange.model_validate(said | {"step": "made"})]

        self._ledger.append_made(made)
        return token

    def of(self, token: str) -> Token | None:
        """What a token stands for; None: nothing, or it was revoked. That it was used is written down.

        Raises:
            GainspectError: the database cannot be read.
        """
        moment = self._clock()
        with self._ledger.database.reading() as rows:
            found = rows.one("tokens/of_hash", hash=code_hash(token))
        known = None if found is None else _token(found)
        if known is None or known.revoked is not None:
            return None
        if known.used is None or moment >= known.used + _GRAIN:
            with contextlib.suppress(GainspectError):  # a full disk keeps no camera from its answer
                self._ledger.database.write(
                    lambda rows: rows.run("tokens/use", id=known.id, now=written_time(moment))
                )
        return known

    def all(self) -> Sequence[Token]:
        """All that were ever made, the newest first."""
        with self._ledger.database.reading() as rows:
            return [_token(row) for row in rows.all("tokens/all")]

    def revoke(self, ident: str, *, by: str | None) -> None:
        """Let a token work no more; nothing happens if it does not already.

        Raises:
            AccountError: there is none with this id.
            GainspectError: the database cannot be written.
        """
        key, moment = new_key(), self._clock()

        def revoked(rows: Rows) -> list[TokenChange]:
            found = rows.one("tokens/of", id=ident)
            if found is None:
                raise AccountError(AccountFault.NO_TOKEN)
            if not rows.run("tokens/revoke", id=ident, now=written_time(moment)):
                return []
            known = _token(found)
            said = {"key": key, "at": moment, "station": known.station, "actor": by, "name": known.name}
            return [TokenChange.model_validate(said | {"token": ident, "step": "revoked"})]

        self._ledger.append_made(revoked)


def _fits(text: str) -> bool:
    return bool(text.strip()) and text.isprintable() and len(text) <= _LONGEST


def _token(row: Sequence[Any]) -> Token:
    ident, name, station, made, used, revoked = row
    times = (None if time is None else datetime.fromisoformat(time) for time in (used, revoked))
    return Token(ident, name, station, datetime.fromisoformat(made), *times)

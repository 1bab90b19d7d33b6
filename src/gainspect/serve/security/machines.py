"""Machines by their tokens, also while the database is away: then they still get the fail-safe answer."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

from gainspect.errors import GainspectError
from gainspect.ledger.secret_codes import code_hash
from gainspect.ledger.tokens import Token, Tokens

_FRESH_S = 1.0
"""For so long a token that was good is not looked up again: a revoked one works no longer than that."""
_REMEMBERED_S = 12 * 3600.0
"""For so long after it was last good, a token is taken while the database cannot be read."""
_AWAY_S = 5.0
"""For so long after the database could not be read it is not asked for tokens that are remembered: a silent
one would hold each request until its connection is given up."""


@dataclass(frozen=True)
class _Seen:
    token: Token
    at: float


class Machines:
    """Looks tokens up.

    Args:
        tokens: of the ledger.
        clock: gives seconds.
    """

    def __init__(self, tokens: Tokens, clock: Callable[[], float] = time.monotonic) -> None:
        self._tokens = tokens
        self._clock = clock
        self._away_until = -math.inf
        self._seen: dict[str, _Seen] = {}
        """Good ones alone, so there are no more than the ledger has."""

    def of(self, token: str) -> Token | None:
        """What a token stands for; None: nothing, or it was revoked.

        Raises:
            GainspectError: the database cannot be read, and the token was not seen before.
        """
        hashed, moment = code_hash(token), self._clock()
        seen = self._seen.get(hashed)
        if seen is not None and moment < seen.at + _FRESH_S:
            return seen.token
        if seen is not None and moment < self._away_until and moment < seen.at + _REMEMBERED_S:
            return seen.token
        try:
            found = self._tokens.of(token)
        except GainspectError:
            self._away_until = self._clock() + _AWAY_S
            if seen is None or moment >= seen.at + _REMEMBERED_S:
                raise
            return seen.token
        if found is None:
            self._seen.pop(hashed, None)
        else:
            self._seen[hashed] = _Seen(found, moment)
        return found

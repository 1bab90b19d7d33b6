"""Tells the pages that are open what is new in the ledger: one look at its head for all of them."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from enum import Enum

from starlette.concurrency import run_in_threadpool

from gainspect.ledger import Ledger
from gainspect.ledger.review_queue import New, news
from gainspect.serve.problems import Problem

_LOOKS_EVERY_S = 0.25
_BEATS_EVERY_S = 3.0
"""So often a page hears that the ledger was read, though nothing is new."""
_MOST_CLIENTS = 64
_MOST_OF_A_PERSON = 16
"""Of the same: one account must not take the pages of all others."""
_MOST_WAITING = 200
"""News that wait for a page. One that does not take them is let go: it comes back and asks for the rest."""
_MOST_MISSED = 1000
"""News that a page may have missed and is still told; one that missed more reads all anew."""
_log = logging.getLogger("gainspect.serve")


class Sign(Enum):
    """What a page is told besides news."""

    BEAT = "beat"
    """The ledger was read just now."""
    END = "end"
    """It is let go."""


@dataclass(eq=False)
class _Client:
    station: str
    who: str | None
    waiting: asyncio.Queue[New | Sign] = field(default_factory=lambda: asyncio.Queue(_MOST_WAITING))


class Follower:
    """Looks at the head of a ledger while anybody follows it. It is used within one event loop.

    Args:
        ledger: that is followed, whoever appends to it.
        stopping: set when the service ends: then everybody is let go.
    """

    def __init__(self, ledger: Ledger, stopping: threading.Event) -> None:
        self._ledger, self._stopping = ledger, stopping
        self._clients: set[_Client] = set()
        self._looking: asyncio.Task[None] | None = None
        self._next = 0

    @property
    def clients(self) -> int:
        """How many follow."""
        return len(self._clients)

    def require_room(self, who: str | None = None) -> None:
        """Refuse one more.

        Args:
            who: pseudonym of the person who asks; None: it is not counted how many are theirs.

        Raises:
            Problem: too many follow, or the service ends.
        """
        own = sum(who is not None and client.who == who for client in self._clients)
        if self._stopping.is_set() or len(self._clients) >= _MOST_CLIENTS or own >= _MOST_OF_A_PERSON:
            raise Problem(503, "too_many_pages", "too many pages are open", headers={"Retry-After": "5"})

    async def follow(
        self, station: str, after: int | None, who: str | None = None
    ) -> AsyncIterator[New | Sign]:
        """The records of a station as they come, and a beat every few seconds in which the ledger was read.

        The first beat comes once it follows: what was recorded before that beat can be read then, and what
        is recorded later is told.

        It ends when the service ends, when the ledger cannot be read, or when the news are not taken.

        Args:
            station: whose records.
            after: the place of the last one that was told; None: only what comes now.
            who: see `require_room`.

        Raises:
            Problem: see `require_room`.
            GainspectError: the ledger cannot be read.
        """
        self.require_room(who)
        client = _Client(station, who)
        self._clients.add(client)
        try:
            size = (await run_in_threadpool(self._ledger.head)).size
            if self._looking is None:
                self._next = size
                self._looking = asyncio.create_task(self._look())
            yield Sign.BEAT
            if after is not None and after + 1 < size:
                first = max(after + 1, size - _MOST_MISSED)
                for missed in await run_in_threadpool(news, self._ledger, first, size - first):
                    if missed.station == station:
                        yield missed
            while (new := await client.waiting.get()) is not Sign.END:
                if isinstance(new, Sign) or new.place >= size:
                    yield new
        finally:
            self._clients.discard(client)
            if not self._clients and self._looking is not None:
                self._looking.cancel()
                self._looking = None

    async def _look(self) -> None:
        """Read what is new, again and again. If that ends, so do the beats, and pages say so."""
        beat = time.monotonic()
        while True:
            await asyncio.sleep(_LOOKS_EVERY_S)
            if self._stopping.is_set():
                self._let_all_go()
                return
            try:
                found = await run_in_threadpool(news, self._ledger, self._next, _MOST_WAITING)
            except Exception:  # whatever it is, it is tried again
                _log.warning("pages are let go, for the ledger cannot be read", exc_info=True)
                self._let_all_go()
                continue
            for new in found:
                self._next = new.place + 1
                self._tell(new, new.station)
            if time.monotonic() - beat >= _BEATS_EVERY_S:
                beat = time.monotonic()
                self._tell(Sign.BEAT)

    def _tell(self, what: New | Sign, station: str | None = None) -> None:
        for client in list(self._clients):
            if station in (None, client.station):
                try:
                    client.waiting.put_nowait(what)
                except asyncio.QueueFull:
                    _let_go(client)

    def _let_all_go(self) -> None:
        for client in list(self._clients):
            _let_go(client)


def _let_go(client: _Client) -> None:
    """End what a page follows; what waits for it is dropped."""
    with suppress(asyncio.QueueEmpty):
        while True:
            client.waiting.get_nowait()
    client.waiting.put_nowait(Sign.END)

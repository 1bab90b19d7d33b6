"""One thread that appends to the ledger, all that waits in one transaction; and what was appended lasts."""

import queue
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger
from gainspect.ledger.records.sealed import Entry, Record

_MOST_TOGETHER = 64
"""Records in one transaction."""
_AWAY_S = 1.0
"""A ledger refuses a record at once. Where an error took longer, the database is away, for all that wait."""


class Recording:
    """Appends records in the order in which they come.

    Args:
        ledger: which they are appended to.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._waiting: queue.SimpleQueue[tuple[Record, Future[Entry]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._ended = False
        self._thread = threading.Thread(target=self._work, name="recording", daemon=True)
        self._thread.start()

    def submit(self, record: Record) -> Future[Entry]:
        """Let a record be appended. Pictures that it names are in the store already.

        Returns:
            Its entry, once it is durable; or the `GainspectError` of the ledger. If it is cancelled before
            its turn, it is not appended.
        """
        done: Future[Entry] = Future()
        with self._lock:
            if self._ended:
                done.set_exception(GainspectError("the service has ended", hint="Repeat it when it runs."))
            else:
                self._waiting.put((record, done))
        return done

    def append(self, record: Record) -> Entry:
        """The same, and wait.

        Raises:
            GainspectError: the ledger refuses it.
        """
        return self.submit(record).result()

    def stop(self) -> None:
        """Append what waits, and end."""
        with self._lock:
            self._ended = True
            self._waiting.put(None)
        self._thread.join()

    def _work(self) -> None:
        ends = False
        while not ends:
            taken = [self._waiting.get()]
            while taken[-1] is not None and len(taken) < _MOST_TOGETHER and not self._waiting.empty():
                taken.append(self._waiting.get())
            ends = taken[-1] is None
            self._append([one for one in taken if one is not None and one[1].set_running_or_notify_cancel()])

    def _append(self, together: Sequence[tuple[Record, Future[Entry]]]) -> None:
        """Append records; if they are refused together, each alone: one takes no others along."""
        if not together:
            return
        began = time.monotonic()
        try:
            entries = self._ledger.append_all([record for record, _ in together])
        except Exception as error:  # drivers raise errors of many kinds; whoever waits must know
            if len(together) == 1 or time.monotonic() - began > _AWAY_S:
                for _, done in together:
                    done.set_exception(error)
            else:
                for one in together:
                    self._append([one])
        else:
            for (_, done), entry in zip(together, entries, strict=True):
                done.set_result(entry)

"""Stopping in good order: what is at hand is ended, nothing new is begun."""

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_LOOK_S = 0.1
"""How often a pause looks whether it is to end."""


class Stopped(Exception):
    """The work was asked to stop while it waited."""


class Stop:
    """Whether to stop, and pauses that end when asked to.

    A plain flag, since a signal may come at any moment: a lock that its handler had to take could be held.

    Args:
        clock: gives the time in seconds, from any beginning.
        sleep: waits for seconds.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.clock = clock
        self._asked = False
        self._sleep = sleep

    def ask(self) -> None:
        """Ask to stop."""
        self._asked = True

    def asked(self) -> bool:
        """Whether anybody asked to stop."""
        return self._asked

    def wait(self, seconds: float) -> None:
        """Wait so long, or until asked to stop."""
        end = self.clock() + seconds
        while not self._asked and (left := end - self.clock()) > 0:
            self._sleep(min(left, _LOOK_S))


@contextmanager
def stop_at_signals() -> Iterator[Stop]:
    """Ctrl-C (SIGINT) and SIGTERM ask to stop; the second one ends the process as usual."""
    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.ask()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

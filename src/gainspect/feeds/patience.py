"""Doing again what fails for a while: a full disk, a server or a share that is away."""

from collections.abc import Callable
from typing import TypeVar

from gainspect.errors import GainspectError
from gainspect.feeds.stop import Stop, Stopped

T = TypeVar("T")
_FIRST_S, _LONGEST_S = 1.0, 60.0
"""The first pause, and the longest: each is twice the one before."""


class Patience:
    """Repeats what fails, with growing pauses; what is wrong is told once, and that it is over.

    Args:
        stop: ends the waiting.
        tell: is given a sentence for people.
    """

    def __init__(self, stop: Stop, tell: Callable[[str], None]) -> None:
        self._stop = stop
        self._tell = tell

    def until_done(self, work: Callable[[], T]) -> T:
        """What the work gives, as soon as it raises no `GainspectError`; it may be repeated.

        Raises:
            Stopped: the watch was asked to stop before that.
        """
        told, pause = None, _FIRST_S
        while True:
            try:
                done = work()
            except GainspectError as error:
                if str(error) != told:
                    told = str(error)
                    self._tell(f"Waiting, nothing is lost: {told}")
                self._stop.wait(pause)
                if self._stop.asked():
                    raise Stopped from error
                pause = min(2 * pause, _LONGEST_S)
            else:
                if told is not None:
                    self._tell("It works again.")
                return done

"""Waiting for what fails, and stopping in good order."""

import os
import signal
from collections.abc import Iterator
from itertools import pairwise

import pytest

from gainspect.errors import GainspectError
from gainspect.feeds.patience import Patience
from gainspect.feeds.stop import Stop, Stopped, stop_at_signals
from watched_folder import Hours


def test_what_fails_is_repeated_with_growing_pauses_and_told_once() -> None:
    hours, tried, told = Hours(), list[float](), list[str]()

    def work() -> str:
        tried.append(round(hours.now, 3))
        if len(tried) <= 8:
            raise GainspectError("the disk is full" if len(tried) < 5 else "the server is away")
        return "done"

    assert Patience(hours.stop, told.append).until_done(work) == "done"
    pauses = [later - before for before, later in pairwise(tried)]
    assert pauses == pytest.approx([1, 2, 4, 8, 16, 32, 60, 60], abs=0.01)
    assert told == [
        "Waiting, nothing is lost: the disk is full.",
        "Waiting, nothing is lost: the server is away.",
        "It works again.",
    ]


def test_waiting_ends_when_asked_to_stop() -> None:
    hours = Hours()
    hours.at(2.5, hours.stop.ask)

    def work() -> None:
        raise GainspectError("no")

    with pytest.raises(Stopped):
        Patience(hours.stop, lambda sentence: None).until_done(work)
    assert hours.now == pytest.approx(2.5, abs=0.11)


@pytest.fixture
def own_handlers() -> Iterator[None]:
    """What signals do besides, so that the second one does not end the tests."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    for number in before:
        signal.signal(number, lambda *_: seen.append("as before"))
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


seen: list[str] = []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_asks_and_the_second_acts_as_before(own_handlers: None, number: int) -> None:
    seen.clear()
    with stop_at_signals() as stop:
        assert isinstance(stop, Stop) and not stop.asked()
        os.kill(os.getpid(), number)
        assert stop.asked() and not seen
        stop.wait(1000)
        os.kill(os.getpid(), number)
        assert seen == ["as before"]
    os.kill(os.getpid(), number)
    assert seen == ["as before"] * 2

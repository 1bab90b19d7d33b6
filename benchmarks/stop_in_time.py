"""Long work that stops before its time limit."""

import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

Name = TypeVar("Name")


def in_time(names: Iterable[Name], minutes: float) -> Iterator[Name]:
    """Yield one name after the other; stop, with a message, when the next might exceed the time limit."""
    started, longest = time.monotonic(), 0.0
    for name in names:
        begun = time.monotonic()
        if begun - started + longest >= 60 * minutes:
            print(f"Time is over before {name!r}: run the same command again to continue.")
            return
        yield name
        longest = max(longest, time.monotonic() - begun)

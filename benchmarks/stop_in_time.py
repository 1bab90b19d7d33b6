"""Long work that stops before its time is over."""

import time
from collections.abc import Iterable, Iterator


def in_time(names: Iterable[str], minutes: float) -> Iterator[str]:
    """One name after the other, until the next might take longer than there is time left; then it says so."""
    started, longest = time.monotonic(), 0.0
    for name in names:
        begun = time.monotonic()
        if begun - started + longest >= 60 * minutes:
            print(f"Time is over before {name!r}: call again to go on.")
            return
        yield name
        longest = max(longest, time.monotonic() - begun)

"""A folder that is watched in no time: pauses turn the hands of a clock, and things happen at their hours."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from gainspect.feeds.stop import Stop


class Hours:
    """A clock that only pauses move on, and what happens at a time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, Callable[[], object]]] = []
        self.stop = Stop(lambda: self.now, self.sleep)

    def at(self, seconds: float, happens: Callable[[], object]) -> None:
        self._due.append((seconds, happens))
        self._due.sort(key=lambda due: due[0])

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        while self._due and self._due[0][0] <= self.now:
            self._due.pop(0)[1]()


def png(level: int) -> bytes:
    """A gray image."""
    return cv2.imencode(".png", np.full((40, 40), level, np.uint8))[1].tobytes()


def files_in(folder: Path) -> dict[str, bytes]:
    """All files below a folder that are not hidden, by their names."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not any(step.startswith(".") for step in path.relative_to(folder).parts)
    }

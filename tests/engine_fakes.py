"""Recipes that other processes follow without a bundle, and backends that take their process with them."""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from brightness import Brightness, loaded
from gainspect.inspection.engines.judge import Recipe
from gainspect.inspection.inspector import Inspector


class Wavering(Brightness):
    """The last bits of a score depend on how many images are in the batch, as in real networks."""

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        results = super().__call__(images)
        return results | {"score": results["score"] * (1 - len(images) * 2.0**-22)}


class Deadly(Wavering):
    """Kills its process at images of one gray value, so many times, over all processes.

    Args:
        marks: folder that has a file for each time.
        level: the gray value.
        times: how often.
    """

    def __init__(self, marks: Path, level: int, times: int) -> None:
        self.marks, self.level, self.times = marks, level, times

    def __call__(self, images: np.ndarray) -> dict[str, np.ndarray]:
        marked = len(list(self.marks.iterdir()))
        if (images[:, 0, 0, 0] == self.level).any() and marked < self.times:
            (self.marks / str(marked)).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(images)


@dataclass(frozen=True)
class FakeRecipe(Recipe):
    """Makes an Inspector with `Wavering`."""

    def load(self) -> Inspector:
        inspector = loaded()
        inspector.backend = Wavering()
        return inspector


MARKS, LEVEL, TIMES, PARENT = "FAKE_MARKS", "FAKE_LEVEL", "FAKE_TIMES", "FAKE_PARENT"
"""Environment variables, which other processes inherit."""


@dataclass(frozen=True)
class DeadlyRecipe(FakeRecipe):
    """The same with `Deadly`, but not in the process that makes others."""

    def load(self) -> Inspector:
        inspector = super().load()
        if os.environ[PARENT] != str(os.getpid()):
            marks, level, times = Path(os.environ[MARKS]), int(os.environ[LEVEL]), int(os.environ[TIMES])
            inspector.backend = Deadly(marks, level, times)
        return inspector


@dataclass(frozen=True)
class FatalRecipe(FakeRecipe):
    """The same, at each image of gray value 60; the marks lie where the bundle would."""

    def load(self) -> Inspector:
        inspector = super().load()
        assert isinstance(self.bundle, Path)
        inspector.backend = Deadly(self.bundle, 60, 99)
        return inspector


@dataclass(frozen=True)
class StillbornRecipe(FakeRecipe):
    """Kills each process but the first."""

    def load(self) -> Inspector:
        if os.environ[PARENT] != str(os.getpid()):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().load()


def write_lot(lot: Path, levels: range = range(0, 240, 20)) -> list[str]:
    """Grey images, and in the middle a file that is none; their names in order."""
    lot.mkdir()
    for level in levels:
        pixels = np.full((32, 32), level, np.uint8)
        (lot / f"{level:03d}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    (lot / "100x.png").write_bytes(b"no image")
    return sorted(map(str, lot.iterdir()))

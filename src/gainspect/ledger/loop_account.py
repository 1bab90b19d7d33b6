"""What became of the decisions of a ledger, when the data of the next training were made out of them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from gainspect.types import Label

RECORD = "from-ledger.json"
"""Beside data that were made out of a ledger: which one, and with which choices."""


@dataclass(frozen=True)
class LeftOut:
    """An image that is not taken."""

    index: int
    """The place of its decision."""
    part: str
    image: str
    why: str
    """A value of `taught.NotTaught`, or what the data that are there already say against it."""
    detail: str = ""


@dataclass(frozen=True)
class LoopAccount:
    """What was taken, out of what."""

    origin: str
    """Name of the ledger."""
    size: int
    root: str
    """Its head: number of records, and the root of the tree over them, hexadecimal."""
    decided: Mapping[Label, int]
    """Number of decisions that were asked for, by the label that was decided."""
    reviewed: Mapping[Label, int]
    """Of how many of these a person said something."""
    overridden: Mapping[Label, int]
    """How many of these a person decided otherwise."""
    ng_now: int
    """Of all that were decided, those that count as NG after the overrides."""
    taken: Mapping[tuple[str, Label], int]
    """Number of images by split and label."""
    drawn: int
    """How many of these have a mask."""
    left: tuple[LeftOut, ...]
    base: int = 0
    """Number of images of the data that they were added to."""

    @property
    def images(self) -> int:
        """Number of images that were taken."""
        return sum(self.taken.values())

    @property
    def ng_images(self) -> int:
        """How many of these are NG."""
        return sum(count for (_, label), count in self.taken.items() if label is Label.NG)

    @property
    def whys(self) -> Counter[str]:
        """Number of images that are left out, by what for."""
        return Counter(one.why for one in self.left)

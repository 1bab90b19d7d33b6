"""Counts and lists whose memory is bounded, however many records they are made of."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass
class Span:
    """How often something came, and when first and last."""

    count: int
    first: datetime
    last: datetime


@dataclass
class Tally(Generic[K]):
    """Counts by key, each with its first and last time."""

    most: int = 1000
    """Keys that are told apart; what comes with further ones is counted together."""
    rows: dict[K, Span] = field(default_factory=dict)
    others: int = 0
    """What came with further keys."""

    def add(self, key: K, moment: datetime, count: int = 1) -> None:
        """Count something at a moment."""
        known = self.rows.get(key)
        if known is not None:
            known.count += count
            known.first, known.last = min(known.first, moment), max(known.last, moment)
        elif len(self.rows) < self.most:
            self.rows[key] = Span(count, moment, moment)
        else:
            self.others += count

    def ordered(self) -> list[tuple[K, Span]]:
        """Keys with their counts, the most frequent first."""
        return sorted(self.rows.items(), key=lambda row: -row[1].count)

    @property
    def total(self) -> int:
        """All that was counted."""
        return self.others + sum(span.count for span in self.rows.values())


@dataclass
class Listing(Generic[T]):
    """The first of what came, and how many there were."""

    most: int = 100
    rows: list[T] = field(default_factory=list)
    total: int = 0

    def add(self, row: T) -> None:
        """Take one more."""
        self.total += 1
        if len(self.rows) < self.most:
            self.rows.append(row)

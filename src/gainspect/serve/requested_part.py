"""A part about which a request asks, and the decision that answers it."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

from gainspect.ledger.records.decision import Decision
from gainspect.serve.problems import Problem


@dataclass(frozen=True)
class Part:
    """What a request asks about."""

    name: str
    lot: str | None
    station: str
    names: Sequence[str]
    """Of its images, as they are recorded."""
    contents: Sequence[bytes]
    """Their files."""
    idempotency_key: str | None
    deadline_ms: float | None
    challenge: str | None = None
    """Name of the challenge that it is a known part of; None: of none."""
    arrived: float = field(default_factory=time.monotonic)

    @cached_property
    def hashes(self) -> tuple[str, ...]:
        """SHA-256 of the files, in their order."""
        return tuple(hashlib.sha256(content).hexdigest() for content in self.contents)

    def require_same(self, name: str, lot: str | None, hashes: Sequence[str]) -> None:
        """Refuse its idempotency key if another part had it.

        Args:
            name: of the part that had the key.
            lot: of that part.
            hashes: of its files.

        Raises:
            Problem: that was another part.
        """
        if (self.name, self.lot, self.hashes) != (name, lot, tuple(hashes)):
            raise Problem(
                422,
                "key_used",
                "this idempotency key was used for another part",
                "Give each part a key of its own, and repeat a request as it was.",
            )


@dataclass(frozen=True)
class Answer:
    """A decision that is durable."""

    decision: Decision
    index: int
    repeated: bool = False
    """Whether it was made for an earlier request with the same key."""

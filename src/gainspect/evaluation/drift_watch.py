"""Watches the parts of a station for drift: of the score, and of the figures of their images."""

import hashlib
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from gainspect.metrics.drift import ChangeMartingale, SequentialRanks
from gainspect.types import InputStatistics, Label, StatisticName

WatchedName = Literal["score"] | StatisticName
WATCHED: tuple[WatchedName, ...] = ("score", *get_args(StatisticName))
"""What is watched of a part: its score, and the mean of each figure over its images."""
FALSE_ALARMS = 0.01
"""The probability that a watch, however long, ever gives an alarm while nothing changes, by any figure."""
REFERENCE = 200
"""So many parts are the reference that the following ones are compared with."""
_KEPT = 1000
"""So many parts are kept to say since when, and what changed."""


class WatchedPart(NamedTuple):
    """What a watch looks at of a part."""

    key: str
    """Of its decision. By it, equal values are put into an order: a repeated watch gives the same alarms."""
    part: str
    at: datetime
    label: Label
    figures: Mapping[WatchedName, float]


def figures_of(score: float | None, images: Sequence[InputStatistics]) -> dict[WatchedName, float]:
    """What is watched of a part: its score, and the mean of each figure that all of its images have.

    >>> figures_of(0.5, [{"brightness": 90.0, "red": 1.0}, {"brightness": 110.0}])
    {'score': 0.5, 'brightness': 100.0}
    """
    found: dict[WatchedName, float] = {} if score is None else {"score": score}
    for name in get_args(StatisticName):
        values = [image[name] for image in images if name in image]
        if values and len(values) == len(images):
            found[name] = sum(values) / len(values)
    return found


class NgShare(NamedTuple):
    """How many of so many parts were decided NG."""

    ng: int
    parts: int


@dataclass(frozen=True)
class DriftFound:
    """A figure has changed."""

    name: WatchedName
    larger: bool
    """Whether its values are larger since; otherwise they are smaller."""
    since: WatchedPart
    """About the first part that is changed: the one from which on the bet has gained most, of those kept."""
    last: WatchedPart
    """The part with which it was noticed."""
    parts: int
    """From the first changed one to this, both counted."""
    before: float
    """Median of the reference."""
    after: float
    """Median of the parts since."""
    ng_before: NgShare
    ng_since: NgShare
    """Of the parts since, at most those kept."""
    false_alarms: float
    """See `FALSE_ALARMS`."""


@dataclass(frozen=True)
class WatchStatus:
    """Where a watch stands."""

    first: WatchedPart | None
    """The first part of the reference; None: no part has come yet."""
    reference: int
    """Parts in the reference until now."""
    wanted: int
    """Parts that it will have."""
    watched: int
    """Parts since."""
    left_out: int
    """Parts without a score or a figure that the first one has, such as unreadable ones."""
    evidence: Mapping[WatchedName, float]
    """Decimal logarithm of the capital of who bets that it changes; empty without a reference."""
    limit: float | None
    """From this evidence on there is an alarm; None without a reference."""
    found: Sequence[DriftFound]
    """What has changed, in the order in which it was noticed."""


class DriftWatch:
    """Takes the parts of a station in order, and says when one of their figures has changed.

    The first parts are the reference. Each figure of the following ones is ranked among those before, and has
    a `ChangeMartingale`; there is an alarm where it reaches K/α with K figures. So the probability of any
    false alarm is at most α (Bonferroni), if parts are exchangeable while nothing changes.

    A watch goes on after an alarm, and may find that other figures have changed too; each is told once. A new
    watch has a new reference.

    Args:
        reference: parts in the reference.
        false_alarms: α.
        least: an alarm is held back as long as the median has moved by less than this, in units of the
            interquartile range of the reference. It makes no difference to α, and keeps small differences
            between lots quiet.
    """

    def __init__(
        self, *, reference: int = REFERENCE, false_alarms: float = FALSE_ALARMS, least: float = 0.0
    ) -> None:
        self._wanted = reference
        self._false_alarms = false_alarms
        self._least = least
        self._names: tuple[WatchedName, ...] = ()
        self._first: WatchedPart | None = None
        self._reference = list[WatchedPart]()
        self._quartiles: NDArray[np.float64] | None = None
        """(3, figures) of the reference."""
        self._ranks: SequentialRanks | None = None
        self._martingale: ChangeMartingale | None = None
        self._capital: NDArray[np.float64] | None = None
        self._recent = deque[WatchedPart](maxlen=_KEPT)
        self._watched = self._ng = self._left_out = 0
        self._found = dict[WatchedName, DriftFound]()

    def take(self, part: WatchedPart) -> list[DriftFound]:
        """Take the next part in; what is found to have changed now."""
        if self._first is None:
            if "score" not in part.figures:
                self._left_out += 1
                return []
            self._names = tuple(name for name in WATCHED if name in part.figures)
            self._first = part
        if not part.figures.keys() >= set(self._names):
            self._left_out += 1
            return []
        self._ng += part.label is Label.NG
        if self._ranks is None or self._martingale is None:
            self._learn(part)
            return []
        self._recent.append(part)
        self._watched += 1
        ties, within = self._chances(part)
        self._capital = self._martingale.take(self._ranks.take(self._values(part), ties, within))
        over = np.flatnonzero(self._capital >= self._log_limit())
        fresh = [int(place) for place in over if self._names[place] not in self._found]
        found = [change for place in fresh if (change := self._change(place, part)) is not None]
        self._found |= {one.name: one for one in found}
        return found

    def status(self) -> WatchStatus:
        """Where it stands."""
        watching = self._ranks is not None
        capital = np.zeros(len(self._names)) if self._capital is None else self._capital / np.log(10)
        return WatchStatus(
            first=self._first,
            reference=self._wanted if watching else len(self._reference),
            wanted=self._wanted,
            watched=self._watched,
            left_out=self._left_out,
            evidence=dict(zip(self._names, capital.tolist(), strict=True)) if watching else {},
            limit=self._log_limit() / float(np.log(10)) if watching else None,
            found=[*self._found.values()],
        )

    def _learn(self, part: WatchedPart) -> None:
        """Add a part to the reference."""
        self._reference.append(part)
        if len(self._reference) < self._wanted:
            return
        values = np.array([self._values(one) for one in self._reference])
        ties = np.array([self._chances(one)[0] for one in self._reference])
        self._quartiles = np.quantile(values, [0.25, 0.5, 0.75], axis=0)
        self._ranks, self._martingale = SequentialRanks(values, ties), ChangeMartingale(len(self._names))
        self._reference.clear()

    def _log_limit(self) -> float:
        return float(np.log(len(self._names) / self._false_alarms))

    def _values(self, part: WatchedPart) -> NDArray[np.float64]:
        return np.array([part.figures[name] for name in self._names])

    def _chances(self, part: WatchedPart) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Two numbers in 0…1 for each figure, which follow from the key alone."""
        drawn = np.array([chances(part.key, name) for name in self._names])
        return drawn[:, 0], drawn[:, 1]

    def _change(self, place: int, part: WatchedPart) -> DriftFound | None:
        """What a figure whose capital is over the limit says; None: its median has moved by too little."""
        assert self._martingale is not None and self._quartiles is not None
        change, name = self._martingale.change(place), self._names[place]
        since = [*self._recent][-(self._watched - change.since) :]
        lower, before, upper = self._quartiles[:, place].tolist()
        after = float(np.median([one.figures[name] for one in since]))
        if abs(after - before) < self._least * (upper - lower):
            return None
        ng_since = sum(one.label is Label.NG for one in since)
        return DriftFound(
            name=name,
            larger=change.larger,
            since=since[0],
            last=part,
            parts=self._watched - change.since,
            before=before,
            after=after,
            ng_before=NgShare(self._ng - ng_since, self._wanted + self._watched - len(since)),
            ng_since=NgShare(ng_since, len(since)),
            false_alarms=self._false_alarms,
        )


def chances(key: str, name: str) -> tuple[float, float]:
    """Two numbers strictly between 0 and 1, by chance, but always the same for a key and a name."""
    drawn = hashlib.sha256(f"{name}\n{key}".encode()).digest()
    first, second = (int.from_bytes(half, "big") >> 12 for half in (drawn[:8], drawn[8:16]))
    return (first + 0.5) / 2**52, (second + 0.5) / 2**52

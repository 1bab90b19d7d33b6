"""The loop of a watch: a part is written down, then recorded, and then its files are moved or marked."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from gainspect.data.named_files import exists
from gainspect.errors import GainspectError
from gainspect.feeds.claim import Claim, drop_claim, read_claim, write_claim
from gainspect.feeds.marks import Mark, Marks
from gainspect.feeds.patience import Patience
from gainspect.feeds.placing import place
from gainspect.feeds.settled import FileState
from gainspect.feeds.stop import Stop, Stopped
from gainspect.feeds.watch import Arrival, Arrived, WatchedFolder
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.watched_parts import JudgedPart, judge_part
from gainspect.names import printable

STATE = ".gainspect-watch"
"""In the watched folder: the lock of the watcher, the part at hand, and marks."""
LOCK, CLAIM, MARKS = "lock", "at-hand.json", "decided.jsonl"
_MOVE_AGAIN_S = 30.0
"""What could not be moved is tried again after so many seconds."""
_MOST_FAILED = 32
"""If the model fails on so many images in a row, it is not the images."""


@dataclass
class Watched:
    """What a watch came to."""

    parts: int = 0
    """How many were decided."""
    failed: int = 0
    """How many images could not be judged."""


class Recorded(Protocol):
    """Where decisions are recorded, each once."""

    def has(self, key: str) -> bool:
        """Whether this one is."""

    def append(self, judged: JudgedPart) -> None:
        """Record it; when this returns, it is durable."""


class WatchLoop:
    """Looks, judges, records and moves until asked to stop; see `run_watch`.

    Args:
        folder: that is watched.
        inspector: which judges.
        recorded: where decisions are recorded.
        marks: of decided files that still lie in the folder.
        state: the folder of the lock and of what is at hand.
        done: where decided files go; None: they stay.
        stop: ends it after the part at hand.
        on_decision: see `run_watch`.
        tell: see `run_watch`.
    """

    def __init__(
        self,
        folder: WatchedFolder,
        inspector: Inspector,
        recorded: Recorded,
        marks: Marks,
        state: Path,
        done: Path | None,
        stop: Stop,
        on_decision: Callable[[dict[str, Any]], None],
        tell: Callable[[str], None],
    ) -> None:
        self.result = Watched()
        self._folder, self._inspector, self._recorded, self._marks = folder, inspector, recorded, marks
        self._state, self._done, self._stop = state, done, stop
        self._on_decision, self._tell = on_decision, tell
        self._patience = Patience(stop, tell)
        self._told = set[str]()
        self._failed_in_a_row = 0
        self._move_from = stop.clock()
        """From then on it is tried again to move what could not be moved."""

    def run(self, poll_s: float, *, once: bool) -> None:
        """Look, judge, record and move until asked to stop."""
        try:
            self._go_on()
            first: dict[str, FileState] | None = None
            while not self._stop.asked():
                arrivals = self._patience.until_done(self._look)
                first = dict(self._folder.waiting) if first is None else first
                if once and not first.items() & self._folder.waiting.items():
                    self._move_marked()
                    return
                taken = 0
                for arrival in arrivals:
                    if self._stop.asked():
                        return
                    taken += self._take(arrival)
                self._move_marked()
                if not taken:
                    self._stop.wait(poll_s)
        except Stopped:
            return

    def _look(self) -> list[Arrival]:
        """What has arrived. A share that is away may leave an empty folder, which is not the watched one.

        Raises:
            GainspectError: the folder cannot be read, or is another.
        """
        if not exists(self._state / LOCK):
            raise GainspectError(
                f"{STATE} is not there any more",
                where=self._folder.path,
                hint="Check that the disk or the share is there; if it was removed, start the watcher again.",
            )
        arrivals = self._folder.look(self._marks.has)
        for why, name in self._folder.left.items():
            self._tell_once(f"Left alone: {why}, such as {printable(name)}.", of=why)
        return arrivals

    def _go_on(self) -> None:
        """End what the watcher before had at hand, if that was recorded; if not, it is a part like others."""
        claim = read_claim(self._state / CLAIM)
        if claim is None:
            return
        if self._patience.until_done(lambda: self._recorded.has(claim.key)):
            self._settle(claim)
        self._patience.until_done(lambda: drop_claim(self._state / CLAIM))

    def _take(self, arrival: Arrival) -> bool:
        """Decide on a part, record that and move its files; False: it has to wait."""
        judged = judge_part(arrival, self._folder, self._inspector)
        if judged is None:
            return False
        claim = judged.claim
        self._patience.until_done(lambda: write_claim(self._state / CLAIM, claim))
        self._patience.until_done(lambda: self._recorded.append(judged))
        files = self._settle(claim)
        self._patience.until_done(lambda: drop_claim(self._state / CLAIM))
        self.result.parts += 1
        self.result.failed += sum(image["verdict"] is None for image in judged.images)
        said = {"key": claim.key, "at": judged.at.isoformat(timespec="microseconds"), "files": files}
        self._on_decision({**judged.record, **said})
        self._count_failures(judged)
        return True

    def _settle(self, claim: Claim) -> list[str]:
        """Move or mark the files of a part that is recorded; where they are now."""
        stay, places = list[Mark](), list[str]()
        for mark in claim.files:
            source = self._folder.path / mark.name
            if not self._folder.is_there(Arrived(mark.name, mark.state)):
                continue
            moved = None if self._done is None else self._moved(mark, self._done)
            if moved is None:
                stay.append(mark)
            places.append(str(source if moved is None else moved))
        self._patience.until_done(lambda: self._marks.add(stay))
        return places

    def _moved(self, mark: Mark, done: Path) -> Path | None:
        """Where a file is now; None: it cannot be moved now."""
        try:
            return place(self._folder.path / mark.name, done / mark.goes_to, mark.name, mark.reason)
        except GainspectError as error:
            self._tell_once(f"Decided and recorded, but it stays where it is for now: {error}", of="move")
            self._move_from = self._stop.clock() + _MOVE_AGAIN_S
            return None

    def _move_marked(self) -> None:
        """Move what is marked, now and then."""
        if self._done is None or self._stop.clock() < self._move_from:
            return
        for mark in self._marks.all():
            there = self._folder.is_there(Arrived(mark.name, mark.state))
            if there and self._moved(mark, self._done) is None:
                return
            self._patience.until_done(partial(self._marks.remove, mark))

    def _tell_once(self, sentence: str, *, of: str) -> None:
        if of not in self._told:
            self._told.add(of)
            self._tell(sentence)

    def _count_failures(self, judged: JudgedPart) -> None:
        """Give up if the model fails on everything.

        Raises:
            GainspectError: it does.
        """
        every = judged.failed == len(judged.claim.files)
        self._failed_in_a_row = self._failed_in_a_row + judged.failed if every else 0
        if self._failed_in_a_row >= _MOST_FAILED:
            errors = [image["error"] for image in judged.images if image["verdict"] is None]
            raise GainspectError(
                f"the model fails on {_MOST_FAILED} images in a row ({str(errors[0]).rstrip('.')})",
                hint="Mend that, or choose another --runtime; what was decided is recorded.",
            )

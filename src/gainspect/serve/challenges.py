"""The challenge of a station: known parts are put in, and it has to be right, and for the right place."""

import logging
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from gainspect.errors import GainspectError
from gainspect.inspection.records.decided_parts import view_in
from gainspect.inspection.stream import Inspected, part_record, record_of
from gainspect.ledger.records.base import now
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.operation import ChallengedPart, ChallengeResult
from gainspect.serve.bundles import Loaded
from gainspect.serve.challenge_sets import ChallengeSet, KnownPart
from gainspect.serve.judging import Judging, QueueFull
from gainspect.serve.locks import Locks
from gainspect.serve.problems import Problem
from gainspect.serve.recording import Recording
from gainspect.types import Label

_LASTS = timedelta(hours=2)
"""After so long a challenge that was begun and not ended is none any more."""
_JUDGED_WITHIN_S = 60.0
_log = logging.getLogger("gainspect.serve")


@dataclass
class Run:
    """A challenge that was begun at a station."""

    station: str
    known: ChallengeSet
    by: Loaded
    actor: str | None
    begun: datetime = field(default_factory=now)
    taken: set[str] = field(default_factory=set)
    """Names of the parts that were put in: each counts once."""
    parts: dict[str, ChallengedPart] = field(default_factory=dict)
    """Those that are decided, by name."""
    recorded: int = 0
    """How many of them the last result that was recorded has."""
    settling: threading.Lock = field(default_factory=threading.Lock, repr=False)
    """Held while what it has come to is recorded: each result is recorded once."""

    @property
    def complete(self) -> bool:
        """Whether every part is decided."""
        return self.parts.keys() == self.known.parts.keys()

    @property
    def due(self) -> bool:
        """Whether a result is to be recorded now: all parts are decided, or one is not right."""
        failed = not self.recorded and not all(map(is_right, [*self.parts.values()]))
        return self.complete or failed

    def outcome(self, decision: Decision, seen: Sequence[Inspected]) -> ChallengedPart:
        """What a decision on a part of it, by these images, says of the challenge."""
        return _outcome(self.known.parts[decision.part], decision.label, seen, decision.key)


def is_right(part: ChallengedPart) -> bool:
    """Whether a part was decided as it is, and for the right place."""
    return part.decided is part.expected and part.in_place is not False


class Challenges:
    """The challenges of the stations of a service. One that its end interrupts begins anew.

    Args:
        sets: the known parts.
        judging: judges stored pictures of them.
        recording: takes results.
        locks: are looked at anew after a result.
    """

    def __init__(
        self, sets: dict[str, ChallengeSet], judging: Judging, recording: Recording, locks: Locks
    ) -> None:
        self.sets = sets
        self._judging, self._recording, self._locks = judging, recording, locks
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()
        self._with_pictures = threading.BoundedSemaphore(1)

    def run(self, station: str) -> Run | None:
        """What was begun at a station and is not ended; None: nothing."""
        found = self._runs.get(station)
        return None if found is None or found.begun + _LASTS < now() else found

    def begin(self, station: str, name: str, by: Loaded, actor: str | None) -> Run:
        """Begin a challenge; one that was begun before is ended.

        Args:
            station: where.
            name: of the set.
            by: what judges.
            actor: who begins it.

        Raises:
            Problem: there is no such set.
            GainspectError: what was begun before cannot be recorded.
        """
        known = self.set_named(name)
        self.end(station, actor)
        run = Run(station, known, by, actor)
        with self._lock:
            self._runs[station] = run
        return run

    def end(self, station: str, actor: str | None) -> None:
        """End a challenge before all its parts are in. What was decided so far is recorded, as not passed.

        Raises:
            GainspectError: the ledger refuses it; then it goes on.
        """
        run = self._runs.get(station)
        if run is None:
            return
        with run.settling:
            if not self._goes_on(run):
                return
            if len(run.parts) > run.recorded:
                self._record(run, actor)
            self._remove(run)

    def stop(self) -> None:
        """End all of them: another service, or this one when it is back, does not know them."""
        for run in list(self._runs.values()):
            try:
                self.end(run.station, run.actor)
            except GainspectError as error:
                _log.error("the challenge at %s is not recorded: %s", run.station, error)

    def set_named(self, name: str) -> ChallengeSet:
        """A set by its name.

        Raises:
            Problem: there is none.
        """
        if name not in self.sets:
            raise Problem(
                404,
                "no_challenge",
                "there is no such challenge",
                "The settings name the folder of challenges.",
            )
        return self.sets[name]

    def take(self, station: str, name: str, part: str, views: int) -> Run:
        """Take a part in that somebody has put in.

        Raises:
            Problem: no such challenge was begun there, it has no such part, or that is in already.
        """
        with self._lock:
            run = self.run(station)
            if run is None or run.known.name != name:
                raise Problem(
                    409,
                    "challenge_not_begun",
                    "this challenge was not begun at this station",
                    "Begin it on its page.",
                )
            known = run.known.parts.get(part)
            if known is None:
                raise Problem(
                    422,
                    "no_challenge_part",
                    "this challenge has no such part",
                    f"It has {_named(run.known)}.",
                )
            if len(known.views) != views:
                raise Problem(422, "other_views", f"this part has {len(known.views)} images, and not {views}")
            if part in run.taken:
                raise Problem(
                    409,
                    "part_taken",
                    "this part is in already",
                    "Each counts once; begin the challenge anew.",
                )
            run.taken.add(part)
            return run

    def give_back(self, run: Run, part: str) -> None:
        """Let a part be put in again, which could not be decided."""
        with self._lock:
            if part not in run.parts:
                run.taken.discard(part)

    def count(self, run: Run, outcome: ChallengedPart) -> None:
        """Count a part that was decided, unless the challenge was ended meanwhile. Nothing is waited for."""
        with self._lock:
            if self._goes_on(run):
                run.parts[outcome.part] = outcome

    def settle(self, run: Run) -> None:
        """Record what a challenge has come to: with the last part, and with the first that is not right.

        With that it is not passed, whatever follows.

        Raises:
            GainspectError: the ledger refuses the result. The next part and `end` try again.
        """
        with run.settling:
            if not self._goes_on(run):
                return
            if run.due:
                self._record(run, run.actor)
            if run.complete:
                self._remove(run)

    def judge_pictures(self, station: str, name: str, by: Loaded, actor: str | None) -> ChallengeResult:
        """Judge the stored pictures of a set instead. Camera, light and feed are not challenged by it.

        Raises:
            Problem: there is no such set, stored pictures are being judged already, or too much waits.
            GainspectError: a picture cannot be read, or the ledger refuses the result.
        """
        known = self.set_named(name)
        run = Run(station, known, by, actor)
        if not self._with_pictures.acquire(blocking=False):
            raise Problem(
                409, "pictures_busy", "stored pictures are being judged already", "Wait until that is done."
            )
        try:
            for part in known.parts.values():
                run.parts[part.name] = self._judged(part, by)
        finally:
            self._with_pictures.release()
        return self._record(run, actor, from_pictures=True)

    def _goes_on(self, run: Run) -> bool:
        """Whether it was not ended."""
        return self._runs.get(run.station) is run

    def _remove(self, run: Run) -> None:
        with self._lock:
            if self._goes_on(run):
                del self._runs[run.station]

    def _judged(self, part: KnownPart, by: Loaded) -> ChallengedPart:
        names = [view.path.name for view in part.views]
        try:
            contents = [view.path.read_bytes() for view in part.views]
            judged = self._judging.submit(by, names, contents)
        except OSError as error:
            raise GainspectError(f"cannot read a picture ({error.strerror})", where=error.filename) from error
        except QueueFull as error:
            raise Problem(
                503, "line_busy", "too many parts are waiting", headers={"Retry-After": "5"}
            ) from error
        try:
            seen = judged.result(_JUDGED_WITHIN_S)
        except TimeoutError as error:
            judged.cancel()
            raise Problem(
                503, "line_busy", "too many parts are waiting", headers={"Retry-After": "5"}
            ) from error
        records = [record_of(one, by.inspector) for one in seen]
        decided = part_record(part.name, records, list(map(view_in, records)), by.inspector)
        return _outcome(part, Label(decided["decision"]), seen, None)

    def _record(self, run: Run, actor: str | None, *, from_pictures: bool = False) -> ChallengeResult:
        """Record what a challenge has come to; its parts in the order of the set."""
        counted = dict(run.parts)  # others may follow meanwhile
        parts = tuple(counted[name] for name in run.known.parts if name in counted)
        result = ChallengeResult(
            station=run.station,
            actor=actor,
            challenge=run.known.name,
            bundle=run.by.sha256,
            policy_id=run.by.policy_id,
            parts=parts,
            passed=len(parts) == len(run.known.parts) and all(map(is_right, parts)),
            from_pictures=from_pictures,
        )
        self._recording.append(result)
        run.recorded = len(parts)
        self._locks.forget(run.station)
        return result


def _outcome(
    known: KnownPart, label: Label, seen: Sequence[Inspected], decision: str | None
) -> ChallengedPart:
    return ChallengedPart(
        part=known.name,
        expected=known.label,
        decided=label,
        decision=decision,
        in_place=known.in_place(seen),
    )


def _named(known: ChallengeSet) -> str:
    names = list(known.parts)
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "")

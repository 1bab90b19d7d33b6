"""A part from its images to a durable decision, or to the fail-safe in its place."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property

from gainspect.errors import GainspectError
from gainspect.inspection.records.decided_parts import view_in
from gainspect.inspection.stream import Inspected, part_record, record_of
from gainspect.ledger.canonical import canonical
from gainspect.ledger.inspected import decision_on, judged_image
from gainspect.ledger.records.base import new_key, now
from gainspect.ledger.records.decision import Decision, FailSafe, FailSafeReason
from gainspect.names import escaped
from gainspect.serve.bundles import Loaded
from gainspect.serve.challenges import Run
from gainspect.serve.evidence import small_heat
from gainspect.serve.judging import QueueFull
from gainspect.serve.problems import Problem
from gainspect.serve.service import Service

_log = logging.getLogger("gainspect.serve")
_STATUS: dict[FailSafeReason, int] = {
    "late": 504,
    "full": 429,
    "model_failed": 500,
    "ledger_gone": 503,
    "stopping": 503,
    "no_bundle": 409,
    "locked": 423,
}
_SOON_S = 0.005
_SLOW_DISK_S = 1.0
"""After which there may be room, where it is recording that takes long."""
_FINAL = ("late", "model_failed")
"""With these a part that was taken is answered so again. After others it may be decided."""


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


@dataclass(frozen=True)
class Answer:
    """A decision that is durable."""

    decision: Decision
    index: int
    repeated: bool = False
    """Whether it was made for an earlier request with the same key."""


@dataclass(eq=False)
class _Running:
    """A part that is being decided."""

    part: Part
    task: asyncio.Task[Answer]
    taken: bool = False
    """Whether its key is known to be new."""
    late: bool = False
    """Whether the fail-safe is being kept in its place: until then the same request must find it here."""


class Inspections:
    """Takes parts in.

    Args:
        service: which judges and records.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._running: dict[str, _Running] = {}
        self._judged = 0
        """Images that were judged and are not recorded: a slow disk must not let them pile up."""
        self._keeping = ThreadPoolExecutor(1, "fail-safe")
        """Not among the threads that ask the database: those may all wait for it when an answer is due."""

    async def decide(self, part: Part) -> Answer:
        """The decision on a part; it is durable.

        Raises:
            Problem: there is none, and the fail-safe counts, which is kept; or the key was used for others.
        """
        key = new_key()
        if part.idempotency_key is not None:
            key = hashlib.sha256(canonical([part.station, part.idempotency_key])).hexdigest()
        running = self._running.get(key)
        first = running is None
        if running is None:
            running = self._running[key] = _Running(part, asyncio.create_task(self._decided(key, part)))
            running.task.add_done_callback(lambda done: self._ended(key, done))
        else:
            await asyncio.to_thread(_require_same, part, running.part)
        # This, and not wait_for: whoever asked may go away, and the part is decided nevertheless.
        await asyncio.wait({running.task}, timeout=self._left(part))
        if not running.task.done():
            return await self._late(key, part)
        if running.task.cancelled():  # somebody else who asked for it waited no longer, and told so
            raise self._told_late()
        answer = running.task.result()
        return answer if first else replace(answer, repeated=True)

    async def finish(self) -> None:
        """Wait until what was taken is decided."""
        while self._running:
            await asyncio.wait({running.task for running in self._running.values()})
            await asyncio.sleep(_SOON_S)  # of a late one the answer is still being kept
        await asyncio.to_thread(self._keeping.shutdown)

    def _ended(self, key: str, task: asyncio.Task[Answer]) -> None:
        running = self._running.get(key)
        if running is not None and running.task is task and not running.late:
            del self._running[key]
        if not task.cancelled():
            task.exception()  # whoever asked may be gone

    async def _late(self, key: str, part: Part) -> Answer:
        """Let go of a part, which is not judged or recorded any more if that has not begun.

        Raises:
            Problem: always.
        """
        running = self._running.get(key)
        if running is None or running.late:
            raise self._told_late()
        running.late = True
        running.task.cancel()
        try:
            raise await self._instead(key, part, "late", final=running.taken)
        finally:
            del self._running[key]

    async def _decided(self, key: str, part: Part) -> Answer:
        run = None
        if part.challenge is not None and not self._service.stopping.is_set():
            try:
                run = self._service.challenges.take(part.station, part.challenge, part.name, len(part.names))
            except Problem:
                known = await self._earlier(key, part)  # it was taken in by an earlier request with the key
                if known is None:
                    raise
                return known
        given_back = True
        try:
            answer = await self._answered(key, part, run)
            given_back = answer.repeated
            return answer
        finally:
            if run is not None and given_back:
                self._service.challenges.give_back(run, part.name)

    async def _answered(self, key: str, part: Part, run: Run | None) -> Answer:
        service = self._service
        known = await self._earlier(key, part)
        if known is not None:
            return known
        if (running := self._running.get(key)) is not None:
            running.taken = True
        by = await self._ready(key, part, run)
        try:
            if self._judged >= service.settings.waiting:
                raise QueueFull(_SLOW_DISK_S)
            judged = service.judging.submit(by, part.names, part.contents)
        except QueueFull as full:
            raise await self._instead(key, part, "full", seconds=full.seconds) from full
        try:
            found = await asyncio.wrap_future(judged)
        except Exception as error:  # runtimes raise errors of many kinds
            _log.exception("the model fails on part %s", part.name)
            raise await self._instead(
                key, part, "model_failed", f"{type(error).__name__}: {error}"
            ) from error
        self._judged += len(found)
        try:
            decision = await asyncio.to_thread(self._recordable, key, part, by, found)
            entry = await asyncio.wrap_future(service.recording.submit(decision))
        except Exception as error:  # stores of pictures and drivers raise errors of many kinds
            known = await asyncio.to_thread(self._known_or_gone, key, part)
            if known is not None:
                return known
            _log.exception("the decision on part %s is not recorded", part.name)
            raise await self._instead(key, part, "ledger_gone", str(error)) from error
        finally:
            self._judged -= len(found)
        service.figures.decided(decision, time.monotonic() - part.arrived)
        if run is not None:
            await asyncio.to_thread(self._challenged, run, decision, found)
        return Answer(decision, entry.index)

    async def _earlier(self, key: str, part: Part) -> Answer | None:
        """What was answered to an earlier request with the same idempotency key; see `_known`."""
        if part.idempotency_key is None:
            return None
        try:
            return await asyncio.to_thread(self._known, key, part)
        except GainspectError as error:
            raise await self._instead(key, part, "ledger_gone", str(error)) from error

    def _challenged(self, run: Run, decision: Decision, found: Sequence[Inspected]) -> None:
        """A known part was decided. If its challenge cannot be recorded now, the part is decided anyway."""
        try:
            self._service.challenges.decided(run, decision.part, decision.label, found, decision.key)
        except GainspectError as error:
            _log.error("the result of a challenge is not recorded: %s", error)

    async def _ready(self, key: str, part: Part, run: Run | None) -> Loaded:
        """What judges the part."""
        if self._service.stopping.is_set():
            raise await self._instead(key, part, "stopping")
        try:
            state = await asyncio.to_thread(self._service.locks.recent, part.station)
        except GainspectError as error:
            raise await self._instead(key, part, "ledger_gone", str(error)) from error
        if run is not None:
            return run.by  # its parts are what unlocks a station
        if state.active is None:
            raise await self._instead(key, part, "no_bundle", state.lock or "")
        if state.lock is not None:
            raise await self._instead(key, part, "locked", state.lock)
        return state.active

    def _recordable(self, key: str, part: Part, by: Loaded, found: Sequence[Inspected]) -> Decision:
        """The decision on a part, whose pictures are stored."""
        store = self._service.ledger.pictures
        if store is not None:
            for content in part.contents:
                store.put(content)
        records = [record_of(one, by.inspector) for one in found]
        self._keep_evidence(key, part, by, found)
        decided = part_record(part.name, records, list(map(view_in, records)), by.inspector)
        return decision_on(
            decided,
            [judged_image(record["image"], record, stored=store is not None) for record in records],
            key=key,
            at=now(),
            station=part.station,
            lot=part.lot,
            made_with=by.made_with,
            seconds=time.monotonic() - part.arrived,
        )

    def _keep_evidence(self, key: str, part: Part, by: Loaded, found: Sequence[Inspected]) -> None:
        """Draw the evidence for those who look at the station: judging again would take longer."""
        evidence = self._service.evidence
        if evidence.is_watched(part.station):
            scale = by.bundle.description.policy.heat_scale()
            for place, one in enumerate(found):
                if one.verdict is not None:
                    evidence.keep(key, place, small_heat(one.verdict.evidence.evidence, scale))

    def _known(self, key: str, part: Part) -> Answer | None:
        """What was answered to an earlier request with the same key.

        Raises:
            Problem: that was the fail-safe; or it was about another part.
        """
        given = self._service.spool.find(_final_key(key))
        if given is None and (final := self._service.ledger.record_of(_final_key(key))) is not None:
            assert isinstance(final.record, FailSafe)
            given = final.record
        if given is not None:
            _require_content(part, given.part, given.lot, given.images)
            raise _told(given, repeated=True)
        entry = self._service.ledger.record_of(key)
        if entry is None:
            return None
        assert isinstance(entry.record, Decision)
        hashes = tuple(image.sha256 or "" for image in entry.record.images)
        _require_content(part, entry.record.part, entry.record.lot, hashes)
        return Answer(entry.record, entry.index, repeated=True)

    def _known_or_gone(self, key: str, part: Part) -> Answer | None:
        try:
            return self._known(key, part)
        except GainspectError:
            return None

    def _left(self, part: Part) -> float | None:
        """Seconds to the deadline; None: there is none."""
        limits = [one for one in (part.deadline_ms, self._service.settings.deadline_ms) if one is not None]
        return None if not limits else max(0.0, part.arrived + min(limits) / 1000 - time.monotonic())

    async def _instead(
        self,
        key: str,
        part: Part,
        why: FailSafeReason,
        note: str = "",
        *,
        seconds: float | None = None,
        final: bool = True,
    ) -> Problem:
        """Keep the fail-safe in the place of a decision; what is answered.

        Args:
            key: of the decision.
            part: which has none.
            why: there is none.
            note: more of that.
            seconds: after which it may be sent again.
            final: whether the same request is answered so again, if the reason is one of those.
        """
        keep = asyncio.get_running_loop().run_in_executor(
            self._keeping, self._keep, key, part, why, note, final and why in _FINAL
        )
        try:
            record = await keep
        except Exception as error:  # whatever it is, the part has no decision
            _log.exception("an answer in the place of a decision is not kept")
            hint = error.hint if isinstance(error, GainspectError) else ""
            return Problem(503, why, f"{_SAID[why]}, and that cannot be recorded either", hint, why=why)
        return _told(record, seconds=seconds)

    def _keep(self, key: str, part: Part, why: FailSafeReason, note: str, final: bool) -> FailSafe:
        record = FailSafe(
            key=_final_key(key) if final else new_key(),
            station=part.station,
            decision=key,
            part=part.name,
            lot=part.lot,
            label=self._service.settings.fail_safe,
            why=why,
            images=part.hashes,
            deadline_ms=part.deadline_ms,
            note=escaped(note)[:1000],
        )
        self._service.fail_safe(record)
        return record

    @staticmethod
    def _told_late() -> Problem:
        """What is answered where the fail-safe was kept already."""
        return Problem(_STATUS["late"], "late", _SAID["late"], why="late")


_SAID: dict[FailSafeReason, str] = {
    "late": "the part was not decided by its deadline",
    "full": "too many images are waiting",
    "model_failed": "the model fails on this part",
    "ledger_gone": "the decision cannot be recorded now",
    "stopping": "the service is ending",
    "no_bundle": "no bundle is active at this station",
    "locked": "the station is locked until its challenge is passed",
}
_MENDED: dict[FailSafeReason, str] = {
    "full": "Send it again after the seconds that Retry-After says.",
    "ledger_gone": "Send it again with the same idempotency key when the database is back.",
    "stopping": "Send it again when the service runs.",
    "no_bundle": "An engineer activates one on the page of the station.",
    "locked": "Put the challenge parts in.",
}


def _final_key(key: str) -> str:
    return f"{key}:fail-safe"


def _told(record: FailSafe, *, seconds: float | None = None, repeated: bool = False) -> Problem:
    headers = {} if seconds is None else {"Retry-After": str(max(1, round(seconds)))}
    return Problem(
        _STATUS[record.why],
        record.why,
        _SAID[record.why],
        _MENDED.get(record.why, ""),
        headers,
        why=record.why,
        repeated=repeated,
    )


def _require_same(part: Part, other: Part) -> None:
    """See `_require_content`."""
    _require_content(part, other.name, other.lot, other.hashes)


def _require_content(part: Part, name: str, lot: str | None, hashes: Sequence[str]) -> None:
    """Refuse a key that another part had.

    Raises:
        Problem: it had.
    """
    if (part.name, part.lot, part.hashes) != (name, lot, tuple(hashes)):
        raise Problem(
            422,
            "key_used",
            "this idempotency key was used for another part",
            "Give each part a key of its own, and repeat a request as it was.",
        )

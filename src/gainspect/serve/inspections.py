"""A part from its images to a durable decision, or to the fail-safe in its place."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from gainspect.errors import GainspectError
from gainspect.inspection.records.decided_parts import view_in
from gainspect.inspection.stream import Inspected, part_record, record_of
from gainspect.ledger.canonical import canonical
from gainspect.ledger.inspected import decision_on, judged_image
from gainspect.ledger.records.base import new_key, now
from gainspect.ledger.records.decision import Decision
from gainspect.serve.bundles import Loaded
from gainspect.serve.challenges import Run
from gainspect.serve.evidence import small_heat
from gainspect.serve.fail_safes import FailSafes
from gainspect.serve.judging import QueueFull
from gainspect.serve.problems import Problem
from gainspect.serve.requested_part import Answer, Part
from gainspect.serve.service import Service

T = TypeVar("T")
_log = logging.getLogger("gainspect.serve")
_THREADS = 8
"""That ask the database and store pictures: none of them is one that pages wait in."""
_SOON_S = 0.005
_SLOW_DISK_S = 1.0
"""After which there may be room, where it is recording that takes long."""


@dataclass(eq=False)
class _Running:
    """A part that is being decided."""

    part: Part
    task: asyncio.Task[Answer]
    taken: bool = False
    """Whether its key is known to be new."""
    late: bool = False
    """Whether the fail-safe is being kept in its place: until then the same request must find it here."""
    counted: Answer | None = None
    """Once it counts in a challenge: what is answered, though what that has come to is not recorded yet."""


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
        self._fail_safes = FailSafes(service)
        self._threads = ThreadPoolExecutor(_THREADS, "inspections")

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
            other = running.part
            await self._in_thread(lambda: part.require_same(other.name, other.lot, other.hashes))
        # This, and not wait_for: whoever asked may go away, and the part is decided nevertheless.
        await asyncio.wait({running.task}, timeout=self._left(part))
        if (answer := running.counted) is None:
            if not running.task.done():
                raise await self._late(key, part)
            if running.task.cancelled():  # somebody else who asked for it waited no longer, and told so
                raise self._fail_safes.late(part)
            answer = running.task.result()
        return answer if first else replace(answer, repeated=True)

    async def finish(self) -> None:
        """Wait until what was taken is decided."""
        while self._running:
            await asyncio.wait({running.task for running in self._running.values()})
            await asyncio.sleep(_SOON_S)  # of a late one the answer is still being kept
        await asyncio.to_thread(self._stop)

    async def _in_thread(self, work: Callable[..., T], *given: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work, *given)

    def _stop(self) -> None:
        self._fail_safes.stop()
        self._threads.shutdown()

    def _ended(self, key: str, task: asyncio.Task[Answer]) -> None:
        running = self._running.get(key)
        if running is not None and running.task is task and not running.late:
            del self._running[key]
        if not task.cancelled():
            task.exception()  # whoever asked may be gone

    async def _late(self, key: str, part: Part) -> Problem:
        """Let go of a part, which is not judged or recorded any more if that has not begun.

        It does not count in a challenge any more either. What is answered.
        """
        running = self._running.get(key)
        if running is None or running.late:
            return self._fail_safes.late(part)
        running.late = True
        running.task.cancel()
        try:
            return await self._fail_safes.instead(key, part, "late", final=running.taken)
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
        running = self._running[key]
        running.taken = True
        by = await self._ready(key, part, run)
        try:
            if self._judged >= service.settings.waiting:
                raise QueueFull(_SLOW_DISK_S)
            judged = service.judging.submit(by, part.names, part.contents)
        except QueueFull as full:
            raise await self._fail_safes.instead(key, part, "full", seconds=full.seconds) from full
        try:
            found = await asyncio.wrap_future(judged)
        except Exception as error:  # runtimes raise errors of many kinds
            _log.exception("the model fails on part %s", part.name)
            raise await self._fail_safes.instead(
                key, part, "model_failed", f"{type(error).__name__}: {error}"
            ) from error
        self._judged += len(found)
        try:
            decision = await self._in_thread(self._recordable, key, part, by, found)
            outcome = None if run is None else await self._in_thread(run.outcome, decision, found)
            entry = await asyncio.wrap_future(service.recording.submit(decision))
        except Exception as error:  # stores of pictures and drivers raise errors of many kinds
            known = await self._in_thread(self._known_or_gone, key, part)
            if known is not None:
                return known
            _log.exception("the decision on part %s is not recorded", part.name)
            raise await self._fail_safes.instead(key, part, "ledger_gone", str(error)) from error
        finally:
            self._judged -= len(found)
        service.figures.decided(decision, time.monotonic() - part.arrived)
        answer = Answer(decision, entry.index)
        if run is not None and outcome is not None:
            # From its record on nothing was waited for: a part that was let go of is not counted.
            service.challenges.count(run, outcome)
            running.counted = answer
            await self._in_thread(self._settle, run)
        return answer

    async def _earlier(self, key: str, part: Part) -> Answer | None:
        """What was answered to an earlier request with the same idempotency key; see `_known`."""
        if part.idempotency_key is None:
            return None
        try:
            return await self._in_thread(self._known, key, part)
        except GainspectError as error:
            raise await self._fail_safes.instead(key, part, "ledger_gone", str(error)) from error

    def _settle(self, run: Run) -> None:
        """Record what a challenge has come to. If it cannot be recorded now, its parts are decided anyway."""
        try:
            self._service.challenges.settle(run)
        except GainspectError as error:
            _log.error("the result of a challenge is not recorded: %s", error)

    async def _ready(self, key: str, part: Part, run: Run | None) -> Loaded:
        """What judges the part."""
        if self._service.stopping.is_set():
            raise await self._fail_safes.instead(key, part, "stopping")
        try:
            state = await self._in_thread(self._service.locks.recent, part.station)
        except GainspectError as error:
            raise await self._fail_safes.instead(key, part, "ledger_gone", str(error)) from error
        if run is not None:
            return run.by  # its parts are what unlocks a station
        if state.active is None:
            raise await self._fail_safes.instead(key, part, "no_bundle", state.lock or "")
        if state.lock is not None:
            raise await self._fail_safes.instead(key, part, "locked", state.lock)
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
            challenge=part.challenge,
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
        if (given := self._fail_safes.given(key, part)) is not None:
            raise given
        entry = self._service.ledger.record_of(key)
        if entry is None:
            return None
        assert isinstance(entry.record, Decision)
        hashes = tuple(image.sha256 or "" for image in entry.record.images)
        part.require_same(entry.record.part, entry.record.lot, hashes)
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

"""What is answered in the place of a decision, never OK: kept before it is told, and told again."""

import asyncio
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from gainspect.errors import GainspectError
from gainspect.ledger.records.base import new_key
from gainspect.ledger.records.decision import FailSafe, FailSafeReason
from gainspect.names import escaped
from gainspect.serve.problems import Problem
from gainspect.serve.requested_part import Part
from gainspect.serve.service import Service

_log = logging.getLogger("gainspect.serve")


class Told(NamedTuple):
    """What is told where there is no decision."""

    status: int
    """Of HTTP."""
    what: str
    hint: str = ""


TOLD: Mapping[FailSafeReason, Told] = {
    "late": Told(504, "the part was not decided by its deadline"),
    "full": Told(
        429, "too many images are waiting", "Send it again after the seconds that Retry-After says."
    ),
    "model_failed": Told(500, "the model fails on this part"),
    "ledger_gone": Told(
        503,
        "the decision cannot be recorded now",
        "Send it again with the same idempotency key when the database is back.",
    ),
    "stopping": Told(503, "the service is ending", "Send it again when the service runs."),
    "no_bundle": Told(
        409, "no bundle is active at this station", "An engineer activates one on the page of the station."
    ),
    "locked": Told(423, "the station is locked until its challenge is passed", "Put the challenge parts in."),
}
_FINAL: tuple[FailSafeReason, ...] = ("late", "model_failed")
"""With these a part that was taken is answered so again. After others it may be decided."""
_NOT_COUNTED = "It does not count in the challenge: put it in again, with another idempotency key."
_LONGEST_NOTE = 1000


class FailSafes:
    """Gives the fail-safe of a service in the place of decisions.

    Args:
        service: which records it.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._keeping = ThreadPoolExecutor(1, "fail-safe")
        """Not among the threads that ask the database: those may all wait for it when an answer is due."""

    async def instead(
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
            await keep
        except Exception as error:  # whatever it is, the part has no decision
            _log.exception("an answer in the place of a decision is not kept")
            hint = error.hint if isinstance(error, GainspectError) else ""
            return Problem(503, why, f"{TOLD[why].what}, and that cannot be recorded either", hint, why=why)
        return _problem(part, why, seconds=seconds, repeated=False)

    def late(self, part: Part) -> Problem:
        """What is answered where somebody else asked for the same part, and it was kept for them."""
        return _problem(part, "late")

    def given(self, key: str, part: Part) -> Problem | None:
        """What was answered for good in the place of a decision; None: nothing, so it may be decided.

        Args:
            key: of the decision.
            part: of the request that asks again.

        Raises:
            Problem: that was about another part.
            GainspectError: the ledger cannot be read.
        """
        final = _final_key(key)
        record = self._service.spool.find(final)
        if record is None and (entry := self._service.ledger.record_of(final)) is not None:
            assert isinstance(entry.record, FailSafe)
            record = entry.record
        if record is None:
            return None
        part.require_same(record.part, record.lot, record.images)
        return _problem(part, record.why, repeated=True)

    def stop(self) -> None:
        """Keep what is to be kept, and end."""
        self._keeping.shutdown()

    def _keep(self, key: str, part: Part, why: FailSafeReason, note: str, final: bool) -> None:
        self._service.fail_safe(
            FailSafe(
                key=_final_key(key) if final else new_key(),
                station=part.station,
                decision=key,
                part=part.name,
                lot=part.lot,
                label=self._service.settings.fail_safe,
                why=why,
                images=part.hashes,
                deadline_ms=part.deadline_ms,
                note=escaped(note)[:_LONGEST_NOTE],
            )
        )


def _final_key(key: str) -> str:
    return f"{key}:fail-safe"


def _problem(part: Part, why: FailSafeReason, *, seconds: float | None = None, **more: bool) -> Problem:
    told = TOLD[why]
    hint = _NOT_COUNTED if part.challenge is not None and why in _FINAL else told.hint
    headers = {} if seconds is None else {"Retry-After": str(max(1, round(seconds)))}
    return Problem(told.status, why, told.what, hint, headers, why=why, **more)

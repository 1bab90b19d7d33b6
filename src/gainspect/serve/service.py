"""What the app stands on: the ledger, the bundles, who judges and who records; how it begins and ends."""

import hashlib
import logging
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from gainspect.errors import GainspectError
from gainspect.ledger import Ledger
from gainspect.ledger.records.base import this_station
from gainspect.ledger.records.decision import FailSafe
from gainspect.ledger.records.operation import ServiceState
from gainspect.serve.audits import Audits
from gainspect.serve.bundles import Bundles
from gainspect.serve.challenge_sets import read_challenges
from gainspect.serve.challenges import Challenges
from gainspect.serve.drift_watches import DriftWatches
from gainspect.serve.evidence import RecentEvidence
from gainspect.serve.figures import Figures
from gainspect.serve.judging import Judging
from gainspect.serve.locks import Locks
from gainspect.serve.recording import Recording
from gainspect.serve.settings import ServiceSettings
from gainspect.serve.spool import Spool

_log = logging.getLogger("gainspect.serve")
_BEAT_S = 5.0
"""How often a service leaves a sign of life, and tries to give the ledger what it does not have."""


class Service:
    """A service in one process.

    Args:
        ledger: of decisions; the service closes it.
        bundles: which may judge.
        settings: of the plant.
        state: folder of this service alone, on a local disk.
        name: of the service in its own records; None: that of the machine.

    Raises:
        GainspectError: another service has the folder, or the ledger cannot be written.
    """

    def __init__(
        self,
        ledger: Ledger,
        bundles: Bundles,
        settings: ServiceSettings,
        state: Path,
        name: str | None = None,
    ) -> None:
        self.ledger, self.bundles, self.settings = ledger, bundles, settings
        self.name = name or this_station()
        self.stopping = threading.Event()
        sets = read_challenges(settings.challenges)
        self.evidence = RecentEvidence()
        self.spool = Spool(state)
        self._alive = state / "alive"
        try:
            ledger.append(ServiceState(station=self.name, state="started", down_since=self._last_sign()))
            self._alive.touch()
        except BaseException:
            self.spool.close()
            raise
        self.redrawing, self.replaying = threading.BoundedSemaphore(1), threading.BoundedSemaphore(1)
        """Held while evidence is drawn again, or a decision replayed, for people: one each at a time."""
        self.judging = Judging(settings.waiting, settings.at_once)
        self.figures = Figures(lambda: self.judging.images, lambda: len(self.spool))
        self.recording = Recording(ledger)
        self.locks = Locks(ledger, bundles, settings)
        self.challenges = Challenges(sets, self.judging, self.recording, self.locks)
        self.drift = DriftWatches(ledger, self.recording)
        self.audits = Audits(ledger, settings.signing_key, state / "export")
        self._due = threading.Event()
        self._beats = threading.Thread(target=self._beat, name="beats", daemon=True)
        self._beats.start()

    def fail_safe(self, record: FailSafe) -> None:
        """Keep what is answered in the place of a decision; the ledger has it soon.

        Raises:
            GainspectError: the disk of this machine cannot be written.
        """
        self.spool.add(record)
        self.figures.failed_safe(record)
        self._due.set()

    def give(self) -> None:
        """Give the ledger the fail-safe answers that it does not have.

        Raises:
            GainspectError: it refuses them; they are kept.
        """
        self.spool.drain(self._append)

    def stop(self) -> None:
        """Judge and record what was taken, and let go of all; the sign of life says that it ended well."""
        self.stopping.set()
        self.drift.stop()
        self.audits.stop()
        self.judging.stop()
        self._due.set()
        self._beats.join()
        self.challenges.stop()
        self.recording.stop()
        try:
            self.spool.drain(self._append_now)
            self.ledger.append(ServiceState(station=self.name, state="stopped"))
            self._alive.unlink(missing_ok=True)
        except GainspectError as error:
            _log.error(
                "%d answers stay in %s for the next start: %s", len(self.spool), self.spool.place, error
            )
        finally:
            self.spool.close()
            self.ledger.close()

    def _last_sign(self) -> datetime | None:
        """When a service that was killed here was last alive; None: none was killed."""
        try:
            return datetime.fromtimestamp(self._alive.stat().st_mtime, UTC)
        except FileNotFoundError:
            return None

    def _beat(self) -> None:
        while not self.stopping.is_set():
            self._due.wait(_BEAT_S)
            self._due.clear()
            try:
                self._alive.touch()
            except OSError as error:
                _log.error("no sign of life can be left in %s: %s", self._alive, error)
            try:
                self.give()
            except Exception:  # whatever it is, it is tried again
                # The ledger is gone, or refuses it: it stays in the spool, which `ready` tells.
                _log.warning("%d answers wait for the ledger", len(self.spool), exc_info=True)
                self.stopping.wait(1.0)

    def _append(self, records: Sequence[FailSafe]) -> None:
        for record, appended in [(record, self.recording.submit(record)) for record in records]:
            try:
                appended.result()
            except GainspectError:
                if (other := self._with_other_key(record)) is None:
                    raise
                self.recording.append(other)

    def _append_now(self, records: Sequence[FailSafe]) -> None:
        """The same, while nothing else is recorded."""
        for record in records:
            try:
                self.ledger.append(record)
            except GainspectError:
                if (other := self._with_other_key(record)) is None:
                    raise
                self.ledger.append(other)

    def _with_other_key(self, record: FailSafe) -> FailSafe | None:
        """An answer that another service gave, too, to a request with the same key; None: none did.

        Tried again after a kill, it gets the same key again.
        """
        if self.ledger.record_of(record.key) is None:
            return None
        said = hashlib.sha256(record.model_dump_json().encode()).hexdigest()
        return record.model_copy(update={"key": f"{record.key}:{said[:16]}"})

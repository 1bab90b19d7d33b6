"""The drift watches of all stations, which follow the ledger and record what has changed."""

import logging
import threading
from dataclasses import dataclass, field

from gainspect.evaluation.drift_watch import WatchStatus
from gainspect.ledger import Ledger
from gainspect.ledger.review_queue import stations
from gainspect.ledger.station_watch import StationWatch
from gainspect.serve.recording import Recording

_LOOKS_EVERY_S = 5.0
_log = logging.getLogger("gainspect.serve")


@dataclass(eq=False)
class _Watched:
    lock: threading.Lock = field(default_factory=threading.Lock)
    watch: StationWatch | None = None
    """None: it begins with the next look."""


class DriftWatches:
    """Looks at what the stations of a ledger decided; several services record an alarm once.

    Args:
        ledger: with the decisions.
        recording: takes alarms.
    """

    def __init__(self, ledger: Ledger, recording: Recording) -> None:
        self._ledger, self._recording = ledger, recording
        self._watched: dict[str, _Watched] = {}
        """By station; of those alone that the ledger has."""
        self._lock = threading.Lock()
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._work, name="drift", daemon=True)
        self._thread.start()

    def status(self, station: str) -> WatchStatus:
        """Where the watch of a station stands now; an alarm that is due is recorded.

        Raises:
            GainspectError: the ledger cannot be read, or refuses it.
        """
        if station not in self._watched and station not in stations(self._ledger):
            return StationWatch(self._ledger, station).status()
        with self._lock:
            watched = self._watched.setdefault(station, _Watched())
        with watched.lock:
            watch = watched.watch or StationWatch(self._ledger, station)
            watched.watch = None  # after an error a new one begins where this one did
            for alarm in watch.catch_up():
                self._recording.append(alarm)
            watched.watch = watch
            return watch.status()

    def stop(self) -> None:
        """Look no more."""
        self._ends.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._ends.wait(_LOOKS_EVERY_S):
            try:
                known = stations(self._ledger)
            except Exception:  # whatever it is, it is tried again
                _log.warning("drift is not watched now", exc_info=True)
                continue
            for station in known:
                if self._ends.is_set():
                    return
                try:
                    self.status(station)
                except Exception:  # the other stations are watched nevertheless
                    _log.warning("drift is not watched now at %s", station, exc_info=True)

"""The drift watches of several stations: none waits for another, or ends with it."""

import threading
from collections import Counter
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gainspect.serve import drift_watches
from gainspect.serve.drift_watches import DriftWatches
from page_parts import wait_for

STATIONS = ("line 1", "line 2", "line 3")


class Looks:
    """Stands for the watches of all stations."""

    def __init__(self) -> None:
        self.looks: Counter[str] = Counter()
        self.goes_on = threading.Event()
        self.goes_on.set()

    def watch(self, ledger: Any, station: str) -> Any:
        def catch_up() -> list[Any]:
            self.looks[station] += 1
            if station == "line 1":
                raise RuntimeError("an error of a driver")
            if station == "line 2":
                assert self.goes_on.wait(20)
            return []

        return SimpleNamespace(catch_up=catch_up, status=lambda: f"status of {station}")


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    made = Looks()
    monkeypatch.setattr(drift_watches, "StationWatch", made.watch)
    monkeypatch.setattr(drift_watches, "stations", lambda ledger: list(STATIONS))
    monkeypatch.setattr(drift_watches, "_LOOKS_EVERY_S", 0.01)
    return made


@pytest.fixture
def watches(looks: Looks) -> Iterator[DriftWatches]:
    made = DriftWatches(cast(Any, None), cast(Any, None))
    yield made
    looks.goes_on.set()
    made.stop()


def test_the_stations_after_one_that_cannot_be_watched_are_watched(
    watches: DriftWatches, looks: Looks
) -> None:
    wait_for(lambda: min(looks.looks[station] for station in STATIONS) >= 3)


def test_who_asks_of_a_station_does_not_wait_for_another(watches: DriftWatches, looks: Looks) -> None:
    looks.goes_on.clear()
    begun = looks.looks["line 2"]
    wait_for(lambda: looks.looks["line 2"] > begun)
    assert watches.status("line 3") == "status of line 3"
    assert not looks.goes_on.is_set()


def test_a_name_that_no_station_has_is_not_kept(watches: DriftWatches) -> None:
    assert watches.status("nowhere") == "status of nowhere"
    assert "nowhere" not in watches._watched

"""No order of challenges, waivers and activations lets a bundle judge that neither passed nor is waived."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from compared_bundles import comparison
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.records.operation import ChallengedPart, ChallengeResult
from gainspect.serve import activations, locks
from gainspect.serve.activations import activate, waive
from gainspect.serve.bundles import NotLoaded
from gainspect.serve.locks import Locks
from gainspect.serve.problems import Problem
from gainspect.serve.recording import Recording
from gainspect.serve.settings import ServiceSettings
from gainspect.types import Label
from ledger_records import AT, PERSON

STATIONS = ("line 3", "line 4")
BUNDLES = tuple(digit * 64 for digit in "abc")
POLICY = "d" * 64
HOURS, LONGEST = 8.0, 6.0
_STEPS = 500


class Event(NamedTuple):
    """What happened at a station."""

    kind: str
    bundle: str
    ends: datetime
    """A passed challenge or a waiver counts until then."""
    pictures: bool = False
    """Whether stored pictures were judged instead of parts before the camera."""


@dataclass
class Oracle:
    """Says by what happened, in order, what may be activated and what may decide."""

    stored: bool
    happened: dict[str, list[Event]] = field(default_factory=lambda: {name: [] for name in STATIONS})

    def active(self, station: str) -> str | None:
        return next((one.bundle for one in reversed(self.happened[station]) if one.kind == "active"), None)

    def since(self, station: str, bundle: str, activations_ago: int) -> tuple[Event | None, Event | None]:
        """What a bundle has passed and an engineer has waived, told from the n-th last activation on."""
        begun = [place for place, one in enumerate(self.happened[station]) if one.kind == "active"]
        first = begun[-activations_ago] if len(begun) >= activations_ago else 0
        result = waiver = None
        before_camera = "passed"
        for one in self.happened[station][first:]:
            if one.bundle != bundle:
                continue
            if one.kind == "waived":
                waiver = one
            elif one.kind == "failed":
                result, waiver = one, None
                before_camera = before_camera if one.pictures else "failed"
            elif one.kind == "passed" and not one.pictures:
                result, before_camera = one, "passed"
            elif one.kind == "passed" and before_camera == "passed":
                result = one
        return result, waiver

    def may(self, station: str, bundle: str, ago: int, moment: datetime) -> tuple[bool, bool]:
        """Whether a bundle may judge, and whether it is waived."""
        result, waiver = self.since(station, bundle, ago)
        waived = waiver is not None and waiver.ends > moment
        return waived or (result is not None and result.kind == "passed" and result.ends > moment), waived


class Plant:
    """A ledger, what decides about activations, and a clock that a test moves."""

    def __init__(self, ledger: Ledger, *, stored: bool) -> None:
        self.moment = AT
        settings = ServiceSettings(
            challenge_hours=HOURS, longest_waiver_hours=LONGEST, stored_challenges=stored
        )
        known: Any = SimpleNamespace(known=self._known)
        self.service: Any = SimpleNamespace(
            ledger=ledger,
            bundles=known,
            settings=settings,
            recording=Recording(ledger),
            locks=Locks(ledger, known, settings),
        )

    @staticmethod
    def _known(sha256: str) -> Any:
        if sha256 not in BUNDLES:
            raise NotLoaded("this service was started without it")
        return SimpleNamespace(sha256=sha256, policy_id=POLICY)

    def challenged(self, station: str, bundle: str, *, passed: bool, pictures: bool) -> None:
        part = ChallengedPart(part="p", expected=Label.NG, decided=Label.NG if passed else Label.OK)
        self.service.ledger.append(
            ChallengeResult(
                station=station,
                at=self.moment,
                challenge="c",
                bundle=bundle,
                policy_id=POLICY,
                parts=(part,),
                passed=passed,
                from_pictures=pictures,
            )
        )

    def activated(self, station: str, bundle: str, old: str | None) -> bool:
        """Whether it was; `old`: what it is shown to have been compared with, none where nothing is."""
        shown = None
        if old is not None:
            told = comparison()
            sides = {"old": (told.old, old), "new": (told.new, bundle)}
            shown = told.model_copy(
                update={
                    side: one.model_copy(update={"sha256": sha256, "policy_id": POLICY})
                    for side, (one, sha256) in sides.items()
                }
            )
        try:
            activate(self.service, station, bundle, "r", PERSON, comparison=shown)
        except Problem as problem:
            if problem.status != 409:
                raise
            return False
        return True


@pytest.fixture(params=[True, False], ids=["stored", "cameras"])
def plant(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Plant, Oracle]]:
    with open_ledger(str(tmp_path / "line.ledger")) as ledger:
        made = Plant(ledger, stored=request.param)
        for module in (activations, locks):
            monkeypatch.setattr(module, "now", lambda: made.moment)
        yield made, Oracle(request.param)
        made.service.recording.stop()


def test_any_order_lets_pass_what_passed_or_is_waived_and_nothing_else(plant: tuple[Plant, Oracle]) -> None:
    made, oracle = plant
    drawn = random.Random(21)
    tried = {True: 0, False: 0}
    for _ in range(_STEPS):
        made.moment += timedelta(hours=drawn.choice((0.01, 0.5, 3)))
        station, bundle = drawn.choice(STATIONS), drawn.choice(BUNDLES)
        step = drawn.choice(("challenge", "challenge", "waive", "activate", "activate", "activate"))
        if step == "challenge":
            passed, pictures = drawn.random() < 0.6, drawn.random() < 0.5
            made.challenged(station, bundle, passed=passed, pictures=pictures)
            if oracle.stored or not pictures:
                kind, ends = "passed" if passed else "failed", made.moment + timedelta(hours=HOURS)
                oracle.happened[station].append(Event(kind, bundle, ends, pictures))
        elif step == "waive" and drawn.random() < 0.4:
            until = made.moment + timedelta(hours=drawn.choice((0.3, LONGEST)))
            waive(made.service, station, bundle, until, "r", PERSON)
            oracle.happened[station].append(Event("waived", bundle, until))
        elif step == "activate":
            active = oracle.active(station)
            shown = drawn.choice((active, active, None, *BUNDLES))
            ready, waived = oracle.may(station, bundle, 1, made.moment)
            compared = active is None or shown == active or waived
            expected = bundle != active and ready and compared
            assert made.activated(station, bundle, shown) == expected
            tried[expected] += 1
            if expected:
                oracle.happened[station].append(Event("active", bundle, made.moment))
        for name in STATIONS:
            active = oracle.active(name)
            may = active is not None and oracle.may(name, active, 2, made.moment)[0]
            assert (made.service.locks.state(name).lock is None) == may
    assert min(tried.values()) >= 10


def test_stored_pictures_take_nothing_from_a_challenge_that_counts(plant: tuple[Plant, Oracle]) -> None:
    made, _ = plant
    station, bundle = STATIONS[0], BUNDLES[0]
    made.challenged(station, bundle, passed=True, pictures=False)
    assert made.activated(station, bundle, None)
    made.challenged(station, bundle, passed=True, pictures=True)
    assert made.service.locks.state(station).lock is None


def test_stored_pictures_pass_nothing_that_failed_before_the_camera(plant: tuple[Plant, Oracle]) -> None:
    made, _ = plant
    station, bundle = STATIONS[0], BUNDLES[0]
    made.challenged(station, bundle, passed=True, pictures=False)
    assert made.activated(station, bundle, None)
    made.challenged(station, bundle, passed=False, pictures=False)
    made.challenged(station, bundle, passed=True, pictures=True)
    assert made.service.locks.state(station).lock == "challenge_failed"


def test_a_challenge_that_fails_ends_a_waiver_and_a_new_one_holds(plant: tuple[Plant, Oracle]) -> None:
    made, _ = plant
    station, bundle = STATIONS[0], BUNDLES[0]
    until = made.moment + timedelta(hours=1)
    waive(made.service, station, bundle, until, "r", PERSON)
    assert made.activated(station, bundle, None)
    made.challenged(station, bundle, passed=False, pictures=False)
    assert made.service.locks.state(station).lock == "challenge_failed"
    waive(made.service, station, bundle, until, "r", PERSON)
    assert made.service.locks.state(station).waived


def test_a_bundle_that_is_not_loaded_is_not_activated(plant: tuple[Plant, Oracle]) -> None:
    made, _ = plant
    made.challenged(STATIONS[0], POLICY, passed=True, pictures=False)
    with pytest.raises(Problem, match="without it") as refused:
        made.activated(STATIONS[0], POLICY, None)
    assert refused.value.status == 404

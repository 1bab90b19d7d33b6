"""What a challenge records, and when: each result once, and none is lost."""

import threading
import time
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Any, cast

import pytest

from desk_parts import challenge_folder
from gainspect.errors import GainspectError
from gainspect.ledger.records.operation import ChallengeResult
from gainspect.serve.challenge_sets import read_challenges
from gainspect.serve.challenges import Challenges, Run
from gainspect.serve.problems import Problem
from gainspect.types import Label
from ledger_records import PERSON

STATION = "line 3"
BY = cast(Any, SimpleNamespace(sha256="a" * 64, policy_id="b" * 64))
UNSEEN: Any = [SimpleNamespace(verdict=None)]
"""An image that could not be judged."""


class Records:
    """Takes results, and refuses them while it is told to."""

    def __init__(self) -> None:
        self.results: list[ChallengeResult] = []
        self.forgotten: list[str] = []
        self.refuses = False

    def append(self, result: ChallengeResult) -> None:
        if self.refuses:
            raise GainspectError("the database is away")
        self.results.append(result)

    def forget(self, station: str) -> None:
        self.forgotten.append(station)

    @property
    def told(self) -> list[tuple[int, bool]]:
        """Of each result, how many parts it has, and whether it is passed."""
        return [(len(result.parts), result.passed) for result in self.results]


class SlowLock:
    """A lock after which others come first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._lock.release()
        time.sleep(0.05)


@pytest.fixture
def records() -> Records:
    return Records()


@pytest.fixture
def challenges(tmp_path: Path, records: Records) -> Challenges:
    sets = read_challenges(challenge_folder(tmp_path / "challenges"))
    return Challenges(sets, cast(Any, None), cast(Any, records), cast(Any, records))


def put_in(challenges: Challenges, part: str, label: Label) -> None:
    (name,) = challenges.sets
    decided(challenges, challenges.take(STATION, name, part, 1), part, label)


def decided(challenges: Challenges, run: Run, part: str, label: Label) -> None:
    told = cast(Any, SimpleNamespace(part=part, label=label, key=f"key of {part}"))
    challenges.count(run, run.outcome(told, UNSEEN))
    challenges.settle(run)


def begin(challenges: Challenges) -> None:
    (name,) = challenges.sets
    challenges.begin(STATION, name, BY, PERSON)


def test_a_part_that_is_not_right_is_recorded_at_once_and_all_of_them_at_the_end(
    challenges: Challenges, records: Records
) -> None:
    begin(challenges)
    put_in(challenges, "good 1", Label.OK)
    assert records.told == []
    put_in(challenges, "good 2", Label.NG)
    assert records.told == [(2, False)]
    assert records.forgotten == [STATION]
    put_in(challenges, "bad 3", Label.OK)
    assert records.told == [(2, False)]
    put_in(challenges, "bad 4", Label.OK)
    assert records.told == [(2, False), (4, False)]
    assert challenges.run(STATION) is None


def test_what_is_recorded_is_not_recorded_again_when_it_is_ended(
    challenges: Challenges, records: Records
) -> None:
    begin(challenges)
    put_in(challenges, "bad 3", Label.OK)
    challenges.end(STATION, PERSON)
    assert records.told == [(1, False)]


def test_the_next_part_tries_again_what_the_ledger_refused(challenges: Challenges, records: Records) -> None:
    begin(challenges)
    records.refuses = True
    with pytest.raises(GainspectError):
        put_in(challenges, "good 1", Label.NG)
    records.refuses = False
    put_in(challenges, "good 2", Label.OK)
    assert records.told == [(2, False)]


def test_a_service_that_ends_records_what_its_challenges_have_come_to(
    challenges: Challenges, records: Records
) -> None:
    begin(challenges)
    put_in(challenges, "good 1", Label.OK)
    challenges.stop()
    assert records.told == [(1, False)]
    assert records.results[0].actor == PERSON
    assert challenges.run(STATION) is None


def test_a_part_that_counts_is_not_given_back(challenges: Challenges) -> None:
    begin(challenges)
    (name,) = challenges.sets
    put_in(challenges, "good 1", Label.OK)
    run = challenges.run(STATION)
    assert run is not None
    challenges.give_back(run, "good 1")
    with pytest.raises(Problem):
        challenges.take(STATION, name, "good 1", 1)


def test_what_is_decided_after_the_end_does_not_count(challenges: Challenges, records: Records) -> None:
    begin(challenges)
    (name,) = challenges.sets
    run = challenges.take(STATION, name, "good 1", 1)
    put_in(challenges, "good 2", Label.OK)
    challenges.end(STATION, PERSON)
    decided(challenges, run, "good 1", Label.NG)
    assert records.told == [(1, False)]


def test_the_last_two_parts_at_once_are_one_result(challenges: Challenges, records: Records) -> None:
    begin(challenges)
    put_in(challenges, "good 1", Label.OK)
    put_in(challenges, "good 2", Label.OK)
    (name,) = challenges.sets
    run = challenges.take(STATION, name, "bad 3", 1)
    challenges.take(STATION, name, "bad 4", 1)
    challenges._lock = cast(Any, SlowLock())
    threads = [
        threading.Thread(target=decided, args=(challenges, run, part, Label.OK))
        for part in ("bad 3", "bad 4")
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [size for size, _ in records.told if size == 4] == [4]


def test_stored_pictures_are_judged_once_at_a_time(challenges: Challenges) -> None:
    (name,) = challenges.sets
    with challenges._with_pictures, pytest.raises(Problem) as refused:
        challenges.judge_pictures(STATION, name, BY, PERSON)
    assert refused.value.status == 409

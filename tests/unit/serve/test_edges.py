"""Edges of the service: times at which something else happens, and what is away, full or set back."""

import json
import logging
import resource
import shutil
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gainspect.errors import GainspectError
from gainspect.inspection.bundle import read_bundle
from gainspect.inspection.inspector import Inspector
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.records.decision import Decision, FailSafe
from gainspect.ledger.verification import verify
from gainspect.serve import recording
from gainspect.serve.log_lines import JsonLines
from gainspect.serve.recording import Recording
from gainspect.serve.service import Service
from gainspect.serve.spool import Spool
from gainspect.types import Label
from service_parts import NG, OK, STATION, activation, ask, picture, running, sha256
from spot_bundle import spot_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return spot_bundle(tmp_path / "spots.gain").path


@pytest.fixture
def served(tmp_path: Path, bundle: Path) -> Iterator[tuple[Service, TestClient]]:
    with running(tmp_path, bundle) as both:
        yield both


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, list[int]]:
    """Cleared, the event keeps images from being judged; and how many were judged together, each time."""
    opened, numbers, judge = threading.Event(), list[int](), Inspector.judge
    opened.set()

    def waiting(self: Inspector, images: Any) -> Any:
        numbers.append(len(images))
        opened.wait(30)
        return judge(self, images)

    monkeypatch.setattr(Inspector, "judge", waiting)
    return opened, numbers


def all_of(ledger: Ledger, kind: type[Any]) -> list[Any]:
    return [entry.record for entry in ledger.records() if isinstance(entry.record, kind)]


def wait_for(true: Any) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def answered(*asked: Any) -> tuple[list[threading.Thread], list[Any]]:
    """Requests under way, each in a thread, and the answers that came so far."""
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda one=one: answers.append(one())) for one in asked]
    for thread in threads:
        thread.start()
    return threads, answers


def fail_safe(number: int, key: str | None = None) -> FailSafe:
    more = {} if key is None else {"key": key}
    return FailSafe(
        station=STATION,
        decision=f"decision {number}",
        part=f"p{number}",
        label=Label.REVIEW,
        why="late",
        images=(),
        **more,
    )


def test_a_key_that_is_under_way_for_one_part_is_refused_to_another(
    served: tuple[Service, TestClient], judged: tuple[threading.Event, list[int]]
) -> None:
    service, client = served
    opened, _ = judged
    opened.clear()
    image = picture(*OK)
    threads, answers = answered(
        lambda: ask(client, image, key="k1"), lambda: ask(client, image, key="k1", part="p1")
    )
    wait_for(lambda: service.judging.images == 1)
    assert ask(client, picture(*NG), key="k1").status_code == 422
    assert ask(client, image, key="k1", part="p2").status_code == 422
    assert ask(client, image, key="k1", lot="another").status_code == 422
    opened.set()
    for thread in threads:
        thread.join()
    assert sorted((one.status_code, one.json()["repeated"]) for one in answers) == [(200, True), (201, False)]
    assert len(all_of(service.ledger, Decision)) == 1


def test_the_order_of_the_images_belongs_to_the_key(served: tuple[Service, TestClient]) -> None:
    _, client = served
    one, other = picture(*OK), picture(*NG)
    assert ask(client, one, other, key="k1").status_code == 201
    assert ask(client, other, one, key="k1").status_code == 422
    assert ask(client, one, other, other, key="k1").status_code == 422
    assert ask(client, one, other, key="k1").status_code == 200


def test_a_late_part_leaves_the_queue_to_others(
    tmp_path: Path, bundle: Path, judged: tuple[threading.Event, list[int]]
) -> None:
    opened, numbers = judged
    with running(tmp_path, bundle, settings="waiting: 2\n") as (service, client):
        opened.clear()
        numbers.clear()  # the bundle judged when it was loaded
        image = picture(*OK)
        threads, answers = answered(lambda: ask(client, image))
        wait_for(lambda: numbers == [1])
        assert ask(client, image, deadline_ms=50).status_code == 504
        assert service.judging.images == 1
        more, _ = answered(lambda: ask(client, image, part="p2"))
        wait_for(lambda: service.judging.images == 2)
        opened.set()
        for thread in threads + more:
            thread.join()
        assert [one.status_code for one in answers] == [201]
        assert numbers == [1, 1]
        assert sorted(one.part for one in all_of(service.ledger, Decision)) == ["p1", "p2"]


def test_parts_that_wait_for_a_slow_disk_leave_no_room_for_others(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, bundle, settings="waiting: 2\n") as (_, client):
        written, append = threading.Event(), Ledger.append_all

        def slow(self: Ledger, *told: Any) -> Any:
            written.wait(30)
            return append(self, *told)

        monkeypatch.setattr(Ledger, "append_all", slow)
        image = picture(*OK)
        threads, answers = answered(*(lambda n=n: ask(client, image, part=f"p{n}") for n in range(2)))
        wait_for(lambda: client.app.state.inspections._judged == 2)  # type: ignore[attr-defined]
        full = ask(client, image)
        assert (full.status_code, full.json()["why"]) == (429, "full")
        written.set()
        for thread in threads:
            thread.join()
        assert [one.status_code for one in answers] == [201, 201]
        assert ask(client, image).status_code == 201


def test_a_deadline_holds_while_all_that_ask_the_database_wait(
    served: tuple[Service, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, client = served
    back, look = threading.Event(), Ledger.record_of

    def waiting(self: Ledger, key: str) -> Any:
        back.wait(60)
        return look(self, key)

    image = picture(*OK)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_of", waiting)
        threads, answers = answered(
            *(lambda n=n: ask(client, image, key=f"k{n}", deadline_ms=100) for n in range(12))
        )
        for thread in threads:
            thread.join(30)
        assert [one.json().get("why") for one in answers] == ["late"] * 12
        back.set()
    # Whether the keys were new was not known: such an answer is not for good.
    again = ask(client, image, key="k0")
    assert (again.status_code, again.json()["label"]) == (201, "ok")
    service.give()
    assert len(all_of(service.ledger, FailSafe)) == 12


def test_a_request_that_comes_again_while_its_fail_safe_is_being_kept_is_told_the_same(
    served: tuple[Service, TestClient],
    judged: tuple[threading.Event, list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    service, client = served
    kept, keeps, keep = threading.Event(), threading.Event(), service.fail_safe

    def slowly(record: FailSafe) -> None:
        keeps.set()
        kept.wait(30)
        keep(record)

    monkeypatch.setattr(service, "fail_safe", slowly)
    judged[0].clear()
    image = picture(*OK)
    threads, answers = answered(lambda: ask(client, image, key="k1", deadline_ms=3000))
    assert keeps.wait(30)
    judged[0].set()
    again = ask(client, image, key="k1")
    kept.set()
    threads[0].join(30)
    assert [one.json()["why"] for one in (*answers, again)] == ["late", "late"]
    service.give()
    assert ask(client, image, key="k1").json()["why"] == "late"
    assert all_of(service.ledger, Decision) == []


def test_a_deadline_counts_from_the_arrival_of_the_request(
    served: tuple[Service, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Letting the machine in takes its time too."""
    _, client = served
    gate, of = client.app.state.gate, client.app.state.gate.machine  # type: ignore[attr-defined]

    def slowly(token: str) -> Any:
        time.sleep(0.2)
        return of(token)

    monkeypatch.setattr(gate, "machine", slowly)
    assert ask(client, picture(*OK), deadline_ms=150).json()["why"] == "late"


def test_without_the_database_a_part_with_a_key_is_answered_with_the_fail_safe(
    served: tuple[Service, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, client = served

    def gone(*_: Any) -> Any:
        raise GainspectError("the database cannot be reached")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_of", gone)
        away = ask(client, picture(*OK), key="k1")
    assert (away.status_code, away.json()["why"], away.json()["decision"]) == (503, "ledger_gone", "review")
    service.give()
    assert [one.why for one in all_of(service.ledger, FailSafe)] == ["ledger_gone"]


def test_pictures_that_cannot_be_stored_are_not_decided(
    served: tuple[Service, TestClient], tmp_path: Path
) -> None:
    service, client = served
    assert ask(client, picture(*OK)).status_code == 201
    shutil.rmtree(tmp_path / "pictures")
    (tmp_path / "pictures").write_bytes(b"")
    refused = ask(client, picture(*NG), key="k1")
    assert (refused.status_code, refused.json()["why"]) == (503, "ledger_gone")
    (tmp_path / "pictures").unlink()
    assert ask(client, picture(*NG), key="k1").status_code == 201
    service.give()
    assert [one.why for one in all_of(service.ledger, FailSafe)] == ["ledger_gone"]


def test_with_a_clock_that_was_set_back_nothing_is_decided_until_it_is_right(
    served: tuple[Service, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, client = served
    with monkeypatch.context() as patch:
        patch.setattr(service.ledger, "_clock", lambda: datetime.now(UTC) - timedelta(hours=1))
        assert ask(client, picture(*OK), key="k1").json()["why"] == "ledger_gone"
        assert len(service.spool) == 1
    assert ask(client, picture(*OK), key="k1").status_code == 201
    service.give()
    (kept,) = all_of(service.ledger, FailSafe)
    assert "clock" in kept.note


def test_a_bundle_that_the_service_lacks_is_not_active(
    served: tuple[Service, TestClient], tmp_path: Path
) -> None:
    service, client = served
    other = spot_bundle(tmp_path / "other.gain", threshold=0.6)
    service.ledger.append(activation(read_bundle(other.path), "line 4"))
    said = ask(client, picture(*OK), station="line 4")
    assert (said.status_code, said.json()["why"]) == (409, "no_bundle")
    service.give()
    assert all_of(service.ledger, FailSafe)[0].note == "not_loaded"


def test_two_services_that_were_late_for_one_key_are_both_recorded(
    tmp_path: Path, bundle: Path, judged: tuple[threading.Event, list[int]]
) -> None:
    opened, _ = judged
    image = picture(*OK)
    with (
        running(tmp_path, bundle) as (one, client),
        running(tmp_path, bundle, state="other state", active=()) as (other, its),
    ):
        opened.clear()
        answers = [ask(asked, image, key="k1", deadline_ms=80) for asked in (client, its)]
        opened.set()
        one.give()
        other.give()
        assert len(one.spool) == len(other.spool) == 0
        kept = all_of(one.ledger, FailSafe)
        assert len({record.decision for record in kept}) == 1
        assert len(kept) == 2 - sum(answer.json()["repeated"] for answer in answers)
        assert ask(its, image, key="k1").json()["why"] == "late"


def test_the_service_goes_on_where_it_can_leave_no_sign_of_life(
    served: tuple[Service, TestClient], tmp_path: Path
) -> None:
    service, client = served
    (tmp_path / "state" / "alive").unlink()
    (tmp_path / "state" / "alive").symlink_to(tmp_path / "no" / "such" / "folder")
    for number in range(2):
        assert ask(client, picture(*OK), part=f"p{number}", deadline_ms=0.001).status_code == 504
        wait_for(lambda number=number: len(all_of(service.ledger, FailSafe)) == number + 1)


class Appending:
    """A ledger that may refuse."""

    def __init__(self, *refused: str) -> None:
        self.refused, self.calls = refused, list[list[str]]()

    def append_all(self, records: Any) -> list[Any]:
        self.calls.append([record.part for record in records])
        if set(self.refused) & set(self.calls[-1]):
            raise GainspectError("refused")
        return [record.part for record in records]


def recorded(ledger: Any, *records: FailSafe) -> list[Any]:
    """What becomes of records that wait together."""
    first = threading.Event()
    append = ledger.append_all

    def waiting(told: Any) -> Any:
        first.wait(30)
        return append(told)

    ledger.append_all = waiting
    one = Recording(ledger)
    one.submit(fail_safe(0))
    wait_for(lambda: one._waiting.empty())
    futures = [one.submit(record) for record in records]
    futures[-1].cancel()
    first.set()
    one.stop()
    assert futures[-1].cancelled()
    with pytest.raises(GainspectError, match="the service has ended"):
        one.append(fail_safe(99))
    return [future.exception() or future.result() for future in futures[:-1]]


def test_a_record_that_is_refused_takes_no_other_along_and_one_that_is_cancelled_is_not_appended() -> None:
    ledger = Appending("p2")
    said = recorded(ledger, *map(fail_safe, range(1, 5)))
    assert [str(one) for one in said] == ["p1", "refused.", "p3"]
    assert ledger.calls == [["p0"], ["p1", "p2", "p3"], ["p1"], ["p2"], ["p3"]]


def test_a_database_that_is_away_is_not_asked_for_each_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "_AWAY_S", -1.0)
    ledger = Appending("p2")
    assert [str(one) for one in recorded(ledger, *map(fail_safe, range(1, 5)))] == ["refused."] * 3
    assert ledger.calls == [["p0"], ["p1", "p2", "p3"]]


def test_a_full_disk_leaves_no_piece_of_an_answer(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    spool.add(fail_safe(1))
    path = tmp_path / "fail_safe.jsonl"
    before, (soft, hard) = path.read_bytes(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 20, hard))
    try:
        with pytest.raises(GainspectError, match="cannot"):
            spool.add(fail_safe(2))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == before
    spool.add(fail_safe(3))
    spool.close()
    assert [one.part for one in Spool(tmp_path)._waiting] == ["p1", "p3"]


def test_the_spool_gives_in_groups_and_keeps_what_is_refused(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    for number in range(150):
        spool.add(fail_safe(number, key=f"key {number}"))
    groups = list[int]()

    def append(records: Any) -> None:
        if len(groups) == 2:
            raise GainspectError("the database cannot be reached")
        groups.append(len(records))

    with pytest.raises(GainspectError):
        spool.drain(append)
    assert groups == [64, 64]
    assert (spool.find("key 127"), len(spool)) == (None, 22)
    assert spool.find("key 128") == spool._waiting[0]
    spool.close()
    left = Spool(tmp_path)
    kept = [one.part for one in left._waiting]
    assert kept[-22:] == [f"p{number}" for number in range(128, 150)]
    assert left.drain(lambda _: None) == len(kept)
    assert (tmp_path / "fail_safe.jsonl").read_bytes() == b""


def test_a_line_of_the_log_is_one_object_without_what_requests_say() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        told = (type(error), error, error.__traceback__)
    line = JsonLines().format(logging.LogRecord("gainspect", logging.ERROR, "", 0, "a\n%s", ("b",), told))
    assert "\n" not in line
    assert json.loads(line)["message"] == "a\nb"
    assert "ValueError: two\nlines" in json.loads(line)["error"]


@pytest.mark.parametrize("size", [0, 1, 3])
def test_what_is_stored_is_what_was_sent(served: tuple[Service, TestClient], size: int) -> None:
    service, client = served
    content = bytes(range(size))
    said = ask(client, content, key="k")
    assert said.json()["label"] == "review"
    store = service.ledger.pictures
    assert store is not None
    assert store.read(sha256(content)) == content


def test_two_services_on_one_database_answer_a_key_once(
    tmp_path: Path, bundle: Path, ledger_url: str
) -> None:
    image = picture(*NG)
    with (
        running(tmp_path, bundle, db=ledger_url) as (one, client),
        running(tmp_path, bundle, db=ledger_url, state="other state", active=()) as (_, its),
    ):
        requests = [
            lambda asked=asked, n=n: ask(asked, image, key=f"k{n}", part=f"p{n}")
            for n in range(8)
            for asked in (client, its, client)
        ]
        threads, answers = answered(*requests)
        for thread in threads:
            thread.join()
        assert {answer.status_code for answer in answers} == {200, 201}
        assert len(answers) == 24
        keys = {answer.json()["part"]: answer.json()["key"] for answer in answers}
        assert all(keys[answer.json()["part"]] == answer.json()["key"] for answer in answers)
        decisions = all_of(one.ledger, Decision)
        assert sorted(one.key for one in decisions) == sorted(keys.values())
    with open_ledger(ledger_url, pictures=str(tmp_path / "pictures")) as ledger:
        states = [entry.record.to_json().get("state") for entry in ledger.records()]
        assert states.count("started") == states.count("stopped") == 2
        assert not verify(ledger).faults

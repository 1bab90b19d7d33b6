"""A part comes in, and its decision, or the fail-safe, is answered when it is durable."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gainspect.errors import GainspectError
from gainspect.inspection.inspector import Inspector
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.records.decision import Decision, FailSafe
from gainspect.ledger.records.operation import ServiceState
from gainspect.ledger.records.sealed import Record
from gainspect.ledger.verification import verify
from gainspect.serve.service import Service
from service_parts import NG, OK, STATION, ask, picture, running, sha256
from spot_bundle import spot_bundle


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    spot_bundle(tmp_path / "spots.gain")
    return tmp_path / "spots.gain"


@pytest.fixture
def served(tmp_path: Path, bundle: Path) -> Iterator[tuple[Service, TestClient]]:
    with running(tmp_path, bundle) as both:
        yield both


def records(ledger: Ledger, kind: type[Record]) -> list[Any]:
    return [entry.record for entry in ledger.records() if isinstance(entry.record, kind)]


def gone(*_: Any) -> Any:
    raise GainspectError("the database cannot be reached")


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Cleared, it keeps images from being judged until it is set."""
    opened, judge = threading.Event(), Inspector.judge
    opened.set()

    def waiting(self: Inspector, images: Any) -> Any:
        opened.wait(30)
        return judge(self, images)

    monkeypatch.setattr(Inspector, "judge", waiting)
    return opened


def test_the_answer_is_what_the_inspector_says_and_what_the_ledger_holds(
    served: tuple[Service, TestClient], bundle: Path, tmp_path: Path
) -> None:
    service, client = served
    images = picture(*OK), picture(*NG)
    said = ask(client, *images, lot="lot 7")
    assert said.status_code == 201
    for number, image in enumerate(images):
        (tmp_path / f"{number}.png").write_bytes(image)
    expected = Inspector.load(bundle).decide([tmp_path / "0.png", tmp_path / "1.png"])
    assert said.json()["label"] == expected.label == "ng"
    assert said.json()["score"] == pytest.approx(expected.score, abs=1e-6)
    entry = service.ledger.record_of(said.json()["key"])
    assert entry is not None
    assert isinstance(entry.record, Decision)
    assert (entry.record.part, entry.record.lot, entry.record.station) == ("p1", "lot 7", STATION)
    assert [image.sha256 for image in entry.record.images] == [*map(sha256, images)]
    assert all(image.stored for image in entry.record.images)
    assert not verify(service.ledger).faults
    assert client.get(f"/v1/decisions/{said.json()['key']}").json() == said.json()


def test_the_same_request_again_gets_the_same_decision(served: tuple[Service, TestClient]) -> None:
    service, client = served
    image, other = picture(*OK), picture(*NG)
    first = ask(client, image, key="k1")
    again = ask(client, image, key="k1")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json() | {"repeated": True}
    assert len(records(service.ledger, Decision)) == 1
    misused = ask(client, other, key="k1")
    assert misused.status_code == 422
    assert misused.json()["decision"] == "review"
    assert ask(client, image, key="k2").json()["key"] != first.json()["key"]


def test_a_late_part_is_answered_with_the_fail_safe_and_never_decided_afterwards(
    served: tuple[Service, TestClient], gate: threading.Event
) -> None:
    service, client = served
    gate.clear()
    image = picture(*NG)
    late = ask(client, image, key="k1", deadline_ms=3000)
    assert late.status_code == 504
    assert late.headers["content-type"] == "application/problem+json"
    assert (late.json()["decision"], late.json()["why"]) == ("review", "late")
    gate.set()
    again = ask(client, image, key="k1")
    assert (again.status_code, again.json()["repeated"]) == (504, True)
    assert ask(client, image, key="k2").status_code == 201
    service.give()
    assert [record.part for record in records(service.ledger, Decision)] == ["p1"]
    kept = records(service.ledger, FailSafe)
    assert [(record.why, record.images) for record in kept] == [("late", (sha256(image),))]


def test_past_its_queue_it_says_when_to_come_again(
    tmp_path: Path, bundle: Path, gate: threading.Event
) -> None:
    with running(tmp_path, bundle, settings="waiting: 2\nfail_safe: ng\n") as (service, client):
        gate.clear()
        image = picture(*NG)
        answers: list[Any] = []
        threads = [threading.Thread(target=lambda: answers.append(ask(client, image))) for _ in range(2)]
        for thread in threads:
            thread.start()
        while service.judging.images < 2:
            threading.Event().wait(0.01)
        full = ask(client, image, key="k1")
        assert full.status_code == 429
        assert int(full.headers["retry-after"]) >= 1
        assert (full.json()["decision"], full.json()["why"]) == ("ng", "full")
        gate.set()
        for thread in threads:
            thread.join()
        assert [answer.status_code for answer in answers] == [201, 201]
        assert ask(client, image, key="k1").status_code == 201
        service.give()
        assert [record.why for record in records(service.ledger, FailSafe)] == ["full"]


def test_without_its_database_the_fail_safe_is_kept_until_it_is_back(
    served: tuple[Service, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    service, client = served
    image = picture(*NG)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "append_all", gone)
        away = ask(client, image, key="k1")
        assert (away.status_code, away.json()["decision"]) == (503, "review")
        assert len(service.spool) == 1
    service.give()
    assert [record.why for record in records(service.ledger, FailSafe)] == ["ledger_gone"]
    assert ask(client, image, key="k1").status_code == 201


def test_what_the_spool_holds_at_a_kill_is_recorded_by_the_next_service(
    tmp_path: Path, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, bundle) as (service, client):
        monkeypatch.setattr(service.recording, "submit", gone)
        assert ask(client, b"no image", deadline_ms=0.001).status_code == 504
        assert len(service.spool) == 1
        shutil.copytree(tmp_path / "state", tmp_path / "left by a kill")
    with (tmp_path / "left by a kill" / "fail_safe.jsonl").open("ab") as file:
        file.write(b'{"torn": ')
    with running(tmp_path, bundle, state="left by a kill") as (service, _):
        service.give()
        assert [record.why for record in records(service.ledger, FailSafe)] == ["late"]
        starts = [one.down_since for one in records(service.ledger, ServiceState) if one.state == "started"]
        assert starts[0] is None
        assert starts[1] is not None


def test_what_cannot_be_read_is_for_a_person(served: tuple[Service, TestClient]) -> None:
    said = ask(served[1], b"no image").json()
    assert (said["label"], said["fired"], said["score"]) == ("review", ["unreadable"], None)


def test_without_a_bundle_at_the_station_nothing_is_decided(tmp_path: Path, bundle: Path) -> None:
    with running(tmp_path, bundle, active=()) as (_, client):
        said = ask(client, picture(*OK))
        assert (said.status_code, said.json()["why"], said.json()["decision"]) == (409, "no_bundle", "review")


@pytest.mark.parametrize("said", [True, False], ids=["told", "not told"])
def test_a_body_that_is_too_long_is_refused_before_it_is_read(
    tmp_path: Path, bundle: Path, said: bool
) -> None:
    with running(tmp_path, bundle, settings="max_bytes: 2048") as (_, client):
        part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        content = part + b"x" * 2**20 if said else iter([part, *[b"x" * 2**16] * 16])
        answer = client.post(
            "/v1/inspections", content=content, headers={"content-type": "multipart/form-data; boundary=b"}
        )
        assert answer.status_code == 413
        assert answer.json()["decision"] == "review"


def test_two_services_do_not_share_a_folder(
    served: tuple[Service, TestClient], tmp_path: Path, bundle: Path
) -> None:
    with (
        pytest.raises(GainspectError, match="another service keeps its state here"),
        running(tmp_path, bundle),
    ):
        pass


def test_at_the_end_what_was_taken_is_decided(tmp_path: Path, bundle: Path, gate: threading.Event) -> None:
    answers: list[Any] = []
    with running(tmp_path, bundle) as (service, client):
        gate.clear()
        asked = threading.Thread(target=lambda: answers.append(ask(client, picture(*OK))))
        asked.start()
        while service.judging.images < 1:
            threading.Event().wait(0.01)
        threading.Timer(0.2, gate.set).start()
    asked.join()
    with open_ledger(str(tmp_path / "line.ledger")) as ledger:
        assert len(records(ledger, Decision)) == 1
        assert records(ledger, ServiceState)[-1].state == "stopped"


def test_health_and_figures(served: tuple[Service, TestClient]) -> None:
    service, client = served
    assert ask(client, picture(*OK)).json()["label"] == "ok"
    assert client.get("/healthz").json() == {"status": "alive"}
    assert client.get("/readyz").json()["records"] == service.ledger.head().size
    assert 'gainspect_decisions_total{label="ok",station="line 3"} 1.0' in client.get("/metrics").text
    service.stopping.set()
    assert client.get("/readyz").status_code == 503

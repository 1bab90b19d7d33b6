"""What the pages' scripts ask for: actions, pictures, events; by people who are signed in."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.accounts import Role
from gainspect.ledger.claims import Claims
from gainspect.ledger.records.base import new_key
from gainspect.ledger.records.decision import Confirm, JudgedImage
from gainspect.policy import HeatScale
from gainspect.serve.api.events import _stream
from gainspect.serve.evidence import RecentEvidence, small_heat
from gainspect.serve.following import Follower, Sign
from gainspect.serve.pages.wiring import RIGHTS, add_pages
from gainspect.serve.problems import Problem
from gainspect.serve.security import require_rights
from gainspect.serve.security.csrf import token_of
from gainspect.serve.service import Service
from gainspect.types import Label
from ledger_records import decision
from service_parts import BORDERLINE, NG, STATION, ask, picture, running
from spot_bundle import spot_bundle


class Desk:
    """A service, and people at it."""

    def __init__(self, service: Service, client: TestClient) -> None:
        self.service, self.client = service, client
        del client.headers["Authorization"]  # here people ask
        gate = client.app.state.gate  # type: ignore[attr-defined]
        self.sessions, self.actors = {}, {}
        for name, role in (("kim", Role.OPERATOR), ("lee", Role.OPERATOR), ("audit", Role.AUDITOR)):
            account = gate.invitations.redeem(gate.invitations.make(role, by=None), name, "no hash")
            self.actors[name] = account.actor
            self.sessions[name] = gate.sessions.begin(account.actor)

    def send(self, method: str, path: str, who: str = "kim", **more: Any) -> Any:
        headers = {
            "Cookie": f"gainspect_session={self.sessions[who]}",
            "X-CSRF-Token": token_of(self.sessions[who]),
            **more.pop("headers", {}),
        }
        return self.client.request(method, path, headers=headers, **more)

    def act(self, key: str, what: str, who: str = "kim", **given: Any) -> Any:
        return self.send("POST", f"/v1/decisions/{key}/{what}", who, json=given)

    def decided(self, *spots: tuple[int, int, int]) -> str:
        key: str = ask(self.client, picture(*spots, seed=int(new_key()[:6], 16)), part=new_key()).json()[
            "key"
        ]
        return key


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("service")
    spot_bundle(folder / "spots.gain")
    with running(folder, folder / "spots.gain") as (service, client):
        yield Desk(service, client)


def test_what_is_stale_is_refused_and_says_what_counts(desk: Desk) -> None:
    key = desk.decided(*NG)
    given = {"believed": "ng", "seen": 0, "new": "ok", "reason": "dirt"}
    first = desk.act(key, "override", **given)
    assert first.status_code == 201 and first.json()["label"] == "ok" and first.json()["seen"] == 1
    for what, stale in (("override", given), ("confirm", {"believed": "ng", "seen": 1})):
        refused = desk.act(key, what, "lee", **stale)
        assert refused.status_code == 409 and (refused.json()["label"], refused.json()["seen"]) == ("ok", 1)
    assert desk.act(key, "confirm", "lee", believed="ok", seen=1).status_code == 201
    told = desk.send("GET", f"/v1/decisions/{key}/actions", "audit").json()
    assert [one["kind"] for one in told["actions"]] == ["override", "confirm"] and told["label"] == "ok"
    assert told["actions"][0]["actor"] == desk.actors["kim"] and told["actions"][0]["station"] == STATION


def test_of_two_at_once_the_ledger_takes_one(desk: Desk) -> None:
    """Both have read the same state: the key of what comes next is one, so a second record is refused."""
    key = desk.decided(*NG)
    answers: list[int] = []
    gate = threading.Barrier(4)

    def confirm(who: str) -> None:
        gate.wait()
        answers.append(desk.act(key, "confirm", who, believed="ng", seen=0).status_code)

    threads = [threading.Thread(target=confirm, args=(who,)) for who in ("kim", "lee") * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [201, 409, 409, 409]
    kept = [one.record for one in desk.service.ledger.records()]
    assert sum(isinstance(one, Confirm) and one.decision == key for one in kept) == 1


def test_an_acknowledgement_names_a_watch_or_none(desk: Desk) -> None:
    gate = desk.client.app.state.gate  # type: ignore[attr-defined]
    account = gate.invitations.redeem(gate.invitations.make(Role.ENGINEER, by=None), "park", "no hash")
    desk.sessions["park"] = gate.sessions.begin(account.actor)
    path = f"/v1/stations/{STATION}/drift/acknowledgements"
    for watch, status in (("", 422), (None, 201), ("k0", 201)):
        assert desk.send("POST", path, "park", json={"reason": "lamp", "watch": watch}).status_code == status


@pytest.mark.parametrize(
    ("what", "given", "status"),
    [
        ("override", {"believed": "ng", "seen": 0, "new": "ok", "reason": "because"}, 422),
        ("override", {"believed": "ng", "seen": 0, "new": "ok", "reason": "reviewed"}, 422),
        ("override", {"believed": "ng", "seen": 0, "new": "ng", "reason": "dirt"}, 422),
        ("override", {"believed": "ng", "seen": 0, "new": "review", "reason": "dirt"}, 422),
        ("confirm", {"believed": "review", "seen": 0}, 422),
        ("confirm", {"believed": "ng", "seen": 0, "note": "x" * 4001}, 422),
        ("corrections", {"seen": 0, "image": 1, "regions": [[[0, 0], [5, 0], [96, 5]]]}, 422),
        ("corrections", {"seen": 0, "image": 1, "regions": [[[0, 0], [5, 0], [5, -1]]]}, 422),
        ("corrections", {"seen": 0, "image": 1, "regions": [[[0, 0], [5, 0], [5, 0]]]}, 422),
        ("corrections", {"seen": 0, "image": 2, "regions": []}, 404),
        ("corrections", {"seen": 1, "image": 1, "regions": []}, 409),
    ],
)
def test_what_makes_no_sense_is_refused(desk: Desk, what: str, given: dict[str, Any], status: int) -> None:
    key = desk.decided(*NG)
    answer = desk.act(key, what, **given)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert desk.send("GET", f"/v1/decisions/{key}/actions").json()["actions"] == []


def test_who_may_not_act_and_what_is_not_there(desk: Desk) -> None:
    key = desk.decided(*NG)
    assert desk.act(key, "confirm", "audit", believed="ng", seen=0).status_code == 403
    assert desk.client.post(f"/v1/decisions/{key}/confirm", json={}).status_code == 401
    forged = desk.send("POST", f"/v1/decisions/{key}/claim", headers={"X-CSRF-Token": "no"})
    assert forged.status_code == 403
    assert desk.act("nobody's", "confirm", believed="ng", seen=0).status_code == 404


def test_a_part_that_somebody_reviews_is_theirs(desk: Desk) -> None:
    key = desk.decided(*BORDERLINE)
    assert desk.act(key, "claim", "kim").status_code == 204
    assert desk.act(key, "claim", "lee").status_code == 409
    given = {"believed": "review", "seen": 0, "new": "ng", "reason": "reviewed"}
    assert desk.act(key, "override", "lee", **given).status_code == 409
    assert desk.send("DELETE", f"/v1/decisions/{key}/claim", "lee").status_code == 204  # not theirs to give
    assert Claims(desk.service.ledger.database).holders()[key] == desk.actors["kim"]
    assert desk.act(key, "override", "kim", **given).status_code == 201
    assert key not in Claims(desk.service.ledger.database).holders()


@pytest.mark.parametrize("field", ["station", "done"])
def test_a_nul_in_the_form_of_the_queue_is_refused(desk: Desk, field: str) -> None:
    assert desk.send("POST", "/review/next", data={field: "a\0b"}).status_code == 422


def test_a_correction_keeps_what_counted_before(desk: Desk) -> None:
    key = desk.decided(*NG)
    drawn = [[[10, 10], [30, 10], [30, 40]]]
    assert desk.act(key, "corrections", seen=0, image=1, regions=drawn).status_code == 201
    assert desk.act(key, "corrections", seen=1, image=1, regions=[], reason="no_defect").status_code == 201
    first, second = desk.send("GET", f"/v1/decisions/{key}/actions").json()["actions"]
    assert first["new"] == drawn == second["old"] and second["new"] == []
    xs, ys = zip(*first["old"][0], strict=True)  # what the network marked: the spot at (40, 40)
    assert min(xs) < 40 < max(xs) and min(ys) < 40 < max(ys)


def shown(answer: Any) -> np.ndarray:
    return np.asarray(cv2.imdecode(np.frombuffer(answer.content, np.uint8), cv2.IMREAD_UNCHANGED))


def test_a_picture_is_shown_as_it_was_judged(desk: Desk) -> None:
    """A 16-bit TIFF, and a JPEG that lies on its side, by the decoder of the inspection."""
    grey = np.full((40, 60), 20_000, np.uint16)
    grey[:, 30:] = 60_000
    tiff = bytes(cv2.imencode(".tiff", grey)[1])
    made = decision("tiff", key="tiff").model_copy(update={"images": (_stored(desk, tiff),)})
    desk.service.ledger.append(made)
    answer = desk.send("GET", "/v1/decisions/tiff/images/1")
    assert (
        answer.headers["content-type"] == "image/png"
        and answer.headers["x-content-type-options"] == "nosniff"
    )
    pixels = shown(answer)
    assert pixels.shape == (40, 60, 3) and pixels.dtype == np.uint8
    assert pixels[0, 0, 0] == pytest.approx(20_000 / 65_535 * 255, abs=1) and pixels[0, 59, 0] > 230
    assert shown(desk.send("GET", "/v1/decisions/tiff/images/1?side=30")).shape == (20, 30, 3)
    again = desk.send("GET", "/v1/decisions/tiff/images/1", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
    assert desk.send("GET", "/v1/decisions/tiff/images/2").status_code == 404


def test_a_picture_that_is_not_the_one_that_was_judged_is_not_shown(desk: Desk) -> None:
    store = desk.service.ledger.pictures
    assert store is not None
    image = _stored(desk, picture(*NG, seed=77))
    made = decision("changed", key="changed").model_copy(update={"images": (image,)})
    desk.service.ledger.append(made)
    assert image.sha256 is not None
    path = Path(store.place) / image.sha256[:2] / image.sha256
    path.write_bytes(b"<script>alert(1)</script>")
    assert desk.send("GET", "/v1/decisions/changed/images/1").status_code == 409
    store.remove(image.sha256)
    assert desk.send("GET", "/v1/decisions/changed/images/1").status_code == 410
    assert desk.send("GET", "/v1/decisions/changed/images/1/evidence.png").status_code == 410


def _stored(desk: Desk, content: bytes) -> JudgedImage:
    store = desk.service.ledger.pictures
    assert store is not None
    return JudgedImage(image="a", sha256=store.put(content), stored=True, verdict=Label.OK, score=0.1)


def test_evidence_is_that_of_the_verdict_on_the_calibrated_scale(desk: Desk) -> None:
    key = desk.decided(*NG)
    layer = shown(desk.send("GET", f"/v1/decisions/{key}/images/1/evidence.png"))
    inspector = desk.service.bundles.all()[0].inspector
    kept = desk.service.ledger.record_of(key)
    store = desk.service.ledger.pictures
    assert kept is not None and store is not None
    content = store.read(kept.record.images[0].sha256)  # type: ignore[union-attr, arg-type]
    pixels = cv2.imdecode(np.frombuffer(content or b"", np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]
    evidence = inspector.inspect(np.ascontiguousarray(pixels)).evidence.evidence
    heat = np.clip((evidence - 0.02) / (0.4 - 0.02), 0, 1)
    assert layer.shape == (96, 96, 4)
    assert np.abs(layer[:, :, 3] / 255 - np.sqrt(heat)).max() < 0.07  # 8 bits of heat, and the root of them


def test_evidence_waits_for_the_line_and_comes_one_at_a_time(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gainspect.serve.api.pictures._TURN_WITHIN_S", 0.05)
    path = f"/v1/decisions/{desk.decided(*NG)}/images/1/evidence.png"
    with monkeypatch.context() as busy:
        busy.setattr(desk.service.judging, "_images", 1)
        refused = desk.send("GET", path, "audit")
    assert (refused.status_code, refused.json()["detail"]) == (503, "the line comes first")
    assert "Retry-After" in refused.headers
    with desk.service.redrawing:
        assert desk.send("GET", path, "audit").status_code == 503
    assert desk.send("GET", path, "audit").status_code == 200


def test_evidence_that_nobody_waits_for_any_more_is_not_judged(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, never = desk.decided(*NG), Future[Any]()
    monkeypatch.setattr("gainspect.serve.api.pictures._JUDGED_WITHIN_S", 0.05)
    monkeypatch.setattr(desk.service.judging, "submit", lambda *_: never)
    assert desk.send("GET", f"/v1/decisions/{key}/images/1/evidence.png", "audit").status_code == 503
    assert never.cancelled()


def test_no_hot_pixel_is_lost_when_evidence_is_made_small() -> None:
    evidence = np.zeros((3000, 2000), np.float32)
    evidence[1234, 567] = 1
    heat = small_heat(evidence, HeatScale(cold=0, hot=1))
    assert heat.shape == (768, 512) and heat.max() > 200
    row, column = np.unravel_index(int(heat.argmax()), heat.shape)
    assert abs(row - 1234 * 768 / 3000) < 2 and abs(column - 567 * 768 / 3000) < 2


def test_the_evidence_that_is_kept_is_bounded() -> None:
    kept = RecentEvidence(most_bytes=100)
    for number in range(30):
        kept.keep(f"k{number}", 0, np.zeros((2, 5), np.uint8))
        kept.get("k0", 0)  # what somebody looks at stays
    assert [kept.get(f"k{number}", 0) is not None for number in (0, 1, 20, 21, 29)] == [
        True,
        False,
        False,
        True,
        True,
    ]
    assert not kept.is_watched(STATION)
    with kept.watching(STATION), kept.watching(STATION):
        assert kept.is_watched(STATION)
    assert not kept.is_watched(STATION)


def test_news_come_in_order_go_on_where_they_stopped_and_end(tmp_path: Path) -> None:
    stopping = threading.Event()

    async def told(follower: Follower, after: int | None, count: int) -> list[int]:
        places: list[int] = []
        async for new in follower.follow(STATION, after):
            if not isinstance(new, Sign):
                places.append(new.place)
            if len(places) == count:
                break
        return places

    async def run(ledger: Ledger) -> None:
        follower = Follower(ledger, stopping)
        following = [asyncio.create_task(told(follower, after, 3)) for after in (None, 0)]
        await asyncio.sleep(0.5)
        assert follower.clients == 2
        for number in range(3):
            ledger.append(decision(f"later {number}"))
            ledger.append(decision(f"there {number}").model_copy(update={"station": "line 4"}))
        assert await asyncio.wait_for(following[0], 10) == [2, 4, 6]
        assert await asyncio.wait_for(following[1], 10) == [1, 2, 4]  # first what it has missed
        await asyncio.sleep(0)
        last = asyncio.create_task(told(follower, None, 99))
        await asyncio.sleep(0.3)
        stopping.set()
        assert await asyncio.wait_for(last, 10) == []
        assert follower.clients == 0
        with pytest.raises(Problem):
            follower.require_room()

    with open_ledger(tmp_path / "line.ledger") as ledger:
        ledger.append_all([decision("first"), decision("second")])
        asyncio.run(run(ledger))


def test_too_many_pages_are_refused(tmp_path: Path) -> None:
    async def run(ledger: Ledger) -> None:
        follower = Follower(ledger, threading.Event())
        opened = [follower.follow(STATION, None) for _ in range(64)]
        for one in opened:
            assert await anext(one) is Sign.BEAT
        with pytest.raises(Problem) as refused:
            follower.require_room()
        assert refused.value.status == 503 and "Retry-After" in refused.value.headers
        for one in opened:
            await one.aclose()  # type: ignore[attr-defined]
        assert follower.clients == 0

    with open_ledger(tmp_path / "line.ledger") as ledger:
        asyncio.run(run(ledger))


def test_one_person_does_not_take_the_pages_of_all_others(tmp_path: Path) -> None:
    async def run(ledger: Ledger) -> None:
        follower = Follower(ledger, threading.Event())
        opened = [follower.follow(STATION, None, "kim") for _ in range(16)]
        for one in opened:
            assert await anext(one) is Sign.BEAT
        with pytest.raises(Problem):
            follower.require_room("kim")
        follower.require_room("lee")
        for one in opened:
            await one.aclose()  # type: ignore[attr-defined]
        follower.require_room("kim")

    with open_ledger(tmp_path / "line.ledger") as ledger:
        asyncio.run(run(ledger))


def test_pages_are_let_go_whatever_the_error_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("an error of a driver")

    monkeypatch.setattr("gainspect.serve.following.news", broken)

    async def run(ledger: Ledger) -> None:
        follower = Follower(ledger, threading.Event())
        told = [new async for new in follower.follow(STATION, None)]
        assert told == [Sign.BEAT]

    with open_ledger(tmp_path / "line.ledger") as ledger:
        asyncio.run(asyncio.wait_for(run(ledger), 10))


def test_events_end_with_the_session(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gainspect.serve.api.events._ASKS_AGAIN_S", 0.0)
    answers = iter([True, False])

    async def run(ledger: Ledger) -> None:
        follower = Follower(ledger, threading.Event())
        stream = _stream(follower, RecentEvidence(), STATION, None, "kim", lambda: next(answers))
        told = [event async for event in stream]
        assert told == ["retry: 1000\n\n", "event: beat\ndata: {}\n\n"]

    with open_ledger(tmp_path / "line.ledger") as ledger:
        asyncio.run(asyncio.wait_for(run(ledger), 10))


def test_problems_say_what_they_mean_in_json(desk: Desk) -> None:
    said = json.loads(desk.act("nobody's", "claim").content)
    assert said["status"] == 404 and "no decision" in said["detail"]


def test_every_address_of_the_pages_is_in_the_table_of_rights(desk: Desk) -> None:
    app = FastAPI(openapi_url=None)
    add_pages(app, desk.service)
    require_rights(app, RIGHTS)


def test_people_read_what_went_wrong_as_a_page(desk: Desk) -> None:
    answer = desk.send("GET", "/decisions/nobody/place/1", headers={"Accept": "text/html"})
    assert answer.status_code == 404 and answer.headers["content-type"].startswith("text/html")
    assert "There is no such decision." in answer.text
    answer = desk.send("GET", "/decisions/nobody/place/1")
    assert answer.headers["content-type"] == "application/problem+json"

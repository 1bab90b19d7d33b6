"""Challenge, waiver and activation over HTTP, as people and machines do them."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from desk_parts import STATION, challenge_folder, comparison, desk_plant
from gainspect.errors import GainspectError
from gainspect.inspection.bundle import read_bundle
from gainspect.ledger.accounts import Role
from gainspect.ledger.review_queue import Undecided
from gainspect.ledger.verification import verify
from gainspect.serve.challenge_sets import KnownPart, read_challenges
from gainspect.types import Label
from page_parts import CLEAR, NOTHING, Plant, metal
from service_parts import machine

API = f"/v1/stations/{STATION}"
PARTS = {"good 1": NOTHING, "good 2": NOTHING, "bad 3": CLEAR, "bad 4": ((330, 90, 30),)}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[tuple[Plant, Path, Path]]:
    with desk_plant(tmp_path / "plant") as made:
        yield made


_ADDRESSES = ("challenge", "challenge/pictures", "waivers", "activations", "drift/acknowledgements")


_clients = list[httpx.Client]()


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _clients:
        _clients.pop().close()


def client_of(plant: Plant, role: Role) -> httpx.Client:
    _clients.append(plant.client(plant.person(role, f"{role} Kim")[1]))
    return _clients[-1]


def inspected(plant: Plant, part: str, picture: bytes, key: str | None = None, **more: str) -> httpx.Response:
    return httpx.post(
        f"{plant.url}/v1/inspections",
        files=[("image", ("1.png", picture))],
        data={"part": part, "station": STATION, **more},
        headers=machine(plant.app, STATION) | ({} if key is None else {"Idempotency-Key": key}),
        timeout=60,
    )


def challenged(plant: Plant, name: str, spots: dict[str, Any] = PARTS) -> list[httpx.Response]:
    return [
        inspected(plant, part, metal(number, spots[part]), challenge=name)
        for number, part in enumerate(PARTS, start=101)
    ]


def test_a_locked_station_answers_the_fail_safe_until_its_challenge_is_passed(
    desk: tuple[Plant, Path, Path],
) -> None:
    plant, first, _ = desk
    refused = inspected(plant, "p", metal(1))
    assert (refused.status_code, refused.json()["decision"], refused.json()["why"]) == (
        423,
        "review",
        "locked",
    )
    operator = client_of(plant, Role.OPERATOR)
    (name,) = plant.service.challenges.sets
    assert inspected(plant, "good 1", metal(101), challenge=name).status_code == 409  # it was not begun
    assert operator.post(f"{API}/challenge", json={"challenge": name}).status_code == 204
    assert inspected(plant, "p", metal(1), challenge=name).status_code == 422  # no part of it
    answers = challenged(plant, name)
    assert [answer.json()["label"] for answer in answers] == ["ok", "ok", "ng", "ng"]
    (result,) = plant.records("challenge_result")
    assert result["passed"]
    assert not result["from_pictures"]
    assert [part["in_place"] for part in result["parts"]] == [None, None, True, True]
    assert [part["decision"] for part in result["parts"]] == [answer.json()["key"] for answer in answers]
    assert result["bundle"] == read_bundle(first).sha256
    assert [made["challenge"] for made in plant.records("decision")] == [name] * 4
    assert not Undecided(plant.service.ledger).find([*Label])  # nobody reviews what is known
    assert inspected(plant, "p", metal(1)).status_code == 201
    assert "challenge" not in plant.records("decision")[-1]
    state = operator.get(f"{API}/state").json()
    assert (state["locked"], state["waived"]) == (None, False)
    assert not verify(plant.service.ledger).faults


def test_the_right_decision_for_the_wrong_place_fails(tmp_path: Path) -> None:
    with desk_plant(tmp_path / "plant", wrong_place=True) as (plant, _, _):
        operator = client_of(plant, Role.OPERATOR)
        (name,) = plant.service.challenges.sets
        said = operator.post(f"{API}/challenge/pictures", json={"challenge": name}).json()
        assert [part["decided"] for part in said["parts"]] == ["ok", "ok", "ng", "ng"]
        assert [part["in_place"] for part in said["parts"]] == [None, None, True, False]
        assert not said["passed"]
        assert operator.get(f"{API}/state").json()["locked"] == "challenge_failed"


def test_each_part_counts_once_and_an_ended_challenge_is_not_passed(desk: tuple[Plant, Path, Path]) -> None:
    plant, _, _ = desk
    operator = client_of(plant, Role.OPERATOR)
    (name,) = plant.service.challenges.sets
    operator.post(f"{API}/challenge", json={"challenge": name})
    assert inspected(plant, "bad 3", metal(103), challenge=name).json()["label"] == "ok"
    assert inspected(plant, "bad 3", metal(103, CLEAR), challenge=name).status_code == 409
    assert operator.get(f"{API}/state").json()["parts"] == ["good 1", "good 2", "bad 4"]
    assert operator.delete(f"{API}/challenge").status_code == 204
    (result,) = plant.records("challenge_result")
    assert not result["passed"]
    assert operator.get(f"{API}/state").json()["locked"] == "challenge_failed"


def test_a_wrong_part_locks_a_station_at_once_that_an_earlier_pass_released(
    desk: tuple[Plant, Path, Path],
) -> None:
    plant, _, _ = desk
    operator = client_of(plant, Role.OPERATOR)
    (name,) = plant.service.challenges.sets
    operator.post(f"{API}/challenge/pictures", json={"challenge": name})
    assert inspected(plant, "p", metal(1)).status_code == 201
    operator.post(f"{API}/challenge", json={"challenge": name})
    assert inspected(plant, "bad 3", metal(103), challenge=name).json()["label"] == "ok"
    assert inspected(plant, "q", metal(1)).status_code == 423
    assert [result["passed"] for result in plant.records("challenge_result")] == [True, False]


def test_a_part_of_a_challenge_that_is_sent_again_gets_its_decision(desk: tuple[Plant, Path, Path]) -> None:
    plant, _, _ = desk
    operator = client_of(plant, Role.OPERATOR)
    (name,) = plant.service.challenges.sets
    for _ in range(2):
        operator.post(f"{API}/challenge", json={"challenge": name})
        answers = [inspected(plant, "good 1", metal(101), key="shift 1", challenge=name) for _ in range(2)]
        assert all(answer.is_success for answer in answers)
        assert len({answer.json()["key"] for answer in answers}) == 1
    # It was decided before this challenge, so that it does not count in it, and may be put in.
    assert "good 1" in operator.get(f"{API}/state").json()["parts"]
    assert inspected(plant, "good 1", metal(101), key="shift 2", challenge=name).status_code == 201


def test_a_late_part_of_a_challenge_is_told_so_and_does_not_count(
    desk: tuple[Plant, Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    plant, _, _ = desk
    operator = client_of(plant, Role.OPERATOR)
    (name,) = plant.service.challenges.sets
    operator.post(f"{API}/challenge", json={"challenge": name})
    looks, goes_on, in_place = threading.Event(), threading.Event(), KnownPart.in_place

    def slowly(self: KnownPart, seen: Any) -> bool | None:
        looks.set()
        goes_on.wait(60)
        return in_place(self, seen)

    def put_in(key: str, **more: str) -> httpx.Response:
        return inspected(plant, "bad 3", metal(103, CLEAR), key, challenge=name, **more)

    with monkeypatch.context() as patch, ThreadPoolExecutor(1) as others:
        patch.setattr(KnownPart, "in_place", slowly)
        first = others.submit(put_in, "1")
        assert looks.wait(60)
        # The same part: so its deadline passes while it is held, however fast the machine is.
        late = put_in("1", deadline_ms="1")
        goes_on.set()
        told = [late.json(), first.result().json(), put_in("1").json()]
    assert [one["why"] for one in told] == ["late"] * 3
    assert all("does not count in the challenge" in one["hint"] for one in told)
    assert plant.records("decision") == []
    assert "bad 3" in operator.get(f"{API}/state").json()["parts"]
    assert put_in("2").json()["label"] == "ng"
    assert "bad 3" not in operator.get(f"{API}/state").json()["parts"]


def test_a_part_that_counts_is_answered_by_its_deadline_though_the_result_is_not_recorded(
    desk: tuple[Plant, Path, Path],
) -> None:
    plant, _, _ = desk
    operator = client_of(plant, Role.OPERATOR)
    (name,) = plant.service.challenges.sets
    operator.post(f"{API}/challenge", json={"challenge": name})
    run = plant.service.challenges.run(STATION)
    assert run is not None
    with ThreadPoolExecutor(1) as others:
        with run.settling:  # as while another result is being recorded
            first = others.submit(inspected, plant, "bad 3", metal(103), "1", challenge=name)
            while "bad 3" not in run.parts:
                time.sleep(0.01)
            again = inspected(plant, "bad 3", metal(103), "1", challenge=name, deadline_ms="1")
            assert (again.status_code, again.json()["label"]) == (200, "ok")
            assert plant.records("challenge_result") == []
        assert first.result().json()["key"] == again.json()["key"]
    (result,) = plant.records("challenge_result")
    assert [part["part"] for part in result["parts"]] == ["bad 3"]


def test_stored_pictures_release_no_station_where_the_plant_says_so(tmp_path: Path) -> None:
    with desk_plant(tmp_path / "plant", settings={"stored_challenges": False}) as (plant, _, _):
        operator = client_of(plant, Role.OPERATOR)
        (name,) = plant.service.challenges.sets
        assert operator.post(f"{API}/challenge/pictures", json={"challenge": name}).json()["passed"]
        assert operator.get(f"{API}/state").json()["locked"] == "challenge_due"


def test_another_bundle_follows_once_it_passed_and_was_compared(desk: tuple[Plant, Path, Path]) -> None:
    plant, first, second = desk
    engineer = client_of(plant, Role.ENGINEER)
    (name,) = plant.service.challenges.sets
    old, new = read_bundle(first).sha256, read_bundle(second).sha256
    given = {"bundle": new, "reason": "fewer REVIEW"}
    assert engineer.post(f"{API}/activations", json=given).status_code == 409  # no challenge
    engineer.post(f"{API}/challenge/pictures", json={"challenge": name})
    assert engineer.post(f"{API}/activations", json=given).status_code == 409  # that was the active one's
    engineer.post(f"{API}/challenge/pictures", json={"challenge": name, "bundle": new})
    assert engineer.get(f"{API}/state").json()["bundle"] == old
    assert engineer.get(f"{API}/state").json()["locked"] is None  # a candidate's challenge changes nothing
    assert engineer.post(f"{API}/activations", json=given).status_code == 409  # not compared
    other = given | {"comparison": comparison(second, first)}
    assert engineer.post(f"{API}/activations", json=other).status_code == 409
    done = engineer.post(f"{API}/activations", json=given | {"comparison": comparison(first, second)})
    assert done.status_code == 201
    record = plant.records("bundle_activation")[-1]
    assert (record["old"], record["new"], len(record["comparison"])) == (old, new, 64)
    assert inspected(plant, "p", metal(1)).json()["made_with"]["bundle"] == new
    # Back again: its challenge was passed before the activation, so it is due anew.
    back = {"bundle": old, "reason": "back", "comparison": comparison(second, first)}
    assert engineer.post(f"{API}/activations", json=back).status_code == 409
    engineer.post(f"{API}/challenge/pictures", json={"challenge": name, "bundle": old})
    assert engineer.post(f"{API}/activations", json=back).status_code == 201


def test_a_waiver_ends_by_itself_and_stands_for_challenge_and_comparison(
    desk: tuple[Plant, Path, Path],
) -> None:
    plant, _, second = desk
    engineer, new = client_of(plant, Role.ENGINEER), read_bundle(second).sha256
    moment = datetime.now(UTC)
    for until, status in ((moment - timedelta(hours=1), 422), (moment + timedelta(days=9), 422)):
        given = {"bundle": new, "until": until.isoformat(), "reason": "line stands"}
        assert engineer.post(f"{API}/waivers", json=given).status_code == status
    until = moment + timedelta(hours=1)
    given = {"bundle": new, "until": until.isoformat(), "reason": "line stands"}
    assert engineer.post(f"{API}/waivers", json=given).status_code == 201
    assert engineer.post(f"{API}/activations", json={"bundle": new, "reason": "now"}).status_code == 201
    state = engineer.get(f"{API}/state").json()
    assert (state["bundle"], state["locked"], state["waived"]) == (new, None, True)
    assert datetime.fromisoformat(state["until"]) == until


def test_of_two_who_activate_at_once_one_is_told(desk: tuple[Plant, Path, Path]) -> None:
    plant, _, second = desk
    engineer, new = client_of(plant, Role.ENGINEER), read_bundle(second).sha256
    until = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    engineer.post(f"{API}/waivers", json={"bundle": new, "until": until, "reason": "r"})
    barrier, found = threading.Barrier(2), list[int]()

    def activate(reason: str) -> None:
        barrier.wait()
        found.append(engineer.post(f"{API}/activations", json={"bundle": new, "reason": reason}).status_code)

    threads = [threading.Thread(target=activate, args=(reason,)) for reason in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [201, 409]
    assert len(plant.records("bundle_activation")) == 2


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.OPERATOR, {"challenge", "challenge/pictures"}),
        (
            Role.ENGINEER,
            {"challenge", "challenge/pictures", "waivers", "activations", "drift/acknowledgements"},
        ),
        (Role.AUDITOR, set()),
    ],
)
def test_who_may_do_what(desk: tuple[Plant, Path, Path], role: Role, allowed: set[str]) -> None:
    plant, _, _ = desk
    client = client_of(plant, role)
    for what in _ADDRESSES:
        status = client.post(f"{API}/{what}", json={}).status_code
        assert status == (422 if what in allowed else 403), what
        assert httpx.post(f"{plant.url}{API}/{what}", json={}).status_code == 401
    reads = role is not Role.OPERATOR
    for path in ("/activation", "/dashboards", "/audit", "/audit/records/0", "/audit/state", "/v1/records/0"):
        assert client.get(path).status_code == (200 if reads else 403), path
    assert client.get("/challenge").status_code == 200
    for path in ("/audit/verifications", "/audit/exports", "/audit/records/0/replay"):
        status = client.post(path, follow_redirects=False).status_code
        assert (status != 403) == reads, path


def test_a_challenge_without_places_or_without_good_parts_is_refused(tmp_path: Path) -> None:
    folder = challenge_folder(tmp_path / "no place")
    manifest = folder / "shift" / "manifest.csv"
    manifest.write_text(manifest.read_text().replace("3_mask.png", ""))
    (folder / "shift" / "3_mask.png").unlink()
    with pytest.raises(GainspectError, match="no defect is marked on the bad part 'bad 3'"):
        read_challenges(folder)
    folder = challenge_folder(tmp_path / "no good")
    manifest = folder / "shift" / "manifest.csv"
    manifest.write_text("\n".join(row for row in manifest.read_text().split("\n") if ",ok," not in row))
    with pytest.raises(GainspectError, match="good and bad"):
        read_challenges(folder)

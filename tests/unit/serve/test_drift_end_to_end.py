"""Drift from the line to the page: unchanged parts give no alarm, a quarter of the exposure does, soon."""

import re
from collections.abc import Iterator
from datetime import timedelta

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from gainspect.data.framing import letterbox
from gainspect.evaluation.drift_watch import REFERENCE
from gainspect.inspection.statistics import image_statistics
from gainspect.ledger.accounts import Role
from gainspect.ledger.dashboard_figures import dashboard_figures
from gainspect.ledger.period import Period
from gainspect.ledger.questions import newest
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.operation import DriftAlarm
from gainspect.serve.service import Service
from gainspect.types import Image
from service_parts import STATION, ask, running
from spot_bundle import SIZE, part, spot_bundle

UNCHANGED, WITHIN = 5000, 50


def exposed(number: int, exposure: float = 1.0) -> Image:
    """A picture of a part, under a lamp that flickers a little."""
    lamp = 90 + np.random.default_rng([7, number]).normal(0, 3)
    whole = part(gray=lamp, size=SIZE, seed=number)
    return np.clip(exposure * whole, 0, 255).astype(np.uint8)


def sent(client: TestClient, number: int, exposure: float = 1.0) -> str:
    """Have a part decided as the line does; the key of the decision, also of one that was made before."""
    content = bytes(cv2.imencode(".png", exposed(number, exposure))[1])
    said = ask(client, content, key=f"camera {number}", part=f"A-{number}")
    assert said.status_code in (200, 201)
    key: str = said.json()["key"]
    return key


def like(decision: Decision, number: int) -> Decision:
    """The decision that the service makes on a part, by the figures of its picture alone."""
    (image,) = decision.images
    inputs = image_statistics(*letterbox(exposed(number), SIZE))
    judged = image.model_copy(update={"details": image.details | {"inputs": inputs}})
    return decision.model_copy(update={"key": f"k{number}", "part": f"A-{number}", "images": (judged,)})


@pytest.fixture(scope="module")
def unchanged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, TestClient]]:
    """A service after a reference and unchanged parts; the first and the last ones came by its API."""
    folder = tmp_path_factory.mktemp("line")
    with running(folder, spot_bundle(folder / "spots.gain").path) as (service, client):
        entry = service.ledger.record_of(sent(client, 0))
        assert entry is not None and isinstance(entry.record, Decision)
        end = REFERENCE + UNCHANGED - 20
        service.ledger.append_all([like(entry.record, number) for number in range(1, end)])
        for number in range(end, REFERENCE + UNCHANGED):
            sent(client, number)
        yield service, client


def test_what_is_made_up_is_what_the_service_measures(unchanged: tuple[Service, TestClient]) -> None:
    service, client = unchanged
    entry = service.ledger.record_of(sent(client, REFERENCE + UNCHANGED - 1))
    assert entry is not None and isinstance(entry.record, Decision)
    first = service.ledger.record_of(sent(client, 0))
    assert first is not None and isinstance(first.record, Decision)
    made_up = like(first.record, REFERENCE + UNCHANGED - 1)
    assert made_up.images[0].details == entry.record.images[0].details
    assert made_up.score == entry.record.score


def test_a_quarter_of_the_exposure_is_told_and_5000_unchanged_parts_are_not(
    unchanged: tuple[Service, TestClient],
) -> None:
    service, client = unchanged
    quiet = service.drift.status(STATION)
    assert (quiet.reference, quiet.watched, quiet.left_out, quiet.found) == (REFERENCE, UNCHANGED, 0, [])
    assert newest(service.ledger, STATION, "drift_alarm", 1) == []

    first = REFERENCE + UNCHANGED
    keys = [sent(client, number, 0.25) for number in range(first, first + WITHIN)]
    found = {one.name: one for one in service.drift.status(STATION).found}
    assert found["brightness"].parts <= WITHIN

    alarms = [entry.record for entry in newest(service.ledger, STATION, "drift_alarm", 20)]
    assert all(isinstance(alarm, DriftAlarm) for alarm in alarms)
    (alarm,) = [a for a in alarms if isinstance(a, DriftAlarm) and a.statistic == "brightness"]
    assert (alarm.larger, alarm.since, alarm.since_part) == (False, keys[0], f"A-{first}")
    assert alarm.decision in keys
    assert alarm.before / alarm.after == pytest.approx(4, rel=0.1)
    assert alarm.ng_before.parts == first
    # Looked at again, and by another watch, it is the same alarm.
    service.drift.status(STATION)
    assert len(newest(service.ledger, STATION, "drift_alarm", 20)) == len(alarms) == len(found)

    days = [str((alarm.at + timedelta(days=more)).date()) for more in (-2, 2)]
    whole = dashboard_figures(service.ledger, STATION, Period.parse(*days), "day").whole
    assert whole.parts == first + WITHIN
    assert whole.spread["brightness"].median == pytest.approx(90, abs=1)
    page = dashboard(client)
    assert f"Darker by a factor of {alarm.before / alarm.after:.3g}" in page
    assert f"A-{first}" in page
    assert f"Parts watched since the reference: {UNCHANGED + WITHIN:,}." in page
    assert f"{first + WITHIN:,}" in page


def dashboard(client: TestClient) -> str:
    """The text of the page, as an engineer sees it."""
    gate = client.app.state.gate  # type: ignore[attr-defined]
    account = gate.invitations.redeem(gate.invitations.make(Role.ENGINEER, by=None), "kim", "no hash")
    session = gate.sessions.begin(account.actor)
    headers = {"Cookie": f"gainspect_session={session}", "Authorization": ""}
    said = client.get("/dashboards", params={"station": STATION}, headers=headers)
    assert said.status_code == 200
    return re.sub(r"<[^>]+>|[\u2068\u2069]", "", said.text)

"""Challenge, activation, dashboards and audit in a browser, in all languages, themes and sizes."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from desk_parts import STATION, comparison, desk_plant
from gainspect.inspection.bundle import read_bundle
from gainspect.ledger.accounts import Role
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.operation import DriftAlarm, NgCount
from gainspect.ledger.records.upkeep import Anchored
from page_parts import HOSTILE, Plant, fill, metal
from page_seat import PANEL, TELEPHONE, seat

pytestmark = pytest.mark.browser
IN_AN_HOUR = "new Date(Date.now() + 6e4 * (60 - new Date().getTimezoneOffset())).toISOString().slice(0, 16)"
SHOTS = os.environ.get("GAINSPECT_SHOTS")
"""A folder for screenshots; none: none are kept."""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Plant, dict[Role, str], Path, Path]]:
    """A station that has decided, with a drift alarm, an anchor, hostile names; and people of all roles."""
    with desk_plant(tmp_path_factory.mktemp("plant"), wrong_place=True) as (plant, first, second):
        sessions = {
            Role.OPERATOR: plant.person(Role.OPERATOR, "김현수"),
            Role.ENGINEER: plant.person(Role.ENGINEER, HOSTILE[0]),
            Role.AUDITOR: plant.person(Role.AUDITOR, "Park"),
        }
        codes = {role: code for role, (_, code) in sessions.items()}
        with plant.client(codes[Role.ENGINEER]) as engineer:
            sha256 = read_bundle(first).sha256
            waive(engineer, sha256)
            (name,) = plant.service.challenges.sets
            fill(plant)
            engineer.post(f"/v1/stations/{STATION}/challenge/pictures", json={"challenge": name})
            for number, part in enumerate(("M-0810", "M-0811", "M-0821"), start=1):
                believed = "ng" if part == "M-0821" else "ok"
                key, new = plant.keys[part], "ok" if believed == "ng" else "ng"
                if number == 1:
                    engineer.post(f"/v1/decisions/{key}/confirm", json={"seen": 0, "believed": believed})
                else:
                    given = {
                        "seen": 0,
                        "believed": believed,
                        "new": new,
                        "reason": "dirt",
                        "note": HOSTILE[1],
                    }
                    engineer.post(f"/v1/decisions/{key}/override", json=given)
        with_alarm(plant)
        ledger = plant.service.ledger
        head = ledger.head()
        ledger.append(
            Anchored(
                station="box",
                size=head.size,
                root=head.root.hex(),
                signed_by="plant7.example/line3+00000000+A",
            )
        )
        yield plant, codes, first, second


def waive(engineer: httpx.Client, sha256: str) -> None:
    from datetime import UTC, datetime, timedelta

    until = (datetime.now(UTC) + timedelta(hours=6)).isoformat()
    given = {"bundle": sha256, "until": until, "reason": "first day of the line"}
    assert engineer.post(f"/v1/stations/{STATION}/waivers", json=given).status_code == 201


def with_alarm(plant: Plant) -> None:
    entry = plant.service.ledger.record_of(plant.keys["M-0812"])
    assert entry is not None
    decision = entry.record
    assert isinstance(decision, Decision)
    alarm = DriftAlarm(
        station=STATION,
        watch=decision.key,
        statistic="brightness",
        larger=False,
        since=decision.key,
        since_part=HOSTILE[2],
        since_at=decision.at,
        decision=decision.key,
        parts=34,
        before=120.5,
        after=30.25,
        ng_before=NgCount(ng=3, parts=400),
        ng_since=NgCount(ng=9, parts=34),
        false_alarms=0.01,
    )
    plant.service.ledger.append(alarm)


def paths(plant: Plant) -> dict[str, str]:
    record = plant.service.ledger.record_of(plant.keys["M-0821"])
    assert record is not None
    return {
        "challenge": "/challenge",
        "activation": "/activation",
        "dashboards": "/dashboards?by=shift",
        "audit": "/audit",
        "record": f"/audit/records/{record.index}",
        "hostile": f"/audit/records/{plant.keys[HOSTILE[0]]}",
    }


@pytest.mark.parametrize("size", [PANEL, TELEPHONE], ids=["panel", "telephone"])
@pytest.mark.parametrize(
    ("language", "theme"), [("en", "light"), ("ko", "dark"), ("ko", "light"), ("en", "dark")]
)
def test_pages_are_accessible_quiet_and_fit(
    browser: Any,
    desk: tuple[Plant, dict[Role, str], Path, Path],
    size: tuple[int, int],
    language: str,
    theme: str,
) -> None:
    plant, codes, _, _ = desk
    with seat(browser, plant, codes[Role.ENGINEER], size=size, language=language, theme=theme) as at:
        for name, path in paths(plant).items():
            page = at.open(path)
            for details in page.query_selector_all("main details"):
                details.evaluate("each => { each.open = true; }")
            if SHOTS:
                shot = Path(SHOTS) / f"{name}-{language}-{theme}-{size[0]}.png"
                page.screenshot(path=str(shot), full_page=True)
            at.require_fits()
            at.require_accessible()
            assert page.title() != "1"
        at.require_quiet()


def test_an_operator_runs_the_challenge_with_the_keyboard_alone_and_sees_each_part_come(
    browser: Any, tmp_path: Path
) -> None:
    with desk_plant(tmp_path / "plant") as (plant, _, _):
        _, code = plant.person(Role.OPERATOR, "Kim")
        (name,) = plant.service.challenges.sets
        with seat(browser, plant, code) as at, seat(browser, plant, code) as other:
            live = other.open(f"/stations/{STATION}")
            page = at.open("/challenge")
            assert "Locked: The challenge is due" in page.inner_text("main")
            assert "Locked" in live.inner_text("main")
            page.focus("text=Begin, and put the parts in")
            page.keyboard.press("Enter")
            page.wait_for_selector("text=Decided: 0 of 4")
            spots = ((), (), ((150, 210, 30),), ((330, 90, 30),))
            for number, part in enumerate(("good 1", "good 2", "bad 3", "bad 4")):
                plant.inspect(part, metal(101 + number, spots[number]), challenge=name)
                if number < 3:
                    page.wait_for_selector(f"text=Decided: {number + 1} of 4")
            page.wait_for_selector("text=Released")
            assert page.locator("tbody .chip.ok:has-text('Passed')").count() == 4
            live.wait_for_selector(".state:has-text('Released')")
            at.require_quiet()


def test_an_engineer_activates_the_next_model_and_acknowledges_a_drift(
    browser: Any, desk: tuple[Plant, dict[Role, str], Path, Path], tmp_path: Path
) -> None:
    import json

    plant, codes, first, second = desk
    file = tmp_path / "comparison.json"
    file.write_text(json.dumps(comparison(first, second)))
    with seat(browser, plant, codes[Role.ENGINEER]) as at:
        page = at.open("/dashboards")
        assert "Darker" in page.inner_text("main")
        page.check("input[value=lamp]", force=True)
        page.click("button:has-text('Acknowledge')")
        page.wait_for_selector("text=Last acknowledged")
        assert page.locator(".notice.warn").count() == 0
        page = at.open("/activation")
        page.click("summary:has-text('Without a challenge, for a time')")
        page.fill(
            "[name=until]",
            page.evaluate(IN_AN_HOUR),
        )
        page.fill("details [name=reason]", "the set of known parts has a wrong mask")
        page.click("button:has-text('Waive the challenge')")
        page.wait_for_selector("text=Activate it")
        page.set_input_files("[name=comparison]", str(file))
        page.fill(".step [name=reason]", "fewer REVIEW")
        page.click("button:has-text('Activate')")
        page.wait_for_selector(".chosen:has-text('spots 2')")
        record = plant.records("bundle_activation")[-1]
        assert record["new"] == read_bundle(second).sha256
        assert record["comparison"] is not None
        at.require_quiet()


def test_an_auditor_searches_replays_and_verifies(
    browser: Any, desk: tuple[Plant, dict[Role, str], Path, Path]
) -> None:
    plant, codes, _, _ = desk
    with seat(browser, plant, codes[Role.AUDITOR]) as at:
        page = at.open("/audit")
        page.fill("[name=part]", "M-0821")
        page.click("button:has-text('Search')")
        page.click("tbody a.place >> nth=-1")
        page.click("button:has-text('Judge it again')")
        page.wait_for_selector("text=Equal: every score, label, region and rule.")
        page = at.open("/audit")
        page.click("button:has-text('Verify all of it now')")
        page.wait_for_selector("text=Whole:")
        assert "Activate" not in at.open("/activation").inner_text("main").replace("Activate a model", "")
        at.require_quiet()

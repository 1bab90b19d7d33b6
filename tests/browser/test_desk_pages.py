"""What people do with challenge, activation, dashboards and audit, in a browser."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from desk_parts import STATION, Desk, comparison, desk_plant, filled_desk
from gainspect.inspection.bundle import read_bundle
from gainspect.ledger.accounts import Role
from page_parts import metal
from page_seat import seat

pytestmark = pytest.mark.browser
IN_AN_HOUR = "new Date(Date.now() + 6e4 * (60 - new Date().getTimezoneOffset())).toISOString().slice(0, 16)"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with filled_desk(tmp_path_factory.mktemp("plant")) as filled:
        yield filled


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
            at.tab_to("form[data-post$='/challenge'] .primary")
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
    browser: Any, desk: Desk, tmp_path: Path
) -> None:
    import json

    plant, codes, first, second = desk.plant, desk.codes, desk.first, desk.second
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


def test_an_auditor_searches_replays_and_verifies(browser: Any, desk: Desk) -> None:
    plant, codes = desk.plant, desk.codes
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

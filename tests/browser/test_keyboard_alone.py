"""The main paths by Tab, Enter and typing alone; where the focus is can be seen at each stop."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from desk_parts import STATION, desk_plant
from gainspect.inspection.bundle import read_bundle
from gainspect.ledger.accounts import Role
from page_parts import CLEAR, FAINT, Plant, metal
from page_seat import Seat, seat

pytestmark = pytest.mark.browser
LIVE = f"/stations/{quote(STATION)}"
JUST_CAME_MS = 600
"""After which a button of a part that has just come takes a press."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """A station that is never locked, with two bundles."""
    settings = {"challenge_hours": None}
    with desk_plant(tmp_path_factory.mktemp("plant"), settings=settings) as (plant, _, _):
        yield plant


@pytest.fixture(scope="module")
def engineer(made: Plant) -> str:
    return made.person(Role.ENGINEER, "Lee")[1]


@pytest.fixture
def one(browser: Any, made: Plant, engineer: str) -> Iterator[Seat]:
    with seat(browser, made, engineer) as sitting:
        yield sitting
        sitting.require_quiet()


def press(one: Seat, selector: str, key: str = "Enter") -> None:
    """Go to an element by Tab, and press a key there."""
    one.tab_to(selector)
    one.page.keyboard.press(key)


def test_an_engineer_waives_a_challenge_and_activates_another_bundle(one: Seat, made: Plant) -> None:
    page = one.open(f"/activation?station={quote(STATION)}")
    page.wait_for_load_state("load")
    press(one, "details summary:not(.person summary)")
    one.tab_to("[name=until]")
    until = datetime.now().replace(second=0, microsecond=0) + timedelta(hours=3)
    page.keyboard.type(f"{until:%m%d%Y}")
    page.keyboard.press("ArrowRight")  # the year may have six digits
    page.keyboard.type(f"{until:%I%M%p}")
    one.tab_to("details [name=reason]")
    page.keyboard.type("the set of known parts has a wrong mask")
    press(one, "details form button")
    page.wait_for_selector("[data-post$='/activations']")
    (waived,) = made.records("challenge_waived")
    assert datetime.fromisoformat(waived["until"]) == until.astimezone()
    assert waived["reason"] == "the set of known parts has a wrong mask"
    one.tab_to("[data-post$='/activations'] [name=reason]")
    page.keyboard.type("fewer REVIEW")
    press(one, "[data-post$='/activations'] button")
    page.wait_for_selector(".chosen:has-text('spots 2')")
    record = made.records("bundle_activation")[-1]
    second = next(
        each.bundle for each in made.service.bundles.all() if each.bundle.path.name == "spots 2.gain"
    )
    assert (record["new"], record["reason"]) == (read_bundle(second.path).sha256, "fewer REVIEW")


def test_a_decision_is_confirmed(one: Seat, made: Plant) -> None:
    made.inspect("K-1", metal(1, CLEAR))
    page = one.open(LIVE)
    page.wait_for_timeout(JUST_CAME_MS)
    press(one, "[data-confirm]")
    page.wait_for_selector(".history")
    assert made.records("confirm")[-1]["decision"] == made.keys["K-1"]


def test_a_part_of_the_queue_is_taken_and_decided(one: Seat, made: Plant) -> None:
    made.inspect("K-2", metal(2, FAINT))
    page = one.open("/review")
    press(one, "form[action='/review/next'] button")
    page.wait_for_selector("#review")
    page.wait_for_timeout(JUST_CAME_MS)
    press(one, "[data-override=ng]")
    page.wait_for_selector(".notice")
    record = made.records("override")[-1]
    assert (record["decision"], record["new"]) == (made.keys["K-2"], "ng")


def test_a_region_is_drawn(one: Seat, made: Plant) -> None:
    made.inspect("K-3", metal(3, CLEAR))
    page = one.open(f"/decisions/{made.keys['K-3']}/place/1?back=/review")
    one.tab_to(".canvas")
    for keys in ("Space", "ArrowRight Space", "ArrowDown Space", "Enter"):
        for key in keys.split():
            page.keyboard.press(key)
    press(one, "#save .primary")
    page.wait_for_url(lambda url: urlsplit(url).path == "/review")
    (record,) = made.records("region_correction")
    assert record["new"] == [[[240, 180], [250, 180], [250, 190]]]


def test_a_challenge_is_begun_and_ended(one: Seat, made: Plant) -> None:
    page = one.open(f"/challenge?station={quote(STATION)}")
    press(one, "form[data-post$='/challenge'] .primary")
    page.wait_for_selector("text=Decided: 0 of 4")
    assert made.service.challenges.run(STATION) is not None
    press(one, "[data-method=DELETE] button")
    page.wait_for_selector("text=Decided: 0 of 4", state="detached")
    assert made.service.challenges.run(STATION) is None


def test_a_record_is_searched_and_judged_again(one: Seat, made: Plant) -> None:
    made.inspect("K-4", metal(4, CLEAR))
    page = one.open("/audit")
    one.tab_to("[name=part]")
    page.keyboard.type("K-4")
    page.keyboard.press("Enter")
    page.wait_for_url("**/audit?*part=K-4*")
    press(one, "tbody a.place")
    page.wait_for_url("**/audit/records/*")
    press(one, "form[action$='/replay'] button")
    page.wait_for_selector("text=Equal: every score, label, region and rule.")
    assert "K-4" in page.inner_text("main")


def test_pictures_are_enlarged_and_evidence_is_faded(one: Seat, made: Plant) -> None:
    made.inspect("K-5", metal(5, CLEAR))
    page = one.open(LIVE)
    press(one, ".picture", "+")
    assert float(page.get_attribute(".picture", "viewBox").split()[2]) == pytest.approx(320)
    press(one, "[data-zoom=fit]")
    assert page.get_attribute(".picture", "viewBox") == "0 0 480 360"
    press(one, "#opacity", "Home")
    assert page.get_attribute(".heat", "opacity") == "0"
    page.keyboard.press("End")
    assert page.get_attribute(".heat", "opacity") == "1"

"""The live station in a browser: parts as they come, what people do to them, and a lost connection."""

import itertools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from gainspect.inspection.bundle import Bundle
from gainspect.ledger.accounts import Role
from gainspect.serve.pages.texts import LANGUAGES, TEXTS
from page_parts import CLEAR, NOTHING, STATION, Plant, metal, plant
from page_seat import PANEL, TELEPHONE, Seat, seat
from service_parts import activation

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LIVE = f"/stations/{quote(STATION)}"
FRAGMENT = re.compile("/stations/.*fragment=true")
"""What the page asks for when something has come."""
JUST_CAME_MS = 600
"""After which a button of a part that has just come takes a press."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("plant")) as started:
        yield started


@pytest.fixture(scope="module")
def operator(made: Plant) -> str:
    return made.person(Role.OPERATOR, "김민수")[1]


@pytest.fixture
def one(browser: Any, made: Plant, operator: str) -> Iterator[Seat]:
    with seat(browser, made, operator) as sitting:
        yield sitting
        sitting.require_quiet()


def shows(page: Any, part: str, word: str) -> None:
    """Wait until the band says that."""
    page.wait_for_function(
        "([part, word]) => document.querySelector('.band .part')?.textContent.includes(part)"
        " && document.querySelector('.band .word').textContent.trim() === word",
        arg=[part, word],
        timeout=10_000,
    )


def loaded(made: Plant) -> Bundle:
    """The bundle that the service can judge with."""
    (one,) = made.service.bundles.all()
    return one.bundle


def test_a_part_is_shown_as_it_comes_and_said_aloud(one: Seat, made: Plant) -> None:
    made.inspect("A-1", metal(1, NOTHING))
    page = one.open(LIVE)
    shows(page, "A-1", "OK")
    page.evaluate("window.same = true")
    made.inspect("A-2", metal(2, CLEAR), metal(3, NOTHING))
    shows(page, "A-2", "NG")
    assert page.evaluate("window.same") is True  # without a new page
    assert page.inner_text("#said") == "NG, A-2"
    assert page.locator(".views .picture").count() == 2 and page.locator(".strip li").count() >= 2
    assert "repaired it would be OK" in page.inner_text(".reason")
    assert page.locator(".outlines .line").count() == 1
    # Its evidence was drawn when it was decided, because somebody looked: nothing is judged again.
    assert made.service.evidence.get(made.keys["A-2"], 0) is not None


def test_a_decision_is_confirmed_and_recorded(one: Seat, made: Plant) -> None:
    made.inspect("B-1", metal(4, CLEAR))
    page = one.open(LIVE)
    page.wait_for_timeout(JUST_CAME_MS)
    page.click("[data-confirm]")
    page.wait_for_selector(".history")
    (record,) = [each for each in made.records("confirm") if each["decision"] == made.keys["B-1"]]
    assert record["label"] == "ng" and record["station"] == STATION
    assert record["actor"] == made.gate.accounts.named("김민수").actor  # type: ignore[union-attr]
    assert "Confirmed: NG" in page.inner_text(".history") and "김민수" in page.inner_text(".history")
    assert page.locator("[data-confirm]").count() == 0


def test_deciding_otherwise_needs_a_reason_and_the_keyboard_alone(one: Seat, made: Plant) -> None:
    made.inspect("C-1", metal(5, CLEAR))
    page = one.open(LIVE)
    page.wait_for_timeout(JUST_CAME_MS)
    one.tab_to("[data-open-override]")
    page.keyboard.press("Enter")
    dialog = page.locator("#override")
    assert dialog.is_visible()
    one.tab_to("#override .primary")
    page.keyboard.press("Enter")
    assert dialog.is_visible()  # no reason was chosen
    one.tab_to("#override input[name=reason]", backwards=True)
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.type("=1+1 <b>긁힘</b>")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    shows(page, "C-1", "OK")
    (record,) = [each for each in made.records("override") if each["decision"] == made.keys["C-1"]]
    assert (record["old"], record["new"], record["note"]) == ("ng", "ok", "=1+1 <b>긁힘</b>")
    assert record["reason"] == made.service.settings.override_reasons[1]
    assert "The model decided" in page.inner_text(".band .changed")
    one.require_accessible()


def test_who_acts_on_what_has_changed_is_told_and_changes_nothing(
    one: Seat, made: Plant, operator: str
) -> None:
    made.inspect("D-1", metal(6, CLEAR))
    key = made.keys["D-1"]
    with one.page.expect_response(FRAGMENT):  # of the first beat
        page = one.open(f"{LIVE}?part={key}")
    page.route(FRAGMENT, lambda route: route.abort())
    page.wait_for_timeout(JUST_CAME_MS)
    page.click("[data-open-override]")  # while a dialog is open, nothing is put in its place
    with made.client(operator) as client:
        given = {"believed": "ng", "seen": 0, "new": "ok", "reason": "dirt"}
        assert client.post(f"/v1/decisions/{key}/override", json=given).status_code == 201
    page.wait_for_timeout(600)
    page.unroute(FRAGMENT)
    page.click("#override .choice >> nth=0")
    page.click("#override .primary")
    page.wait_for_selector(".history")
    assert "meanwhile" in page.inner_text("#toast")
    shows(page, "D-1", "OK")
    assert len([each for each in made.records("override") if each["decision"] == key]) == 1
    assert all("409" in said for said in one.complaints)
    one.complaints.clear()


def test_a_part_that_is_held_stays_and_says_that_it_is_old(one: Seat, made: Plant) -> None:
    made.inspect("E-1", metal(7, NOTHING))
    made.inspect("E-2", metal(8, CLEAR))
    page = one.open(LIVE)
    page.click(".strip li:nth-child(2) a")
    shows(page, "E-1", "OK")
    assert "not the newest" in page.inner_text(".held")
    made.inspect("E-3", metal(9, CLEAR))
    page.wait_for_function("() => document.querySelector('.held').textContent.includes('2 newer')")
    shows(page, "E-1", "OK")
    page.click("#to-newest")
    shows(page, "E-3", "NG")
    assert page.locator(".held").count() == 0


def test_views_stay_beside_each_other_on_a_telephone_and_the_reason_is_whole(
    browser: Any, made: Plant, operator: str
) -> None:
    """The longest reason in each language, beside the highest buttons."""
    made.inspect("V-1", metal(23, CLEAR), metal(24, NOTHING))
    whole = """said => {
        const one = document.querySelector(".reason");
        one.textContent = said;
        const [box, below] = [one, document.querySelector(".do")].map((each) => each.getBoundingClientRect());
        const side = document.querySelector(".side").getBoundingClientRect();
        const cut = one.scrollHeight > one.clientHeight || box.top < side.top || box.bottom > below.top;
        const hidden = innerWidth >= 1000 && below.bottom > side.bottom + 1;
        return cut || hidden ? [box, below, side].map(({ top, bottom }) => [top, bottom]) : "";
    }"""
    for language, size in itertools.product(LANGUAGES, (PANEL, TELEPHONE)):
        texts = TEXTS[language].items()
        reasons = [re.sub(r"\{\w+\}", "0.97", said) for key, said in texts if key.startswith("why_")]
        with seat(browser, made, operator, language=language, size=size) as one:
            page = one.open(f"{LIVE}?part={made.keys['V-1']}")
            first, second = (page.locator(".picture").nth(n).bounding_box() for n in (0, 1))
            assert first["y"] == second["y"] and first["x"] + first["width"] <= second["x"]
            assert min(first["width"], first["height"]) >= 180
            assert page.evaluate(whole, max(reasons, key=len)) == "", (language, size)


def test_pictures_are_enlarged_moved_and_laid_over(one: Seat, made: Plant) -> None:
    made.inspect("F-1", metal(10, CLEAR))
    page = one.open(LIVE)
    picture = page.locator(".picture").first
    whole = "0 0 480 360"
    assert picture.get_attribute("viewBox") == whole
    picture.hover()
    page.mouse.wheel(0, -400)
    page.wait_for_function(
        "() => document.querySelector('.picture').getAttribute('viewBox') !== '0 0 480 360'"
    )
    x, y, width, height = map(float, picture.get_attribute("viewBox").split())
    assert x > 0 and y > 0 and width / height == pytest.approx(480 / 360) and width < 480
    picture.focus()
    page.keyboard.press("ArrowLeft")
    assert float(picture.get_attribute("viewBox").split()[0]) < x
    page.keyboard.press("0")
    assert picture.get_attribute("viewBox") == whole
    page.click("[data-zoom=in]")
    assert float(picture.get_attribute("viewBox").split()[2]) == pytest.approx(320)
    page.fill("#opacity", "0.2")
    assert page.get_attribute(".heat", "opacity") == "0.2"
    page.click("[data-outlines]")
    assert not page.locator(".outlines").is_visible()
    page = one.open(LIVE)
    assert page.get_attribute(".heat", "opacity") == "0.2" and not page.locator(".outlines").is_visible()


def test_two_fingers_enlarge_on_a_telephone(browser: Any, made: Plant, operator: str) -> None:
    made.inspect("G-1", metal(11, CLEAR))
    with seat(browser, made, operator, size=TELEPHONE, has_touch=True) as one:
        page = one.open(LIVE)
        page.evaluate("window.scrollTo(0, 0)")
        box = page.locator(".picture").bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        devtools = page.context.new_cdp_session(page)

        def touch(kind: str, gap: float) -> None:
            points = [
                {"x": middle[0] + side * gap, "y": middle[1], "id": at} for at, side in enumerate((-1, 1))
            ]
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points if gap else []})

        touch("touchStart", 20)
        for gap in (30, 40, 50, 60):
            touch("touchMove", gap)
        touch("touchEnd", 0)
        width = float(page.get_attribute(".picture", "viewBox").split()[2])
        assert width == pytest.approx(480 / 3, rel=0.15)  # three times as far apart
        one.require_quiet()


def test_an_old_ok_never_looks_like_the_present_one(browser: Any, tmp_path: Path) -> None:
    """The service ends: within ten seconds the page says so, strikes the word out, and takes the buttons."""
    with plant(tmp_path) as first:
        first.inspect("H-1", metal(12, NOTHING))
        _, session = first.person(Role.OPERATOR, "Kim")
        port = urlsplit(first.url).port
        assert port is not None
        context = seat(browser, first, session)
        one = context.__enter__()
        page = one.open(LIVE)
        shows(page, "H-1", "OK")
    page.wait_for_selector("#lost:not([hidden])", timeout=12_000)
    assert "NO CONNECTION" in page.inner_text("#lost") and "NO CONNECTION" in page.title()
    style = page.evaluate(
        "(one => [one.textDecorationLine, one.color])"
        "(getComputedStyle(document.querySelector('.band .word')))"
    )
    assert style[0] == "line-through"
    ok = page.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ok')")
    assert ok.strip() == "#006b54" and style[1] != "rgb(0, 107, 84)"
    assert not page.locator(".do").is_visible()
    one.require_accessible()
    with plant(tmp_path, port=port) as again:
        again.inspect("H-2", metal(13, CLEAR))
        page.wait_for_selector("#lost[hidden]", state="attached", timeout=20_000)
        shows(page, "H-2", "NG")
        assert page.locator(".do").is_visible()
        context.__exit__(None, None, None)


def test_beats_alone_do_not_take_the_warning_away(one: Seat, made: Plant) -> None:
    """The service beats, but cannot show the present part: the old one stays struck out until it is shown."""
    made.inspect("I-1", metal(14, NOTHING))
    with one.page.expect_response(FRAGMENT):  # of the first beat
        page = one.open(LIVE)
    shows(page, "I-1", "OK")
    page.route(FRAGMENT, lambda route: route.fulfill(status=503, body="{}"))
    made.inspect("I-2", metal(15, CLEAR))
    page.wait_for_selector("#lost:not([hidden])")
    for _ in range(2):
        with page.expect_response(FRAGMENT):  # of a beat
            pass
        page.wait_for_timeout(300)
        assert page.locator("#lost").is_visible() and page.locator("body.is-lost").count() == 1
        assert "I-1" in page.inner_text(".band .part")
    page.unroute(FRAGMENT)
    page.wait_for_selector("#lost", state="hidden")
    shows(page, "I-2", "NG")
    assert page.locator("body.is-lost").count() == 0
    assert all("503" in said for said in one.complaints)
    one.complaints.clear()


def test_an_open_dialog_does_not_take_the_warning_away(one: Seat, made: Plant) -> None:
    """While it is open nothing is put in the place of what is shown, so that stays old."""
    made.inspect("I-3", metal(21, CLEAR))
    with one.page.expect_response(FRAGMENT):  # of the first beat
        page = one.open(LIVE)
    page.wait_for_timeout(JUST_CAME_MS)
    page.click("[data-open-override]")
    page.evaluate("dispatchEvent(new Event('offline'))")
    made.inspect("I-4", metal(22, NOTHING))
    page.wait_for_timeout(4_000)  # a beat and more
    assert page.locator("body.is-lost").count() == 1 and "I-3" in page.inner_text(".band .part")
    page.keyboard.press("Escape")
    page.wait_for_selector("#lost", state="hidden")
    shows(page, "I-4", "OK")


def test_a_part_decided_before_the_page_follows_is_shown(one: Seat, made: Plant) -> None:
    """Nobody tells the page of it: it was drawn before that part, and follows after it."""
    made.inspect("J-1", metal(16, NOTHING))

    def decide_first(route: Any) -> None:
        if "J-2" not in made.keys:
            assert "J-1" in one.page.inner_text(".band .part")
            made.inspect("J-2", metal(17, CLEAR))
        route.continue_()

    one.page.route("**/events", decide_first)
    shows(one.open(LIVE), "J-2", "NG")
    assert one.page.inner_text("#said") == "NG, J-2"


def test_a_page_of_engineers_shows_what_came_before_it_follows(
    one: Seat, made: Plant, tmp_path: Path
) -> None:
    station = "Line 4"

    def activate_first(route: Any) -> None:
        made.service.ledger.append(activation(loaded(made), station))
        route.continue_()

    one.page.route("**/events", activate_first, times=1)
    page = one.open(f"/challenge?station={quote(station)}")
    page.wait_for_function(
        "name => document.querySelector('[data-fragment]').textContent.includes(name)",
        arg=loaded(made).sha256[:8],
    )
    assert loaded(made).sha256[:8] in page.inner_text("[data-fragment]")


def test_a_service_that_never_answers_is_no_connection(one: Seat, made: Plant) -> None:
    """It beats, but what it is asked for does not come."""
    made.inspect("K-1", metal(18, NOTHING))
    with one.page.expect_response(FRAGMENT):  # of the first beat
        page = one.open(LIVE)
    page.route(FRAGMENT, lambda route: None)
    made.inspect("K-2", metal(19, CLEAR))
    page.wait_for_selector("#lost:not([hidden])", timeout=12_000)
    assert "K-1" in page.inner_text(".band .part")
    page.unroute_all(behavior="ignoreErrors")
    page.wait_for_selector("#lost", state="hidden", timeout=20_000)
    shows(page, "K-2", "NG")


def test_a_station_whose_bundle_is_not_loaded_says_so(one: Seat, made: Plant) -> None:
    """As after a restart without that bundle: its parts are still shown, and it is locked."""
    station = "Line 5"
    ledger = made.service.ledger
    ledger.append(activation(loaded(made), station))
    made.inspect("L-1", metal(20, NOTHING), station=station)
    ledger.append(activation(loaded(made), station).model_copy(update={"new": "0" * 64}))
    page = one.open(f"/stations/{quote(station)}")
    shows(page, "L-1", "OK")
    assert page.inner_text(".state .locked") == "Locked: The active model is not loaded here"

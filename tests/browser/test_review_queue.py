"""The review queue and drawing the true place, in browsers of two people."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from gainspect.ledger.accounts import Role
from gainspect.serve.pages.texts import TEXTS
from page_parts import CLEAR, FAINT, STATION, Plant, metal, plant
from page_seat import TELEPHONE, Seat, seat

pytestmark = [pytest.mark.browser, pytest.mark.slow]
JUST_CAME_MS = 600
ASKED_AGAIN_MS = 5_000
"""After which a page asks for evidence that was not there."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("plant")) as started:
        yield started


@pytest.fixture(scope="module")
def people(made: Plant) -> tuple[str, str]:
    return made.person(Role.OPERATOR, "김민수")[1], made.person(Role.OPERATOR, "Lee <i>")[1]


@pytest.fixture
def two(browser: Any, made: Plant, people: tuple[str, str]) -> Iterator[tuple[Seat, Seat]]:
    with seat(browser, made, people[0]) as first, seat(browser, made, people[1]) as second:
        yield first, second
        first.require_quiet()
        second.require_quiet()


def test_two_people_never_have_one_part_and_the_next_comes_by_itself(
    made: Plant, two: tuple[Seat, Seat]
) -> None:
    for number in range(3):
        made.inspect(f"R-{number}", metal(number, FAINT))
    first, second = (one.open("/review") for one in two)
    assert "3 waiting" in first.inner_text(".count")
    for page in (first, second):
        page.get_by_role("button", name="Take the oldest").click()
        page.wait_for_selector("#review")
    assert first.inner_text(".band .part") == "R-0" and second.inner_text(".band .part") == "R-1"
    # Whoever looks at a part of somebody else sees who has it, and can do nothing.
    second.goto(f"{made.url}/review/{made.keys['R-0']}")
    assert "with 김민수" in second.inner_text(".locked")
    assert second.locator("[data-override]").count() == 0
    second.go_back()
    second.get_by_role("button", name="Skip").click()
    second.wait_for_function("() => document.querySelector('.band .part').textContent.includes('R-2')")
    first.wait_for_timeout(JUST_CAME_MS)
    first.get_by_role("button", name="It is NG").click()
    first.wait_for_function("() => document.querySelector('.band .part').textContent.includes('R-1')")
    (record,) = made.records("override")
    assert (record["old"], record["new"], record["reason"]) == ("review", "ng", "reviewed")
    assert record["decision"] == made.keys["R-0"]
    for page in (first, second):
        page.wait_for_timeout(JUST_CAME_MS)
        page.get_by_role("button", name="It is OK").press("Enter")
        page.wait_for_selector(".notice, .queue")
    first.goto(f"{made.url}/review")
    assert "Nothing is waiting" in first.inner_text(".notice")
    two[0].require_accessible()


def test_a_part_is_taken_back_from_who_is_not_at_it(made: Plant, two: tuple[Seat, Seat]) -> None:
    made.inspect("S-1", metal(30, FAINT))
    key = made.keys["S-1"]
    first, second = (one.open("/review") for one in two)
    first.get_by_role("button", name="Take the oldest").click()
    first.wait_for_selector("#review")
    second.get_by_role("button", name="Take the oldest").click()
    second.wait_for_selector(".queue")
    assert "with 김민수" in second.inner_text(".queue")
    first.get_by_role("button", name="End the review").click()
    first.wait_for_selector(".queue")
    second.get_by_role("button", name="Take the oldest").click()
    second.wait_for_selector("#review")
    second.wait_for_timeout(JUST_CAME_MS)
    second.get_by_role("button", name="It is OK").click()
    second.wait_for_selector(".notice")
    assert [each["new"] for each in made.records("override") if each["decision"] == key] == ["ok"]


def gone_to(page: Any, path: str) -> None:
    """Wait until the page is one of these addresses."""
    page.wait_for_url(lambda url: urlsplit(url).path.startswith(path))


def corrections(made: Plant, part: str) -> list[dict[str, Any]]:
    return [each for each in made.records("region_correction") if each["decision"] == made.keys[part]]


def inside(point: tuple[float, float], polygon: list[list[int]]) -> bool:
    """Whether a point is in a polygon, by the even-odd rule."""
    x, y = point
    crossed = False
    for (ax, ay), (bx, by) in zip(polygon, polygon[1:] + polygon[:1], strict=True):
        if (ay > y) != (by > y) and x < ax + (y - ay) * (bx - ax) / (by - ay):
            crossed = not crossed
    return crossed


def test_a_region_is_drawn_with_the_mouse_and_recorded_in_pixels_of_the_image(
    made: Plant, two: tuple[Seat, Seat], people: tuple[str, str]
) -> None:
    made.inspect("P-1", metal(50, CLEAR))
    page = two[0].open(f"/stations/{quote(STATION)}?part={made.keys['P-1']}")
    page.click("[data-place]")
    page.wait_for_selector("#editor")
    box = page.locator(".canvas").bounding_box()
    scale = min(box["width"] / 480, box["height"] / 360)
    left = box["x"] + (box["width"] - 480 * scale) / 2
    top = box["y"] + (box["height"] - 360 * scale) / 2

    def at(x: float, y: float) -> tuple[float, float]:
        return left + x * scale, top + y * scale

    def draw(*corners: tuple[int, int]) -> None:
        page.mouse.move(*at(*corners[0]))
        page.mouse.down()
        for corner in corners[1:]:
            page.mouse.move(*at(*corner), steps=6)
        page.mouse.up()

    draw((100, 100), (180, 100), (180, 160), (100, 160), (100, 101))
    draw((300, 200), (360, 200), (330, 260), (300, 201))
    assert page.locator("#list li").count() == 2
    page.click("#undo")
    assert page.locator("#list li").count() == 1
    draw((300, 200), (360, 200), (330, 260), (300, 201))
    page.get_by_role("button", name="Delete region 2").click()
    page.keyboard.press("Control+z")
    assert page.locator("#list li").count() == 2
    page.get_by_role("button", name="Save the place").click()
    gone_to(page, "/stations/")
    (record,) = corrections(made, "P-1")
    rectangle, triangle = record["new"]
    assert len(rectangle) <= 8 and len(triangle) <= 8  # straight lines need few corners
    xs, ys = zip(*rectangle, strict=True)
    assert (min(xs), max(xs), min(ys), max(ys)) == pytest.approx((100, 180, 100, 160), abs=1.5)
    assert inside((140, 130), rectangle) and not inside((140, 130), triangle) and inside((330, 220), triangle)
    # What the network had marked is recorded too: it lies on the spot.
    assert len(record["old"]) == 1 and inside((150, 210), record["old"][0])
    assert page.locator(".outlines.by-person .line").count() == 2
    # The next correction replaces this one.
    with made.client(people[0]) as client:
        told = client.get(f"/v1/decisions/{made.keys['P-1']}/actions").json()
    assert told["seen"] == 1 and told["label"] == "ng"


def test_a_region_is_drawn_by_the_keyboard_alone(made: Plant, two: tuple[Seat, Seat]) -> None:
    made.inspect("P-2", metal(51, CLEAR))
    page = two[0].open(f"/decisions/{made.keys['P-2']}/place/1?back=/review")
    two[0].require_accessible()
    page.get_by_role("button", name="Save the place").press("Enter")
    assert "Draw a region" in page.inner_text("#wrong")
    page.focus(".canvas")
    # From the middle, 240 × 180: corners of a square of 40 px.
    for keys in ("", "ArrowRight " * 4, "ArrowDown " * 4, "ArrowLeft " * 4):
        for key in keys.split():
            page.keyboard.press(key)
        page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowUp")
    page.keyboard.press("Enter")
    assert page.locator("#list li").all_inner_texts() == ["Region 1: 41 × 41 px"]
    two[0].require_accessible()
    page.get_by_role("button", name="Save the place").press("Enter")
    gone_to(page, "/review")
    (record,) = corrections(made, "P-2")
    assert record["new"] == [[[240, 180], [280, 180], [280, 220], [240, 220]]]


def test_no_defect_here_is_drawn_too_and_what_was_drawn_last_is_the_old(
    made: Plant, two: tuple[Seat, Seat]
) -> None:
    made.inspect("P-3", metal(52, CLEAR))
    path = f"/decisions/{made.keys['P-3']}/place/1?back=/review"
    page = two[0].open(path)
    page.get_by_role("button", name="Begin with what was marked").click()
    assert page.locator("#list li").count() == 1
    page.get_by_role("button", name="No defect here").click()
    assert page.locator("#list li").count() == 0
    # Somebody else is faster: nothing is overwritten.
    other = two[1].open(path)
    other.get_by_role("button", name="Begin with what was marked").click()
    other.get_by_role("button", name="Save the place").click()
    gone_to(other, "/review")
    page.get_by_role("button", name="Save the place").click()
    page.wait_for_function("() => document.querySelector('#wrong').textContent.includes('meanwhile')")
    assert all("409" in said for said in two[0].complaints)
    two[0].complaints.clear()
    page = two[0].open(path)
    page.get_by_role("button", name="No defect here").click()
    page.get_by_role("button", name="Save the place").click()
    gone_to(page, "/review")
    kept, none = corrections(made, "P-3")
    assert kept["new"] == kept["old"] and none["old"] == kept["new"] and none["new"] == []
    assert none["reason"] == "no_defect"


def test_a_finger_draws_on_a_telephone(browser: Any, made: Plant, people: tuple[str, str]) -> None:
    made.inspect("P-4", metal(53, CLEAR))
    with seat(browser, made, people[0], size=TELEPHONE, language="ko", has_touch=True) as one:
        page = one.open(f"/decisions/{made.keys['P-4']}/place/1?back=/review")
        box = page.locator(".canvas").bounding_box()
        devtools = page.context.new_cdp_session(page)
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

        def touch(kind: str, *place: float) -> None:
            points = [{"x": middle[0] + place[0], "y": middle[1] + place[1]}] if place else []
            devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

        touch("touchStart", -40, -40)
        for place in ((40, -40), (40, 40), (-40, 40), (-40, -38)):
            touch("touchMove", *place)
        touch("touchEnd")
        assert page.locator("#list li").count() == 1
        page.get_by_role("button", name="위치 저장").click()
        gone_to(page, "/review")
        (record,) = corrections(made, "P-4")
        assert inside((240, 180), record["new"][0])
        one.require_quiet()


@pytest.mark.parametrize("path", ["/review/{}", "/decisions/{}/place/1"], ids=["part", "place"])
def test_evidence_that_the_line_does_not_allow_yet_is_told_and_comes_later(
    browser: Any, made: Plant, people: tuple[str, str], monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    part = f"busy {path}"
    made.inspect(part, metal(90, FAINT))
    with seat(browser, made, people[0]) as at:
        at.page.clock.install()
        with monkeypatch.context() as line:
            line.setattr(made.service.judging, "_images", 1)
            page = at.open(path.format(made.keys[part]))
            page.wait_for_selector("text=The evidence is not there yet")
            first = page.get_attribute(".heat", "href")
        page.clock.fast_forward(ASKED_AGAIN_MS)
        page.wait_for_selector("[data-no-evidence]", state="hidden")
        assert page.get_attribute(".heat", "href") != first  # so the picture is asked for again


def test_what_is_refused_is_told_in_the_language_of_the_page(
    browser: Any, made: Plant, people: tuple[str, str]
) -> None:
    made.inspect("Q-1", metal(60, CLEAR))
    key = made.keys["Q-1"]
    with seat(browser, made, people[0], language="ko") as one, made.client(people[1]) as other:
        page = one.open(f"/stations/{quote(STATION)}?part={key}")
        page.wait_for_timeout(JUST_CAME_MS)

        def confirm_is_answered(text: str) -> None:
            page.click("[data-confirm]")
            told = "said => document.querySelector('#toast').textContent === said"
            page.wait_for_function(told, arg=TEXTS["ko"][text])

        page.route("**/confirm", lambda route: route.abort(), times=1)
        confirm_is_answered("unreachable")
        assert other.post(f"/v1/decisions/{key}/claim").status_code == 204
        confirm_is_answered("problem_claimed")
        assert other.delete(f"/v1/decisions/{key}/claim").status_code == 204
        page.evaluate("document.querySelector('meta[name=csrf]').content = 'old'")
        confirm_is_answered("problem_page_too_old")
        page.context.clear_cookies(name="gainspect_session")
        confirm_is_answered("problem_signed_out")
    assert key not in [each["decision"] for each in made.records("confirm")]

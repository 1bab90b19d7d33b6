"""What the pages of the service show: hostile names, a language and a theme, a decision from two metres."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pytest

from gainspect.ledger.accounts import Role
from gainspect.names import printable
from page_parts import HOSTILE, STATION, Plant, fill, plant
from page_seat import PANEL, seat

pytestmark = [pytest.mark.browser, pytest.mark.slow]
LIVE = f"/stations/{quote(STATION)}"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    with plant(tmp_path_factory.mktemp("plant")) as started:
        fill(started)
        yield started


@pytest.fixture(scope="module")
def engineer(made: Plant) -> str:
    return made.person(Role.ENGINEER, HOSTILE[0])[1]


def test_hostile_names_are_shown_as_they_are(browser: Any, made: Plant, engineer: str) -> None:
    with seat(browser, made, engineer) as one:
        for name in HOSTILE:
            page = one.open(f"{LIVE}?part={made.keys[name]}")
            assert page.inner_text(".band .part") == printable(name)
        page = one.open("/review?what=all")
        assert page.locator(".queue b").all_inner_texts()[: len(HOSTILE)] == [
            printable(name) for name in HOSTILE
        ]
        one.require_quiet()


def test_language_and_theme_are_chosen_by_the_keyboard_and_kept(
    browser: Any, made: Plant, engineer: str
) -> None:
    with seat(browser, made, engineer) as one:
        page = one.open(LIVE)
        page.focus(".person summary")
        page.keyboard.press("Enter")
        page.get_by_role("button", name="한국어").press("Enter")
        page.wait_for_selector("html[lang=ko]")
        page.click(".person summary")
        page.get_by_role("button", name="어둡게").click()
        page.wait_for_selector('html[data-theme="dark"]')
        assert one.open("/review").get_attribute("html", "lang") == "ko"
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 24, 29)"
        one.require_quiet()


def test_an_auditor_looks_and_changes_nothing(browser: Any, made: Plant) -> None:
    _, session = made.person(Role.AUDITOR, "Audit")
    with seat(browser, made, session) as one:
        page = one.open(f"{LIVE}?part={made.keys['M-0821']}")
        assert page.locator("[data-confirm], [data-open-override], [data-place]").count() == 0
        assert "change nothing" in page.inner_text(".do")
        one.require_accessible()


def test_the_decision_can_be_read_from_two_metres(browser: Any, made: Plant, engineer: str) -> None:
    """Capitals of 1/200 of the distance (16 minutes of arc, ISO 9241-303): 10 mm at 0.2 mm a pixel."""
    with seat(browser, made, engineer) as one:
        page = one.open(LIVE)
        size = page.evaluate("getComputedStyle(document.querySelector('.band .word')).fontSize")
        assert 0.7 * float(size.removesuffix("px")) > 50
        # All of the picture, the reason and what can be done is on the screen.
        height = page.evaluate("document.documentElement.scrollHeight")
        assert height <= PANEL[1]
        for query in (".picture", ".reason", "[data-confirm]", ".strip"):
            box = page.locator(query).first.bounding_box()
            assert box["y"] >= 0 and box["y"] + box["height"] <= PANEL[1] + 1, query


def test_pictures_are_there_and_what_is_cold_is_clear(browser: Any, made: Plant, engineer: str) -> None:
    with made.client(engineer) as client:
        base = f"/v1/decisions/{made.keys['M-0822']}/images/1"
        picture, layer = client.get(base), client.get(f"{base}/evidence.png")
        assert picture.headers["content-type"] == "image/png"
        pixels = cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR)
        evidence = cv2.imdecode(np.frombuffer(layer.content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert pixels.shape == (360, 480, 3) and evidence.shape == (360, 480, 4)
        assert evidence[200, 140, 3] > 200 and evidence[20, 20, 3] == 0

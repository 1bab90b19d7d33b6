"""Every page in both languages and themes, on a panel PC and a telephone: accessible, quiet, and it fits."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args
from urllib.parse import quote

import pytest

import gainspect.serve.pages
from desk_parts import STATION, Desk, filled_desk
from gainspect.inspection.bundle import read_bundle
from gainspect.ledger.accounts import Role
from gainspect.serve.pages.texts import Language
from page_parts import HOSTILE
from page_seat import PANEL, TELEPHONE, Seat, seat
from service_parts import activation

pytestmark = pytest.mark.browser
LIVE = f"/stations/{quote(STATION)}"
UNDER_WAY = "Line 9"
"""A station with a challenge that was begun."""
SHOTS = os.environ.get("GAINSPECT_SHOTS")
"""A folder for screenshots; none: none are kept."""
PAGES = {
    "stations": "/",
    "live": LIVE,
    "two views": f"{LIVE}?part={{M-0821}}",
    **{f"hostile {n}": f"{LIVE}?part={{{name}}}" for n, name in enumerate(HOSTILE)},
    "no part": "/stations/nowhere",
    "queue": "/review?what=all",
    "review": f"/review/{{{HOSTILE[3]}}}",
    "place": "/decisions/{M-0822}/place/1",
    "challenge": "/challenge",
    "under way": f"/challenge?station={quote(UNDER_WAY)}",
    "activation": "/activation",
    "dashboards": "/dashboards?by=shift",
    "audit": "/audit?kind=decision",
    "record": "/audit/records/{M-0821}",
    "hostile record": f"/audit/records/{{{HOSTILE[0]}}}",
    "people": "/people",
    "tokens": "/tokens",
    "password": "/password",
    "problem": "/nowhere",
    "sign-in": "/sign-in",
    "invitation": "/invitation/{code}",
    "new password": "/invitation/{link}",
    "spent": "/invitation/spent",
}
"""By what they show; with the part whose key, or the link whose code, is in the address."""
NOBODY = {"sign-in", "invitation", "new password", "spent"}
"""Pages of people who are not signed in."""
REFUSED = {"problem", "spent"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with filled_desk(tmp_path_factory.mktemp("plant")) as filled:
        plant = filled.plant
        plant.service.ledger.append(activation(read_bundle(filled.first), UNDER_WAY))
        with plant.client(filled.codes[Role.ENGINEER]) as engineer:
            (name,) = plant.service.challenges.sets
            begun = engineer.post(f"/v1/stations/{UNDER_WAY}/challenge", json={"challenge": name})
            assert begun.status_code == 204
        links = plant.gate.invitations
        plant.keys["code"] = links.make(Role.OPERATOR, by=None)
        (person,) = (each.actor for each in plant.gate.accounts.all() if each.role is Role.OPERATOR)
        plant.keys["link"] = links.make(Role.OPERATOR, by=None, actor=person)
        plant.gate.tokens.make(HOSTILE[0], STATION, by=None)
        yield filled


@pytest.fixture(scope="module", params=get_args(Language))
def seats(request: pytest.FixtureRequest, browser: Any, desk: Desk) -> Iterator[tuple[Seat, Seat]]:
    """Of an engineer, and of somebody who is not signed in; axe-core waits in all their pages."""
    from axe_playwright_python.base import AXE_SCRIPT

    told = {"language": request.param, "theme": "system"}
    with (
        seat(browser, desk.plant, desk.codes[Role.ENGINEER], **told) as engineer,
        seat(browser, desk.plant, "", **told) as nobody,
    ):
        for one in (engineer, nobody):
            one.page.context.add_init_script(AXE_SCRIPT)
        yield engineer, nobody


@pytest.mark.parametrize("name", PAGES)
def test_every_page_fits_is_accessible_and_complains_of_nothing(
    desk: Desk, seats: tuple[Seat, Seat], name: str
) -> None:
    """It is loaded once a language; theme and size change while it is open, as on a device."""
    one = seats[name in NOBODY]
    address = re.sub(r"\{(.*?)\}(?=$|/place)", lambda part: desk.plant.keys[part[1]], PAGES[name])
    page = one.open(address)
    page.evaluate("document.querySelectorAll('main details').forEach(each => { each.open = true; })")
    language = page.get_attribute("html", "lang")
    for width, height in (PANEL, TELEPHONE):
        page.set_viewport_size({"width": width, "height": height})
        one.require_fits()
        one.require_large()
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            one.require_accessible()
            if SHOTS:
                path = Path(SHOTS) / f"{name.replace(' ', '-')}-{language}-{theme}-{width}.png"
                page.screenshot(path=path, full_page=True)
    assert page.title() != "1"
    if name in REFUSED:  # the browser itself says that
        assert all("404" in said or "410" in said for said in one.complaints), one.complaints
        one.complaints.clear()
    one.require_quiet()


def test_a_theme_that_was_chosen_looks_like_that_of_the_system() -> None:
    """So what is seen of one of the two is seen of both."""
    for path in (Path(gainspect.serve.pages.__file__).parent / "static").glob("*.css"):
        rules = re.findall(r':root\[data-theme="(dark|system)"\] \{(.*?)\}', path.read_text(), re.S)
        dark, system = (
            [" ".join(said.split()) for one, said in rules if one == name] for name in ("dark", "system")
        )
        assert dark == system, path.name

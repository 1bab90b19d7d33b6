"""Make the pictures of the guides for operators and of the README: docs/pictures/*.png.

PYTHONPATH=tests python docs/pictures.py

A service on a new ledger, with the small bundle and the parts of the tests; Chromium of the system.
"""

import math
import shutil
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

from PIL import Image
from playwright.sync_api import sync_playwright

from desk_parts import STATION, desk_plant
from gainspect.ledger.accounts import Role
from page_parts import CLEAR, FAINT, NOTHING, Plant, metal
from page_seat import Seat, seat

FOLDER = Path(__file__).parent / "pictures"
NAMES = {"en": "J. Kim", "ko": "김민수"}
COLORS, GRAYS = 128, 128
"""Of a picture: its file stays small."""
CHALLENGE = {"good 1": NOTHING, "good 2": NOTHING, "bad 3": CLEAR, "bad 4": ((330, 90, 30),)}
LIVE = f"/stations/{quote(STATION)}"


def keep(page: Any, name: str, language: str, height: int = 800) -> None:
    """Save the upper part of a page, in few colors."""
    path = FOLDER / f"{name}.{language}.png"
    page.wait_for_timeout(700)
    clip = {"x": 0, "y": 0, "width": 1280, "height": height}
    page.screenshot(path=path, animations="disabled", clip=clip, full_page=height > 800)
    few_colors(Image.open(path).convert("RGB")).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")


def few_colors(image: Image.Image) -> Image.Image:
    """A picture in the colors that it has, rare ones too, and in even steps of gray."""
    colors = image.quantize(COLORS, Image.Quantize.MAXCOVERAGE).getpalette() or []
    grays = [255 * step // (GRAYS - 1) for step in range(GRAYS) for _ in range(3)]
    palette = Image.new("P", (1, 1))
    palette.putpalette(colors[: 3 * COLORS] + grays)
    return image.quantize(palette=palette, dither=Image.Dither.NONE)


def put_in(plant: Plant, names: list[str], challenge: str) -> None:
    """Put known parts in, as the line does."""
    for name in names:
        picture = metal(100 + int(name[-1]), CHALLENGE[name])
        plant.inspect(name, picture, station=STATION, challenge=challenge)


def sign_in(browser: Any, plant: Plant, language: str) -> None:
    """The page on which people sign in."""
    with seat(browser, plant, "nobody", language=language) as sitting:
        keep(sitting.open("/sign-in"), "sign_in", language, 540)


def shift(sitting: Seat, plant: Plant, language: str) -> None:
    """A shift: the station is locked, its challenge is passed, parts come, a person decides."""
    (challenge,) = plant.service.challenges.sets
    keep(sitting.open(LIVE), "locked", language, 260)
    page = sitting.open(f"/challenge?station={quote(STATION, safe='')}")
    page.click("form[data-post$='/challenge'] button.primary")
    page.wait_for_selector("progress")
    put_in(plant, ["good 1", "bad 3"], challenge)
    page.wait_for_function("() => document.querySelector('progress')?.value === 2")
    page.wait_for_function("() => !document.querySelector('#toast').textContent")
    keep(page, "challenge", language, 1010)
    put_in(plant, ["good 2", "bad 4"], challenge)
    for number in range(1, 5):
        plant.inspect(f"M-081{number}", metal(number), station=STATION)
    plant.inspect("M-0815", metal(20, FAINT), station=STATION)
    plant.inspect("M-0816", metal(21), station=STATION)
    plant.inspect("M-0817", metal(23, ((140, 200, 30),)), station=STATION)
    page = sitting.open(LIVE)
    keep(page, "live", language)
    page.click("[data-open-override]")
    keep(page, "override", language)
    page = sitting.open(f"/decisions/{plant.keys['M-0817']}/place/1")
    around(page, 140, 200, 44)
    keep(page, "place", language)
    keep(sitting.open("/review"), "review", language, 480)


def around(page: Any, x: float, y: float, radius: float) -> None:
    """Draw a circle on a picture with the mouse; pixels of the picture."""
    box = page.locator("svg.canvas").bounding_box()
    scale = min(box["width"] / 480, box["height"] / 360)
    left = box["x"] + (box["width"] - 480 * scale) / 2
    top = box["y"] + (box["height"] - 360 * scale) / 2
    turns = [2 * math.pi * step / 40 for step in range(40)]
    points = [
        (left + scale * (x + radius * math.cos(turn)), top + scale * (y + radius * math.sin(turn)))
        for turn in turns
    ]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point)
    page.mouse.up()


def main() -> None:
    """Make all of them."""
    FOLDER.mkdir(exist_ok=True)
    chromium = shutil.which("chromium") or sys.exit("install chromium")
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for language, name in NAMES.items():
            with ExitStack() as sitting_down:
                with desk_plant(Path(folder) / language) as (plant, _, _):
                    sign_in(browser, plant, language)
                    _, session = plant.person(Role.OPERATOR, name)
                    sitting = sitting_down.enter_context(seat(browser, plant, session, language=language))
                    shift(sitting, plant, language)
                    sitting.open(LIVE)
                # The service is gone.
                sitting.page.wait_for_selector("#lost:not([hidden])", timeout=20_000)
                keep(sitting.page, "lost", language)
        browser.close()


if __name__ == "__main__":
    main()

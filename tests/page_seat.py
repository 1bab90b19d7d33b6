"""Somebody at a screen: a browser that is signed in, and what it complains about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from page_parts import Plant

PANEL, TELEPHONE = (1280, 800), (390, 844)


class Seat:
    """A page of a service in a browser.

    Args:
        plant: the service.
        page: of the browser.
    """

    def __init__(self, plant: Plant, page: Any) -> None:
        self.plant, self.page = plant, page
        page.set_default_timeout(10_000)
        self.complaints: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.asked.append(request.url))

    def open(self, path: str) -> Any:
        """Go to a page; it, when its pictures are there."""
        self.page.goto(self.plant.url + path)
        self.page.wait_for_load_state("load")
        return self.page

    def require_quiet(self) -> None:
        """It has complained of nothing, and asked nobody but the service."""
        assert self.complaints == []
        assert [url for url in self.asked if not url.startswith(self.plant.url)] == []

    def require_accessible(self) -> None:
        """axe-core finds nothing."""
        from axe_playwright_python.sync_playwright import Axe

        found = Axe().run(self.page)
        assert found.violations_count == 0, found.generate_report()

    def require_fits(self) -> None:
        """Nothing is wider than the screen."""
        width = self.page.viewport_size["width"]
        assert self.page.evaluate("document.documentElement.scrollWidth") <= width, self.page.url


@contextmanager
def seat(
    browser: Any,
    plant: Plant,
    session: str,
    *,
    size: tuple[int, int] = PANEL,
    language: str = "en",
    theme: str = "light",
    **more: Any,
) -> Iterator[Seat]:
    """A browser of somebody who is signed in."""
    context = browser.new_context(viewport={"width": size[0], "height": size[1]}, **more)
    cookies = {"gainspect_session": session, "gainspect-language": language, "gainspect-theme": theme}
    context.add_cookies([{"name": name, "value": value, "url": plant.url} for name, value in cookies.items()])
    try:
        yield Seat(plant, context.new_page())
    finally:
        context.close()

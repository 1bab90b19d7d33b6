"""Somebody at a screen: a browser that is signed in, and what it complains about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from page_parts import Plant

PANEL, TELEPHONE = (1280, 800), (390, 844)

_VIOLATIONS = """axe.run({ resultTypes: ["violations"], preload: false })
    .then(({ violations }) => ({ violations }))"""
_FOCUSED = """selector => {
    const one = document.activeElement;
    if (one === document.body) return [false, ""]; // the browser itself has it
    const shown = one.matches(".choice input") ? one.nextElementSibling : one;
    const [box, style] = [shown.getBoundingClientRect(), getComputedStyle(shown)];
    const within = box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth;
    const marked = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
    return [one.matches(selector), within && marked ? "" : one.outerHTML.slice(0, 90)];
}"""
"""Whether what has the focus is that; and what it is, if nobody sees that it has the focus."""


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
        assert self.complaints == [], self.complaints
        assert [url for url in self.asked if not url.startswith(self.plant.url)] == []

    def require_accessible(self) -> None:
        """axe-core finds nothing."""
        from axe_playwright_python.base import AXE_SCRIPT, AxeResults

        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        found = AxeResults(self.page.evaluate(_VIOLATIONS))
        assert found.violations_count == 0, f"{self.page.url}: {found.generate_report()}"

    def require_large(self) -> None:
        """What can be pressed is at least 56 px each way, for gloves; but a link within a line of text."""
        small = """() => [...document.querySelectorAll("button, a, select, summary, textarea, input")]
            .filter(one => one.checkVisibility() && !one.matches(".skip-link"))
            .filter(one => getComputedStyle(one).display !== "inline" || !one.matches("a"))
            .map(one => one.matches("[type=checkbox], [type=radio]") ? one.closest("label") ?? one : one)
            .map(one => [one.outerHTML.slice(0, 90), one.getBoundingClientRect()])
            .filter(([, box]) => box.height < 55.5 || box.width < 55.5).map(([html]) => html)"""
        found = self.page.evaluate(small)
        assert found == [], f"{self.page.url}: {found}"

    def tab_to(self, selector: str, *, backwards: bool = False) -> None:
        """Press Tab until an element has the focus; where that is has to be seen at each stop."""
        for _ in range(120):
            self.page.keyboard.press("Shift+Tab" if backwards else "Tab")
            found, unseen = self.page.evaluate(_FOCUSED, selector)
            assert unseen == "", f"{self.page.url}: nobody sees the focus on {unseen}"
            if found:
                return
        raise AssertionError(f"{self.page.url}: Tab does not lead to {selector}")

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

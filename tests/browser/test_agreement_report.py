"""The report of a study in a browser without a network: fits a narrow screen, and prints on one page."""

import re
from pathlib import Path
from typing import Any

import pytest

from agreement_parts import people
from gainspect.jobs.run_msa import run_msa

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_it_opens_offline_fits_a_narrow_screen_and_prints_on_one_page(
    browser: Any, tmp_path: Path, language: str
) -> None:
    out = tmp_path / "study.html"
    run_msa([people(tmp_path / "people.csv")], out=out, language=language)
    said: list[str] = []
    asked: list[str] = []
    context = browser.new_context(viewport={"width": 390, "height": 900}, offline=True)
    page = context.new_page()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(out.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.locator("#borderline tbody tr").count() > 10
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    printed = page.pdf(format="A4", print_background=True)
    assert re.search(rb"/Count (\d+)", printed)[1] == b"1"  # type: ignore[index]
    context.close()

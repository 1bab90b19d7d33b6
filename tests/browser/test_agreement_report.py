"""The report of a study in a browser without a network: fits a narrow screen, and prints on one page."""

import re
from pathlib import Path
from typing import Any

import pytest

from agreement_parts import people
from gainspect.jobs.run_msa import run_msa
from offline_page import offline_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("language", ["en", "ko"])
def test_it_opens_offline_fits_a_narrow_screen_and_prints_on_one_page(
    browser: Any, tmp_path: Path, language: str
) -> None:
    out = tmp_path / "study.html"
    run_msa([people(tmp_path / "people.csv")], out=out, language=language)
    with offline_page(browser, out, 390) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.locator("#borderline tbody tr").count() > 10
        printed = page.pdf(format="A4", print_background=True)
        assert re.search(rb"/Count (\d+)", printed)[1] == b"1"  # type: ignore[index]

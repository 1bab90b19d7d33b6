"""The contact sheet in a browser without a network: opens, and fits a narrow screen."""

from pathlib import Path
from typing import Any

import pytest

from gainspect.jobs.write_sheet import write_sheet
from offline_page import offline_page
from report_parts import parts

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_offline_and_fits(browser: Any, tmp_path: Path, language: str, width: int) -> None:
    from gainspect.data.manifest import save_manifest

    save_manifest(parts(tmp_path / "data"), tmp_path / "data" / "parts.csv")
    out = tmp_path / "sheet.html"
    write_sheet(tmp_path / "data" / "parts.csv", out, per_cell=8, language=language)
    with offline_page(browser, out, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator(".tiles img").count() == 8 + 6 + 6  # OK, pits, scratches
        page.click("#counts tbody tr:nth-child(2) a")
        assert page.locator("#kind-2").is_visible() and page.url.endswith("#kind-2")

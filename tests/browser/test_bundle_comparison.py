"""The comparison of two bundles in a browser without a network: it fits, and shows its pictures."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compared_bundles import comparison
from gainspect.report.html.comparison_report import write_bundle_comparison
from gainspect.report.html.pictures import Picture, jpeg_of
from gainspect.report.texts import Wording
from offline_page import offline_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_offline_and_fits(browser: Any, tmp_path: Path, language: str, width: int) -> None:
    out, found = tmp_path / "comparison.html", comparison()
    picture = jpeg_of(np.full((90, 240, 3), 120, np.uint8))
    shown = [Picture(name, picture) for name in ("image", "evidence_before", "evidence_after")]
    pictures = {("old", "덮개 1"): [shown, shown]}
    write_bundle_comparison(out, found.old, found.new, found.sets, pictures, Wording(language))
    with offline_page(browser, out, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("article").count() == 1  # of the new parts none has pictures
        loaded = page.evaluate("[...document.images].map(image => image.naturalWidth)")
        assert loaded == [240] * 6
        for table in page.locator("table").all():
            assert table.evaluate("one => one.scrollWidth <= one.parentElement.clientWidth")

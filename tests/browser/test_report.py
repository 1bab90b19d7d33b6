"""The report in a browser without a network: opens, filters, sorts, fits a narrow screen, no complaint."""

from pathlib import Path
from typing import Any

import pytest

from offline_page import offline_page
from report_parts import small_report

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module", params=["en", "ko"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_report(tmp_path_factory.mktemp("report"), request.param)


@pytest.mark.parametrize("width", [1280, 390])
def test_it_opens_offline_filters_and_sorts(browser: Any, report: Path, width: int) -> None:
    with offline_page(browser, report, width) as page:

        def shown() -> list[str]:
            names = "items => items.filter(item => !item.hidden).map(item => item.dataset.name)"
            found: list[str] = page.eval_on_selector_all("article.failure", names)
            return found

        assert len(shown()) == 8 and page.inner_text("[data-filter=count]") == "8 / 8"
        page.select_option("[data-filter=kind]", "alarm")
        assert sorted(shown()) == ["part4.png", "part8.png"]
        page.fill("[data-filter=text]", "part8")
        assert shown() == ["part8.png"] and page.inner_text("[data-filter=count]") == "1 / 8"
        page.fill("[data-filter=text]", "")
        page.select_option("[data-filter=kind]", "")
        page.select_option("[data-filter=cause]", "label_doubtful")
        assert shown() == ["part1.png"]
        page.select_option("[data-filter=cause]", "")
        page.select_option("[data-filter=sort]", "size")
        # By the side of the spot, 4 px and up; OK parts have no size and come last.
        assert shown()[:6] == [f"part{n}.png" for n in (1, 3, 5, 7, 9, 11)]
        assert page.evaluate("document.documentElement.scrollWidth") <= width

"""The auditor's report in a browser without a network: it fits a narrow screen, and its days are drawn."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gainspect.jobs.report_ledger import report_ledger
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.period import Period
from gainspect.types import Label
from ledger_records import decision, one_of_each_kind
from offline_page import offline_page

pytestmark = [pytest.mark.browser, pytest.mark.slow]
START = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.mark.parametrize("language", ["en", "ko"])
def test_it_opens_offline_and_fits_a_narrow_screen(browser: Any, tmp_path: Path, language: str) -> None:
    file, out = tmp_path / "line.ledger", tmp_path / "report.html"
    with open_ledger(file) as opened:
        clock = (START + timedelta(hours=6 * number) for number in range(1000))
        made = Ledger(opened.database, opened.pictures, clock=lambda: next(clock))
        made.append_all(one_of_each_kind())
        labels = [*Label] * 4
        made.append_all([decision(f"p{number}", label=label) for number, label in enumerate(labels)])
    report_ledger(
        str(file), Period(START.date(), (START + timedelta(days=9)).date(), UTC), out, language=language
    )
    with offline_page(browser, out, 390) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        # All decisions, one each six hours behind those of each kind, are within ten days.
        days = {
            ((START + timedelta(hours=6 * at)).date(), label)
            for at, label in enumerate(labels, len(one_of_each_kind()))
        }
        assert page.locator("#decisions svg rect").count() == len(days) + 1

"""The review of labels in a browser without a network: choices are kept, filtered, and saved as a table."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gainspect.data.corrections import Choice, read_corrections
from gainspect.evaluation.disagreements import Disagreement, Disagreements, Dispute
from gainspect.evaluation.validation_verdicts import ValidationVerdict
from gainspect.report.html.pictures import Picture, jpeg_of
from gainspect.report.html.review_page import DisputedImage, ReviewedRun, write_review_page
from gainspect.report.texts import Wording
from gainspect.types import Label
from report_parts import bundle

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAMES = ['train/불량, "긁힘".png', "train/a.png", r"train/\xba\xd2.png"]
LABELS = (Label.NG, Label.OK, Label.NG)


def disputed(name: str, label: Label, dispute: Dispute) -> DisputedImage:
    verdict = ValidationVerdict(
        image=name,
        label=label,
        group="g",
        score=0.25,
        evidence_peak=0.5,
        points_at_defect=None,
        drop=None,
        control_drop=None,
        agreement=None,
        gap=None,
    )
    picture = Picture("plain", jpeg_of(np.full((60, 300, 3), 90, np.uint8)))
    one = Disagreement(dispute, verdict, Label.OK, 0.1, {Label.NG: 2})
    return DisputedImage(one, "긁힘", [picture] * 3, masked=label is Label.NG)


@pytest.fixture(scope="module", params=["en", "ko"])
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out: Path = tmp_path_factory.mktemp("review") / "review.html"
    kinds = (Dispute.LABEL, Dispute.LABEL, Dispute.MASK)
    images = [disputed(*given) for given in zip(NAMES, LABELS, kinds, strict=True)]
    found = Disagreements(tuple(image.disagreement for image in images), 40, 0.9, 0.8)
    policy = bundle().description.policy
    run = ReviewedRun("런", "abc", folds=5, training=0, test=9, policy=policy)
    write_review_page(images, found, run, out, Wording(request.param))
    return out


class Opened:
    """The page in a browser of its own."""

    def __init__(self, browser: Any, file: Path, width: int = 1280) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(file.as_uri())

    def row(self, place: int) -> Any:
        return self.page.locator(".row").nth(place)

    def choose(self, place: int, choice: str) -> None:
        self.row(place).locator(f"input[value={choice}]").check()

    def count(self) -> str:
        text: str = self.page.inner_text("[data-count]")
        return text

    def counts(self, text: str) -> None:
        """Wait until the page counts so."""
        self.page.wait_for_function(
            "text => document.querySelector('[data-count]').textContent === text", arg=text
        )

    def shown(self) -> list[int]:
        found: list[int] = self.page.eval_on_selector_all(
            ".row", "rows => rows.flatMap((row, place) => (row.hidden ? [] : [place]))"
        )
        return found

    def saved(self, folder: Path) -> Path:
        with self.page.expect_download() as download:
            self.page.click("[data-export]")
        path = folder / download.value.suggested_filename
        download.value.save_as(path)
        return path


def test_choices_are_saved_as_the_table_that_data_correct_reads(
    browser: Any, page_file: Path, tmp_path: Path
) -> None:
    opened = Opened(browser, page_file)
    assert opened.count() == "0 / 3" and opened.page.is_disabled("[data-export]")
    opened.choose(0, "ok")
    opened.row(0).locator("[data-note]").fill('너무 작음, "검토"')
    opened.choose(2, "mask")
    opened.choose(1, "unsure")
    opened.row(1).locator("[data-undo]").click()
    assert opened.count() == "2 / 3"
    saved = opened.saved(tmp_path)
    assert saved.name == "corrections-런.csv"
    found = read_corrections(saved)
    assert [(one.image, one.choice, one.label, one.note) for one in found] == [
        (NAMES[0], Choice.OK, Label.NG, '너무 작음, "검토"'),
        (NAMES[2], Choice.MASK, Label.NG, ""),
    ]
    assert opened.said == []
    assert [url for url in opened.asked if not url.startswith(("file:", "data:", "blob:"))] == []
    opened.context.close()


def test_choices_outlive_the_page(browser: Any, page_file: Path) -> None:
    opened = Opened(browser, page_file)
    opened.choose(1, "ng")
    opened.row(1).locator("[data-note]").fill("노트")
    opened.page.reload()
    opened.counts("1 / 3")
    assert opened.row(1).locator("input[value=ng]").is_checked()
    assert opened.row(1).locator("[data-note]").input_value() == "노트"
    opened.context.close()


def test_two_windows_keep_each_other_s_choices(browser: Any, page_file: Path, tmp_path: Path) -> None:
    opened = Opened(browser, page_file)
    other = opened.context.new_page()
    other.goto(page_file.as_uri())
    opened.choose(1, "ng")
    opened.row(1).locator("[data-note]").fill("노트")
    other.wait_for_function("document.querySelectorAll('[data-note]')[1].value === '노트'")
    other.locator(".row").nth(2).locator("input[value=mask]").check()
    opened.counts("2 / 3")
    saved = read_corrections(opened.saved(tmp_path))
    assert [(one.image, one.choice, one.note) for one in saved] == [
        (NAMES[1], Choice.NG, "노트"),
        (NAMES[2], Choice.MASK, ""),
    ]
    opened.context.close()


def test_rows_are_filtered(browser: Any, page_file: Path) -> None:
    opened = Opened(browser, page_file)
    for kind, rows in (("ng", [0]), ("ok", [1]), ("mask", [2]), ("", [0, 1, 2])):
        opened.page.select_option("[data-show=kind]", kind)
        assert opened.shown() == rows
    opened.choose(1, "right")
    opened.page.select_option("[data-show=state]", "done")
    assert opened.shown() == [1]
    opened.page.select_option("[data-show=state]", "open")
    assert opened.shown() == [0, 2]
    opened.page.fill("[data-show=text]", "긁힘")
    assert opened.shown() == [0]
    opened.context.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_it_fits_and_can_be_used_by_keyboard(browser: Any, page_file: Path, width: int) -> None:
    opened = Opened(browser, page_file, width)
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width
    opened.row(0).locator("input[value=right]").focus()
    opened.page.keyboard.press("Space")
    opened.page.keyboard.press("ArrowRight")
    assert opened.row(0).locator("input[value=ok]").is_checked() and opened.count() == "1 / 3"
    opened.context.close()


def test_a_browser_that_keeps_nothing_says_so(browser: Any, page_file: Path, tmp_path: Path) -> None:
    context = browser.new_context(offline=True)
    page = context.new_page()
    refuse = "Storage.prototype.setItem = () => { throw new Error('full'); };"
    page.add_init_script(refuse)
    page.goto(page_file.as_uri())
    page.locator(".row").nth(0).locator("input[value=ok]").check()
    assert page.is_visible("[data-unstored]") and not page.is_visible("[data-stored]")
    assert page.is_enabled("[data-export]")
    context.close()

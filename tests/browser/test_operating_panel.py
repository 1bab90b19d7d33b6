"""The operating panel in a browser: its script decides, counts and bounds as Python does."""

import json
import random
import re
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import beta

import gainspect.report.html
from gainspect.evaluation.judged_parts import JudgedPart, decided, outcome_of
from gainspect.evaluation.operating_facts import tally_rows
from gainspect.metrics.decisions import Costs, expected_cost
from gainspect.policy import Rules
from gainspect.report.html.page import percent, span
from gainspect.types import Label
from report_parts import bundle, point_with_floor, small_report

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SCRIPT = (Path(gainspect.report.html.__file__).parent / "templates" / "panel.js").read_text(encoding="utf-8")
LABELS = (Label.OK, Label.REVIEW, Label.NG)


def between(start: str, end: str) -> str:
    """The part of the script from one text up to another."""
    return SCRIPT[SCRIPT.index(start) : SCRIPT.index(end)]


@pytest.fixture(scope="module")
def blank(browser: Any) -> Any:
    page = browser.new_page()
    yield page
    page.close()


def test_bounds_are_those_of_scipy(blank: Any) -> None:
    cases = [
        (k, n) for n in (1, 2, 9, 59, 300, 2000, 100_000) for k in sorted({0, 1, n // 3, n - 1, n}) if k <= n
    ]
    body = between("const logFactorials", "const ROWS")
    found = blank.evaluate(f"cases => {{ {body} return cases.map(([k, n]) => bounds(k, n)); }}", cases)
    for (k, n), (low, high) in zip(cases, found, strict=True):
        assert low == pytest.approx(beta.ppf(0.025, k, n - k + 1) if k else 0, abs=1e-9), (k, n)
        assert high == pytest.approx(beta.ppf(0.975, k + 1, n - k) if k < n else 1, abs=1e-9), (k, n)
    assert blank.evaluate(f"() => {{ {body} return bounds(0, 0); }}") == [0, 1]


def test_decisions_are_those_of_the_policy(blank: Any) -> None:
    rng = random.Random(0)
    scores = [0.0, 0.2, 0.5, 0.5000001, 0.8, 1.0]
    parts = [
        JudgedPart(
            name="p",
            group="g",
            ng=True,
            score=rng.choice([None, *scores]),
            confirmed=rng.choice([None, *scores]),
            least=rng.choice(LABELS),
            unread=rng.random() < 0.2,
        )
        for _ in range(600)
    ]
    cuts = [sorted((rng.choice(scores), rng.choice(scores))) for _ in parts]
    given = [
        ({**asdict(part), "least": LABELS.index(part.least)}, threshold, review_from)
        for part, (review_from, threshold) in zip(parts, cuts, strict=True)
    ]
    body = "const [OK, REVIEW, NG] = [0, 1, 2];" + between("const decided", "const tally")
    found = blank.evaluate(f"given => {{ {body} return given.map(one => decided(...one)); }}", given)
    expected = [
        decided(part, Rules(threshold=threshold, review_from=review_from))
        for part, (review_from, threshold) in zip(parts, cuts, strict=True)
    ]
    assert [LABELS[code] for code in found] == expected and len(set(expected)) == 3


@pytest.fixture(scope="module", params=["en", "ko"])
def report(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    return small_report(folder, request.param, review_from=0.2, point=point_with_floor(0.15))


class Panel:
    """The panel of a report that is open, and the parts behind it."""

    def __init__(self, browser: Any, report: Path, width: int = 1280) -> None:
        context = browser.new_context(viewport={"width": width, "height": 900}, offline=True)
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(report.as_uri())
        text = re.search(r'id="panel-data">(.*?)</script>', report.read_text(encoding="utf-8"))
        assert text is not None
        self.data = json.loads(text[1])

    def parts(self, of: int = 0) -> list[JudgedPart]:
        names = ("name", "ng", "score", "confirmed", "least", "unread", "group", "images")
        rows = [dict(zip(names, row, strict=True)) for row in self.data["sets"][of]]
        return [
            JudgedPart(**row | {"group": str(row["group"]), "least": LABELS[row["least"]]}) for row in rows
        ]

    def said(self, name: str, of: int = 0) -> str:
        text: str = self.page.inner_text(f'[data-set="{of}"] [data-out={name}]')
        return text

    def control(self, name: str, kind: str = "number") -> Any:
        return self.page.locator(f"[data-control={name}] input[type={kind}]")

    def require(self, threshold: float, review_from: float, costs: Costs, share: float, of: int = 0) -> None:
        """Every figure is what Python makes of the same parts."""
        rules = bundle().description.policy.model_copy(
            update={"threshold": threshold, "review_from": review_from}
        )
        for row in tally_rows(self.parts(of), rules):
            counted = f"{row['count']} / {row['of']} ({percent(row['share'])})"
            assert self.said(row["name"], of) == counted, row
            assert self.said(f"{row['name']}_bounds", of) == span(row["bounds"], True), row
        cost = expected_cost(outcome_of(self.parts(of), rules), costs, share)
        assert self.said("cost", of) == f"{cost:.0f}"


def test_moving_it_counts_as_python_does(browser: Any, report: Path) -> None:
    panel = Panel(browser, report)
    costs = Costs(30, 1, 0.5)
    before = panel.page.locator("#panel").inner_text()
    panel.require(0.5, 0.2, costs, 0.02)
    assert panel.page.locator(".change").count() == 0
    for threshold, review_from in ((0.7, 0.4), (0.3, 0.3), (0.05, 0.05), (1, 0.0)):
        panel.control("threshold").fill(str(threshold))
        panel.control("review_from").fill(str(review_from))
        panel.require(threshold, review_from, costs, 0.02)
        rules = Rules(threshold=threshold, review_from=review_from)
        shipped = Rules(threshold=0.5, review_from=0.2)
        moved = {p.name for p in panel.parts() if decided(p, rules) is not decided(p, shipped)}
        shown = panel.page.eval_on_selector_all(".change b", "all => all.map(one => one.textContent)")
        assert set(shown) == moved and len(shown) == len(moved) > 0
        assert panel.page.inner_text("[data-out=changed]") == str(len(moved))
    panel.control("miss").fill("8")
    panel.control("prevalence").fill("10")
    panel.require(1, 0.0, Costs(8, 1, 0.5), 0.1)
    command = panel.page.inner_text("[data-out=command]")
    assert command == "gainspect calibrate NAME.gain --data DIR --threshold 1 --review-from 0"
    assert panel.page.inner_text("[data-out=command_cost]").endswith(
        "--cost miss=8,false_alarm=1,review=0.5 --prevalence 0.1"
    )
    panel.page.click("[data-back]")
    assert panel.page.locator("#panel").inner_text() == before
    assert panel.complaints == []


def test_the_other_parts_are_shown_in_their_place(browser: Any, report: Path) -> None:
    panel = Panel(browser, report)
    panel.page.check('[name=panel-set][value="1"]')
    assert not panel.page.is_visible('[data-set="0"] table') and panel.page.is_visible('[data-set="1"] table')
    panel.require(0.5, 0.2, Costs(30, 1, 0.5), 0.02, of=1)


def test_sliders_move_by_keyboard_and_the_band_stays_below_the_threshold(browser: Any, report: Path) -> None:
    panel = Panel(browser, report)
    panel.control("threshold", "range").focus()
    panel.page.keyboard.press("ArrowRight")
    raised = float(panel.control("threshold").input_value())
    assert 0.5 < raised < 0.55
    panel.require(raised, 0.2, Costs(30, 1, 0.5), 0.02)
    for _ in range(20):
        panel.page.keyboard.press("PageDown")
    lowest = float(panel.control("threshold").input_value())
    assert lowest < 0.2 and float(panel.control("review_from").input_value()) == lowest
    assert "--review-from" not in panel.page.inner_text("[data-out=command]")
    panel.control("review_from", "range").focus()
    panel.page.keyboard.press("End")
    assert float(panel.control("review_from").input_value()) == lowest


def test_what_is_no_threshold_changes_nothing(browser: Any, report: Path) -> None:
    panel = Panel(browser, report)
    for text in ("7", "-1", ""):
        panel.control("threshold").fill(text)
        panel.require(0.5, 0.2, Costs(30, 1, 0.5), 0.02)
    panel.control("miss").focus()
    assert float(panel.control("threshold").input_value()) == 0.5


def test_parts_that_change_side_have_the_pictures_that_the_page_has(browser: Any, report: Path) -> None:
    panel = Panel(browser, report)
    panel.control("threshold").fill("0.9")
    panel.control("review_from").fill("0.9")
    alarm = panel.page.locator(".change", has=panel.page.get_by_text("part4.png", exact=True))
    assert alarm.locator("img").count() == 2


@pytest.mark.parametrize("width", [1280, 400])
def test_it_fits_and_prints_without_its_controls(browser: Any, report: Path, width: int) -> None:
    panel = Panel(browser, report, width)
    assert panel.page.evaluate("document.documentElement.scrollWidth") <= width
    assert panel.page.is_visible(".sliders")
    panel.page.emulate_media(media="print")
    assert not panel.page.is_visible(".sliders") and panel.page.is_visible('[data-set="0"] table')


def test_without_scripts_the_figures_of_the_policy_stand(browser: Any, report: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(report.as_uri())
    with_script = Panel(browser, report).page
    for name in ("caught", "escapes_bounds", "cost"):
        query = f'[data-set="0"] [data-out={name}]'
        assert page.inner_text(query) == with_script.inner_text(query)
    assert not page.is_visible(".sliders")
    context.close()

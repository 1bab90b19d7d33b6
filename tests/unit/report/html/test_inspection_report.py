"""The report: whole, offline, and with the figures that were judged."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gainspect.policy import InputPolicy, UsualRange
from gainspect.report.html import inspection_report as module
from gainspect.report.html.inspection_report import size_sentence
from gainspect.report.texts import Wording
from gainspect.types import Label, MaskKind
from report_parts import parts, small_report


@pytest.fixture(scope="module", params=["en", "ko"])
def page(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return small_report(tmp_path_factory.mktemp("report"), request.param).read_text(encoding="utf-8")


class Outline(HTMLParser):
    """Which tags are open, which ids and links there are, and every attribute that could load something."""

    VOID = frozenset({"meta", "link", "img", "br", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.loads: list[str] = []
        self.failures: list[dict[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in self.VOID:
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            if name in {"src", "href", "srcset", "action", "data", "poster", "xlink:href"}:
                self.loads.append(value or "")
        if tag == "article":
            self.failures.append(dict(attrs))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass  # of SVG

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outline(page: str) -> Outline:
    parsed = Outline()
    parsed.feed(page)
    return parsed


def test_it_is_whole_and_loads_nothing_from_elsewhere(page: str) -> None:
    parsed = outline(page)
    assert parsed.open == []
    elsewhere = [load for load in parsed.loads if not load.startswith(("data:", "#"))]
    assert [re.sub("en|ko", "LANG", load) for load in elsewhere] == ["report-LANG.csv"]  # the table beside it
    assert {load[1:] for load in parsed.loads if load.startswith("#")} <= set(parsed.ids)
    assert not re.search(r"https?://|url\(|@import|//[a-z]+\.", re.sub(r"data:[^\"']+", "", page))


def test_every_wrong_verdict_is_there_once(page: str) -> None:
    names = [failure["data-name"] for failure in outline(page).failures]
    # The spots of parts 1 … 11 are too faint for P(NG) 0.5; two OK parts have a spot.
    assert sorted(names) == sorted([f"part{n}.png" for n in (1, 3, 5, 7, 9, 11, 4, 8)])
    doubtful = [f["data-cause"] for f in outline(page).failures if f["data-name"] == "part1.png"]
    assert doubtful == ["label_doubtful"]


def test_the_summary_says_what_was_counted(page: str) -> None:
    assert re.search(r"(6 of 12 defective|불량 12장 중 6장)", page)
    assert re.search(r"(10 of 12 good|양품 12장 중 10장)", page)
    assert "50\u00a0%" in page


def test_it_has_the_thirds_of_defect_size_and_counts_what_could_not_be_checked_apart(page: str) -> None:
    """Twelve marked defects, from 4 to 15 px across: four in each third."""
    thirds = re.findall(r"<tr><td>([\d.]+)–([\d.]+)</td><td class=\"n\">(\d+)</td>", page)
    assert [(float(low), float(high), int(n)) for low, high, n in thirds] == [
        (4, 7, 4),
        (8, 11, 4),
        (12, 15, 4),
    ]
    assert re.search(r"(REVIEW, not checked|재검 \(확인 불가\))", page)


def test_texts_from_outside_are_escaped(tmp_path: Path) -> None:
    from gainspect.report.html.page import write_page
    from gainspect.report.texts import Wording

    class Table:
        images, groups, labels = (), (), __import__("numpy").zeros(0, bool)

    flips = {"S9": dict.fromkeys(("newly_caught", "newly_missed"), ("<b>x</b>",))}
    flips["S9"] |= {"newly_passed": (), "newly_alarmed": ()}
    values = {
        "base": "<i>",
        "table": Table,
        "figures": [],
        "paired": {},
        "judged_by": (),
        "divided_anew": True,
    }
    write_page("comparison.html.j2", tmp_path / "x.html", Wording("en"), flips=flips, **values)
    text = (tmp_path / "x.html").read_text()
    assert "&lt;b&gt;x" in text and "<b>x" not in text and "<i>" not in text
    assert Wording("en")("divided_anew") in text


@pytest.mark.parametrize(
    ("language", "said", "claims"),
    [
        (
            "en",
            (
                "not measured: no defective image",
                "Whether the evidence points at the defects was not measured",
            ),
            (
                "Right verdict, right reason",
                "caught images whose defect",
                "evidence is elsewhere",
                "PointGame",
            ),
        ),
        (
            "ko",
            ("측정하지 못함: 결함 마스크가", "근거가 실제 결함을 가리키는지는 측정하지 못했습니다"),
            ("판정 맞음 · 근거 맞음", "근거가 실제 결함을 가리킵니다", "근거가 다른 곳에 있음", "PointGame"),
        ),
    ],
)
def test_without_masks_it_claims_no_right_reason_and_says_that_none_was_measured(
    language: str, said: tuple[str, ...], claims: tuple[str, ...], tmp_path: Path
) -> None:
    page = small_report(tmp_path, language, masks=False).read_text(encoding="utf-8")
    assert outline(page).open == []
    assert [sentence for sentence in said if sentence not in page] == []
    assert [claim for claim in claims if claim in page] == []
    card = re.search(r"(?:Right for the right reason|올바른 근거의 정답률)</span><b>(.*?)</b>", page)
    assert card is not None and card[1] == "–"


def test_with_masks_it_says_how_many_caught_defects_are_marked(page: str) -> None:
    assert re.search(r"(of the 6 caught images whose defect is marked|마스크가 있는 6장 가운데)", page)
    assert 'class="quadrant"' in page


@pytest.mark.parametrize(
    ("language", "said"), [("en", "between the two thresholds, "), ("ko", "작업자에게 넘깁니다(이 중 불량")]
)
def test_what_is_borderline_is_counted_apart_from_what_its_check_stops(
    tmp_path: Path, language: str, said: str
) -> None:
    without = small_report(tmp_path / "one", language).read_text(encoding="utf-8")
    banded = small_report(tmp_path / "two", language, review_from=0.0).read_text(encoding="utf-8")
    assert said in banded and said not in without


@pytest.mark.parametrize(
    ("language", "title", "row", "unchecked"),
    [
        (
            "en",
            "Are the images like those of the training?",
            ("brightness", "usual 168 to 300"),
            "no figures",
        ),
        ("ko", "입력 이미지가 학습 이미지와 비슷한가?", ("밝기", "정상 범위 168~300"), "통계가 없어"),
    ],
)
def test_what_is_unlike_the_training_is_counted_by_figure_or_said_not_to_be_checked(
    tmp_path: Path, language: str, title: str, row: tuple[str, str], unchecked: str
) -> None:
    """Of the parts around 170, those with the larger dark spots have a mean below 168."""
    manifest = parts(tmp_path / "parts")
    dark = [part.label for part in manifest.parts if manifest.image(part).mean() < 168]
    assert 0 < len(dark) < len(manifest.parts)
    ranges = {"brightness": UsualRange(low=168, high=300)}
    inputs = InputPolicy(ranges=ranges, share=0.005, split="val", images=20, training=30)
    page = small_report(tmp_path, language, inputs=inputs).read_text(encoding="utf-8")
    cells = "".join(f"<td>{cell}</td>" for cell in row)
    counts = "".join(f'<td class="n">{dark.count(label)}</td>' for label in (Label.OK, Label.NG))
    assert title in page and f"<tr>{cells}{counts}</tr>" in page
    assert unchecked not in page
    assert unchecked in small_report(tmp_path / "other", language).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("recalls", "told"),
    [
        ([1.0, 0.95, 0.9], "In every size class, at least 90 % are caught."),
        ([0.5, 1.0, 1.0], "From 4 px on, at least 90 % are caught in every size class; smaller defects "),
        ([1.0, 0.95, 0.5], "At least 90 % are caught in these size classes only: < 4, 4–8 px."),
        ([0.89, 0.5, 0.89], "In no size class are at least 90 % caught."),
        ([], "No defect is marked"),
    ],
)
def test_the_sentence_on_sizes_denies_no_class_that_is_caught(recalls: list[float], told: str) -> None:
    sizes = ((0, 4.0), (4.0, 8.0), (8.0, 16.0))
    rows = [
        {"from": low, "to": high, "recall": {"value": recall}}
        for (low, high), recall in zip(sizes, recalls, strict=False)
    ]
    assert size_sentence(Wording("en"), rows).startswith(told)


@pytest.mark.parametrize("most", [1, 3, 100])
def test_of_many_wrong_verdicts_the_most_confident_have_pictures(
    most: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    every = outline(small_report(tmp_path / "every", "en").read_text(encoding="utf-8")).failures
    kinds = [[one for one in every if one["data-kind"] == kind] for kind in ("missed", "alarm")]
    assert min(map(len, kinds)) > 1
    monkeypatch.setattr(module, "_MOST_PICTURED", most)
    page = small_report(tmp_path / "few", "en").read_text(encoding="utf-8")
    shown = outline(page).failures
    expected = [one["data-name"] for kind in kinds for one in kind[:most]]  # they come in this order
    assert [one["data-name"] for one in shown] == expected
    left = len(every) - len(expected)
    told = f"Of each kind the {most} most confident are shown; the others ({left}) are in report-en.csv"
    assert (told in page) == (left > 0)


def test_pictures_leave_room_for_the_parts_of_the_panel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of what the page may have, they get what its text and the panel's parts leave."""

    def pictures_in(page: str) -> int:
        return sum(map(len, re.findall(r"data:image/jpeg;base64,([^\"]+)", page)))

    page = small_report(tmp_path / "all", "en").read_text(encoding="utf-8")
    found = re.search(r'id="panel-data">(.*?)</script>', page)
    assert found is not None
    left = pictures_in(page) // 2
    monkeypatch.setattr(module, "MAX_BYTES", module._TEXT_BYTES + len(found[1].encode()) + left)
    smaller = small_report(tmp_path / "less", "en").read_text(encoding="utf-8")
    assert len(re.findall("data:image", smaller)) == len(re.findall("data:image", page))
    assert pictures_in(smaller) <= left


def test_of_many_images_seen_before_the_first_are_named() -> None:
    seen = {f"{place}.png": ("train", "val")[place % 2] for place in range(150)}
    told = module._seen_named(seen, Wording("en"))
    assert told.startswith("0.png (training), 1.png (validation), ")
    assert told.endswith("99.png (validation) and 50 more")


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("kinds", [(None, "box", "scribble"), ("box", "scribble")])
def test_boxes_and_scribbles_are_told_apart(
    language: str, kinds: tuple[MaskKind | None, ...], tmp_path: Path
) -> None:
    page = small_report(tmp_path, language, kinds=kinds).read_text(encoding="utf-8")
    assert outline(page).open == []
    t = Wording(language)
    counted = dict(
        re.findall(r"<tr><td>([^<]+)</td><td class=\"n\">(\d+)</td><td class=\"n\">\d+\u00a0%", page)
    )
    each = str(12 // len(kinds))
    assert (counted[t("mask_box")], counted[t("mask_scribble")]) == (each, each)
    assert t("inexact_caption") in page and t("quadrant") in page
    # Without an outline the rate is not measured, but it is not said that nothing is marked.
    assert (t("right_reason_inexact") in page) == (None not in kinds)
    assert t("right_reason_unmeasured") not in page and t("map_unmeasured") not in page


def test_without_boxes_nothing_is_said_of_them(page: str) -> None:
    assert not any(Wording(language)("inexact_caption") in page for language in ("en", "ko"))

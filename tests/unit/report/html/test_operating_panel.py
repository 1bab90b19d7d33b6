"""The operating panel: the page says what Python counts, in both languages, whatever parts are called."""

import json
import re

import pytest

from gainspect.evaluation.appraisal import appraise
from gainspect.evaluation.chosen_on import ChosenOn
from gainspect.evaluation.judged_parts import JudgedPart, outcome_of
from gainspect.evaluation.operating_facts import OperatingFacts, tally_rows
from gainspect.report.html import operating_panel as module
from gainspect.report.html.operating_panel import panel_values
from gainspect.report.html.page import percent, span
from gainspect.report.html.panel_plots import PLACES, Axis
from gainspect.report.operating_sentences import appraisal_sentences
from gainspect.report.texts import TEXTS, Wording
from gainspect.types import Label
from report_parts import bundle, point_with_floor, small_report

POLICY = bundle().description.policy.model_copy(update={"review_from": 0.2})


def data_of(page: str) -> dict:
    found = re.search(r'id="panel-data">(.*?)</script>', page)
    assert found is not None
    return json.loads(found[1])


@pytest.fixture(scope="module", params=["en", "ko"])
def page(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    out = small_report(folder, request.param, review_from=0.2, point=point_with_floor(0.3))
    return request.param, out.read_text(encoding="utf-8")


def parts_in(page: str, of: int) -> list[JudgedPart]:
    names = ("name", "ng", "score", "confirmed", "least", "unread", "group", "images")
    labels = (Label.OK, Label.REVIEW, Label.NG)
    rows = [dict(zip(names, row, strict=True)) for row in data_of(page)["sets"][of]]
    for row in rows:
        row["confirmed"] = row["score"] if row["confirmed"] is True else row["confirmed"]
    return [JudgedPart(**row | {"group": str(row["group"]), "least": labels[row["least"]]}) for row in rows]


def test_the_figures_on_the_page_are_those_of_its_rows(page):
    _, text = page
    blocks = re.findall(r'<div data-set="(\d)".*?(?=<div data-set|<div data-script)', text, re.DOTALL)
    assert blocks == ["0", "1", "0", "1"]
    for of in (0, 1):
        parts = parts_in(text, of)
        table = re.findall(rf'<div data-set="{of}".*?</table>', text, re.DOTALL)[-1]
        for row in tally_rows(parts, POLICY):
            shown = f"{row['count']} / {row['of']} ({percent(row['share'])})"
            assert f'data-out="{row["name"]}">{shown}<' in table
            assert f'data-out="{row["name"]}_bounds">{span(row["bounds"], True)}<' in table
    assert outcome_of(parts_in(text, 0), POLICY).ng == 12


def test_the_first_lines_say_whether_it_would_pass(page):
    language, text = page
    first = re.sub(r"<[^>]+>", "", text[text.index("<header>") : text.index("</header>")]).replace(
        "\xa0", " "
    )
    appraisal = appraise(parts_in(text, 0), POLICY, doubtful={"part1.png"})
    for sentence in appraisal_sentences(appraisal, "test", Wording(language)):
        assert sentence in first
    assert appraisal.grade == "unacceptable" and TEXTS[language]["ap_miss"] in first


def test_what_it_is_blind_to_is_named_and_shown(page):
    language, text = page
    blind = text[text.index(TEXTS[language]["pn_blind_note"]) :]
    blind = blind[: blind.index("</section>")]
    assert re.findall(r"<h4>(.*?)</h4>", blind) == ["part1.png", "part3.png", "part5.png"]
    assert blind.count("<img ") == 6
    assert TEXTS[language]["op_blind"].format(names="part1.png, part3.png, part5.png") in text


def test_names_cannot_leave_their_place():
    names = ("</script><script>alert(1)</script>", "a\u2028b", "<!--", "불량 '\"&")
    parts = tuple(JudgedPart(name=name, group=name, ng=n % 2 == 0, score=0.5) for n, name in enumerate(names))
    facts = OperatingFacts(POLICY, None, ChosenOn(split="test", parts=parts), None)
    content = str(panel_values(facts, Wording("en"), "report.csv")["panel"]["data"])
    assert "<" not in content and "\u2028" not in content
    assert [row[0] for row in json.loads(content)["sets"][0]] == list(names)


def test_thresholds_and_both_ends_can_be_seen():
    axis = Axis.of([3e-5, 0.4, 0.99995], [0.5, 0.02])
    places = [axis.place(score) for score in (3e-5, 0.02, 0.4, 0.5, 0.99995)]
    assert PLACES["left"] < places[0] and places == sorted(places) and places[-1] < PLACES["right"]
    assert (axis.ticks[0], axis.ticks[-1]) == (1e-5, 0.99999)
    assert axis.place(0.5) == pytest.approx((PLACES["left"] + PLACES["right"]) / 2)
    assert axis.place(0) == PLACES["left"] and axis.place(1) == PLACES["right"]


def test_a_part_that_could_not_be_read_is_in_no_plot_but_counted():
    parts = (
        JudgedPart(name="a", group="a", ng=True, score=None, unread=True),
        JudgedPart(name="b", group="b", ng=True, score=0.9, confirmed=0.9),
        JudgedPart(name="c", group="c", ng=False, score=0.1),
    )
    facts = OperatingFacts(POLICY, point_with_floor(0.3), ChosenOn(split="test", parts=parts), None)
    (shown,) = panel_values(facts, Wording("en"), "report.csv")["panel"]["sets"]
    counts = {row["name"]: row["count"] for row in shown["rows"]}
    assert counts == {"caught": 1, "escapes": 0, "review_ng": 1, "false_alarms": 0, "review_ok": 0}
    assert shown["histogram"].count("<title>") == 2


def test_of_very_many_parts_those_near_a_threshold_have_names(monkeypatch):
    """All have their scores, so that everything is counted; three of six have names, by their logits."""
    monkeypatch.setattr(module, "MOST_NAMED", 3)
    scores = {"far below": 1e-6, "below": 0.15, "band": 0.25, "above": 0.55, "far": 0.97, "unread": None}
    parts = [
        JudgedPart(name=name, group=name, ng=False, score=score, confirmed=score, images=(f"{name}.png",))
        for name, score in scores.items()
    ]
    facts = OperatingFacts(POLICY, None, ChosenOn(split="test", parts=tuple(parts)), None)
    data = json.loads(panel_values(facts, Wording("en"), "all.csv")["panel"]["data"])
    (rows,) = data["sets"]
    assert [row[0] for row in rows] == [None, "below", "band", "above", None, None]
    assert [row[7] for row in rows] == [[], ["below.png"], ["band.png"], ["above.png"], [], []]
    assert [row[2] for row in rows] == list(scores.values())
    assert [row[3] for row in rows] == [True] * 5 + [None]
    assert data["texts"]["unnamed"] == "a part in all.csv"

"""Sentences on an operating point, in both languages: every case has its text, with its figures."""

from typing import get_args

import pytest

from gainspect.evaluation.agreement_study import MARKS
from gainspect.evaluation.appraisal import Appraisal, Remedy, RemedyKind
from gainspect.evaluation.chosen_on import Attainable
from gainspect.evaluation.goals import ByHand, EscapeBound, FalseAlarms, LeastCost, Recall
from gainspect.metrics.agreement import Proportion
from gainspect.metrics.decisions import Outcome
from gainspect.report.operating_sentences import (
    advisor_sentence,
    appraisal_sentences,
    evidence_sentences,
    goal_words,
    unusable_sentences,
)
from gainspect.report.texts import Wording
from report_parts import point_with_floor

ENGLISH, KOREAN = Wording("en"), Wording("ko")
FIGURES = {
    "effectiveness": Proportion(90, 102, (0.8, 0.94)),
    "miss": Proportion(3, 50, (0.0125, 0.1655)),
    "false_alarm": Proportion(2, 52, (0.005, 0.13)),
}


def said(wording=ENGLISH, worst="miss", grade="unacceptable", **remedy):
    return appraisal_sentences(Appraisal(FIGURES, grade, worst, Remedy(**remedy)), "test", wording)


def test_it_says_by_which_figure_it_fails_and_what_would_help():
    assert said(kind="size", parts=("a.png", "b.png"), of=3) == [
        "It would not pass as an appraiser, by its miss rate: 6 % (95 %: 1.2 – 16.6 %); acceptable is up to "
        "2 %, marginal up to 5 %.",
        "On test, 52 OK and 50 NG parts: effectiveness 88.2 %, miss rate 6 %, false-alarm rate 3.8 %. REVIEW "
        "counts as not right, but neither as missed nor as a false alarm.",
        "What would help most: a larger input (--size): 2 of the 3 missed parts have a defect that is less "
        "than 4 px wide after resizing: a.png, b.png.",
    ]


@pytest.mark.parametrize("wording", [ENGLISH, KOREAN], ids=["en", "ko"])
@pytest.mark.parametrize("kind", get_args(RemedyKind))
@pytest.mark.parametrize("worst", [*MARKS, None])
def test_every_remedy_and_figure_has_its_sentences(wording, kind, worst):
    grade = "acceptable" if worst is None else "marginal"
    parts = tuple(f"{n}.png" for n in range(7))
    found = said(wording, worst, grade, kind=kind, parts=parts, of=9, needed=149)
    assert len(found) == 3 and all(found)
    if kind.startswith("test_"):
        assert "149" in found[2]
    if kind in ("labels", "size", "train_ng", "train_ok"):
        assert "4.png" in found[2] and "5.png" not in found[2] and "2" in found[2]


def test_without_a_class_it_is_not_known():
    empty = FIGURES | {"miss": Proportion(0, 0, (0, 1))}
    found = appraisal_sentences(Appraisal(empty, None, None, Remedy("classes")), "test", ENGLISH)
    assert found[0] == "Whether it would pass as an appraiser is not known." and "miss rate –" in found[1]


def test_the_sentences_of_the_issue():
    assert evidence_sentences(Attainable(46, ("b", "a"), 0.61), ENGLISH)[0] == (
        "44 of 46 NG parts show evidence; the last 2 cost 61 % false alarms more."
    )
    assert advisor_sentence(0, 9, 0.283, [(0.05, 59), (0.01, 299)], ENGLISH) == (
        "0 of 9 missed proves an escape rate below 28 % (95 % confidence); "
        "5 % takes 59, 1 % takes 299 with none missed."
    )
    korean = evidence_sentences(Attainable(46, ("b", "a"), 0.61), KOREAN)
    assert (
        korean[0]
        == "불량 46개 중 44개에서 근거가 보입니다. 나머지 2개까지 잡으려면 과검률이 61 % 늘어납니다."
    )
    assert evidence_sentences(Attainable(0, (), None), ENGLISH) == []


@pytest.mark.parametrize(
    "goal",
    [LeastCost(), EscapeBound(rate=0.01), Recall(recall=0.98), FalseAlarms(rate=0.05), ByHand(threshold=0.3)],
)
def test_every_goal_has_its_words_in_korean(goal):
    words = goal_words(point_with_floor(0.1).model_copy(update={"goal": goal}), KOREAN)
    assert any("가" <= letter <= "힣" for letter in words)


@pytest.mark.parametrize(
    ("counted", "english", "korean"),
    [
        (Outcome(9, 0, 1, 40, 20, 40), "60 of 100 OK parts", "양품 100개 중 60개"),
        (Outcome(1, 2, 7, 0, 0, 100), "7 of 10 NG parts", "불량 10개 중 7개"),
    ],
)
def test_why_a_policy_is_not_usable(counted, english, korean):
    point = point_with_floor(0.1).model_copy(update={"counted": counted, "unusable": "stored"})
    assert english in unusable_sentences(point, ENGLISH)[0]
    assert korean in unusable_sentences(point, KOREAN)[0]
    assert unusable_sentences(point.model_copy(update={"unusable": None}), KOREAN) == []

"""A model is held against AIAG's marks as a study of appraisers would, and told what would help most."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from gainspect.data.decision_table import CATEGORIES, Appraiser, DecisionTable
from gainspect.evaluation.agreement_study import study
from gainspect.evaluation.appraisal import appraise
from gainspect.evaluation.judged_parts import JudgedPart, decided
from gainspect.policy import Rules

RULES = Rules(threshold=0.5, review_from=0.3)
SCORE = {"ng": 0.8, "review": 0.4, "ok": 0.1, "unconfirmed": 0.8}


def parts_of(**counts):
    """Parts by "ng_ok=3": three NG parts that are decided OK. Names are such as "ng_ok 0"."""
    found = []
    for key, count in counts.items():
        truth, made = key.split("_")
        for n in range(count):
            score = SCORE[made]
            confirmed = None if made == "unconfirmed" else score
            name = f"{key} {n}"
            found.append(
                JudgedPart(name=name, group=name, ng=truth == "ng", score=score, confirmed=confirmed)
            )
    return found


@given(st.tuples(*[st.integers(0, 12)] * 6))
def test_figures_and_grades_are_those_of_a_study_with_one_trial(counts):
    keys = ("ng_ng", "ng_review", "ng_ok", "ok_ng", "ok_review", "ok_ok")
    parts = parts_of(**dict(zip(keys, counts, strict=True)))
    if not any(part.ng for part in parts) or all(part.ng for part in parts):
        assert (appraise(parts, RULES).grade, appraise(parts, RULES).remedy.kind) == (None, "classes")
        return
    codes = [CATEGORIES.index(decided(part, RULES)) for part in parts]
    reference = [CATEGORIES.index("ng" if part.ng else "ok") for part in parts]
    none = np.full((len(parts), 1), "", dtype=object)
    model = Appraiser("model", np.array(codes)[:, None], none)
    table = DecisionTable(tuple(part.name for part in parts), np.array(reference), (model,))
    (own,) = study(table).appraisers
    found = appraise(parts, RULES)
    assert found.figures == {
        "effectiveness": own.effectiveness,
        "miss": own.miss,
        "false_alarm": own.false_alarm,
    }
    grades = {own.grade(name) for name in found.figures}
    order = ["unacceptable", "marginal", "acceptable"]
    assert found.grade == next(name for name in order if name in grades)
    assert found.worst is None if found.grade == "acceptable" else own.grade(found.worst) == found.grade


def test_of_equal_grades_the_one_furthest_beyond_its_mark_is_named():
    found = appraise(parts_of(ng_ng=30, ng_ok=6, ok_ok=70, ok_ng=30), RULES)  # .17 / .02 and .30 / .05
    assert (found.grade, found.worst) == ("unacceptable", "miss")
    found = appraise(parts_of(ng_ng=45, ng_ok=4, ok_ok=40, ok_ng=60), RULES)  # .08 / .02 and .60 / .05
    assert (found.grade, found.worst) == ("unacceptable", "false_alarm")


@pytest.mark.parametrize(
    ("counts", "given", "kind", "helped"),
    [
        ({"ng_ok": 4}, {}, "train_ng", 4),
        ({"ng_ok": 4}, {"small": {"ng_ok 0", "ng_ok 1"}}, "size", 2),
        ({"ng_ok": 5}, {"small": {"ng_ok 0", "ng_ok 1"}}, "train_ng", 3),
        ({"ng_ok": 4}, {"doubtful": {"ng_ok 0", "ng_ok 1"}, "small": {"ng_ok 1"}}, "labels", 2),
        ({"ng_review": 30}, {}, "train_both", 30),
        ({"ng_unconfirmed": 30, "ok_review": 10}, {}, "reasons", 30),
    ],
)
def test_what_most_of_the_wrong_decisions_call_for_helps_most(counts, given, kind, helped):
    found = appraise(parts_of(ng_ng=40, ok_ok=100, **counts), RULES, **given)
    assert (found.remedy.kind, len(found.remedy.parts)) == (kind, helped)
    assert found.remedy.of == sum(counts.values())


def test_ok_parts_that_score_as_half_of_the_ng_parts_have_a_label_to_look_at():
    parts = parts_of(ng_ng=40, ok_ok=20, ok_ng=10)
    assert appraise(parts, RULES).remedy.kind == "labels"
    lower = [part if part.ng or part.score < 0.5 else replace(part, score=0.6) for part in parts]
    lower = [replace(part, confirmed=part.score) for part in lower]
    assert appraise(lower, RULES).remedy.kind == "train_ok"


def test_one_wrong_part_tells_too_little():
    remedy = appraise(parts_of(ng_ng=9, ng_ok=1, ok_ok=100), RULES).remedy
    assert (remedy.kind, remedy.parts, remedy.of) == ("test_ng", ("ng_ok 0",), 1)
    # One missed of so many proves 2 % with 95 % confidence, of one fewer it does not.
    assert binom.cdf(1, remedy.needed, 0.02) <= 0.05 < binom.cdf(1, remedy.needed - 1, 0.02)


@pytest.mark.parametrize(
    ("ng", "ok", "kind"), [(40, 50, "test_ng"), (149, 50, "test_ok"), (149, 59, "nothing")]
)
def test_what_is_acceptable_has_to_be_proven(ng, ok, kind):
    found = appraise(parts_of(ng_ng=ng, ok_ok=ok), RULES)
    assert (found.grade, found.worst, found.remedy.kind) == ("acceptable", None, kind)
    assert found.remedy.needed == {"test_ng": 149, "test_ok": 59, "nothing": 0}[kind]

"""A study: figures against plain loops, AIAG's marks, what REVIEW counts as, and what is said before."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import recall_score

from gainspect.data.decision_table import CATEGORIES, Appraiser, DecisionTable
from gainspect.evaluation.agreement_study import grade, study
from gainspect.report.texts import TEXTS
from gainspect.types import Label
from reference import agreement_reference as reference

OK, NG, REVIEW = range(3)


def table(truth, files=None, **decisions) -> DecisionTable:
    return DecisionTable(
        tuple(f"part{row}" for row in range(len(truth))),
        np.array(truth),
        tuple(
            Appraiser(
                name,
                np.array(rows),
                np.full(np.shape(rows), "") if files is None else np.array(files),
            )
            for name, rows in decisions.items()
        ),
    )


@st.composite
def tables(draw) -> DecisionTable:
    parts = draw(st.integers(2, 7))
    truth = draw(st.lists(st.integers(OK, NG), min_size=parts, max_size=parts))
    decisions = {}
    for name in "ABC"[: draw(st.integers(1, 3))]:
        trials = draw(st.integers(1, 3))
        row = st.lists(st.integers(0, 2), min_size=trials, max_size=trials)
        decisions[name] = draw(st.lists(row, min_size=parts, max_size=parts))
    return table(truth, **decisions)


@given(tables())
def test_all_figures_equal_plain_loops(given_table: DecisionTable) -> None:
    found, truth = study(given_table), given_table.reference.tolist()
    for figures, appraiser in zip(found.appraisers, given_table.appraisers, strict=True):
        rows = appraiser.decisions.tolist()
        assert figures.effectiveness.value == pytest.approx(reference.effectiveness(rows, truth))
        for name, of, said in (
            ("miss", NG, OK),
            ("false_alarm", OK, NG),
            ("review_ng", NG, REVIEW),
            ("review_ok", OK, REVIEW),
        ):
            assert getattr(figures, name).value == reference.rate(rows, truth, of, said)
        pairs = [(d, is_) for row, is_ in zip(rows, truth, strict=True) for d in row]
        assert figures.kappa.value == pytest.approx(reference.cohen(pairs))
        assert (figures.within is None) == (len(rows[0]) == 1)
        assert figures.within is None or figures.within.value == reference.same(rows)
    everyone = np.concatenate([each.decisions for each in given_table.appraisers], axis=1).tolist()
    assert found.all_right.value == reference.effectiveness(everyone, truth)
    assert len(found.borderline) == sum(len(set(row)) > 1 for row in everyone)
    if len(found.appraisers) > 1:
        assert found.between is not None
        assert found.between.value == reference.same(everyone)
        assert found.fleiss.value == pytest.approx(reference.fleiss(everyone))
    worst = [part.disagreement for part in found.borderline]
    assert worst == sorted(worst, reverse=True)
    assert all(caution.key in TEXTS["en"] for caution in found.cautions)


@given(st.lists(st.tuples(st.integers(OK, NG), st.integers(OK, NG)), min_size=2, max_size=20))
def test_miss_and_false_alarm_rate_are_one_less_recall_of_scikit_learn(case) -> None:
    truth, said = (list(column) for column in zip(*case, strict=True))
    figures = study(table(truth, A=[[each] for each in said])).appraisers[0]
    for label, figure in ((NG, figures.miss), (OK, figures.false_alarm)):
        if label in truth:
            assert figure.value == pytest.approx(1 - recall_score(truth, said, pos_label=label))
        else:
            assert figure.value is None


def test_review_is_neither_right_nor_caught_nor_missed() -> None:
    figures = study(table([NG, NG, OK, OK], A=[[REVIEW], [NG], [REVIEW], [OK]])).appraisers[0]
    assert figures.effectiveness.value == 0.5
    assert (figures.miss.value, figures.false_alarm.value) == (0, 0)
    assert (figures.review_ng.value, figures.review_ok.value) == (0.5, 0.5)


def test_marks_are_those_of_aiag_and_include_their_ends() -> None:
    expected = {
        "effectiveness": {0.90: "acceptable", 0.899: "marginal", 0.80: "marginal", 0.799: "unacceptable"},
        "miss": {0.02: "acceptable", 0.021: "marginal", 0.05: "marginal", 0.051: "unacceptable"},
        "false_alarm": {0.05: "acceptable", 0.051: "marginal", 0.10: "marginal", 0.101: "unacceptable"},
    }
    for figure, values in expected.items():
        assert {value: grade(figure, value) for value in values} == values
    assert study(table([OK, OK], A=[[OK], [OK]])).appraisers[0].grade("miss") is None


def keys(given_table: DecisionTable) -> list[str]:
    return [caution.key.removeprefix("msa_caution_") for caution in study(given_table).cautions]


def test_it_warns_where_repeatability_says_nothing() -> None:
    truth, steady = [OK, NG], [[OK, OK], [NG, NG]]
    same_files, new_files = [["a", "a"], ["b", "b"]], [["a", "c"], ["b", "d"]]
    assert "repeats" in keys(table(truth, same_files, A=steady))
    assert "unsteady" in keys(table(truth, same_files, A=[[OK, NG], [NG, NG]]))
    assert "identical" in keys(table(truth, A=steady))
    assert "identical" in keys(table(truth, new_files, A=steady))
    assert "one_trial" in keys(table(truth, A=[[OK], [NG]]))
    assert not {"repeats", "unsteady", "identical", "one_trial"} & set(
        keys(table(truth, A=[[OK, NG], [NG, NG]]))
    )


def test_it_warns_of_what_the_parts_cannot_show() -> None:
    assert {"no_ng", "few_ok", "alone"} <= set(keys(table([OK, OK], A=[[OK], [OK]])))
    assert {"no_ok", "few_ng"} <= set(keys(table([NG, NG], A=[[NG], [NG]])))
    assert "review" in keys(table([OK, NG], A=[[REVIEW], [NG]]))
    many = table([NG] * 200 + [OK] * 100, A=[[NG]] * 200 + [[OK]] * 100, B=[[NG]] * 200 + [[OK]] * 100)
    assert keys(many) == ["one_trial", "one_trial"]


def test_repeats_on_the_same_files_count_once_in_fleiss_kappa() -> None:
    truth = [OK, NG, NG, OK]
    person, model = [[OK], [NG], [OK], [OK]], [[OK], [NG], [NG], [NG]]
    repeated = table(truth, A=person, B=[row * 3 for row in model])
    files = np.array([[str(row)] * 3 for row in range(4)])
    marked = DecisionTable(
        repeated.parts,
        repeated.reference,
        (repeated.appraisers[0], Appraiser("B", repeated.appraisers[1].decisions, files)),
    )
    once = study(table(truth, A=person, B=model)).fleiss
    assert study(marked).fleiss == once
    assert study(repeated).fleiss != once


def test_parts_that_all_decide_against_the_reference_are_named() -> None:
    found = study(table([OK, NG, NG], A=[[OK], [OK], [NG]], B=[[NG], [OK], [NG]]))
    assert found.against_reference == ("part1",)
    (part,) = found.borderline
    assert (part.name, part.reference, part.disagreement, part.wrong) == ("part0", Label.OK, 1, 0.5)
    assert part.decisions == {"A": (Label.OK,), "B": (Label.NG,)}
    assert CATEGORIES == (Label.OK, Label.NG, Label.REVIEW)
    assert study(table([NG, OK], A=[[REVIEW], [NG]])).against_reference == ("part1",)


def test_the_order_of_parts_and_appraisers_changes_no_figure() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 30)
    one, other = (np.where(rng.random((30, 2)) < 0.2, 1 - truth[:, None], truth[:, None]) for _ in range(2))
    forth = table(truth, A=one, B=other)
    back = DecisionTable(
        forth.parts[::-1],
        forth.reference[::-1],
        tuple(Appraiser(a.name, a.decisions[::-1], a.files[::-1]) for a in forth.appraisers[::-1]),
    )
    first, second = study(forth), study(back)
    assert first.appraisers == second.appraisers[::-1]
    assert (first.between, first.all_right, first.borderline) == (
        second.between,
        second.all_right,
        second.borderline,
    )
    assert first.fleiss.value == pytest.approx(second.fleiss.value)
    assert first.fleiss.interval == pytest.approx(second.fleiss.interval)
    assert first.pairs[0].kappa.value == pytest.approx(second.pairs[0].kappa.value)


def test_every_caution_has_its_sentence() -> None:
    source = Path(study.__code__.co_filename).read_text(encoding="utf-8")
    said = {key for key in TEXTS["en"] if key.startswith("msa_caution_")}
    assert {key for key in said if key not in source} == {
        f"msa_caution_{kind}_{label}" for kind in ("no", "few") for label in ("ok", "ng")
    }

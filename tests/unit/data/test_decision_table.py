"""Tables of decisions: read as they are meant, or one sentence with file and line."""

from pathlib import Path

import numpy as np
import pytest

from gainspect.data.decision_table import read_decisions, read_references
from gainspect.errors import GainspectError
from gainspect.types import Label

HEADER = "part,appraiser,trial,decision,reference\n"
GOOD = "a,Kim,1,ok,ok\nb,Kim,1,ng,ng\na,Lee,1,ok,\nb,Lee,1,review,\n"


@pytest.fixture
def table(tmp_path: Path):
    def write(text: str, name: str = "t.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_text(text, encoding=encoding)
        return path

    return write


def test_it_is_read_as_it_is_meant(table) -> None:
    found = read_decisions([table(HEADER + GOOD)])
    assert found.parts == ("a", "b")
    assert found.reference.tolist() == [0, 1]
    assert [each.name for each in found.appraisers] == ["Kim", "Lee"]
    assert [each.decisions.tolist() for each in found.appraisers] == [[[0], [1]], [[0], [2]]]
    assert (found.appraisers[0].files == "").all()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_words_headers_separators_and_encodings_mean_the_same(table, encoding: str, separator: str) -> None:
    text = "Reference,TRIAL, Part ,decision,appraiser\n양품,1,a,GOOD,김\n불량,1.0,b,불량,김\n"
    text += ",1,b,재검,Lee\n,1,a,Normal,Lee\n"
    found = read_decisions([table(text.replace(",", separator), encoding=encoding)])
    assert found.parts == ("a", "b")
    assert [each.decisions.tolist() for each in found.appraisers] == [[[0], [1]], [[0], [2]]]


def test_several_tables_are_one_study_and_trials_may_differ_in_number(table) -> None:
    people = table(HEADER + GOOD + "a,Kim,2,ng,\nb,Kim,2,ng,\n")
    model = table(
        "part,appraiser,trial,decision,reference,sha256\nb,model,1,ng,,FF\na,model,1,ok,,ee\n", "m.csv"
    )
    found = read_decisions([people, model])
    assert [each.decisions.shape for each in found.appraisers] == [(2, 2), (2, 1), (2, 1)]
    assert found.appraisers[2].files.tolist() == [["ee"], ["ff"]]
    assert found.appraisers[0].decisions.tolist() == [[0, 1], [1, 1]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "column 'part' is missing"),
        (HEADER, "there are no decisions"),
        ("part,appraiser,trial,decision\na,K,1,ok\n", "column 'reference' is missing"),
        ("part,operator,trial,decision,reference\na,K,1,ok,ok\n", "'operator' looks like it"),
        (HEADER + "a,K,1,ok,ok\n,K,1,ok,ok\n", "t.csv, line 3: the row has no part"),
        (HEADER + "a,,1,ok,ok\n", "t.csv, line 2: the row has no appraiser"),
        (HEADER + "a,K,1,,ok\n", "t.csv, line 2: the row has no decision"),
        (HEADER + "a,K,0,ok,ok\n", "t.csv, line 2: trial '0' is not 1, 2, 3"),
        (HEADER + "a,K,first,ok,ok\n", "trial 'first' is not 1, 2, 3"),
        (HEADER + "a,K,1,maybe,ok\n", "t.csv, line 2: decision 'maybe' is not ok, ng or review"),
        (HEADER + "a,K,1,1,ok\n", "A number does not say which of the two it means"),
        (HEADER + "a,K,1,ok,review\n", "t.csv, line 2: reference 'review' is not ok or ng"),
        (HEADER + "a,K,1,ok,ok\nb,K,1,ok,\n", "t.csv, line 3: part 'b' has no reference"),
        (
            HEADER + "a,K,1,ok,ok\nb,K,1,ok,ng\na,L,1,ok,ng\n",
            "t.csv, line 4: the reference of part 'a' is ng",
        ),
        (
            HEADER + "a,K,1,ok,ok\nb,K,1,ok,ng\na,K,1,ok,\n",
            "t.csv, line 4: 'K' decided on part 'a' in trial 1",
        ),
        (HEADER + "a,K,1,ok,ok\nb,K,1,ok,ng\na,k,1,ok,\n", "appraiser 'k' is written 'K' in"),
        (HEADER + "a,K,1,ok,ok\nA,K,1,ok,ng\n", "part 'A' is written 'a' in"),
        (HEADER + "a,K,1,ok,ok\na,L,1,ok,ok\n", "all decisions are on one part, 'a'"),
        (HEADER + GOOD + "a,Lee,2,ok,\n", "appraiser 'Lee' has no decision on part 'b' in trial 2."),
        (
            HEADER + GOOD + "c,Kim,1,ok,ok\nd,Kim,1,ok,ok\n",
            "on part 'c' in trial 1 (2 decisions missing in all)",
        ),
    ],
)
def test_bad_input_is_one_sentence(table, text: str, sentence: str) -> None:
    with pytest.raises(GainspectError) as raised:
        read_decisions([table(text)])
    assert sentence in str(raised.value)
    assert "t.csv" in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_order_of_rows_changes_nothing_but_the_order(table) -> None:
    rows = GOOD.replace("a,Lee,1,ok,", "a,Lee,1,ok,ok").splitlines(keepends=True)
    forth, back = (read_decisions([table(HEADER + "".join(each))]) for each in (rows, rows[::-1]))
    assert set(forth.parts) == set(back.parts)
    for each in forth.appraisers:
        other = next(other for other in back.appraisers if other.name == each.name)
        assert np.array_equal(
            each.decisions[np.argsort(forth.parts)], other.decisions[np.argsort(back.parts)]
        )


def test_references_of_a_table(table) -> None:
    assert read_references(table(HEADER + GOOD)) == {"a": Label.OK, "b": Label.NG}
    assert read_references(table("part,reference\nx,불량\n")) == {"x": Label.NG}
    with pytest.raises(GainspectError, match="the reference of part 'x' is ok"):
        read_references(table("part,reference\nx,ng\nx,ok\n"))

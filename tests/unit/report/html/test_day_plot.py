"""Columns of decisions: nothing is lost, and heights are in the proportion of the counts."""

import re
from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from gainspect.report.html.day_plot import columns_of, decisions_by_day
from gainspect.types import Label

RECTANGLE = re.compile(r'<rect class="(\w+)" x="([\d.]+)" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"/>')
FIRST = date(2026, 1, 15)
DAYS = st.dictionaries(
    st.integers(0, 400), st.dictionaries(st.sampled_from(list(Label)), st.integers(1, 1000)), max_size=20
)


@given(DAYS, st.integers(400, 800))
def test_no_decision_is_lost_by_day_or_by_month(counts: dict[int, dict[Label, int]], length: int) -> None:
    by_day = {FIRST + timedelta(days=number): each for number, each in counts.items()}
    drawn = columns_of(by_day, FIRST, FIRST + timedelta(days=length))
    months = {f"{FIRST + timedelta(days=number):%Y-%m}" for number in range(length + 1)}
    assert {name for name, _ in drawn} == months and len(drawn) == len(months)
    for label in Label:
        assert sum(each.get(label, 0) for _, each in drawn) == sum(
            each.get(label, 0) for each in counts.values()
        )


def test_each_day_has_its_column() -> None:
    drawn = columns_of({}, date(2026, 2, 27), date(2026, 3, 2))
    assert [name for name, _ in drawn] == ["02-27", "02-28", "03-01", "03-02"]


@given(DAYS)
def test_heights_are_as_the_counts(counts: dict[int, dict[Label, int]]) -> None:
    columns = [(str(number), each) for number, each in counts.items()]
    drawn = RECTANGLE.findall(decisions_by_day(columns, "By day"))
    expected = [each[label] for _, each in columns for label in ("ok", "review", "ng") if label in each]
    assert len(drawn) == len(expected)
    if drawn:
        scale = max(float(height) for *_, height in drawn) / max(expected)
        for (*_, height), count in zip(drawn, expected, strict=True):
            assert abs(float(height) - scale * count) < 0.2
    # What stands upon another begins where that ends.
    for one, other in pairwise(drawn):
        if one[1] == other[1]:
            assert abs(float(other[2]) + float(other[3]) - float(one[2])) < 0.2

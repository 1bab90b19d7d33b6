"""Figures over time as SVG: each value stands where its axis says."""

from xml.etree import ElementTree

import pytest

from gainspect.report.html.bucket_plots import Mark, axis, marks_over_time

_SVG = [
    Mark("Mon", 0.5, 0.25, 1.0),
    Mark("Tue", None),
    Mark("Wed", 0.0, 0.0, 0.1),
    Mark("<Thu>", 1.0, 0.9, 1.0),
]


def test_each_value_stands_where_its_axis_says() -> None:
    drawn = ElementTree.fromstring(marks_over_time(_SVG, 'a "title" <b>', "{:g}".format, 1.0))
    assert drawn.attrib["aria-label"] == 'a "title" <b>'
    grid = [float(line.attrib["y1"]) for line in drawn.iter("line")]
    zero, one = max(grid), min(grid)
    points = [float(point.attrib["cy"]) for point in drawn.iter("circle")]
    assert points == pytest.approx([(zero + one) / 2, zero, one], abs=0.1)
    places = [float(point.attrib["cx"]) for point in drawn.iter("circle")]
    assert places[2] - places[1] == pytest.approx((places[1] - places[0]) / 2, abs=0.11)
    # Between what is known and what is not there is no line.
    assert [len(line.attrib["points"].split()) for line in drawn.iter("polyline")] == [2]
    assert "<Thu>" in [text.text for text in drawn.iter("text")]


@pytest.mark.parametrize("highest", [1e-6, 0.004, 0.3, 1, 7, 42, 999, 12345.6])
def test_an_axis_ends_above_its_values_after_at_most_five_steps(highest: float) -> None:
    top, step = axis(highest)
    assert top >= highest * (1 - 1e-9)
    assert top - highest < step * (1 + 1e-9)
    assert 1 <= round(top / step) <= 5
    mantissa = f"{step:e}"[0]
    assert mantissa in "125"

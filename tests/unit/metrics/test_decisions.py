"""Decisions are counted by class; costs are those of a line with its own prevalence."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.metrics.decisions import Costs, Outcome, expected_cost, outcome

COUNTS = st.integers(0, 500)
outcomes = st.builds(Outcome, *[COUNTS] * 6)


@given(rows=st.lists(st.tuples(st.sampled_from(["ng", "review", "ok"]), st.booleans()), max_size=60))
def test_every_part_is_counted_once(rows):
    decided = np.array([name for name, _ in rows], dtype=object)
    labels = np.array([bad for _, bad in rows], np.bool_)
    counted = outcome(decided == "ng", decided == "review", labels)
    expected = [rows.count((name, bad)) for bad in (True, False) for name in ("ng", "review", "ok")]
    assert list(counted) == expected
    assert (counted.ng, counted.ok) == (labels.sum(), (~labels).sum())


def test_a_part_decided_twice_is_an_error():
    both = np.array([True])
    with pytest.raises(ValueError, match="either"):
        outcome(both, both, both)


@given(counted=outcomes, costs=st.tuples(*[st.floats(0, 100)] * 3), prevalence=st.floats(0.001, 0.999))
def test_the_cost_is_that_of_a_simulated_line(counted, costs, prevalence):
    found = expected_cost(counted, Costs(*costs), prevalence)
    if not counted.ng or not counted.ok:
        assert found is None
        return
    each = [0, costs[2], costs[0]], [costs[1], costs[2], 0]
    line = prevalence * np.average(each[0], weights=counted[:3]) + (1 - prevalence) * np.average(
        each[1], weights=counted[3:]
    )
    assert found == pytest.approx(1000 * line)


def test_rates_of_a_class_without_parts_are_not_known():
    none = Outcome(0, 0, 0, 0, 0, 0)
    assert (none.recall, none.escape_rate, none.false_alarm_rate) == (None, None, None)
    some = Outcome(6, 1, 3, 2, 3, 15)
    assert (some.recall, some.escape_rate, some.false_alarm_rate) == (0.6, 0.3, 0.1)

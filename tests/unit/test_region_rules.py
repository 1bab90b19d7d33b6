"""Rules on regions: what is refused, and what a range holds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gainspect.policy import Policy
from gainspect.region_rules import Count, Range, RegionRules

SQUARE = [[0.2, 0.2], [0.6, 0.2], [0.6, 0.6], [0.2, 0.6]]


def rule(name="a", action="accept", **when):
    return {"name": name, "when": when, "action": action}


def refused(*rules, mm_per_px=None):
    with pytest.raises(ValidationError) as raised:
        RegionRules.model_validate_json(json.dumps({"rules": list(rules), "mm_per_px": mm_per_px}))
    return str(raised.value.errors()[0]["msg"])


def rules(*given, mm_per_px=None):
    return RegionRules.model_validate_json(json.dumps({"rules": list(given), "mm_per_px": mm_per_px}))


bounds = st.none() | st.floats(0, 10, width=16)


@st.composite
def ranges(draw):
    over, under = draw(bounds), draw(bounds.filter(lambda value: value != 0))
    if over is not None and under is not None and over >= under:
        over, under = (None, under) if draw(st.booleans()) else (over, None)
    return Range(over=0.0 if over is None and under is None else over, under=under)


@given(one=ranges(), other=ranges(), value=st.floats(0, 11, width=16))
def test_a_range_that_lies_in_another_holds_nothing_else(one, other, value):
    assert one.holds(value) == (
        (one.over is None or value > one.over) and (one.under is None or value < one.under)
    )
    if one.lies_in(other) and one.holds(value):
        assert other.holds(value)


@given(one=ranges(), value=st.floats(0.01, 10), factor=st.sampled_from([0.5, 2.0, 4.0]))
def test_a_range_in_another_unit_holds_the_same(one, value, factor):
    assert one.scaled(factor).holds(value * factor) == one.holds(value)


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"length_px": {}}, "over, under, or both"),
        ({"length_px": {"over": 2, "under": 2}}, "no value is over 2 and under 2"),
        ({"length_px": {"over": 3, "under": 2}}, "no value is over 3 and under 2"),
        ({"area_px": {"under": 0}}, "greater than 0"),
        ({"area_px": {"over": -1}}, "greater than or equal to 0"),
        ({"area_px": {"over": float("nan")}}, "finite number"),
        ({"area_px": {"over": "2"}}, "valid number"),
        ({"area_px": {"over": True}}, "valid number"),
        ({"count": {"over": 2, "under": 3}}, "no such number of regions"),
        ({"count": {"under": 1}}, "no such number of regions"),
        ({}, "needs a condition"),
        ({"length_px": {"over": 1}, "length_mm": {"over": 1}}, "the length is given in two units"),
        ({"length_mm": {"over": 1}}, "in mm, but no scale"),
        ({"zone": [[0, 0], [1, 0]]}, "at least 3 items"),
        ({"zone": [[0, 0], [1, 0], [0, 1.01]]}, "less than or equal to 1"),
        ({"zone": [[0, 0], [1, 0], [0, -0.01]]}, "greater than or equal to 0"),
        ({"zone": [[0, 0], [0.5, 0.5], [1, 1]]}, "the zone has no area"),
        ({"zone": [[0, 0], [1, 1], [1, 0], [0, 0.5]]}, "crosses itself"),
        ({"type": "unknown"}, "cannot be accepted for its type"),
        ({"type": "pit"}, "needs min_accuracy"),
        ({"depth": {"over": 1}}, "Extra inputs"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(when, message):
    assert message in refused(rule(**when))


@pytest.mark.parametrize("scale", [0, -0.1, float("nan"), float("inf")])
def test_no_camera_has_such_a_scale(scale):
    assert refused(rule(length_mm={"over": 1}), mm_per_px=scale)


def test_min_accuracy_belongs_to_types():
    given_rule = {**rule(length_px={"over": 1}), "min_accuracy": 0.9}
    assert "belongs to a rule on a type" in refused(given_rule)
    assert rules({**rule(type="pit"), "min_accuracy": 0.9}).types == {"pit": 0.9}


@pytest.mark.parametrize(
    ("one", "other", "scale"),
    [
        (rule("a", "ng", length_px={"over": 2}), rule("b", "accept", length_px={"over": 2}), None),
        (rule("a", "ng", length_px={"over": 2}), rule("b", "review", length_px={"over": 3}), None),
        (
            rule("a", "review", length_px={"under": 9}),
            rule("b", "accept", length_px={"over": 1, "under": 5}),
            None,
        ),
        (rule("a", "ng", length_mm={"over": 1}), rule("b", "accept", length_px={"over": 20}), 0.1),
        (rule("a", "ng", zone=SQUARE), rule("b", "accept", zone=SQUARE, area_px={"under": 9}), None),
        (rule("a", "ng", count={"over": 2}), rule("b", "review", count={"over": 3}), None),
    ],
)
def test_a_rule_that_never_acts_contradicts(one, other, scale):
    assert "contradict" in refused(one, other, mm_per_px=scale)
    assert "contradict" in refused(other, one, mm_per_px=scale)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (rule("a", "ng", length_px={"over": 2}), rule("b", "accept", length_px={"under": 2})),
        (rule("a", "ng", length_px={"over": 2}), rule("b", "accept", area_px={"under": 9})),
        (rule("a", "accept", length_px={"over": 2}), rule("b", "ng", length_px={"over": 3})),
        (rule("a", "ng", zone=SQUARE), rule("b", "accept", area_px={"under": 9})),
        (rule("a", "ng", count={"over": 3}, area_px={"under": 9}), rule("b", "accept", area_px={"under": 9})),
    ],
)
def test_rules_that_both_act_are_taken(one, other):
    assert len(rules(one, other).rules) == 2


def test_the_same_rule_or_name_twice_is_refused():
    assert "are the same" in refused(rule("a", area_px={"under": 9}), rule("b", area_px={"under": 9}))
    assert "two rules are called 'a'" in refused(
        rule("a", area_px={"under": 9}), rule("a", area_px={"under": 8})
    )
    assert refused() and Count(over=2).holds(3)


def test_a_policy_without_rules_is_as_it_was_and_with_them_another():
    plain = Policy(threshold=0.31, target_recall=0.98, split="val", ng=12, ok=40, region_threshold=0.2)
    assert "region_rules" not in json.loads(plain.model_dump_json())
    ruled = plain.model_copy(update={"region_rules": rules(rule(zone=SQUARE, area_px={"under": 9}))})
    assert ruled.policy_id != plain.policy_id
    read = Policy.model_validate_json(ruled.model_dump_json())
    assert read == ruled and read.policy_id == ruled.policy_id
    assert Policy.model_validate(json.loads(ruled.model_dump_json())) == ruled

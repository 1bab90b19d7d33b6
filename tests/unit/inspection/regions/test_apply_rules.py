"""Which rule takes a region: precedence, zones, counts; a stricter rule never accepts more."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.path import Path as Polygon

from gainspect.data.framing import geometry_of
from gainspect.data.tiles import Tile
from gainspect.errors import GainspectError
from gainspect.inspection.regions.apply_rules import RegionReader, inside_polygon, reader_of, taken
from gainspect.inspection.regions.defect_types import TYPES, DefectTypes, content_of_types
from gainspect.inspection.regions.found import regions_of
from gainspect.inspection.regions.rest import Head
from gainspect.inspection.tiled import Grid
from gainspect.policy import HeatScale
from gainspect.region_rules import RegionRules
from gainspect.types import Evidence, Measures, Region, RegionAction
from report_parts import bundle as small_bundle

SIDE = 64
TWO_TYPES = DefectTypes(
    names=("pit", "scratch"),
    means=((1.0, 0.0), (0.0, 1.0)),
    scale=(1.0, 1.0),
    limit=0.5,
    confusion=((8, 1, 1), (2, 18, 0), (0, 1, 3)),
)


def rule(name, action, accuracy=None, **when):
    return {"name": name, "action": action, "when": when, "min_accuracy": accuracy}


def ruled(*given_rules, mm_per_px=None):
    return RegionRules.model_validate({"rules": given_rules, "mm_per_px": mm_per_px})


def square(x, y, side, *, length=None, type_=None, severity=0.5):
    """A square region at (x, y)."""
    length = side if length is None else length
    return Region(
        polygon=((x, y), (x + side - 1, y), (x + side - 1, y + side - 1), (x, y + side - 1)),
        box=(x, y, side, side),
        area=side * side,
        peak=1.0,
        peak_at=(x, y),
        share=0.5,
        measures=Measures(length, side, severity),
        type=type_,
    )


def took(regions, rules):
    windows = [np.ones((region.box[3], region.box[2]), bool) for region in regions]
    found = taken(regions, windows, (SIDE, SIDE), rules)
    return [None if rule is None else rule.name for rule in found]


@pytest.mark.parametrize(
    ("actions", "expected"),
    [
        (("ng", "review", "accept"), "ng"),
        (("ng", "accept"), "ng"),
        (("ng", "review"), "ng"),
        (("review", "accept"), "review"),
        (("accept",), "accept"),
    ],
)
def test_ng_comes_before_review_before_accept(actions, expected):
    wheres = {
        "ng": {"length_px": {"over": 3}},
        "review": {"area_px": {"over": 9}},
        "accept": {"width_px": {"over": 3}},
    }
    rules = ruled(*(rule(action, action, **wheres[action]) for action in reversed(actions)))
    assert took([square(0, 0, 4)], rules) == [expected]


def test_of_rules_that_say_the_same_the_first_by_name_is_named():
    rules = ruled(rule("b", "ng", area_px={"over": 1}), rule("a", "ng", length_px={"over": 1}))
    assert took([square(0, 0, 4)], rules) == ["a"]


def test_all_conditions_must_hold_and_bounds_are_excluded():
    rules = ruled(rule("a", "accept", length_px={"under": 6}, severity={"under": 1}))
    regions = [
        square(0, 0, 5),
        square(9, 0, 6),
        square(20, 0, 5, severity=1.0),
        square(30, 0, 5, length=5.99),
    ]
    assert took(regions, rules) == ["a", None, None, "a"]


def test_mm_are_pixels_by_the_scale():
    rules = ruled(
        rule("a", "ng", length_mm={"over": 1}), rule("b", "review", area_mm2={"over": 0.5}), mm_per_px=0.1
    )
    assert took([square(0, 0, 11), square(20, 0, 10), square(40, 0, 7)], rules) == ["a", "b", None]


def test_the_count_is_of_the_regions_that_meet_the_other_conditions():
    few = ruled(rule("few", "accept", area_px={"under": 10}, count={"under": 3}))
    many = ruled(rule("many", "ng", area_px={"under": 10}, count={"over": 2}))
    small, large = [square(10 * i, 0, 3) for i in range(3)], square(0, 20, 9)
    assert took([*small[:2], large], few) == ["few", "few", None]
    assert took([*small, large], few) == [None] * 4
    assert took([*small[:2], large], many) == [None] * 3
    assert took([*small, large], many) == ["many"] * 3 + [None]


LEFT = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]


@pytest.mark.parametrize(
    ("x", "touches", "lies"),
    [(10, True, True), (28, True, True), (29, True, False), (31, True, False), (32, False, False)],
)
def test_to_accept_the_whole_region_must_lie_in_the_zone_for_all_else_some_of_it(x, touches, lies):
    region = [square(x, 8, 4)]
    assert took(region, ruled(rule("a", "ng", zone=LEFT))) == ["a" if touches else None]
    assert took(region, ruled(rule("a", "review", zone=LEFT))) == ["a" if touches else None]
    assert took(region, ruled(rule("a", "accept", zone=LEFT))) == ["a" if lies else None]


corners = st.lists(st.tuples(st.floats(0, 1, width=16), st.floats(0, 1, width=16)), min_size=3, max_size=8)


@given(polygon=corners, seed=st.integers(0, 2**32 - 1))
def test_points_in_a_polygon_are_those_of_matplotlib(polygon, seed):
    """The corners are put in order around their middle, so that the outline does not cross itself."""
    points = np.random.default_rng(seed).random((50, 2))
    center = np.mean(polygon, axis=0)
    angles = np.arctan2(*(np.array(polygon) - center).T[::-1])
    ring = [polygon[i] for i in np.argsort(angles, kind="stable")]  # around the center: no crossing
    if np.unique(np.sort(angles)).size < len(ring):
        return
    expected = Polygon([*ring, ring[0]]).contains_points(points)
    np.testing.assert_array_equal(inside_polygon(points, ring), expected)


@given(st.data())
def test_the_order_of_rules_and_of_regions_does_not_matter(data):
    rules, regions = data.draw(rule_sets), data.draw(region_lists)
    expected = dict(zip(regions, took(regions, rules), strict=True))
    shuffled = data.draw(st.permutations(regions))
    other = rules.model_copy(update={"rules": tuple(data.draw(st.permutations(rules.rules)))})
    assert dict(zip(shuffled, took(shuffled, other), strict=True)) == expected


lengths = st.integers(1, 40)
region_lists = st.lists(
    st.builds(
        lambda i, length, severity: (i, length, severity),
        st.integers(0, 6),
        lengths,
        st.sampled_from([0.2, 0.6, 1.5]),
    ),
    min_size=1,
    max_size=5,
    unique_by=lambda given: given[0],
).map(lambda found: [square(9 * i, 0, 5, length=length, severity=severity) for i, length, severity in found])
rule_sets = st.builds(
    lambda under, over, severity: ruled(
        rule("small", "accept", length_px={"under": under}, severity={"under": 1.2}),
        rule("long", "ng", length_px={"over": over}),
        rule("strong", "review", severity={"over": severity}, zone=LEFT),
    ),
    st.integers(2, 20),
    st.integers(20, 30),
    st.sampled_from([0.5, 1.0]),
)


@given(regions=region_lists, rules=rule_sets, less=st.floats(0.1, 1), more=st.integers(0, 5))
def test_a_stricter_rule_never_accepts_more(regions, rules, less, more):
    """Stricter: a narrower range to accept, wider ranges for the other actions."""
    small, long, strong = rules.rules
    narrower = small.model_copy(
        update={"when": small.when.model_copy(update={"length_px": small.when.length_px.scaled(less)})}
    )
    wider = long.model_copy(
        update={
            "when": long.when.model_copy(
                update={"length_px": long.when.length_px.model_copy(update={"over": 20 - more})}
            )
        }
    )
    before = {r for r, name in zip(regions, took(regions, rules), strict=True) if name == "small"}
    for changed in ((narrower, long, strong), (small, wider, strong)):
        stricter = rules.model_copy(update={"rules": changed})
        after = {r for r, name in zip(regions, took(regions, stricter), strict=True) if name == "small"}
        assert after <= before


# --- the reader ---------------------------------------------------------------------------------------


def seen(spots, pools="sum"):
    """Evidence with squares of (x, y, side, value), and the grid whose contributions are this evidence."""
    evidence = np.zeros((SIDE, SIDE), np.float32)
    for x, y, side, value in spots:
        evidence[y : y + side, x : x + side] = value
    features = np.zeros((2, 8, 8), np.float32)
    features[0, :4], features[1, 4:] = 1, 1  # the upper half is like a pit, the lower like a scratch
    grid = Grid(
        0.9, evidence.copy(), evidence.copy(), features, geometry_of(SIDE, SIDE, SIDE), Tile(0, 0, SIDE, SIDE)
    )
    return evidence, grid


SUM = Head("sum", -3.0)


def read(spots, rules, types=None, head=SUM):
    evidence, grid = seen(spots)
    regions = regions_of(evidence, 0.3)
    return RegionReader(rules, types, HeatScale(cold=0.2, hot=0.7), head).read(
        regions, Evidence(evidence), 0.3, [grid]
    )


SMALL = ruled(rule("small", "accept", length_px={"under": 7}), mm_per_px=0.5)


def test_measures_severity_and_mm_are_those_of_the_region():
    (region,), found = read([(8, 8, 6, 0.45), (9, 9, 1, 0.95)], SMALL)
    assert region.measures == Measures(6, 6, pytest.approx(1.5), 3, 3, 9)
    assert (region.rule, region.action) == ("small", RegionAction.ACCEPT)
    assert found.rest == pytest.approx(1 / (1 + np.exp(3)))  # nothing is left but the bias


def test_if_one_region_is_not_accepted_nothing_is_said_of_the_rest():
    regions, found = read([(8, 8, 6, 0.9), (30, 30, 9, 0.9)], SMALL)
    assert {region.rule for region in regions} == {"small", None}
    assert (found.ng, found.review, found.rest) == (False, False, None)


def test_what_is_no_region_stays_in_the_rest():
    _, found = read([(8, 8, 6, 0.9), (30, 30, 5, 0.2)], SMALL)
    assert found.rest == pytest.approx(1 / (1 + np.exp(3 - 25 * 0.2)), rel=1e-5)


def test_without_regions_or_head_or_grids_nothing_is_accepted():
    assert read([], SMALL)[1].rest is None
    assert read([(8, 8, 6, 0.9)], SMALL, head=None)[1].rest is None
    evidence, grid = seen([(8, 8, 6, 0.9)])
    reader = RegionReader(SMALL, None, HeatScale(cold=0, hot=1), Head("sum", -3.0))
    regions = regions_of(evidence, 0.3)
    assert reader.read(regions, Evidence(evidence), 0.3, [])[1].rest is None
    assert reader.read(regions, Evidence(evidence), 0.3, [grid._replace(contributions=None)])[1].rest is None


def test_more_regions_than_are_measured_are_never_accepted_and_go_to_a_person_where_rules_stop():
    spots = [(8 * (i % 8), 8 * (i // 8), 2, 0.9) for i in range(64)]
    regions, found = read(spots, SMALL)
    assert all(region.rule == "small" for region in regions) and len(regions) == 64
    assert (found.review, found.rest) == (False, None)
    both = ruled(rule("small", "accept", length_px={"under": 7}), rule("long", "ng", length_px={"over": 9}))
    assert read(spots, both)[1].review
    assert read(spots[:63], both)[1] == replace(found, rest=pytest.approx(1 / (1 + np.exp(3)), rel=1e-5))


def test_a_region_is_of_the_type_whose_mean_is_nearest_or_unknown():
    regions, found = read([(8, 8, 8, 0.9), (40, 48, 8, 0.8), (24, 28, 8, 0.7)], None, TWO_TYPES)
    assert found is None
    assert [region.type for region in regions] == [
        "pit",
        "scratch",
        "unknown",
    ]  # the last lies on both halves
    assert all(region.measures is None for region in regions)
    rules = ruled(rule("pits", "accept", 0.5, type="pit"), rule("new", "review", type="unknown"))
    regions, found = read([(8, 8, 8, 0.9), (24, 28, 8, 0.7)], rules, TWO_TYPES)
    assert [region.rule for region in regions] == ["pits", "new"] and found.review


# --- what a bundle's rules must fit --------------------------------------------------------------------


def bundle(rules, types=TWO_TYPES):
    found = small_bundle()
    policy = found.description.policy.model_copy(update={"region_rules": rules})
    contents = {} if types is None else {TYPES: content_of_types(types)}
    return replace(
        found, description=found.description.model_copy(update={"policy": policy}), contents=contents
    )


def test_accuracy_is_the_lower_of_row_and_column():
    assert TWO_TYPES.accuracy("pit").value == pytest.approx(8 / 10)
    assert TWO_TYPES.accuracy("scratch").value == pytest.approx(18 / 20)


@pytest.mark.parametrize(
    ("types", "needed", "message"),
    [
        (None, 0.5, "was written by an older version"),
        (
            TWO_TYPES.model_copy(update={"confusion": ((0, 0, 0),) * 3}),
            0.5,
            "that is not known: no defect of it",
        ),
        (DefectTypes(too_rare={"pit": 3}), 0.5, "too few defects of two types"),
        (
            TWO_TYPES.model_copy(update={"names": ("dent", "scratch"), "too_rare": {"pit": 3}}),
            0.5,
            r"the type 'pit', which the bundle does not know \(3 parts are.*It knows dent, scratch, unknown",
        ),
        (
            TWO_TYPES,
            0.85,
            r"accuracy of 0\.85, but on val it has 0\.80: 8 of its 10 defects are called so, among 10",
        ),
    ],
)
def test_rules_on_types_that_are_not_told_apart_are_refused(types, needed, message):
    with pytest.raises(GainspectError, match=message):
        reader_of(bundle(ruled(rule("a", "ng", needed, type="pit")), types), "f32")


def test_types_are_not_told_apart_in_int8():
    by_type = bundle(ruled(rule("a", "ng", 0.8, type="pit")))
    assert reader_of(by_type, "f32").types == TWO_TYPES == reader_of(by_type, "bf16").types
    with pytest.raises(GainspectError, match="not told apart in INT8"):
        reader_of(by_type, "int8")
    assert reader_of(bundle(SMALL), "int8").types is None
    assert reader_of(bundle(None), "int8") is None and reader_of(bundle(None, None), "f32") is None

"""A part reduced to a few numbers is decided as its images are, at any thresholds."""

from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from gainspect.evaluation.judged_parts import (
    JudgedPart,
    ViewedImage,
    decided,
    judged_parts,
    outcome_of,
    tally,
)
from gainspect.metrics.decisions import Outcome
from gainspect.policy import Rules, View, ViewRule, decide
from gainspect.types import CHECK_REASONS, Label

SCORES = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.500001, 0.7, 0.9, 1.0]) | st.floats(0, 1)
VIEWS = st.builds(
    View,
    score=st.none() | SCORES,
    doubts=st.lists(st.sampled_from(CHECK_REASONS), max_size=2, unique=True).map(tuple),
    region_ng=st.booleans(),
    region_review=st.booleans(),
    rest=st.none() | SCORES,
    unlike=st.booleans(),
)
RULES = st.sampled_from([None, ViewRule(), ViewRule(kind="mean"), ViewRule(kind="k_of_n", k=2)])


def images_of(views, part="p", group="g", label=Label.NG):
    return [ViewedImage(f"{part}-{n}.png", part, group, label, view) for n, view in enumerate(views)]


@given(views=st.lists(VIEWS, min_size=1, max_size=5), rule=RULES, cuts=st.tuples(SCORES, SCORES))
def test_it_is_decided_as_its_images_are(views, rule, cuts):
    rules = Rules(threshold=max(cuts), review_from=min(cuts), views=rule)
    (part,) = judged_parts(images_of(views), rule)
    assert decided(part, rules) is decide(views, rules).label


def test_images_of_a_part_are_together_in_any_order_and_one_ng_image_makes_it_ng():
    first, second = images_of([View(0.2), View(0.9)], "a"), images_of([View(0.4)], "b", "h", Label.OK)
    mixed = [first[1]._replace(label=Label.OK), *second, first[0]]
    a, b = judged_parts(mixed, None)
    assert (a.name, a.ng, a.score, a.images) == ("a", True, 0.9, ("a-1.png", "a-0.png"))
    assert (b.name, b.ng, b.score, b.images) == ("b", False, 0.4, ("b-0.png",))


def test_a_part_of_one_image_with_its_name_does_not_name_it_twice():
    (part,) = judged_parts([ViewedImage("a.png", None, "g", Label.NG, View(0.5))], None)
    assert part.images == ()
    assert TypeAdapter(JudgedPart).dump_python(part, exclude_defaults=True) == {
        "name": "a.png",
        "group": "g",
        "ng": True,
        "score": 0.5,
        "confirmed": 0.5,
    }


def part(name, ng, score, group=None):
    return JudgedPart(name=name, group=group or name, ng=ng, score=score, confirmed=score)


PARTS = [
    part("a", True, 0.9),
    JudgedPart(name="b", group="b", ng=True, score=0.9),  # its reason fails
    part("c", True, 0.3, "item"),
    part("d", True, 0.1, "item"),
    part("e", False, 0.8),
    part("f", False, 0.1),
]


def test_decisions_are_counted_by_part_and_by_item():
    rules = Rules(threshold=0.5, review_from=0.2)
    assert outcome_of(PARTS, rules) == Outcome(1, 2, 1, 1, 0, 1)
    assert tally(PARTS, rules, ng=True, labels=[Label.OK]) == (1, 4, 1, 3)
    # Of the item with parts c and d one is REVIEW and one escapes: it is among the items of both.
    assert tally(PARTS, rules, ng=True, labels=[Label.OK, Label.REVIEW]) == (3, 4, 2, 3)

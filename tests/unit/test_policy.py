"""Every combination has one outcome: the table of docs/decision.md, row by row, and nothing beside it."""

import hashlib
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.special import expit, logit

from gainspect.policy import (
    InputPolicy,
    Policy,
    ReasonPolicy,
    Rules,
    UsualRange,
    View,
    ViewRule,
    decide,
    part_score,
)
from gainspect.types import CHECK_REASONS, AcceptReason, Label, NgReason, ReviewReason

DOCUMENT = Path(__file__).parents[2] / "docs" / "decision.md"
RULES = Rules(threshold=0.6, review_from=0.2)
SCORES = {"below": (0.0, 0.19), "between": (0.2, 0.59), "from threshold": (0.6, 1.0)}
CHECKS = {
    "not made": (),
    "holds": (),
    "fails": (ReviewReason.REPAIR_KEEPS_SCORE,),
    "impossible": (ReviewReason.UNCHECKED,),
}
REGIONS = {
    "no rule": {},
    "ng": {"region_ng": True},
    "review": {"region_review": True},
    "accepted": {"rest": 0.1},
}
INPUTS = {"like": {}, "unlike": {"unlike": True}}


def rows_below(heading):
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |")) + 2
    found = itertools.takewhile(lambda line: line.startswith("|"), lines[start:])
    return [[set(cell.strip().split(", ")) for cell in line.strip("|").split("|")] for line in found]


CASES = list(itertools.product(("all read", "one unread"), REGIONS, SCORES, CHECKS, INPUTS))


@pytest.mark.parametrize(("images", "regions", "score", "check", "given_input"), CASES)
def test_every_combination_has_the_one_outcome_of_the_tables(images, regions, score, check, given_input):
    case = (images, regions, score, check, given_input)
    fires = [
        next(iter(row[-1]))
        for row in rows_below("images")
        if all(cell == {"*"} or value in cell for cell, value in zip(row[:-1], case, strict=True))
    ]
    labels = [next(iter(row[1])) for row in rows_below("fired") if row[0] & (set(fires) or {"nothing"})]
    doubts = CHECKS[check] if score == "from threshold" else ()  # no other reason is checked
    for value in SCORES[score]:
        view = View(value, doubts, **REGIONS[regions], **INPUTS[given_input])
        decision = decide([view, *([View(None)] if images == "one unread" else [])], RULES)
        assert list(map(str, decision.fired)) == fires
        assert decision.label == labels[0].lower()


def test_each_rule_has_its_place_in_both_tables():
    rules = {*NgReason, *AcceptReason, *ReviewReason}
    decided = [rule for row in rows_below("fired") for rule in row[0]]
    assert sorted(decided) == sorted([*map(str, rules), "nothing"])
    fired = {rule for row in rows_below("images") for rule in row[-1]}
    assert fired == rules - {
        ReviewReason.CONTROL_LOWERS_SCORE,
        ReviewReason.MAPS_DISAGREE,
    }  # fail as one does


@pytest.mark.parametrize("rules", [Rules(threshold=0.6), Rules(threshold=0.6, review_from=0.6)])
def test_without_a_band_there_is_one_threshold(rules):
    assert [decide([View(score)], rules).label for score in (0.0, 0.5999, 0.6)] == [
        Label.OK,
        Label.OK,
        Label.NG,
    ]


@given(found=st.sets(st.sampled_from(CHECK_REASONS)))
def test_all_that_a_check_found_is_named_and_turns_ng_into_review(found):
    decision = decide([View(0.9, tuple(found))], RULES)
    assert decision.label is (Label.REVIEW if found else Label.NG)
    assert decision.fired[0] is NgReason.SCORE and set(decision.review_reasons) == found


views = st.lists(
    st.builds(
        View,
        st.none() | st.floats(0, 1),
        st.sets(st.sampled_from(CHECK_REASONS)).map(sorted).map(tuple),
        st.booleans(),
        st.booleans(),
        st.none() | st.floats(0, 1),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


VIEW_RULES = [None, ViewRule(), ViewRule(kind="mean"), ViewRule(kind="k_of_n", k=2)]


@given(given_views=views, rule=st.sampled_from(VIEW_RULES), data=st.data())
def test_the_order_of_the_views_does_not_matter(given_views, rule, data):
    rules = RULES.model_copy(update={"views": rule})
    shuffled = data.draw(st.permutations(given_views))
    assert decide(given_views, rules) == decide(shuffled, rules)


@given(scores=st.lists(st.floats(0, 1), min_size=1, max_size=6), rule=st.sampled_from(VIEW_RULES))
def test_the_score_of_a_part_lies_among_those_of_its_images(scores, rule):
    assert min(scores) <= part_score(scores, rule) <= max(scores)
    assert part_score(scores[:1], rule) == scores[0]


@given(scores=st.lists(st.floats(0.001, 0.999), min_size=1, max_size=6))
def test_the_mean_is_that_of_the_logits(scores):
    assert part_score(scores, ViewRule(kind="mean")) == pytest.approx(expit(logit(scores).mean()))


def test_k_images_must_reach_the_threshold():
    rules = RULES.model_copy(update={"views": ViewRule(kind="k_of_n", k=2)})
    assert decide([View(0.9), View(0.1), View(0.1)], rules).label is Label.OK
    assert decide([View(0.9), View(0.1), View(0.7)], rules).label is Label.NG
    assert decide([View(0.9)], rules).label is Label.NG


@pytest.mark.parametrize("rule", [{"kind": "k_of_n"}, {"kind": "mean", "k": 2}, {"kind": "k_of_n", "k": 1}])
def test_k_belongs_to_its_rule(rule):
    with pytest.raises(ValidationError):
        ViewRule.model_validate(rule)


def test_what_stays_after_accepted_regions_can_still_be_ng_or_borderline():
    assert decide([View(0.9, rest=0.7)], RULES).fired == (NgReason.SCORE, AcceptReason.REGION_ACCEPTED)
    assert decide([View(0.9, rest=0.3)], RULES).fired == (
        ReviewReason.BORDERLINE,
        AcceptReason.REGION_ACCEPTED,
    )


@given(given_views=views, score=st.floats(0.6, 1))
def test_one_view_whose_reason_holds_makes_the_part_ng(given_views, score):
    readable = [view._replace(rest=None) for view in given_views if view.score is not None]
    assert decide([*readable, View(score)], RULES).label is Label.NG


def test_no_images_and_no_number_are_no_decision():
    for given_views in ([], [View(float("nan"))], [View(0.9), View(1.5)]):
        with pytest.raises(ValueError, match="no decision"):
            decide(given_views, RULES)


def test_a_part_that_nobody_could_read_is_review():
    assert decide([View(None)], RULES).fired == (ReviewReason.UNREADABLE,)


def test_thresholds_out_of_order_are_refused():
    with pytest.raises(ValidationError, match="above the threshold"):
        Rules(threshold=0.2, review_from=0.6)


# --- what identifies a policy ------------------------------------------------------------------------

POLICY = Policy(threshold=0.31, target_recall=0.98, split="val", ng=12, ok=40, region_threshold=0.2)


def test_the_id_is_the_sha_256_of_the_canonical_json_and_changes_with_the_policy():
    canonical = (
        '{"kind":"threshold","map_thresholds":{},"ng":12,"ok":40,"region_threshold":0.2,"split":"val",'
        '"target_recall":0.98,"threshold":0.31}'
    )
    assert POLICY.policy_id == hashlib.sha256(canonical.encode()).hexdigest()
    others = [
        POLICY.model_copy(update=change)
        for change in ({"threshold": 0.32}, {"review_from": 0.1}, {"reason": ReasonPolicy()})
    ]
    assert len({policy.policy_id for policy in (POLICY, *others)}) == 4
    assert Policy.model_validate_json(POLICY.model_dump_json()).policy_id == POLICY.policy_id


def test_a_policy_without_a_band_is_stored_as_older_versions_know_it():
    assert not {"review_from", "views", "inputs"} & json.loads(POLICY.model_dump_json()).keys()
    banded = POLICY.model_copy(update={"review_from": 0.1})
    assert json.loads(banded.model_dump_json())["review_from"] == 0.1


def test_ranges_of_inputs_change_the_id_and_are_stored_whole():
    ranges = {"width": UsualRange(low=300, high=700), "distance": UsualRange(high=2.5)}
    inputs = InputPolicy(ranges=ranges, share=0.005, split="val", images=20, training=80)
    checked = POLICY.model_copy(update={"inputs": inputs})
    assert checked.policy_id != POLICY.policy_id
    read = Policy.model_validate_json(checked.model_dump_json())
    assert (read, read.policy_id) == (checked, checked.policy_id)
    assert [unlike.name for unlike in inputs.unlike({"width": 200, "distance": 3})] == ["width", "distance"]
    assert inputs.unlike({"width": 300, "distance": 2.5}) == ()

"""Every combination has one outcome: the table of docs/decision.md, row by row, and nothing beside it."""

import hashlib
import itertools
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gainspect.policy import Policy, ReasonPolicy, Rules, View, decide
from gainspect.types import CHECK_REASONS, Label, NgReason, ReviewReason

DOCUMENT = Path(__file__).parents[2] / "docs" / "decision.md"
RULES = Rules(threshold=0.6, review_from=0.2)
SCORES = {"below": (0.0, 0.19), "between": (0.2, 0.59), "from threshold": (0.6, 1.0)}
CHECKS = {
    "not made": (),
    "holds": (),
    "fails": (ReviewReason.REPAIR_KEEPS_SCORE,),
    "impossible": (ReviewReason.UNCHECKED,),
}


def table():
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    return [row for row in rows if row[0] in ("all read", "one unread")]


CASES = list(itertools.product(("all read", "one unread"), SCORES, CHECKS))


@pytest.mark.parametrize(("images", "score", "check"), CASES)
def test_every_combination_has_the_one_outcome_of_the_table(images, score, check):
    rows = [row for row in table() if row[0] == images and row[1] == score and row[2] in ("*", check)]
    assert len(rows) == 1
    doubts = CHECKS[check] if score == "from threshold" else ()  # no other reason is checked
    for value in SCORES[score]:
        views = [View(value, doubts), *([View(None)] if images == "one unread" else [])]
        decision = decide(views, RULES)
        assert decision.label == rows[0][3].lower()
        assert ", ".join(decision.fired) == rows[0][4]


def test_the_table_has_no_other_rows():
    assert all(
        any(row[0] == images and row[1] == score and row[2] in ("*", check) for images, score, check in CASES)
        for row in table()
    )


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
        View, st.none() | st.floats(0, 1), st.sets(st.sampled_from(CHECK_REASONS)).map(sorted).map(tuple)
    ),
    min_size=1,
    max_size=5,
)


@given(given_views=views, data=st.data())
def test_the_order_of_the_views_does_not_matter(given_views, data):
    shuffled = data.draw(st.permutations(given_views))
    assert decide(given_views, RULES) == decide(shuffled, RULES)


@given(given_views=views, score=st.floats(0.6, 1))
def test_one_view_whose_reason_holds_makes_the_part_ng(given_views, score):
    readable = [view for view in given_views if view.score is not None]
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
    assert "review_from" not in json.loads(POLICY.model_dump_json())
    banded = POLICY.model_copy(update={"review_from": 0.1})
    assert json.loads(banded.model_dump_json())["review_from"] == 0.1

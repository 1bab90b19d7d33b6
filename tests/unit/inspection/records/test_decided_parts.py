"""Decisions on parts from records: what a policy looks at in a verdict is what it finds in its record."""

import json
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from brightness import Brightness
from gainspect.inspection.inspector import Inspector, view_of
from gainspect.inspection.records.decided_parts import DecidedParts, view_in
from gainspect.inspection.stream import Inspected, record_of
from gainspect.policy import Rules, View, decide
from gainspect.types import CHECK_REASONS, Evidence, Label, ReviewReason, RuleFindings, Unlike, Verdict

INSPECTOR = Inspector(Brightness(), threshold=0.5, review_from=0.3)
SCORES = st.floats(0, 1, allow_nan=False)
VIEWS = st.builds(
    View,
    score=SCORES,
    doubts=st.lists(st.sampled_from(CHECK_REASONS), unique=True).map(tuple),
    region_ng=st.booleans(),
    region_review=st.booleans(),
    rest=st.none() | SCORES,
    unlike=st.booleans(),
)


def verdict_with(view: View, rules: Rules) -> Verdict:
    """The verdict that the Inspector gives of an image with this view."""
    assert view.score is not None
    decision = decide([view], rules)
    return Verdict(
        label=decision.label,
        score=view.score,
        threshold=rules.threshold,
        evidence=Evidence(np.zeros((1, 1), np.float32)),
        review_reasons=decision.review_reasons,
        region_rules=RuleFindings(view.region_ng, view.region_review, view.rest),
        fired=decision.fired,
        unlike=(Unlike("width", 9.0, 10.0, None),) if view.unlike else (),
    )


def written(verdict: Verdict | None, image: str = "a.png") -> dict[str, object]:
    """The record of an image, from its line."""
    inspected = Inspected(image, "1", None, verdict, None if verdict else "the file is empty")
    record: dict[str, object] = json.loads(json.dumps(record_of(inspected, INSPECTOR)))
    return record


@given(VIEWS)
def test_a_view_is_that_of_the_verdict(view: View) -> None:
    verdict = verdict_with(view, INSPECTOR.rules)
    assert view_in(written(verdict)) == view_of(verdict)
    plain = replace(verdict, region_rules=None)
    without = view_of(plain)
    if not (view.region_ng or view.region_review):  # a bundle without rules on regions fires none of them
        assert view_in(written(plain)) == without


def test_what_was_not_judged_was_not_read() -> None:
    assert view_in(written(None)) == View(None)


@given(st.lists(VIEWS | st.none(), min_size=1, max_size=4))
def test_a_part_is_decided_from_records_as_from_verdicts(views: list[View | None]) -> None:
    verdicts = [None if view is None else verdict_with(view, INSPECTOR.rules) for view in views]
    parts = DecidedParts(["p"] * len(views))
    for index, verdict in enumerate(verdicts):
        assert list(parts.records(INSPECTOR)) == []  # one is outstanding
        parts.add(written(verdict, str(index)) | {"part": "p"})
    (record,) = parts.records(INSPECTOR)
    expected = decide([View(None) if one is None else view_of(one) for one in verdicts], INSPECTOR.rules)
    assert (record["decision"], record["fired"]) == (
        str(expected.label),
        [str(one) for one in expected.fired],
    )
    assert record["images"] == [str(index) for index in range(len(views))]


def test_images_judged_before_belong_to_their_part_too() -> None:
    ok = written(verdict_with(View(0.1), INSPECTOR.rules))
    parts = DecidedParts(["p", "q"])
    parts.add_other(written(None) | {"part": "p"})
    parts.add_other(ok | {"part": "r"})
    parts.add(ok | {"part": "p"})
    found = {record["part"]: record for record in parts.records(INSPECTOR)}
    assert list(found) == ["p", "r"]  # q is outstanding
    assert (found["p"]["decision"], found["p"]["fired"]) == (Label.REVIEW, [ReviewReason.UNREADABLE])
    assert found["r"]["decision"] == Label.OK

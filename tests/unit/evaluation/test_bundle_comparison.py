from itertools import product
from pathlib import Path

import pytest
from pydantic import ValidationError

from compared_bundles import NEW, OLD, OTHER, POLICY, comparison
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import Assessed
from gainspect.evaluation.bundle_comparison import (
    BundleComparison,
    MadeDecisions,
    changes_between,
    require_compared,
    write_comparison_file,
)
from gainspect.evaluation.parts import parts_of
from gainspect.metrics.decisions import Outcome
from gainspect.policy import Rules, ViewRule
from gainspect.types import Decision, Label

OK, NG, REVIEW = Label.OK, Label.NG, Label.REVIEW


def made(truths: list[Label], decisions: list[Label], scores: list[tuple[float, float]]) -> MadeDecisions:
    """Parts of two images with these scores."""
    images = [
        Assessed(
            image=f"{number}-{view}.png",
            label=label,
            group=str(number),
            defect_type=None,
            score=score,
            verdict=OK,
            right_reason=None,
            evidence_peak=0,
            figures={},
            curves={},
            overlap=None,
            part=f"part {number}",
        )
        for number, (label, pair) in enumerate(zip(truths, scores, strict=True))
        for view, score in enumerate(pair)
    ]
    parts = zip(parts_of(images), (Decision(label, ()) for label in decisions), strict=True)
    return MadeDecisions([*parts], Rules(threshold=0.5, views=ViewRule(kind="k_of_n", k=2)))


def test_every_change_is_told_and_the_worst_come_first() -> None:
    cases = [*product((OK, NG), (OK, REVIEW, NG), (OK, REVIEW, NG))]
    truths, was, now = ([case[place] for case in cases] for place in range(3))
    before = made(truths, was, [(0.2, 0.75)] * len(cases))
    after = made(truths, now, [(0.5, 1.0)] * len(cases))
    found = changes_between(before, after)
    assert {(one.label, one.before, one.after) for one in found} == {c for c in cases if c[1] is not c[2]}
    order = {OK: [NG, REVIEW, OK], NG: [OK, REVIEW, NG]}  # from wrong to right
    for one in found:
        rising = order[one.label].index(one.after) > order[one.label].index(one.before)
        assert one.better is rising
        assert (one.score_before, one.score_after) == (0.2, 0.5)  # the second largest, as the policy says
    ranks = [(one.better, one.kind != "missed") for one in found]
    assert ranks == sorted(ranks) and found[0].kind == "missed" and found[0].after is OK
    kinds = {(one.label, one.after): one.kind for one in found}
    assert kinds == {
        (NG, NG): "caught",
        (NG, OK): "missed",
        (OK, OK): "passed",
        (OK, NG): "alarmed",
        (NG, REVIEW): "ng_to_review",
        (OK, REVIEW): "ok_to_review",
    }
    assert before.outcome == Outcome(3, 3, 3, 3, 3, 3)


def test_a_comparison_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_comparison_file(comparison(), tmp_path)
    text = (tmp_path / "comparison.json").read_text(encoding="utf-8")
    assert BundleComparison.model_validate_json(text) == comparison()
    assert '"escapes": 1' in text and "덮개 1" in text
    with pytest.raises(ValidationError, match="ng"):
        BundleComparison.model_validate_json(text.replace('"ng"', '"bad"'))


def test_only_the_comparison_of_these_two_counts() -> None:
    require_compared(comparison(), OLD, NEW, POLICY)
    require_compared(None, None, NEW, POLICY)  # the first bundle of a station
    require_compared(None, NEW, NEW, POLICY)  # it is active already
    for arguments, what in (
        ((None, OLD, NEW, POLICY), "was not compared"),
        ((comparison(), OTHER, NEW, POLICY), "another old bundle"),
        ((comparison(), OLD, OTHER, POLICY), "another new bundle"),
        ((comparison(), OLD, NEW, OTHER), "another policy"),
        ((comparison(), NEW, OLD, POLICY), "another old bundle"),
    ):
        with pytest.raises(GainspectError, match=what) as error:
            require_compared(*arguments)
        assert "gainspect bundle compare" in error.value.hint

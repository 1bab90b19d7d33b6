"""The parts that a policy was chosen on give what `operating_point` says of it, and survive being stored."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gainspect.errors import GainspectError
from gainspect.evaluation.chosen_on import CHOSEN_ON, attainable, chosen_content, chosen_on, chosen_on_of
from gainspect.evaluation.goals import LeastCost
from gainspect.evaluation.judged_parts import decided, outcome_of
from gainspect.evaluation.operating_point import choose_policy, decisions, operating_point
from gainspect.evaluation.validation_verdicts import ValidationVerdict, ValidationVerdicts
from gainspect.types import Label
from report_parts import bundle


def verdicts(seed=0):
    """30 NG parts, three of them among the 60 OK ones, some with a reason that fails; names need care."""
    rng = np.random.default_rng(seed)
    ng = np.concatenate([rng.normal(3, 1.5, 27), rng.normal(-4, 0.5, 3)])
    logits = [*ng, *rng.normal(-4, 1, 60)]
    images = tuple(
        ValidationVerdict(
            image=f"<part> {n} 불량.png",
            label=Label.NG if n < 30 else Label.OK,
            group=f"g{n // 2}",
            score=float(1 / (1 + np.exp(-logit))),
            evidence_peak=0.5,
            points_at_defect=True if n < 30 else None,
            drop=0.9 if n % 5 else 0.0,
            control_drop=0.0,
            agreement=0.9,
            gap=None,
        )
        for n, logit in enumerate(logits)
    )
    return ValidationVerdicts(map_thresholds={}, region_threshold=0.3, controls=2, seed=0, images=images)


@pytest.mark.parametrize("seed", range(5))
def test_they_are_decided_and_counted_as_the_operating_point_says(seed):
    given = verdicts(seed)
    goal = LeastCost(prevalence=0.02)
    policy = choose_policy(given, goal)
    point, parts = operating_point(given, policy, goal), chosen_on(given, policy).parts
    assert [decided(part, policy) for part in parts] == [made.label for made in decisions(given, policy)]
    assert outcome_of(parts, policy) == point.counted and point.counted.review_ng > 0
    found = attainable(parts, point.floor)
    assert (found.ng, found.blind, found.price) == (30, point.blind, point.price)


def test_the_last_parts_cost_the_ok_parts_between_the_lowest_and_the_floor():
    given = verdicts()
    parts = chosen_on(given, choose_policy(given, LeastCost())).parts
    ng, ok = ([part.score for part in parts if part.ng is kind] for kind in (True, False))
    found = attainable(parts, 0.5)
    assert len(found.blind) == sum(score < 0.5 for score in ng)
    assert found.price == pytest.approx(np.mean([min(ng) <= score < 0.5 for score in ok]))
    assert attainable(parts, 0.0) == (30, (), None)


def test_a_bundle_keeps_them():
    given = verdicts()
    chosen = chosen_on(given, choose_policy(given, LeastCost()))
    content = chosen_content(chosen)
    assert chosen_on_of(replace(bundle(), contents={CHOSEN_ON: content})) == chosen
    assert chosen_on_of(bundle()) is None
    assert len(content.splitlines()) == 92


BROKEN = b'{"split": "val", "parts": [{"name": "a", "group": "a", "ng": true, "score": %s}]}'


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", BROKEN % b"NaN", BROKEN % b"7", BROKEN % b'"x"'])
def test_what_cannot_be_read_is_a_sentence(content):
    with pytest.raises(GainspectError, match=r"cannot read chosen_on\.json"):
        chosen_on_of(replace(bundle(), path=Path("x.gain"), contents={CHOSEN_ON: content}))

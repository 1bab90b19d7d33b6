"""What is shown of an operating point: exact bounds by item, and the parts without evidence."""

import numpy as np
import pytest
from statsmodels.stats.proportion import proportion_confint

from gainspect.evaluation.chosen_on import ChosenOn
from gainspect.evaluation.goals import LeastCost, OperatingPoint
from gainspect.evaluation.judged_parts import JudgedPart
from gainspect.evaluation.operating_facts import OperatingFacts, tally_rows
from gainspect.metrics.decisions import Outcome
from gainspect.metrics.thresholds import noise_floor
from report_parts import bundle

POLICY = bundle().description.policy.model_copy(update={"review_from": 0.2})


def part(name, ng, score, group=None):
    return JudgedPart(name=name, group=group or name, ng=ng, score=score, confirmed=score)


PARTS = (
    *(part(f"caught{n}", True, 0.9) for n in range(7)),
    part("missed", True, 0.05),
    part("second view", True, 0.9, "missed"),
    part("borderline", True, 0.3),
    *(part(f"passed{n}", False, 0.01 * n) for n in range(19)),
    part("alarm", False, 0.6),
)


def test_bounds_are_exact_and_count_items():
    rows = {row["name"]: row for row in tally_rows(PARTS, POLICY)}
    counted = {name: (row["count"], row["of"]) for name, row in rows.items()}
    assert counted == {
        "caught": (8, 10),
        "escapes": (1, 10),
        "review_ng": (1, 10),
        "false_alarms": (1, 20),
        "review_ok": (0, 20),
    }
    # "missed" and its second view are one item of nine: it escapes, and is not caught.
    items = {"caught": (7, 9), "escapes": (1, 9), "review_ng": (1, 9), "false_alarms": (1, 20)}
    for name, (count, of) in {**items, "review_ok": (0, 20)}.items():
        expected = proportion_confint(count, of, method="beta")
        assert rows[name]["bounds"] == pytest.approx(expected, abs=1e-12), name


def test_of_no_parts_nothing_is_known():
    rows = tally_rows([one for one in PARTS if one.ng], POLICY)
    assert [(row["share"], row["bounds"]) for row in rows[3:]] == [(None, (0, 1))] * 2


def point(floor):
    return OperatingPoint(
        goal=LeastCost(miss=5),
        split="val",
        counted=Outcome(1, 0, 0, 0, 0, 1),
        prevalence=0.5,
        cost=0,
        cost_at_1_percent=0,
        floor=floor,
        blind=(),
        price=None,
        groups=1,
        escaped_groups=0,
        escape_bound=0.95,
        needed=(),
        unusable=None,
    )


def test_blind_parts_lie_below_the_floor_of_where_the_policy_was_chosen():
    chosen = ChosenOn(split="val", parts=(part("other", True, 0.08), part("missed", True, 0.07)))
    facts = OperatingFacts(POLICY, point(0.1), ChosenOn(split="test", parts=PARTS), chosen)
    assert facts.floor == 0.1 and facts.goal.miss == 5
    assert facts.blind == ("missed", "other")
    assert OperatingFacts(POLICY, point(None), facts.tested, chosen).blind == ()


def test_without_a_stored_point_the_floor_is_found_on_the_parts():
    facts = OperatingFacts(POLICY, None, ChosenOn(split="test", parts=PARTS), None)
    scores, labels = np.array([one.score for one in PARTS]), np.array([one.ng for one in PARTS])
    assert facts.floor == noise_floor(scores, labels) and facts.goal == LeastCost()
    assert set(facts.blind) == {one.name for one in PARTS if one.ng and one.score < facts.floor} != set()
    one_class = ChosenOn(split="test", parts=tuple(one for one in PARTS if one.ng))
    assert OperatingFacts(POLICY, None, one_class, None).floor is None

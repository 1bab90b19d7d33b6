"""Limits let through what they were fitted to let through; the heat scale keeps OK parts cold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.evaluation.assessment import Assessed, Assessment
from gainspect.evaluation.operating_point import LEAST_DROP, fit_heat, fit_review
from gainspect.policy import ReasonPolicy
from gainspect.types import Evidence, Label, ReasonCheck, Verdict

SHARES = st.floats(0, 1, allow_subnormal=False)


def verdict(repaired, control, overlap):
    """An NG verdict of score 1; attention and localization agree with cosine `overlap`."""
    attention = np.array([[1, 0]], np.float32)
    localization = np.array([[overlap, np.sqrt(1 - overlap**2)]], np.float32)
    evidence = Evidence(attention, attention=attention, localization=localization)
    check = ReasonCheck(1.0, 0.5, repaired, (control,), area=9)
    return Verdict(Label.NG, 1.0, 0.5, evidence, check=check)


@given(
    figures=st.lists(st.tuples(st.floats(0, 0.85), st.floats(0.5, 1), SHARES), min_size=1, max_size=60),
    share=st.floats(0, 0.5),
)
def test_no_more_than_the_share_goes_to_review(figures, share):
    verdicts = [verdict(*row) for row in figures]
    policy = fit_review(verdicts, ReasonPolicy(), share, "val")
    assert policy.reviewed <= share * len(verdicts) + 1e-9
    assert (policy.share, policy.split, policy.verdicts) == (share, "val", len(verdicts))


def test_each_limit_is_the_quantile_of_a_third_of_the_share():
    verdicts = [verdict(0.01 * n, 1 - 0.01 * n, 1 - 0.01 * n) for n in range(20)]
    policy = fit_review(verdicts, ReasonPolicy(), 0.3, "val")  # two of twenty for each rule
    assert policy.min_drop == pytest.approx(1 - 0.17)
    assert policy.max_control_drop == pytest.approx(0.17)
    assert policy.min_agreement == pytest.approx(1 - 0.17, abs=1e-6)
    assert policy.reviewed == 2  # here the same two break all three


def test_a_model_that_ignores_its_evidence_everywhere_sets_itself_no_lax_limit():
    policy = fit_review([verdict(1.0, 1.0, 1.0)] * 10, ReasonPolicy(), 0.05, "val")
    assert (policy.min_drop, policy.reviewed) == (LEAST_DROP, 10)


def test_without_verdicts_the_fixed_limits_hold():
    policy = fit_review([], ReasonPolicy(), 0.05, "val")
    assert (policy.min_drop, policy.max_control_drop, policy.min_agreement) == (0.1, 0.5, None)


def assessment(ok, ng):
    rows = [(Label.OK, peak) for peak in ok] + [(Label.NG, peak) for peak in ng]
    images = [
        Assessed(str(i), lab, "g", None, 0.5, lab, None, p, {}, {}, None) for i, (lab, p) in enumerate(rows)
    ]
    return Assessment(0.5, tuple(images))


@pytest.mark.parametrize(
    ("ok", "ng", "expected"),
    [
        ([0.0] * 19 + [0.3], [0.5, 0.9, 1.0], (0.015, 0.9)),
        ([0.8] * 20, [0.6, 1.0, 1.2], (0.5, 1.0)),  # classes overlap: half of hot
        ([], [0.4], (0.0, 0.4)),
    ],
)
def test_the_heat_scale(ok, ng, expected):
    scale = fit_heat(assessment(ok, ng))
    assert (scale.cold, scale.hot) == pytest.approx(expected)


def test_no_evidence_on_ng_no_scale():
    assert fit_heat(assessment([0.1], [])) is None
    assert fit_heat(assessment([0.1], [0.0, 0.0])) is None

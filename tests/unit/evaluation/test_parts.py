"""Images become parts: one label, one score and one decision each, whatever the order."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, logit

from gainspect.evaluation.goals import LeastCost
from gainspect.evaluation.operating_point import choose_policy, decisions, operating_point
from gainspect.evaluation.parts import part_labels, part_scores, parts_of
from gainspect.evaluation.validation_verdicts import ValidationVerdict, ValidationVerdicts
from gainspect.policy import ViewRule
from gainspect.types import Label


def judged(name, score, label=Label.OK, part=None):
    return ValidationVerdict(
        image=name,
        label=label,
        group=part or name,
        part=part,
        score=score,
        evidence_peak=0.5,
        points_at_defect=True if label is Label.NG else None,
        drop=0.9,
        control_drop=0.0,
        agreement=0.9,
        gap=None,
    )


def stored(images):
    return ValidationVerdicts(
        map_thresholds={}, region_threshold=0.3, controls=2, seed=0, images=tuple(images)
    )


def test_a_view_without_the_defect_is_an_ok_image_of_an_ng_part():
    images = [judged("a1", 0.1, part="a"), judged("b", 0.4), judged("a2", 0.9, Label.NG, part="a")]
    first, second = parts_of(images)
    assert (first.name, first.label, [view.image for view in first.images]) == ("a", Label.NG, ["a1", "a2"])
    assert (second.name, second.label, len(second.images)) == ("b", Label.OK, 1)
    assert part_labels([first, second]).tolist() == [True, False]
    assert part_scores([first, second], None).tolist() == [0.9, 0.4]


def test_an_image_of_the_name_of_a_part_is_not_a_view_of_it():
    assert len(parts_of([judged("a", 0.1), judged("x", 0.1, part="a")])) == 2


def exposures(shift, count, views, label, rng):
    """Each view is the part's evidence with noise of its own, as exposures of one tile are."""
    for number in range(count):
        part = f"{label}{number}"
        for view in range(views):
            yield judged(
                f"{part}-{view}", float(expit(shift + rng.normal(0, 1.5))), label, part if views > 1 else None
            )


def test_where_views_are_noisy_copies_the_mean_of_their_logits_is_chosen_and_better():
    rng = np.random.default_rng(0)
    images = [*exposures(1, 30, 6, Label.NG, rng), *exposures(-1, 60, 6, Label.OK, rng)]
    policy = choose_policy(stored(images), LeastCost(), check=False)
    assert policy.views == ViewRule(kind="mean")
    assert (policy.ng, policy.ok) == (30, 60)
    fresh = [*exposures(1, 200, 6, Label.NG, rng), *exposures(-1, 200, 6, Label.OK, rng)]
    by_mean = choose_policy(stored(fresh), LeastCost(), check=False)
    by_max = by_mean.model_copy(update={"views": None})
    wrong = [
        operating_point(stored(fresh), which, LeastCost()).counted.false_alarms for which in (by_mean, by_max)
    ]
    assert 5 * wrong[0] < wrong[1]


def test_where_only_one_view_shows_the_defect_the_largest_is_chosen():
    rng = np.random.default_rng(1)
    images = list(exposures(-4, 60, 6, Label.OK, rng))
    for number in range(30):
        images += [
            judged(f"n{number}-{v}", float(expit(rng.normal(-4, 1))), part=f"n{number}") for v in range(5)
        ]
        images.append(judged(f"n{number}-5", float(expit(rng.normal(4, 1))), Label.NG, f"n{number}"))
    assert choose_policy(stored(images), LeastCost(), check=False).views is None


def test_images_that_are_decided_alone_have_no_rule_for_views():
    rng = np.random.default_rng(2)
    images = [*exposures(2, 20, 1, Label.NG, rng), *exposures(-2, 20, 1, Label.OK, rng)]
    assert choose_policy(stored(images), LeastCost(), check=False).views is None


@given(order=st.randoms(), rule=st.sampled_from([None, ViewRule(kind="mean"), ViewRule(kind="k_of_n", k=2)]))
def test_the_order_of_images_changes_no_decision(order, rule):
    rng = np.random.default_rng(3)
    images = [*exposures(1, 10, 4, Label.NG, rng), *exposures(-1, 10, 4, Label.OK, rng)]
    policy = choose_policy(stored(images), LeastCost(), check=False).model_copy(update={"views": rule})
    before = dict(zip([p.name for p in parts_of(images)], decisions(stored(images), policy), strict=True))
    shuffled = order.sample(images, len(images))
    after = dict(zip([p.name for p in parts_of(shuffled)], decisions(stored(shuffled), policy), strict=True))
    assert after == before


def test_scores_of_parts_are_those_of_numpy():
    images = [judged(f"a{n}", score, part="a") for n, score in enumerate((0.2, 0.7, 0.4))]
    (part,) = parts_of(images)
    assert part.score(ViewRule(kind="mean")) == pytest.approx(expit(logit([0.2, 0.7, 0.4]).mean()))
    assert part.score(ViewRule(kind="k_of_n", k=2)) == 0.4

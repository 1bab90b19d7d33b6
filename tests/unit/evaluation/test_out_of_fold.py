"""Out-of-fold verdicts: pooled, carried over, and each fold decided by thresholds of the others."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import assess
from gainspect.evaluation.goals import EscapeBound, LeastCost, OperatingPoint
from gainspect.evaluation.operating_point import choose_policy, operating_point
from gainspect.evaluation.out_of_fold import HeldOutMaps, by_fold, left_out, pooled, pooled_thresholds
from gainspect.evaluation.validation_verdicts import (
    ValidationVerdict,
    ValidationVerdicts,
    map_thresholds,
    read_validation_verdicts,
    save_validation_verdicts,
)
from gainspect.metrics.calibration import carried, logits_of
from gainspect.metrics.decisions import outcome
from gainspect.policy import View, decide
from gainspect.types import Label


def fold(number: int, shift: float, *, ng: int = 6, ok: int = 14, lift: float = 3) -> ValidationVerdicts:
    """Verdicts of a network whose logits are shifted."""
    rng = np.random.default_rng(number)
    labels = [Label.NG] * ng + [Label.OK] * ok
    logits = shift + rng.normal(0, 1, ng + ok) + np.array([lift * (label is Label.NG) for label in labels])
    images = tuple(
        ValidationVerdict(
            image=f"{number}/{index}.png",
            label=label,
            group=f"{number}/{index // 2}",
            score=float(1 / (1 + np.exp(-value))),
            evidence_peak=1.0,
            points_at_defect=True if label is Label.NG else None,
            drop=0.9,
            control_drop=0.0,
            agreement=None,
            gap=None,
        )
        for index, (label, value) in enumerate(zip(labels, logits, strict=True))
    )
    return ValidationVerdicts(
        map_thresholds={"evidence": 0.4}, region_threshold=0.4, controls=2, seed=0, images=images
    )


FOLDS = [fold(1, 0.0), fold(2, 1.0), fold(3, -1.0)]


@pytest.mark.parametrize("method", ["none", "platt", "isotonic"])
def test_each_image_keeps_its_own_score_beside_the_one_carried_over(method):
    verdicts = pooled(FOLDS, method)
    given = [image for one in FOLDS for image in one.images]
    assert [image.image for image in verdicts.images] == [image.image for image in given]
    assert [image.fold_score for image in verdicts.images] == [image.score for image in given]
    assert [image.fold for image in verdicts.images] == [1] * 20 + [2] * 20 + [3] * 20
    moved, maps = carried([logits_of(one.scores) for one in FOLDS], [one.labels for one in FOLDS], method)
    assert logits_of(verdicts.scores) == pytest.approx(np.concatenate(moved), abs=1e-6)
    assert verdicts.split == "folds"
    assert verdicts.carried is not None
    assert (verdicts.carried.folds, verdicts.carried.method) == (3, method)
    assert [one.x for one in verdicts.carried.maps] == [one.x for one in maps]


def test_the_folds_can_be_had_back_from_the_file(tmp_path: Path):
    save_validation_verdicts(pooled(FOLDS), tmp_path / "validation.json")
    assert list(by_fold(read_validation_verdicts(tmp_path / "validation.json")).values()) == FOLDS


def test_two_folds_are_pooled_as_they_are():
    verdicts = pooled(FOLDS[:2])
    assert verdicts.carried is not None
    assert verdicts.carried.method == "none"
    assert verdicts.scores.tolist() == [*FOLDS[0].scores, *FOLDS[1].scores]
    assert operating_point(verdicts, choose_policy(verdicts, LeastCost()), LeastCost()).procedure is not None


def test_folds_that_were_checked_with_other_thresholds_are_not_pooled():
    with pytest.raises(ValueError, match="different thresholds"):
        pooled([FOLDS[0], FOLDS[1].model_copy(update={"region_threshold": 0.5})])


def test_bounds_of_the_procedure_are_of_folds_decided_by_thresholds_of_the_others():
    verdicts, goal = pooled(FOLDS, "platt"), LeastCost()
    found = operating_point(verdicts, choose_policy(verdicts, goal), goal).procedure
    labels, missed, called, review = [], set(), [], []
    for left, own in enumerate(FOLDS):
        policy = choose_policy(pooled([one for one in FOLDS if one is not own], "platt"), goal)
        for image in own.images:
            decided = decide([View(image.score)], policy).label
            labels.append(image.label is Label.NG)
            called.append(decided is Label.NG)
            review.append(decided is Label.REVIEW)
            if image.label is Label.NG and decided is Label.OK:
                missed.add((left, image.group))
    assert found is not None
    assert found.counted == outcome(np.array(called), np.array(review), np.array(labels))
    assert (found.groups, found.escaped_groups) == (9, len(missed))
    assert found.carried == verdicts.carried


def test_the_folds_left_out_are_judged_by_their_own_scores():
    for (others, own), expected in zip(left_out(pooled(FOLDS)), FOLDS, strict=True):
        assert own == expected
        assert {image.image for image in others.images}.isdisjoint(image.image for image in own.images)


def test_a_goal_that_the_others_cannot_carry_has_no_bounds_of_the_procedure():
    """18 groups prove 16 %, 12 only 22 %."""
    many = [fold(number, 0.0, ng=12, ok=100, lift=5) for number in (1, 2, 3)]
    verdicts, goal = pooled(many), EscapeBound(rate=0.2)
    point = operating_point(verdicts, choose_policy(verdicts, goal), goal)
    assert point.procedure is not None
    assert point.procedure.counted is None
    with pytest.raises(GainspectError, match="cannot prove"):
        choose_policy(next(left_out(verdicts))[0], goal)


def test_an_operating_point_says_nothing_of_folds_where_there_are_none():
    point = operating_point(FOLDS[0], choose_policy(FOLDS[0], LeastCost()), LeastCost())
    assert "procedure" not in point.model_dump(mode="json")
    verdicts = pooled(FOLDS)
    point = operating_point(verdicts, choose_policy(verdicts, LeastCost()), LeastCost())
    assert OperatingPoint.model_validate_json(point.model_dump_json()) == point


def test_thresholds_on_maps_are_those_of_all_images_together(parts, tmp_path: Path):
    """The same images in one part of the data, and in two folds of which one has no mask."""
    scores = [0.1, 0.2, 0.8, 0.9, 0.6, 0.9]
    whole = assess(parts.inspector(scores, lambda mask: {"evidence": 0.6 * mask + 0.1}), parts.manifest)
    halves = [type(whole)(whole.threshold, images) for images in (whole.images[:4], whole.images[4:])]
    for number, half in enumerate(halves):
        HeldOutMaps.of(half).save(tmp_path / f"{number}.json")
    read = [HeldOutMaps.read(tmp_path / f"{number}.json") for number in range(2)]
    thresholds, region = pooled_thresholds(read)
    assert thresholds == map_thresholds(whole)
    assert region == thresholds["evidence"]
    assert pooled_thresholds([HeldOutMaps(curves={}, ok_peaks=[1.0, 3.0])]) == ({}, np.percentile([1, 3], 95))
    (tmp_path / "0.json").write_text("{}")
    with pytest.raises(GainspectError, match="cannot read what was measured"):
        HeldOutMaps.read(tmp_path / "0.json")


def test_outlines_of_any_fold_choose_thresholds_before_boxes_of_another(parts, tmp_path: Path):
    scores = [0.1, 0.2, 0.8, 0.9, 0.6, 0.9]

    def assessed(*kinds):
        rows = [replace(part, mask_kind=kind) for part, kind in zip(parts.manifest.parts, kinds, strict=True)]
        inspector = parts.inspector(scores, lambda mask: {"evidence": 0.7 * mask + 0.2 * mask[::-1]})
        return assess(inspector, replace(parts.manifest, parts=tuple(rows)))

    mixed = assessed(None, None, "box", "box", "outline", None)
    halves = [type(mixed)(mixed.threshold, images) for images in (mixed.images[:4], mixed.images[4:])]
    folds = [HeldOutMaps.of(half) for half in halves]
    assert folds[0].curves == folds[1].others == {} and folds[0].others["evidence"]
    folds[0].save(tmp_path / "0.json")
    assert HeldOutMaps.read(tmp_path / "0.json") == folds[0]
    thresholds, _ = pooled_thresholds(folds)
    assert thresholds == map_thresholds(mixed) == map_thresholds(halves[1])
    boxes = assessed(*["box"] * 6)
    assert pooled_thresholds([HeldOutMaps.of(boxes)])[0] == map_thresholds(boxes)
    older = folds[1].model_dump(exclude={"others"})  # as older versions stored it
    assert HeldOutMaps.model_validate(older) == folds[1]

"""Summaries of planned assessments."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gainspect.data.manifest import Manifest
from gainspect.evaluation import summary as module
from gainspect.evaluation.assessment import assess
from gainspect.evaluation.summary import summarize
from gainspect.evaluation.validation_figures import validation_figures
from gainspect.evaluation.validation_verdicts import map_thresholds
from gainspect.metrics import intervals
from gainspect.metrics.intervals import (
    clopper_pearson,
    group_bootstrap,
    weighted_auroc,
    weighted_average_precision,
)
from gainspect.strategies import STRATEGIES

SCORES = [0.1, 0.7, 0.9, 0.8, 0.2, 0.95]


def half_bright(mask):
    """Evidence: 0.6 in the defect and 0.2 all around; localization: the defect and as much beside it."""
    beside = np.roll(mask, 32, axis=0)
    return {"evidence": 0.2 + 0.4 * mask, "localization": np.maximum(mask, beside)}


@pytest.fixture
def assessment(parts):
    return assess(parts.inspector(SCORES, half_bright), parts.manifest)


def test_classification_by_hand(assessment):
    figures = summarize(assessment)["classification"]["operating"]
    expected = {"recall": (3, 4), "precision": (3, 4), "false_alarm_rate": (1, 2), "accuracy": (4, 6)}
    for name, (hits, trials) in expected.items():
        assert figures[name]["value"] == hits / trials
        assert figures[name]["n"] == trials
        assert figures[name]["interval"] == clopper_pearson(hits, trials)
    assert figures["f1"]["value"] == 0.75
    assert figures["threshold"] == 0.5


def test_ranking_by_hand(assessment):
    ranking = summarize(assessment)["classification"]["ranking"]
    assert ranking["auroc"]["value"] == pytest.approx(7 / 8)  # of 8 pairs, 0.2 (NG) < 0.7 (OK) is wrong
    assert ranking["ap"]["value"] == pytest.approx((1 + 1 + 1 + 4 / 5) / 4)


def test_intervals_of_a_ranking_are_drawn_by_image_and_by_group(assessment):
    """Images 3 and 4 are of one group here; then each is one of its own, in the order of names."""
    scores, labels = assessment.scores, assessment.labels
    names = [image.image for image in assessment.images]
    alone = replace(
        assessment, images=tuple(replace(image, group=image.image) for image in assessment.images)
    )
    for of in (assessment, alone):
        groups = [image.group for image in of.images]
        ranking = summarize(of)["classification"]["ranking"]
        for figure, weighted in (("auroc", weighted_auroc), ("ap", weighted_average_precision)):
            statistic = weighted(scores, labels)
            assert ranking[figure]["interval"] == group_bootstrap(statistic, names)
            assert ranking[figure]["interval_by_group"] == group_bootstrap(statistic, groups)


def test_figures_of_images_that_are_groups_are_drawn_once(assessment, monkeypatch):
    drawn = []
    bootstraps = intervals.group_bootstraps

    def counted(statistics, groups, **settings):
        drawn.append(len(statistics))
        return bootstraps(statistics, groups, **settings)

    monkeypatch.setattr(module, "group_bootstraps", counted)
    summarize(assessment)
    # F1 at two thresholds, then AUROC and AP together: by image and by group.
    assert drawn == [1, 1, 1, 1, 2, 2]
    drawn.clear()
    summarize(
        replace(assessment, images=tuple(replace(image, group=image.image) for image in assessment.images))
    )
    assert drawn == [1, 1, 2]


def test_map_quality_and_localization_by_hand(assessment):
    summary = summarize(assessment, map_thresholds={"evidence": 0.2, "localization": 0.5})
    evidence = summary["maps"]["evidence"]
    areas = np.array([64, 64, 64])
    shares = 0.6 * areas / (0.6 * areas + 0.2 * (64 * 64 - areas))
    assert evidence["cam_iou"]["value"] == evidence["pointing_game"]["value"] == 1
    assert evidence["energy_inside"]["value"] == pytest.approx(shares.mean())
    assert evidence["fixed_iou"]["value"] == pytest.approx(64 / 4096)  # float32 0.2 is above 0.2
    assert summary["maps"]["localization"]["fixed_iou"]["value"] == pytest.approx(0.5)
    assert summary["localization"]["iou"]["value"] == pytest.approx(0.5)
    assert summary["localization"]["dice"]["value"] == pytest.approx(2 / 3)
    assert summary["localization"]["pooled_iou"] == pytest.approx(0.5)
    assert summary["localization"]["aupro"] == pytest.approx(1, abs=0.02)


def test_counts_and_types(assessment):
    summary = summarize(assessment)
    assert summary["images"] == {
        "n": 6, "ok": 2, "ng": 4, "ng_without_mask": 1, "groups": 5, "left_out": 0,
    }  # fmt: skip
    types = summary["defect_types"]
    assert list(types) == ["pit", "scratch"]
    assert (types["pit"]["recall"]["value"], types["scratch"]["recall"]["value"]) == (1, 0.5)
    assert (types["scratch"]["n"], types["scratch"]["pointing_game"]["n"]) == (2, 1)
    assert summary["right_reason_rate"]["n"] == 5


def test_by_thirds_of_size_by_hand(assessment):
    """Defects 2, 4 and 8 px across; the smallest is missed. Without a mask there is no size."""
    rows = summarize(assessment)["defect_sizes"]
    assert [(row["from"], row["to"], row["n"], row["groups"]) for row in rows] == [
        (2, 2, 1, 1),
        (4, 4, 1, 1),
        (8, 8, 1, 1),
    ]
    assert [row["recall"]["value"] for row in rows] == [0, 1, 1]
    assert [row["pointing_game"]["value"] for row in rows] == [1, 1, 1]
    assert [row["localization_iou"]["value"] for row in rows] == pytest.approx([0.5] * 3)


@pytest.mark.parametrize(
    ("sizes", "thirds"),
    [
        ([1, 2, 3, 4, 5, 6], [[1, 2], [3, 4], [5, 6]]),
        ([5, 5, 5, 5], [[5, 5, 5, 5]]),
        ([9, 1, 1, 1, 1], [[1, 1, 1, 1], [9]]),
        ([7], [[7]]),
        ([], []),
    ],
)
def test_thirds_hold_every_defect_once_and_equal_ones_together(assessment, sizes, thirds):
    defect = assessment.images[2]
    images = [replace(defect, image=f"{i}.png", defect_px=float(px)) for i, px in enumerate(sizes)]
    images.append(replace(defect, image="unmarked.png", defect_px=None))
    rows = summarize(replace(assessment, images=tuple(images)))["defect_sizes"]
    assert [(row["from"], row["to"], row["n"]) for row in rows] == [
        (min(third), max(third), len(third)) for third in thirds
    ]


def cam_only(mask):
    """A CAM of 1 in the defect and −1 around, but 0.55 in a wide band; and the same, clamped."""
    band = np.zeros_like(mask)
    band[20:28] = 1
    cam = np.where(mask > 0, 1.0, np.where(band > 0, 0.55, -1.0)).astype(np.float32)
    return {"cam": cam, "evidence": np.maximum(cam, 0)}


def test_the_cam_is_measured_without_clamping_too_under_its_own_name(parts):
    """Half between −1 and 1 is 0, half between 0 and 1 is 0.5: 0.55 is above both, and 0.3 above one only."""
    images = assess(parts.inspector(SCORES, cam_only), parts.manifest)
    evidence = summarize(images)["maps"]["evidence"]
    assert evidence["cam_iou_unclamped"]["value"] == evidence["cam_iou"]["value"] < 0.2

    def lower(mask):
        cam = cam_only(mask)["cam"]
        cam[cam == np.float32(0.55)] = 0.3
        return {"cam": cam, "evidence": np.maximum(cam, 0)}

    evidence = summarize(assess(parts.inspector(SCORES, lower), parts.manifest))["maps"]["evidence"]
    assert evidence["cam_iou"]["value"] == 1
    assert evidence["cam_iou_unclamped"]["n"] == 3
    area = 64 / (64 + 8 * 64)  # of each defect, with the band
    assert evidence["cam_iou_unclamped"]["value"] == pytest.approx(area, abs=0.01)


def test_only_strategies_whose_evidence_is_the_cam_have_that_figure(parts):
    """They are those without attention and localization: by the table, and by what they show."""
    for row in STRATEGIES.values():
        assert (row.evidence == "cam") == (not row.modules & {"attention", "localization"})
    with_attention = assess(
        parts.inspector(SCORES, lambda mask: cam_only(mask) | {"attention": mask}), parts.manifest
    )
    assert "cam_iou_unclamped" not in summarize(with_attention)["maps"]["evidence"]


def test_doubtful_images_are_left_out(assessment):
    summary = summarize(assessment, exclude=frozenset({"ok/b.png", "d.png", "unknown.png"}))
    assert summary["images"]["left_out"] == 1
    assert summary["classification"]["operating"]["false_alarm_rate"]["value"] == 0


def test_undefined_figures_are_null_in_json(parts):
    assessment = assess(parts.inspector(SCORES, half_bright), parts.manifest)
    only_ok = frozenset({"ng/c.png", "ng/d.png", "ng/e.png", "ng/f.png"})
    summary = json.loads(json.dumps(summarize(assessment, exclude=only_ok), allow_nan=False))
    operating = summary["classification"]["operating"]
    assert operating["recall"]["value"] is operating["recall"]["interval"] is None
    assert summary["classification"]["ranking"]["auroc"]["value"] is None
    assert summary["maps"] == summary["defect_types"] == {}
    assert summary["localization"] is None
    # All OK parts pass, but no defect is there whose reason could be right.
    assert (summary["right_reason_rate"]["value"], summary["right_reason_rate"]["n"]) == (None, 0)


def test_with_every_image_left_out_nothing_is_claimed(assessment):
    summary = summarize(assessment, exclude=frozenset(image.image for image in assessment.images))
    assert summary["images"]["left_out"] == 6
    assert summary["classification"]["operating"]["accuracy"]["value"] is None
    assert summary["classification"]["ranking"]["ap"]["value"] is None
    assert summary["right_reason_rate"]["value"] is None


def test_a_strategy_without_localization_has_no_such_figures(parts):
    assessment = assess(parts.inspector(SCORES, lambda mask: {"evidence": mask}), parts.manifest)
    summary = summarize(assessment)
    assert summary["localization"] is None
    assert list(summary["maps"]) == ["evidence"]


def test_the_map_threshold_is_the_one_with_the_best_overlap(assessment):
    thresholds = map_thresholds(assessment)
    assert 0.2 < thresholds["evidence"] < 0.6
    summary = summarize(assessment, map_thresholds=json.loads(json.dumps(thresholds)))
    assert summary["maps"]["evidence"]["fixed_iou"]["value"] == 1


def test_validation_figures(assessment, parts):
    figures = validation_figures(assessment, target_recall=0.75)
    assert figures["specificity_at_recall"] == 1
    assert figures["recall"] == 0.75
    assert figures["pointing_game"] == figures["cam_iou"] == 1
    assert figures["localization_iou"] == pytest.approx(0.5)
    # All OK pass; of the three marked NG two are caught, for their defect.
    assert figures["right_reason_at_recall"] == pytest.approx((1 + 2 / 3) / 2)
    without = assess(parts.inspector(SCORES, lambda mask: {"evidence": mask}), parts.manifest)
    assert "localization_iou" not in validation_figures(without, target_recall=0.75)


def test_a_checkpoint_that_follows_something_else_is_worth_less(parts):
    beside = assess(
        parts.inspector(SCORES, lambda mask: {"evidence": np.roll(mask, 32, axis=0)}), parts.manifest
    )
    figures = validation_figures(beside, target_recall=0.75)
    assert (figures["specificity_at_recall"], figures["right_reason_at_recall"]) == (1, 0.5)


def test_without_masks_there_is_no_right_reason(parts):
    parts.masks[:] = [None] * len(parts.masks)
    bare = Manifest(parts.manifest.root, tuple(replace(part, mask=None) for part in parts.manifest.parts))
    assessment = assess(parts.inspector(SCORES, half_bright), bare)
    figures = validation_figures(assessment, target_recall=1.0)
    assert figures["specificity_at_recall"] == 0.5
    assert not {"right_reason_at_recall", "pointing_game", "cam_iou", "localization_iou"} & figures.keys()
    summary = summarize(assessment)
    assert summary["right_reason_rate"]["value"] is summary["localization"] is None
    assert summary["maps"] == {} and summary["defect_sizes"] == []
    assert all(row["right_reason_rate"]["value"] is None for row in summary["defect_types"].values())
    assert summary["images"]["ng_without_mask"] == summary["images"]["ng"] == 4


def test_boxes_and_strokes_are_told_apart_from_outlines(parts):
    kinds = {"c.png": "box", "d.png": "scribble"}
    marked = tuple(replace(part, mask_kind=kinds.get(part.image.name)) for part in parts.manifest.parts)
    mixed = assess(parts.inspector(SCORES, half_bright), replace(parts.manifest, parts=marked))
    summary = summarize(mixed)
    assert summary["maps"]["evidence"]["cam_iou"]["n"] == 1
    assert summary["localization"]["iou"]["n"] == 1
    assert summary["right_reason_rate"]["n"] == 3  # two OK, one outline
    assert {kind: row["n"] for kind, row in summary["other_masks"].items()} == {"box": 1, "scribble": 1}
    assert summary["other_masks"]["box"]["pointing_game"]["value"] == 1.0
    assert "cam_iou" not in summary["other_masks"]["box"]
    pit = summary["defect_types"]["pit"]
    assert (pit["recall"]["n"], pit["right_reason_rate"]["n"]) == (2, 0)
    # The classification counts all alike, and without such masks nothing is told of them.
    unmixed = summarize(assess(parts.inspector(SCORES, half_bright), parts.manifest))
    assert summary["classification"] == unmixed["classification"]
    assert "other_masks" not in unmixed


def test_epochs_are_compared_by_what_each_kind_of_mask_supports(parts):
    """The evidence peaks in all marks, but fills only the outline."""
    kinds = {"c.png": "box", "d.png": "outline", "e.png": "box"}
    marked = tuple(replace(part, mask_kind=kinds.get(part.image.name)) for part in parts.manifest.parts)

    def half_of_boxes(mask):
        found = mask * (np.arange(64)[None, :] % 2 == 0) if not mask[30, 40] else mask
        return {"evidence": found, "localization": found}

    inspector = parts.inspector(SCORES, half_of_boxes)
    figures = validation_figures(assess(inspector, replace(parts.manifest, parts=marked)), target_recall=0.75)
    assert figures["cam_iou"] == figures["localization_iou"] == 1
    assert figures["pointing_game"] == figures["energy_inside"] == 1
    plain = validation_figures(assess(parts.inspector(SCORES, half_of_boxes), parts.manifest), 0.75)
    assert plain["cam_iou"] == pytest.approx(2 / 3)
    assert {name: figures[name] for name in figures if name not in ("cam_iou", "localization_iou")} == {
        name: plain[name] for name in plain if name not in ("cam_iou", "localization_iou")
    }
    boxes = tuple(replace(part, mask_kind="box") for part in parts.manifest.parts)
    only = assess(parts.inspector(SCORES, half_of_boxes), replace(parts.manifest, parts=boxes))
    assert not {"cam_iou", "localization_iou"} & validation_figures(only, target_recall=0.75).keys()

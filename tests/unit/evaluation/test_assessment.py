"""Judging with planned answers: every figure is known beforehand."""

import csv
from dataclasses import replace

import cv2
import numpy as np
import pytest

from gainspect.data.mask_values import MaskValues
from gainspect.data.reading import Reading
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import EVERYTHING, MAP_THRESHOLDS, SELECTION, THRESHOLDS, assess
from gainspect.evaluation.doubtful import resolve
from gainspect.evaluation.saved_verdicts import read_verdicts, save_verdicts
from gainspect.evaluation.validation_figures import validation_figures
from gainspect.evaluation.validation_verdicts import map_thresholds
from gainspect.inspection.inspector import Inspector
from gainspect.types import MAP_NAMES, Evidence, Label

SCORES = [0.1, 0.7, 0.9, 0.8, 0.2, 0.95]
FIGURES = ("cam_iou", "pointing_game", "energy_inside")


def all_maps(mask):
    return {"cam": 4 * mask - 2, "attention": mask, "localization": mask, "evidence": mask}


def elsewhere(mask):
    """All evidence in the lower right corner, where no defect is."""
    wrong = np.zeros_like(mask)
    wrong[-4:, -4:] = 1
    return {"evidence": wrong}


def test_maps_that_are_the_mask_are_perfect(parts):
    assessment = assess(parts.inspector(SCORES, all_maps), parts.manifest)
    marked = [image for image in assessment.images if image.figures]
    assert [image.image for image in marked] == ["ng/c.png", "ng/d.png", "ng/e.png"]
    for image in marked:
        named = [
            f"{name}_{figure}"
            for name in ("cam", "attention", "localization", "evidence")
            for figure in FIGURES
        ]
        assert image.figures == dict.fromkeys([*named, "localization_iou", "localization_dice"], 1.0)
        assert image.curves["attention"][:19].tolist() == [1.0] * 19  # thresholds below 1
        assert image.curves["cam"][MAP_THRESHOLDS.index(1.5)] == 1
        assert image.curves["cam"][MAP_THRESHOLDS.index(2.0)] == 0


def test_right_reason_needs_the_right_verdict_and_the_evidence_in_the_defect(parts):
    reasons = [
        image.right_reason for image in assess(parts.inspector(SCORES, all_maps), parts.manifest).images
    ]
    #      OK passed, false alarm, caught, caught, missed, caught but without a mask
    assert reasons == [True, False, True, True, False, None]
    reasons = [
        image.right_reason for image in assess(parts.inspector(SCORES, elsewhere), parts.manifest).images
    ]
    assert reasons == [True, False, False, False, False, None]


def test_evidence_elsewhere_scores_nothing(parts):
    assessment = assess(parts.inspector(SCORES, elsewhere), parts.manifest)
    assert assessment.images[2].figures == {f"evidence_{figure}": 0.0 for figure in FIGURES}
    assert assessment.images[2].overlap is None


def test_verdicts_follow_the_threshold_and_the_order_of_the_manifest(parts):
    assessment = assess(parts.inspector(SCORES, elsewhere, threshold=0.8), parts.manifest)
    assert assessment.scores == pytest.approx(SCORES)
    assert assessment.labels.tolist() == [False, False, True, True, True, True]
    called = [image.verdict is Label.NG for image in assessment.images]
    assert called == [np.float32(score) >= 0.8 for score in SCORES]


def test_an_empty_mask_is_no_mask(parts):
    last = parts.manifest.parts[-1]
    empty = last.image.with_name("empty.png")
    cv2.imwrite(str(empty), np.zeros((64, 64), np.uint8))
    manifest = replace(parts.manifest, parts=(*parts.manifest.parts[:-1], replace(last, mask=empty)))
    judged = assess(parts.inspector(SCORES, all_maps), manifest).images[-1]
    assert judged.right_reason is None
    assert not judged.figures
    assert judged.overlap is None


def test_progress_is_told_of_each_image(parts):
    steps = []
    assess(parts.inspector(SCORES, all_maps), parts.manifest, on_image=lambda: steps.append(1))
    assert len(steps) == 6


@pytest.mark.parametrize("maps", [all_maps, elsewhere])
def test_maps_are_written_as_they_were_judged(parts, tmp_path, maps):
    assess(parts.inspector(SCORES, maps), parts.manifest, maps_dir=tmp_path / "maps")
    assert sorted(file.name for file in (tmp_path / "maps").iterdir()) == [f"{stem}.npz" for stem in "abcdef"]
    with np.load(tmp_path / "maps" / "d.npz", allow_pickle=False) as written:
        expected = maps(parts.masks[3])
        assert set(written.files) == set(expected)
        for name, values in expected.items():
            assert written[name].dtype == np.float32
            np.testing.assert_array_equal(written[name], values)


def test_equal_stems_are_refused_before_anything_is_judged(parts, tmp_path):
    twin = parts.manifest.parts[0].image.with_suffix(".bmp")
    cv2.imwrite(str(twin), np.zeros((64, 64, 3), np.uint8))
    first = parts.manifest.parts[0]
    manifest = replace(parts.manifest, parts=(*parts.manifest.parts, replace(first, image=twin)))
    inspector = parts.inspector(SCORES, all_maps)
    with pytest.raises(GainspectError, match="2 images are called 'a'"):
        assess(inspector, manifest, maps_dir=tmp_path / "maps")
    assert inspector.backend.seen == 0
    assert not (tmp_path / "maps").exists()


def test_a_mask_of_another_size_is_named(parts):
    cv2.imwrite(str(parts.manifest.parts[3].mask), np.zeros((10, 64), np.uint8))
    with pytest.raises(GainspectError, match=r"d\.png: the mask is 64×10 px, its image 64×64 px"):
        assess(parts.inspector(SCORES, all_maps), parts.manifest)


def test_predictions_from_before_newer_columns_are_read(parts, tmp_path):
    """The columns of sizes and of the unclamped CAM are left out: nothing else changes."""
    assessment = assess(parts.inspector(SCORES, lambda mask: {"cam": mask, "evidence": mask}), parts.manifest)
    save_verdicts(assessment, tmp_path)
    path = tmp_path / "predictions.csv"
    now = read_verdicts(path)
    np.testing.assert_array_equal(now.figures["cam_iou_unclamped"], [1] * 3 + [np.nan] * 3)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["defect_px"] for row in rows] == ["", "", "8.0", "4.0", "2.0", ""]
    older = [name for name in rows[0] if name not in {"defect_px", "evidence_cam_iou_unclamped"}]
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, older, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    then = read_verdicts(path)
    assert (then.images, then.groups) == (now.images, now.groups)
    for name, values in then.figures.items():
        expected = np.full(6, np.nan) if name == "cam_iou_unclamped" else now.figures[name]
        np.testing.assert_array_equal(values, expected)


IMAGES = ["images/ok/a.png", "images/ng/a.png", "images/ng/b.png", "a.png.png", "c.png", "deep/c.png"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ({"images/ok/a.png"}, {"images/ok/a.png"}),
        ({"b.png"}, {"images/ng/b.png"}),
        ({"ok/a.png"}, set()),  # a part of a path is no path
        ({"images\\ng\\b.png", "B.png"}, set()),
        ({"c.png"}, {"c.png"}),  # the path of one image, whatever others are called
        ({"unknown.png", "deep/c.png", "b.png"}, {"deep/c.png", "images/ng/b.png"}),
    ],
)
def test_a_path_must_fit_exactly_and_a_file_name_stands_for_one_image(names, found):
    assert resolve(frozenset(names), IMAGES) == found


def test_a_file_name_that_several_images_have_is_an_error_with_their_paths():
    with pytest.raises(GainspectError, match=r"'a\.png' could be images/ng/a\.png or images/ok/a\.png.*path"):
        resolve(frozenset({"a.png", "b.png"}), IMAGES)


def with_values(parts, values):
    """The masks with 128 in a corner, where the evidence of `elsewhere` is, and what the values mean."""
    for part in parts.manifest.parts:
        if part.mask is not None:
            pixels = cv2.imread(str(part.mask), cv2.IMREAD_GRAYSCALE)
            pixels[-8:, -8:] = 128
            cv2.imwrite(str(part.mask), pixels)
    return replace(parts.manifest, reading=Reading(mask_values=MaskValues.parse(values)))


def both(mask):
    """Evidence in the defect, and more of it in the corner."""
    return {"evidence": 0.5 * mask + elsewhere(mask)["evidence"]}


def test_what_masks_say_to_ignore_counts_for_no_figure(parts):
    ignoring = with_values(parts, "255=defect,128=ignore")
    image = assess(parts.inspector(SCORES, both), ignoring).images[2]
    assert image.figures == {f"evidence_{figure}": 1.0 for figure in FIGURES}
    assert (image.right_reason, image.evidence_peak) == (True, 0.5)
    whole = replace(ignoring, reading=Reading(mask_values=MaskValues.parse("255=defect,128=background")))
    image = assess(parts.inspector(SCORES, both), whole).images[2]
    assert image.figures["evidence_pointing_game"] == 0
    assert (image.right_reason, image.evidence_peak) == (False, 1.0)


def uneven(mask):
    """Maps of which none is another, and none fits."""
    beside = np.roll(mask, 3, axis=1)
    return {
        "cam": 3 * mask - beside,
        "attention": 0.2 + 0.5 * beside,
        "localization": np.maximum(0.4 * mask, beside),
        "evidence": 0.1 + 0.6 * mask + 0.3 * beside,
    }


@pytest.mark.parametrize("maps", [uneven, all_maps, elsewhere, lambda mask: {"cam": mask, "evidence": mask}])
def test_epochs_are_compared_by_the_same_figures_as_of_everything(parts, maps):
    whole = assess(parts.inspector(SCORES, maps), parts.manifest)
    found = assess(parts.inspector(SCORES, maps), parts.manifest, scope=SELECTION)
    assert validation_figures(found, 0.7) == validation_figures(whole, 0.7)
    assert [right for _, right in found.reasons] == [right for _, right in whole.reasons]
    for one, other in zip(found.images, whole.images, strict=True):
        assert one.figures.items() <= other.figures.items()
        assert (one.curves, one.overlap, one.defect_px) == ({}, None, None)
        same = ("score", "verdict", "right_reason", "evidence_peak", "view", "decision")
        assert all(getattr(one, name) == getattr(other, name) for name in same)


def test_thresholds_are_chosen_by_the_same_curves_as_of_everything(parts):
    whole = assess(parts.inspector(SCORES, uneven), parts.manifest)
    found = assess(parts.inspector(SCORES, uneven), parts.manifest, scope=THRESHOLDS)
    assert map_thresholds(found) == map_thresholds(whole)
    for one, other in zip(found.images, whole.images, strict=True):
        np.testing.assert_equal(one.curves, other.curves)
        assert (one.figures, one.overlap, one.evidence_peak) == ({}, None, other.evidence_peak)


class AllMaps:
    """Maps as large as the frame, whatever it shows."""

    size = 32

    def __call__(self, images):
        maps = {name: images[..., 0].astype(np.float32) for name in MAP_NAMES}
        return {"score": np.zeros(len(images), np.float32), **maps}


@pytest.mark.parametrize("tiling", [None, Tiling(32, 0.0)])
@pytest.mark.parametrize(
    ("scope", "looked_at"),
    [(SELECTION, {"evidence", "localization"}), (THRESHOLDS, set(MAP_NAMES)), (EVERYTHING, set(MAP_NAMES))],
)
def test_only_maps_that_are_looked_at_are_drawn(parts, tiling, scope, looked_at, monkeypatch):
    drawn = set()
    look = Evidence.map
    monkeypatch.setattr(Evidence, "map", lambda self, name: (drawn.add(name), look(self, name))[1])
    assess(Inspector(AllMaps(), threshold=0.5, tiling=tiling), parts.manifest, scope=scope)
    assert drawn == looked_at

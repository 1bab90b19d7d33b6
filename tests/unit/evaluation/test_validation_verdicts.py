"""Validation verdicts: every image judged and checked once, as the bundle will see it, and stored whole."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from gainspect.data.manifest import Manifest, Part
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.evaluation.assessment import THRESHOLDS, assess
from gainspect.evaluation.truth import truth_of
from gainspect.evaluation.validation_verdicts import (
    ValidationVerdicts,
    checked_verdicts,
    least_region,
    map_thresholds,
    read_validation_verdicts,
    save_validation_verdicts,
    validation_verdicts,
    with_inputs,
)
from gainspect.inspection.backends.remembered import Remembered
from gainspect.inspection.inspector import Inspector
from gainspect.types import CheckGap, InputStatistics, Label, MapName, MaskKind

SIDE = 128


class BrightShare:
    """P(NG) and evidence are how bright the frame is; counts the frames that it sees."""

    runtime, precision = "fake", "f32"

    def __init__(self, size: int = SIDE) -> None:
        self.size = size
        self.frames = 0

    def __call__(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        self.frames += len(images)
        grey = images.astype(np.float32).mean(axis=3) / 255
        return {"score": grey.mean(axis=(1, 2)), "evidence": grey}


def _part(folder: Path, name: str, label: Label, spot: slice | None, mask: slice | None) -> Part:
    """A black image with a white square, and a mask with one."""
    for kind, where in (("image", spot), ("mask", mask)):
        pixels = np.zeros((SIDE, SIDE), np.uint8)
        if where is not None:
            pixels[where, where] = 255
        cv2.imwrite(str(folder / f"{name}-{kind}.png"), pixels)
    marked = None if mask is None else folder / f"{name}-mask.png"
    return Part(folder / f"{name}-image.png", label, mask=marked, group=name)


@pytest.fixture
def parts(tmp_path: Path) -> Manifest:
    here, there = slice(32, 64), slice(96, 120)
    return Manifest(
        tmp_path,
        (
            _part(tmp_path, "caught", Label.NG, here, here),
            _part(tmp_path, "elsewhere", Label.NG, here, there),
            _part(tmp_path, "unmarked", Label.NG, here, None),
            _part(tmp_path, "dark", Label.OK, None, None),
            _part(tmp_path, "spot", Label.OK, there, None),
        ),
    )


def test_every_image_is_judged_and_checked(parts: Manifest) -> None:
    backend, steps = BrightShare(), []
    found = validation_verdicts(backend, parts, on_image=lambda: steps.append(1))
    by_name = {image.image.removesuffix("-image.png"): image for image in found.images}
    assert list(by_name) == ["caught", "elsewhere", "unmarked", "dark", "spot"]
    assert [image.points_at_defect for image in found.images] == [True, False, None, None, None]
    # 1024 and 576 of 16384 pixels are white. Repaired, an image is black; a control has nothing to repair.
    assert found.scores == pytest.approx([1 / 16, 1 / 16, 1 / 16, 0, 9 / 256])
    for name in ("caught", "elsewhere", "unmarked", "spot"):
        assert (by_name[name].drop, by_name[name].control_drop) == (pytest.approx(1), pytest.approx(0))
        assert by_name[name].gap is None
    assert (by_name["dark"].drop, by_name["dark"].gap) == (None, CheckGap.NO_REGION)
    assert found.map_thresholds == {"evidence": found.region_threshold}
    assert len(steps) == 2 * len(parts.parts)
    # Judged once, and three repairs of each that has evidence.
    assert backend.frames == 5 + 3 * 4


def judged_twice(backend: BrightShare, parts: Manifest, tiling: Tiling | None) -> ValidationVerdicts:
    """In two passes that know nothing of each other."""
    assessment = assess(Inspector(backend, threshold=0.5, tiling=tiling), parts)
    thresholds = map_thresholds(assessment)
    peaks = [image.evidence_peak for image in assessment.images if image.label is Label.OK]
    return checked_verdicts(backend, parts, thresholds, least_region(thresholds, peaks), tiling)


@pytest.mark.parametrize("tiling", [None, Tiling(40, 0.5)])
def test_what_is_said_again_is_stored_byte_for_byte_as_if_judged_again(
    parts: Manifest, tiling: Tiling | None, tmp_path: Path
) -> None:
    backend, twice = BrightShare(48), BrightShare(48)
    save_validation_verdicts(validation_verdicts(backend, parts, tiling), tmp_path / "once.json")
    save_validation_verdicts(judged_twice(twice, parts, tiling), tmp_path / "twice.json")
    assert (tmp_path / "once.json").read_bytes() == (tmp_path / "twice.json").read_bytes()
    assert backend.frames < twice.frames


@pytest.mark.parametrize(("room", "runs"), [(0, 5), (1000, 4), (10**6, 3)])
def test_no_more_is_remembered_than_there_is_room_for(room: int, runs: int) -> None:
    """A batch of 12 images has 12 scores and 12 × 4 × 4 of evidence: 816 bytes."""
    backend = BrightShare(4)
    remembered = Remembered(backend, room)
    batches = [np.full((12, 4, 4, 3), level, np.uint8) for level in (10, 200)]
    first = [remembered(batch) for batch in batches]
    remembered.replay()
    again = [remembered(batch) for batch in batches]
    remembered(batches[0] + 1)
    for one, other in zip(first, again, strict=True):
        np.testing.assert_equal(one, other)
    assert backend.frames == 12 * runs


def test_without_masks_a_region_is_what_nearly_all_ok_parts_stay_below(parts: Manifest) -> None:
    bare = Manifest(parts.root, parts.parts[2:])
    found = validation_verdicts(BrightShare(), bare)
    assert found.map_thresholds == {}
    assert found.region_threshold == pytest.approx(np.percentile([0, 1], 95))


@pytest.mark.parametrize(("tiling", "score"), [(None, 1 / 16), (Tiling(32, 0.0), 1.0)])
def test_images_are_seen_as_the_training_cut_them(
    parts: Manifest, tiling: Tiling | None, score: float
) -> None:
    """The spot fills a tile, but not the whole image."""
    backend = BrightShare(32)
    found = validation_verdicts(backend, Manifest(parts.root, parts.parts[:1]), tiling)
    assert found.images[0].score == pytest.approx(score, abs=1e-3)


def test_what_is_stored_is_read_again(parts: Manifest, tmp_path: Path) -> None:
    found = validation_verdicts(BrightShare(), parts)
    save_validation_verdicts(found, tmp_path / "v.json")
    assert read_validation_verdicts(tmp_path / "v.json") == found


@pytest.mark.parametrize("content", ["", "{}", '{"split": "val"}', "[1]"])
def test_what_cannot_be_read_says_so(tmp_path: Path, content: str) -> None:
    (tmp_path / "v.json").write_text(content)
    with pytest.raises(GainspectError, match=r"v\.json: cannot read the verdicts.*Delete the file"):
        read_validation_verdicts(tmp_path / "v.json")


def test_a_score_that_is_no_probability_is_refused(parts: Manifest, tmp_path: Path) -> None:
    save_validation_verdicts(validation_verdicts(BrightShare(), parts), tmp_path / "v.json")
    stored = json.loads((tmp_path / "v.json").read_text())
    stored["images"][0]["score"] = 1.5
    (tmp_path / "v.json").write_text(json.dumps(stored))
    with pytest.raises(GainspectError, match=r"images\.0\.score"):
        read_validation_verdicts(tmp_path / "v.json")


def test_figures_of_the_images_are_stored_and_added_to_verdicts_without_them(
    parts: Manifest, tmp_path: Path
) -> None:
    training: list[InputStatistics] = [{"brightness": 20.0}]
    found = validation_verdicts(BrightShare(), parts, training=training)
    assert found.inputs_known and found.training == tuple(training)
    for part, image in zip(parts.parts, found.images, strict=True):
        assert image.inputs is not None
        gray = parts.image(part).mean(axis=2)
        assert image.inputs["brightness"] == pytest.approx(gray.mean())
        assert image.inputs["width"] == SIDE
    assert found.ok_inputs == [image.inputs for image in found.images if image.label is Label.OK]
    save_validation_verdicts(found, tmp_path / "v.json")
    stored = json.loads((tmp_path / "v.json").read_text())
    del stored["training"]
    for one in stored["images"]:
        del one["inputs"]  # as older versions stored them
    (tmp_path / "v.json").write_text(json.dumps(stored))
    older = read_validation_verdicts(tmp_path / "v.json")
    assert not older.inputs_known and older.ok_inputs == []
    backend = BrightShare()
    assert with_inputs(older, backend, parts, training=training) == found
    assert backend.frames == len(parts.parts)  # no reason is checked again


def test_without_distances_the_other_figures_stay(parts: Manifest) -> None:
    class Far(BrightShare):
        def __call__(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
            return super().__call__(images) | {"distance": np.ones(len(images), np.float32)}

    far, near = validation_verdicts(Far(), parts), validation_verdicts(BrightShare(), parts)
    assert far != near and far.without_distances() == near


class Haze:
    """Evidence of 0.3 in a wide square, and of 0.8 along the diagonal of the box in its middle."""

    runtime, precision, size = "fake", "f32", SIDE

    def __call__(self, images: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        evidence = np.zeros((SIDE, SIDE), np.float32)
        evidence[24:72, 24:72] = 0.3
        evidence[np.arange(32, 64), np.arange(32, 64)] = 0.8
        return {"score": np.full(len(images), 0.5), "evidence": np.stack([evidence] * len(images))}


def test_outlines_choose_thresholds_where_there_are_any(tmp_path: Path) -> None:
    """A box holds all of the haze; the outline is the diagonal."""
    haze = _part(tmp_path, "box", Label.NG, slice(24, 72), slice(24, 72))
    boxes = tuple(replace(haze, mask_kind="box") for _ in range(5))
    outline = _part(tmp_path, "outline", Label.NG, slice(24, 72), None)
    line = np.zeros((SIDE, SIDE), np.uint8)
    line[np.arange(32, 64), np.arange(32, 64)] = 255
    cv2.imwrite(str(tmp_path / "line.png"), line)
    outline = replace(outline, mask=tmp_path / "line.png")

    def chosen(*parts: Part) -> dict[MapName, float]:
        inspector = Inspector(Haze(), threshold=0.5)
        return map_thresholds(assess(inspector, Manifest(tmp_path, parts), scope=THRESHOLDS))

    assert chosen(*boxes) == {"evidence": 0.05}
    assert chosen(outline, *boxes) == chosen(outline) == {"evidence": 0.35}  # float32 0.3 is above 0.3


def test_a_peak_beside_a_stroke_is_not_held_against_it(tmp_path: Path) -> None:
    """How far the defect reaches beside the stroke is not known: the highest of what is known counts."""
    part = _part(tmp_path, "ng", Label.NG, slice(32, 64), slice(32, 64))
    mask = np.zeros((SIDE, SIDE), np.uint8)
    mask[40, 20:60] = 255
    cv2.imwrite(str(tmp_path / "ng-mask.png"), mask)
    manifest = Manifest(tmp_path, (part,))
    evidence = np.zeros((SIDE, SIDE), np.float32)
    evidence[50, 40], evidence[40, 40], evidence[100, 100] = 0.9, 0.6, 0.3

    def points(kind: MaskKind | None) -> bool | None:
        truth = truth_of(manifest, replace(part, mask_kind=kind), evidence.shape)
        assert truth is not None
        return truth.points_at_defect(evidence)

    assert points("scribble") is True
    assert points(None) is False
    evidence[100, 100] = 0.7
    assert points("scribble") is False

"""The Inspector over fake backends whose answers are known."""

import itertools
from dataclasses import replace

import cv2
import numpy as np
import pytest

from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.inspection import inspector as inspector_module
from gainspect.inspection.inspector import Inspector
from gainspect.policy import ViewRule
from gainspect.types import Label, ReviewReason
from report_parts import bundle as small_bundle


class Brightness:
    """P(NG) is the mean brightness of the frame; the maps are its grey values at half resolution."""

    size = 64

    def __init__(self):
        self.batches = []

    def __call__(self, images):
        self.batches.append(images.shape)
        grey = images.astype(np.float32).mean(axis=3) / 255
        half = grey.reshape(len(grey), 32, 2, 32, 2).mean(axis=(2, 4))
        return {"score": grey.mean(axis=(1, 2)), "cam": half - 0.5, "evidence": half - 0.5}


def flat(level, height=64, width=64):
    return np.full((height, width, 3), level, np.uint8)


def test_at_the_threshold_the_verdict_is_ng():
    inspector = Inspector(Brightness(), threshold=0.6)
    levels = [0.59, 0.6, 0.61]
    verdicts = [inspector.inspect(flat(round(255 * level))) for level in levels]
    assert [verdict.label for verdict in verdicts] == [Label.OK, Label.NG, Label.NG]
    assert [verdict.score for verdict in verdicts] == pytest.approx(levels, abs=1 / 255)
    assert verdicts[0].threshold == 0.6


def test_between_two_thresholds_a_person_decides():
    inspector = Inspector(Brightness(), threshold=0.5, review_from=0.2)
    found = list(inspector.inspect_many([flat(level) for level in (25, 102, 204)]))
    assert [verdict.label for verdict in found] == [Label.OK, Label.REVIEW, Label.NG]
    assert [verdict.review_reasons for verdict in found] == [(), (ReviewReason.BORDERLINE,), ()]
    inspector.threshold = 0.3  # set by hand: no band
    assert inspector.inspect(flat(70)).label is Label.OK
    with pytest.raises(GainspectError, match="review_from"):
        Inspector(Brightness(), threshold=0.5, review_from=0.6)


def test_images_are_judged_in_order_a_batch_at_a_time_and_only_when_asked():
    backend = Brightness()
    taken = []
    images = (taken.append(level) or flat(level) for level in range(2, 252, 10))
    verdicts = Inspector(backend, threshold=0.5, batch_size=4).inspect_many(images)
    assert [round(verdict.score * 255) for verdict in itertools.islice(verdicts, 6)] == [
        2,
        12,
        22,
        32,
        42,
        52,
    ]
    assert len(taken) == 8
    assert backend.batches == [(4, 64, 64, 3)] * 2
    assert len(list(verdicts)) == 19
    assert backend.batches[-1] == (1, 64, 64, 3)


@pytest.mark.parametrize(("height", "width"), [(64, 64), (100, 40), (31, 200), (500, 300)])
def test_maps_lie_where_the_image_shows_it(height, width):
    image = flat(0, height, width)
    top, left = height // 2, width // 4
    image[top : top + height // 4, left : left + width // 4] = 255
    evidence = Inspector(Brightness(), threshold=0.5).inspect(image).evidence
    assert evidence.evidence.shape == evidence.cam.shape == (height, width)
    assert evidence.evidence.dtype == np.float32
    found_y, found_x = (place.mean() for place in np.nonzero(evidence.evidence > 0.2))
    coarse = 2 * max(height, width) / 64
    assert found_y == pytest.approx(top + height / 8, abs=coarse)
    assert found_x == pytest.approx(left + width / 8, abs=coarse)


def test_evidence_is_not_negative_and_other_maps_are_as_they_are():
    evidence = Inspector(Brightness(), threshold=0.5).inspect(flat(51)).evidence
    assert evidence.evidence.max() == 0
    assert evidence.cam == pytest.approx(np.full((64, 64), -0.3), abs=1e-6)
    assert set(evidence.maps()) == {"cam", "evidence"}


def test_a_file_and_its_pixels_get_the_same_verdict(tmp_path):
    image = np.random.default_rng(0).integers(0, 255, (50, 80, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "part.png"), image[:, :, ::-1])
    inspector = Inspector(Brightness(), threshold=0.5)
    from_file, from_pixels = inspector.inspect(tmp_path / "part.png"), inspector.inspect(image)
    assert from_file.score == from_pixels.score
    np.testing.assert_array_equal(from_file.evidence.evidence, from_pixels.evidence.evidence)


@pytest.mark.parametrize("broken", ["score", "evidence"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_model_that_gives_no_numbers_passes_nothing(broken, value):
    class Diverged(Brightness):
        def __call__(self, images):
            results = super().__call__(images)
            results[broken].flat[0] = value
            return results

    with pytest.raises(GainspectError, match=f"not finite \\({broken}\\)"):
        Inspector(Diverged(), threshold=0.5).inspect(flat(9))


@pytest.mark.parametrize("padding", [0, 128, 255])
@pytest.mark.parametrize("tiling", [None, Tiling(100, 0.0)])
def test_the_border_has_the_bundles_padding(padding, tiling):
    """A white strip of 100 × 50 fills half of the frame; the mean brightness tells the other half."""
    inspector = Inspector(Brightness(), threshold=0.5, padding=padding, tiling=tiling)
    image = flat(255, 100, 50)
    expected = (255 + padding) / 2 / 255
    assert inspector.inspect(image).score == pytest.approx(expected)
    assert inspector.scores([image]) == pytest.approx([expected])


def test_what_a_bundle_says_of_its_border_is_applied(monkeypatch):
    described = small_bundle()
    preprocessing = described.description.preprocessing.model_copy(update={"padding": 7})
    description = described.description.model_copy(update={"preprocessing": preprocessing})
    monkeypatch.setattr(inspector_module, "open_backend", lambda *arguments: Brightness())
    assert Inspector.load(replace(described, description=description)).padding == 7


def test_an_unreadable_file_is_named(tmp_path):
    (tmp_path / "part.png").write_bytes(b"")
    with pytest.raises(GainspectError, match=r"part\.png: the file is empty"):
        Inspector(Brightness(), threshold=0.5).inspect(tmp_path / "part.png")


def test_a_part_is_decided_by_all_its_images_in_any_order():
    images = [flat(25), flat(204), flat(25)]
    inspector = Inspector(Brightness(), threshold=0.6)
    decided = inspector.decide(images)
    assert decided.label is Label.NG
    assert decided.score == pytest.approx(0.8, abs=0.01)
    assert [verdict.label for verdict in decided.verdicts] == [Label.OK, Label.NG, Label.OK]
    assert inspector.decide(images[::-1]).decision == decided.decision
    mean = Inspector(Brightness(), threshold=0.6, views=ViewRule(kind="mean"))
    assert mean.decide(images).label is Label.OK
    mean.threshold = 0.3  # by hand: how views are put together stays
    assert mean.decide([flat(25), flat(204)]).label is Label.NG


def test_a_part_has_one_to_a_hundred_images():
    inspector = Inspector(Brightness(), threshold=0.6)
    with pytest.raises(GainspectError, match="no images"):
        inspector.decide([])
    with pytest.raises(GainspectError, match="more than 100 images"):
        inspector.decide(flat(9) for _ in range(500))
    with pytest.raises(GainspectError, match="single path"):
        inspector.decide("part.png")

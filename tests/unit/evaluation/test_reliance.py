"""Interventions on models whose true reason is known: honest, following a planted cue, or nervous."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from gainspect.data.decode import read_image
from gainspect.data.manifest import Manifest, Part
from gainspect.data.reading import Reading
from gainspect.errors import GainspectError
from gainspect.evaluation.failures import Cause, failures, guess
from gainspect.evaluation.reliance import CELLS, assessment_of, by_size, examine, outcomes, quadrant, reliance
from gainspect.evaluation.summary import summarize
from gainspect.inspection.inspector import Inspector
from gainspect.policy import ReasonPolicy
from gainspect.types import Label

SIZE = 64
CUE = (slice(2, 8), slice(2, 8))
"""A stamp on every NG part: the shortcut."""
PLACES = [(20, 24), (30, 40), (44, 12), (48, 48), (24, 50), (40, 28)]


class Seer:
    """P(NG) 0.95 if anything dark is where it looks, else 0.02; its evidence is what is dark there."""

    runtime, precision, size = "fake", "f32", SIZE

    def __init__(self, *, cue):
        self.cue = cue

    def __call__(self, images):
        dark = (images.mean(axis=3) < 90).astype(np.float32)
        stamp = np.zeros_like(dark)
        stamp[(slice(None), *CUE)] = 1
        evidence = dark * (stamp if self.cue else 1 - stamp)
        found = evidence.sum(axis=(1, 2)) >= 4
        return {"score": np.where(found, 0.95, 0.02).astype(np.float32), "evidence": evidence}


@pytest.fixture
def parts(tmp_path):
    """Six NG parts with a dark spot, its mask and the stamp; six plain OK parts."""
    rows = []
    for index, (y, x) in enumerate(PLACES):
        image, mask = np.full((SIZE, SIZE), 180, np.uint8), np.zeros((SIZE, SIZE), np.uint8)
        image[y : y + 6, x : x + 6], mask[y : y + 6, x : x + 6], image[CUE] = 40, 255, 40
        for name, pixels in ((f"ng{index}", image), (f"mask{index}", mask), (f"ok{index}", image * 0 + 180)):
            cv2.imwrite(str(tmp_path / f"{name}.png"), pixels)
        spot = tmp_path / f"mask{index}.png"
        rows.append(Part(tmp_path / f"ng{index}.png", Label.NG, spot, group=f"n{index}", defect_type="spot"))
        rows.append(Part(tmp_path / f"ok{index}.png", Label.OK, group=f"o{index}"))
    return Manifest(tmp_path, tuple(rows))


def examined_of(judge, manifest):
    return [seen.examined for seen in examine(judge, manifest)]


def inspector(*, cue):
    policy = ReasonPolicy(min_drop=0.1, max_control_drop=0.5)
    return Inspector(Seer(cue=cue), threshold=0.5, region_threshold=0.5, batch_size=5, reason=policy)


def test_an_honest_model_rests_on_the_defect(parts):
    examined = examined_of(inspector(cue=False), parts)
    figures = {name: figure["value"] for name, figure in reliance(examined).items()}
    assert figures["effect"] == pytest.approx(0.93, abs=1e-6)
    assert (figures["evidence_flips"], figures["mask_flips"]) == (1, 1)
    assert (figures["control_flips"], figures["random_flips"]) == (0, 0)
    assert (figures["artefact"], figures["artefact_size"], figures["artefact_flips"]) == (0, 0, 0)
    assert quadrant(examined)["right", "right"] == {"ok": 6, "ng": 6}


def test_a_model_that_follows_a_planted_cue_is_caught(parts):
    examined = examined_of(inspector(cue=True), parts)
    figures = {name: figure["value"] for name, figure in reliance(examined).items()}
    # Its evidence is honest about the cue: repairing it flips every verdict …
    assert figures["evidence_flips"] == 1 and figures["effect"] > 0.9
    # … but the cue is no defect: repairing the defects changes nothing, and no reason is right.
    assert figures["mask_flips"] == 0
    assert quadrant(examined)["right", "wrong"] == {"ok": 0, "ng": 6}
    summary = summarize(assessment_of(inspector(cue=True), examined))
    assert summary["classification"]["operating"]["recall"]["value"] == 1
    assert summary["defect_types"]["spot"]["right_reason_rate"]["value"] == 0


def test_the_same_parts_give_the_same_figures(parts):
    first, again = (reliance(examined_of(inspector(cue=False), parts)) for _ in range(2))
    assert first == again


def test_images_go_by_in_order_with_their_masks_and_verdicts(parts):
    seen = list(examine(inspector(cue=False), parts))
    assert [image.part for image in seen] == list(parts.parts)
    assert [image.examined.assessed.image for image in seen] == [parts.key(part) for part in parts.parts]
    defective = [part.label is Label.NG for part in parts.parts]
    assert [image.mask is not None for image in seen] == defective
    for image, bad in zip(seen, defective, strict=True):
        assert image.verdict.by_score is (Label.NG if bad else Label.OK)
        np.testing.assert_array_equal(image.image, read_image(image.part.image))
        assert image.examined.defect_px == (pytest.approx(6) if bad else None)


def test_each_image_is_decoded_once(parts, monkeypatch):
    """An OK image is repaired in the shape of another part's defect, whose image is not decoded for it."""
    decoded = []
    read = Reading.image
    monkeypatch.setattr(Reading, "image", lambda reading, path: decoded.append(path) or read(reading, path))
    seen = list(examine(inspector(cue=False), parts))
    assert decoded == [part.image for part in parts.parts]
    good = [image.examined for image in seen if image.part.label is Label.OK]
    assert all(one.random_repaired is not None for one in good)


def test_an_image_is_read_when_it_is_asked_for(parts):
    """A consumer that stops early has not judged the rest."""
    one = Inspector(Seer(cue=False), threshold=0.5, region_threshold=0.5, batch_size=1, reason=ReasonPolicy())
    gone = next(i for i, part in enumerate(parts.parts) if i and part.label is Label.OK)
    parts.parts[gone].image.unlink()
    going_by = examine(one, parts)
    assert [next(going_by).part for _ in range(gone)] == list(parts.parts[:gone])
    with pytest.raises(GainspectError, match="No such file"):
        next(going_by)


def test_counts_add_up(parts):
    examined = examined_of(inspector(cue=False), parts)
    assert sum(sum(row.values()) for row in outcomes(examined).values()) == len(parts.parts)
    assert sum(sum(quadrant(examined)[cell].values()) for cell in CELLS) == len(parts.parts)
    (row,) = by_size(examined)
    assert (row["from"], row["to"], row["n"], row["recall"]["value"]) == (4, 8, 6, 1)


def test_a_model_with_an_evidence_of_its_own_invention_goes_to_review(parts):
    class Decorative(Seer):
        """Knows the defect, shows a fixed place."""

        def __call__(self, images):
            results = super().__call__(images)
            evidence = np.zeros_like(results["evidence"])
            evidence[:, 10:16, 50:56] = 1
            return results | {"evidence": evidence}

    rigged = inspector(cue=False)
    rigged.backend = Decorative(cue=False)
    assert outcomes(examined_of(rigged, parts))["ng"] == {"ok": 0, "review": 6, "unchecked": 0, "ng": 0}


def test_what_could_not_be_checked_is_counted_apart(parts):
    class Everywhere(Seer):
        """Shows two thirds of the image as its evidence: too much to repair."""

        def __call__(self, images):
            results = super().__call__(images)
            evidence = np.zeros_like(results["evidence"])
            evidence[:, :, :42] = results["score"][:, None, None] > 0.5
            return results | {"evidence": evidence}

    rigged = inspector(cue=False)
    rigged.backend = Everywhere(cue=False)
    examined = examined_of(rigged, parts)
    assert outcomes(examined)["ng"] == {"ok": 0, "review": 0, "unchecked": 6, "ng": 0}
    assert outcomes(examined)["ok"] == {"ok": 6, "review": 0, "unchecked": 0, "ng": 0}


def test_every_wrong_verdict_has_a_cause(parts):
    blind = inspector(cue=False)
    blind.threshold = 0.96  # misses all
    missed = failures(examined_of(blind, parts), frozenset({"ng0.png"}))
    assert [f.missed for f in missed] == [True] * 6
    causes = {f.image.assessed.image: f.cause for f in missed}
    assert causes.pop("ng0.png") is Cause.LABEL_DOUBTFUL
    # P(NG) 0.95 is a quarter of a logit from 0.96.
    assert set(causes.values()) == {Cause.NEAR_THRESHOLD}
    eager = inspector(cue=False)
    eager.threshold = 0.001  # alarms at everything, though nothing is seen
    alarms = failures(examined_of(eager, parts))
    assert [f.missed for f in alarms] == [False] * 6
    assert {f.cause for f in alarms} == {Cause.NO_SINGLE_PLACE}


def test_causes_of_misses_in_their_order(parts):
    blind = inspector(cue=True)
    blind.threshold = 0.999
    (first, *_) = [e for e in examined_of(blind, parts) if e.assessed.label is Label.NG]

    def caused(**changes):
        return guess(replace(first, **changes))

    assert caused() is Cause.EVIDENCE_ELSEWHERE
    assert caused(points_at_defect=True) is Cause.WEAK_EVIDENCE
    assert caused(points_at_defect=None) is Cause.NOT_MARKED
    assert caused(contrast=0.1) is Cause.LOW_CONTRAST
    assert caused(contrast=0.1, defect_px=3.9) is Cause.TOO_SMALL

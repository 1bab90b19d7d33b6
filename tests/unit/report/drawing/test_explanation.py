"""The sentence says what the check found; the picture holds what the sentence speaks of."""

import cv2
import numpy as np
import pytest

from gainspect.inspection.reason.check import plan
from gainspect.policy import HeatScale, ReasonPolicy
from gainspect.report.drawing.explanation import draw_explanation, explanation
from gainspect.report.texts import Wording
from gainspect.types import CheckGap, Evidence, Label, ReasonCheck, ReviewReason, Unlike, Verdict

EVIDENCE = np.zeros((60, 90), np.float32)
EVIDENCE[20:30, 30:44] = 0.9


DARK = Unlike("brightness", 1.25, 60, 200)
FAR = Unlike("distance", 12.34, None, 2.5)


def verdict(label, check=None, reasons=(), score=0.97, unlike=()):
    evidence = Evidence(EVIDENCE)
    return Verdict(label, score, 0.5, evidence, check=check, review_reasons=reasons, unlike=unlike)


def check(repaired, controls, gap=None):
    return ReasonCheck(0.97, 0.5, repaired, controls, area=200, gap=gap)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (verdict(Label.OK, score=0.02), "OK: P(NG) is 0.020; the threshold for NG is 0.50."),
        (
            verdict(Label.NG, check(0.04, (0.95, 0.97))),
            "NG: P(NG) is 0.97; the threshold for NG is 0.50. With the marked region repaired, it would be "
            "OK (0.97 → 0.040); with an equal area elsewhere repaired, P(NG) is 0.96.",
        ),
        (
            verdict(Label.REVIEW, check(0.9, (0.97,)), (ReviewReason.REPAIR_KEEPS_SCORE,)),
            "REVIEW: P(NG) is 0.97 (the threshold for NG is 0.50), but the reason is not confirmed, so a "
            "person should decide. Repairing the evidence does not lower the score. With the marked region "
            "repaired, it would still be NG (0.97 → 0.90); with an equal area elsewhere repaired, P(NG) is "
            "0.97.",
        ),
        (
            verdict(Label.REVIEW, check(0.04, (), CheckGap.NO_ROOM_FOR_CONTROL), (ReviewReason.UNCHECKED,)),
            "REVIEW: P(NG) is 0.97 (the threshold for NG is 0.50), but the reason is not confirmed, so a "
            "person should decide. The reason could not be checked in full. With the marked region repaired, "
            "it would be OK (0.97 → 0.040). There is no room for a control region outside the evidence.",
        ),
        (verdict(Label.NG), "NG: P(NG) is 0.97; the threshold for NG is 0.50. The reason was not checked."),
        (
            verdict(Label.REVIEW, reasons=(ReviewReason.UNLIKE_TRAINING,), score=0.02, unlike=(DARK, FAR)),
            "REVIEW: P(NG) is 0.020, below the threshold for NG (0.50), but the image is unlike those of the "
            "training, so a person should decide. Unlike the training: brightness 1.25 (usual 60 to 200), "
            "feature distance 12.3 (usual up to 2.5).",
        ),
        (
            verdict(Label.NG, unlike=(DARK,)),
            "NG: P(NG) is 0.97; the threshold for NG is 0.50. Unlike the training: brightness 1.25 (usual 60 "
            "to 200). The reason was not checked.",
        ),
    ],
)
def test_the_sentence(given, expected):
    assert explanation(given, Wording("en")) == expected


def test_in_korean_it_says_the_same_numbers():
    text = explanation(verdict(Label.NG, check(0.04, (0.96,))), Wording("ko"))
    assert text.startswith("불량:") and "0.97 → 0.040" in text and "0.96" in text


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_picture_shows_evidence_and_repair(tmp_path, language):
    image = np.full((60, 90, 3), 128, np.uint8)
    image[20:30, 30:44] = 20
    given = verdict(Label.NG, check(0.04, (0.96,)))
    trial = plan(image, EVIDENCE, 0.5, ReasonPolicy(), None)
    scale, out = HeatScale(cold=0.1, hot=0.9), tmp_path / "x.png"
    draw_explanation(image, given, trial, scale, Wording(language), out, name="a.png")
    pixels = cv2.imread(str(tmp_path / "x.png")).astype(int)
    assert pixels.shape[1] == 1800
    panels = pixels[300:-120, : int(0.84 * 1800)]
    outline = (abs(panels - (255, 213, 0)).max(2) < 40).any(axis=0)  # BGR of the outline
    columns = np.flatnonzero(outline)
    # In the second and the fourth of the panels, and in no other.
    assert {int(x / 360) for x in columns} == {1, 3}

"""One scale for all: what is cold stays grey, what is hot does not; every style, at every size."""

import cv2
import numpy as np
import pytest

from gainspect.policy import HeatScale, Policy
from gainspect.report.drawing.heat import contoured, heat_of, heated
from gainspect.report.drawing.letters import Lettering
from gainspect.report.drawing.overlay import overlay, to_png
from gainspect.types import Evidence, Label, Verdict

SCALE = HeatScale(cold=0.2, hot=0.8)


def colored(picture):
    """(H, W), where a picture is clearly not grey."""
    values = picture.astype(int)
    return values.max(2) - values.min(2) > 25


def test_the_scale_is_linear_between_cold_and_hot():
    values = np.array([[0.0, 0.2, 0.35, 0.5, 0.8, 2.0]], np.float32)
    np.testing.assert_allclose(heat_of(values, SCALE)[0], [0, 0, 0.25, 0.5, 1, 1], atol=1e-6)


def test_an_ok_part_looks_cold_and_a_defect_hot():
    image = np.random.default_rng(0).integers(60, 200, (40, 40, 3), np.uint8)
    image[:] = image[:, :, :1]
    evidence = np.full((40, 40), 0.19, np.float32)
    assert (heated(image, heat_of(evidence, SCALE)) == image).all()
    evidence[10:20, 10:20] = 0.7
    picture = heated(image, heat_of(evidence, SCALE))
    np.testing.assert_array_equal(colored(picture), evidence == np.float32(0.7))


def test_contours_run_where_the_evidence_crosses_the_levels():
    image = np.full((60, 60, 3), 120, np.uint8)
    heat = np.zeros((60, 60), np.float32)
    heat[20:40, 20:40] = 1
    drawn = colored(contoured(image, heat))
    assert drawn[20:40, 20].all() and not drawn[24:36, 24:36].any() and not drawn[:18].any()


@pytest.mark.parametrize(("style", "wide"), [("overlay", 1), ("contour", 1), ("side-by-side", 2)])
@pytest.mark.parametrize("label", [Label.OK, Label.NG, Label.REVIEW])
def test_every_style_has_picture_legend_name_and_banner(style, wide, label):
    image = np.full((50, 80, 3), 120, np.uint8)
    evidence = np.zeros((50, 80), np.float32)
    evidence[10:30, 20:40] = 0.8
    verdict = Verdict(label, 0.9, 0.5, Evidence(evidence))
    drawn = overlay(image, verdict, SCALE, style, name="a.png", letters=Lettering((), frozenset()))
    height = 320  # the shorter side is enlarged to it
    assert drawn.shape[1] == wide * 512 + (4 if wide == 2 else 0)
    row = {512: 32, 1028: 48}[drawn.shape[1]]  # a sixteenth of the width, up to 48
    assert drawn.shape[0] == height + 34 + 2 * row and colored(drawn[:height]).any()
    banner = {Label.OK: (0, 105, 84), Label.NG: (194, 65, 12), Label.REVIEW: (98, 66, 160)}[label]
    assert tuple(drawn[-2, 2]) == banner
    assert colored(drawn[height : height + 34]).any()  # the legend
    name = drawn[height + 34 : height + 34 + row]
    assert not colored(name).any() and (name < 128).any() and (name[:, 100:] == 250).all()
    decoded = cv2.imdecode(np.frombuffer(to_png(drawn), np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(decoded[:, :, ::-1], drawn)


def test_a_bundle_without_a_scale_is_drawn_up_to_twice_its_region_threshold():
    policy = Policy(threshold=0.5, split="val", ng=1, ok=1, region_threshold=0.3)
    assert (policy.reason, policy.heat_scale()) == (None, HeatScale(cold=0, hot=0.6))
    assert policy.model_copy(update={"heat": SCALE}).heat_scale() == SCALE

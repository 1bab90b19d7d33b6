"""The picture grid: pixels where the evidence is are colored, cold ones are not."""

import cv2
import numpy as np
import pytest

from gainspect.errors import GainspectError
from gainspect.report.drawing.picture_grid import PictureRow, picture_grid
from gainspect.types import Evidence, Label, Verdict


def row(level, *, strategies=2):
    """A grey part whose lower half has evidence of this level, by each strategy."""
    evidence = np.zeros((60, 60), np.float32)
    evidence[30:] = level
    mask = np.zeros((60, 60), np.uint8)
    mask[40:50, 20:40] = 1
    verdict = Verdict(Label.NG, 0.97, 0.5, Evidence(evidence))
    image = np.full((60, 60, 3), 128, np.uint8)
    return PictureRow(["scratch"], image, mask, Label.NG, [verdict] * strategies)


def colored(path):
    """Share of the evidence columns, above the color bar, that is clearly colored (not grey)."""
    pixels = cv2.imread(str(path)).astype(int)
    height, width, _ = pixels.shape
    panels = pixels[: int(0.8 * height), width // 2 :]
    return (panels.max(2) - panels.min(2) > 60).mean()


def test_evidence_is_colored_on_the_scale_given(tmp_path):
    shares = {}
    for name, level, scale in (("full", 1.0, 1.0), ("cold", 0.0, 1.0), ("weak", 1.0, 20.0)):
        picture_grid([row(level)], ["S1", "S6"], [scale, scale], tmp_path / f"{name}.png")
        shares[name] = colored(tmp_path / f"{name}.png")
    assert shares["full"] > 0.2
    assert shares["cold"] < 0.05
    assert shares["weak"] < 0.05


def test_a_strategy_without_any_evidence_has_scale_0_and_is_cold(tmp_path):
    picture_grid([row(0.0)], ["S1", "S6"], [0.0, 0.0], tmp_path / "grid.png")
    assert colored(tmp_path / "grid.png") < 0.05


def test_it_is_wide_enough_to_read_and_grows_with_the_rows(tmp_path):
    picture_grid([row(1.0, strategies=4)], ["S1", "S3", "S4", "S6"], [1.0] * 4, tmp_path / "one.png")
    picture_grid([row(1.0, strategies=4)] * 3, ["S1", "S3", "S4", "S6"], [1.0] * 4, tmp_path / "three.png")
    one, three = (cv2.imread(str(tmp_path / f"{name}.png")).shape for name in ("one", "three"))
    assert one[1] == three[1] >= 1600
    assert three[0] > 2 * one[0]


def test_each_row_needs_a_verdict_of_each_strategy(tmp_path):
    with pytest.raises(ValueError, match="zip"):
        picture_grid([row(1.0, strategies=1)], ["S1", "S6"], [1.0, 1.0], tmp_path / "grid.png")
    assert not (tmp_path / "grid.png").exists()


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(GainspectError, match="cannot write"):
        picture_grid([row(1.0)], ["S1", "S6"], [1.0, 1.0], tmp_path / "file" / "grid.png")

"""What is saved of an assessment, with planned answers."""

import csv
import json

import numpy as np
import pytest

from gainspect.evaluation.assessment import assess
from gainspect.evaluation.saved_verdicts import PREDICTIONS, read_verdicts, save_verdicts

SCORES = [0.1, 0.7, 0.9, 0.8, 0.2, 0.95]


def all_maps(mask):
    return {"cam": 4 * mask - 2, "attention": mask, "localization": mask, "evidence": mask}


def test_predictions_hold_every_image_and_its_figures(parts, tmp_path):
    save_verdicts(assess(parts.inspector(SCORES, all_maps), parts.manifest), tmp_path)
    with (tmp_path / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["image"] for row in rows] == [parts.manifest.key(part) for part in parts.manifest.parts]
    assert [row["label"] for row in rows] == ["ok", "ok", "ng", "ng", "ng", "ng"]
    assert [float(row["score"]) for row in rows] == pytest.approx(SCORES)
    assert [row["group"] for row in rows] == ["g1", "g2", "g1", "g3", "g4", "g5"]
    assert [row["right_reason"] for row in rows] == ["1", "0", "1", "1", "0", ""]
    assert [row["cam_cam_iou"] for row in rows] == ["", "", "1.0", "1.0", "1.0", ""]
    summary = json.loads((tmp_path / "metrics.json").read_text())["all"]
    assert summary["right_reason_rate"]["value"] == 3 / 5


def test_what_was_saved_is_read_in_the_order_of_the_names(parts, tmp_path):
    save_verdicts(assess(parts.inspector(SCORES, all_maps, threshold=0.75), parts.manifest), tmp_path)
    found = read_verdicts(tmp_path / PREDICTIONS)
    assert found.images == ("ng/c.png", "ng/d.png", "ng/e.png", "ng/f.png", "ok/a.png", "ok/b.png")
    assert found.groups == ("g1", "g3", "g4", "g5", "g1", "g2")
    assert found.labels.tolist() == [True] * 4 + [False] * 2
    assert found.scores == pytest.approx([0.9, 0.8, 0.2, 0.95, 0.1, 0.7])
    assert found.called.tolist() == [True, True, False, True, False, False]
    reasons = [1, 1, 0, np.nan, 1, 1]  # "ng/f.png" has no mask
    np.testing.assert_array_equal(found.figures["right_reason_rate"], reasons)
    np.testing.assert_array_equal(found.figures["cam_iou"], [1, 1, 1, np.nan, np.nan, np.nan])

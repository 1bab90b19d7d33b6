"""Paired differences: by hand, and against a plain bootstrap loop."""

import csv

import numpy as np
import pytest

from gainspect.errors import GainspectError
from gainspect.evaluation.paired import differences, flips
from gainspect.evaluation.saved_verdicts import read_verdicts


def predictions(path, rows):
    """Rows: image, label, verdict, score, group, right_reason."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image", "label", "verdict", "score", "group", "right_reason", "evidence_cam_iou"])
        writer.writerows([*row, 0.5 if row[1] == "ng" else ""] for row in rows)
    return read_verdicts(path)


BASE = [
    ("a", "ng", "ng", 0.9, "1", 1),
    ("b", "ng", "ok", 0.2, "1", 0),
    ("c", "ng", "ng", 0.8, "2", 0),
    ("d", "ok", "ng", 0.7, "3", 0),
    ("e", "ok", "ok", 0.1, "4", 1),
]
OTHER = [
    ("e", "ok", "ng", 0.6, "4", 0),
    ("d", "ok", "ok", 0.3, "3", 1),
    ("c", "ng", "ok", 0.4, "2", 0),
    ("b", "ng", "ng", 0.9, "1", 1),
    ("a", "ng", "ng", 0.9, "1", 1),
]


def test_what_changes_hands(tmp_path):
    changes = flips(predictions(tmp_path / "a.csv", BASE), predictions(tmp_path / "b.csv", OTHER))
    assert (changes.newly_caught, changes.newly_missed) == (("b",), ("c",))
    assert (changes.newly_passed, changes.newly_alarmed) == (("d",), ("e",))


def test_differences_by_hand(tmp_path):
    found = differences(predictions(tmp_path / "a.csv", BASE), predictions(tmp_path / "b.csv", OTHER))
    values = {d.figure: (d.base, d.other) for d in found}
    assert values["recall"] == pytest.approx((2 / 3, 2 / 3))
    assert values["false_alarm_rate"] == pytest.approx((1 / 2, 1 / 2))
    assert values["auroc"] == pytest.approx((5 / 6, 5 / 6))
    assert values["right_reason_rate"] == pytest.approx((2 / 5, 3 / 5))
    assert values["cam_iou"] == pytest.approx((0.5, 0.5))
    assert "pointing_game" not in values


def test_without_marked_defects_there_is_no_right_reason_to_compare(tmp_path):
    def unmarked(rows):
        return [(*row[:5], "" if row[1] == "ng" else row[5]) for row in rows]

    found = differences(
        predictions(tmp_path / "a.csv", unmarked(BASE)), predictions(tmp_path / "b.csv", unmarked(OTHER))
    )
    assert "right_reason_rate" not in {difference.figure for difference in found}


def test_intervals_draw_groups_and_judge_both_on_the_same(tmp_path):
    rng = np.random.default_rng(0)
    base, other = [], []
    for index in range(120):
        group, hard = str(index // 3), rng.random()
        first, second = hard < 0.6, hard < 0.8
        base.append((str(index), "ng", "ng" if first else "ok", 0.5, group, int(first)))
        other.append((str(index), "ng", "ng" if second else "ok", 0.5, group, int(second)))
    found = differences(predictions(tmp_path / "a.csv", base), predictions(tmp_path / "b.csv", other))
    (recall,) = [d for d in found if d.figure == "recall"]
    gains = np.array([(b[2] == "ng") - (a[2] == "ng") for a, b in zip(base, other, strict=True)], float)
    by_group = gains.reshape(40, 3).sum(1)
    drawn = [by_group[rng.integers(40, size=40)].sum() / 120 for _ in range(4000)]
    assert recall.interval == pytest.approx(np.percentile(drawn, [2.5, 97.5]), abs=0.015)
    assert recall.is_clear and recall.value == pytest.approx(gains.mean())


def test_other_images_are_refused(tmp_path):
    with pytest.raises(GainspectError, match="different images"):
        differences(predictions(tmp_path / "a.csv", BASE), predictions(tmp_path / "b.csv", OTHER[1:]))


def test_no_predictions_is_a_sentence(tmp_path):
    with pytest.raises(GainspectError, match="cannot read the predictions"):
        read_verdicts(tmp_path / "gone.csv")

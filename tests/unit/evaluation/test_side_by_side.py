"""Comparisons of summaries: mean and spread by hand, and what is saved."""

import csv
import json

import pytest

from gainspect.evaluation.assessment import assess
from gainspect.evaluation.side_by_side import over_seeds, run_figures, save_comparison
from gainspect.evaluation.summary import summarize

ALL_CAUGHT = [0.1, 0.2, 0.9, 0.8, 0.7, 0.95]
HALF_CAUGHT = [0.1, 0.2, 0.9, 0.8, 0.3, 0.4]


def row(parts, strategy, seed, scores, *, localization):
    maps = {"evidence", "localization"} if localization else {"evidence"}
    inspector = parts.inspector(scores, lambda mask: dict.fromkeys(maps, mask))
    return run_figures(strategy, seed, summarize(assess(inspector, parts.manifest)), seconds=12.5)


@pytest.fixture
def rows(parts):
    return [
        row(parts, "S1", 1, HALF_CAUGHT, localization=False),
        row(parts, "S1", 2, ALL_CAUGHT, localization=False),
        row(parts, "S6", 1, ALL_CAUGHT, localization=True),
    ]


def test_mean_and_standard_deviation_by_hand(rows):
    means = over_seeds(rows)
    assert list(means) == ["S1", "S6"]
    assert means["S1"]["recall"] == pytest.approx((0.75, 0.5 / 2**0.5))
    assert means["S6"]["recall"] == (1, None)
    assert means["S1"]["localization_iou"] is None
    assert means["S6"]["localization_iou"] == (1, None)


def test_rows_take_their_figures_from_the_summary(rows):
    first = rows[0]
    assert first.figures["recall_at_half"] == first.figures["recall"] == 0.5
    assert first.figures["cam_iou"] == first.figures["pointing_game"] == first.figures["energy_inside"] == 1
    assert first.figures["right_reason_rate"] == 4 / 5
    assert first.intervals["localization_iou"] is None
    low, high = first.intervals["recall"]
    assert 0 <= low < 0.5 < high <= 1


def test_saved_files_hold_every_run(rows, tmp_path):
    save_comparison(rows, tmp_path, "compare")
    with (tmp_path / "compare.csv").open(newline="") as file:
        saved = list(csv.DictReader(file))
    assert [(one["strategy"], one["seed"]) for one in saved] == [("S1", "1"), ("S1", "2"), ("S6", "1")]
    assert [float(one["recall"]) for one in saved] == [0.5, 1, 1]
    assert [one["localization_iou"] for one in saved] == ["", "", "1.000000"]
    content = json.loads((tmp_path / "compare.json").read_text())
    assert content["mean_and_sd"]["S1"]["recall"][0] == 0.75
    assert content["runs"][2]["strategy"] == "S6"

"""Tables say what the summaries say, at 80 columns, without cutting anything off."""

from dataclasses import replace

import pytest
from rich.console import Console

from gainspect.evaluation.side_by_side import RunFigures
from gainspect.report.terminal.evaluation_tables import comparison_table, evaluation_tables


def figure(value, low=0.111, high=0.999, n=20):
    known = value is not None
    interval = (low, high) if known else None
    return {"value": value, "n": n, "interval": interval, "interval_by_group": interval}


def at(threshold, recall):
    names = ("recall", "false_alarm_rate", "precision", "accuracy", "f1")
    return (
        {"threshold": threshold, "origin": ""}
        | {name: figure(0.25) for name in names}
        | {"recall": figure(recall)}
    )


QUALITY = {name: figure(0.375) for name in ("cam_iou", "pointing_game", "energy_inside")}
SUMMARY = {
    "images": {"n": 392, "ok": 205, "ng": 187, "ng_without_mask": 0, "groups": 54, "left_out": 0},
    "classification": {
        "operating": at(0.3125, 0.9375),
        "half": at(0.5, 0.8125),
        "ranking": {"auroc": figure(0.96875), "ap": figure(0.625)},
    },
    "right_reason_rate": figure(0.6875),
    "maps": {"cam": QUALITY, "evidence": QUALITY | {"fixed_iou": figure(0.4375), "fixed_threshold": 0.3}},
    "localization": {
        "iou": figure(0.5),
        "dice": figure(0.53125),
        "pooled_iou": 0.5625,
        "pooled_dice": None,
        "aupro": 0.59375,
        "aupro_limit": 0.3,
    },
    "defect_sizes": [
        {"from": 2.0, "to": 6.5, "n": 9, "groups": 4, "recall": figure(0.75)}
        | {"pointing_game": figure(0.5), "localization_iou": figure(None)}
    ],
    "defect_types": {
        "blowhole": {"n": 20, "groups": 7, "recall": figure(1.0), "right_reason_rate": figure(0.75)} | QUALITY
    },
}
COMPARED = (
    "recall", "false_alarm_rate", "accuracy", "recall_at_half", "precision_at_half", "accuracy_at_half",
    "auroc", "ap", "cam_iou", "pointing_game", "energy_inside", "localization_iou", "right_reason_rate",
)  # fmt: skip


def printed(*tables, width=80):
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        for table in tables:
            console.print(table)
    text = capture.get()
    assert "…" not in text
    return [" ".join(line.split()) for line in text.splitlines()]


def row(strategy, seed, value):
    return RunFigures(
        strategy,
        seed,
        figures=dict.fromkeys(COMPARED, value),
        seconds=1.0,
        intervals=dict.fromkeys(COMPARED, (0.5, 1.0)),
    )


def test_the_evaluation_at_80_columns():
    lines = printed(*evaluation_tables(SUMMARY))
    assert "Verdicts · 392 images of 54 parts: 205 OK, 187 NG" in lines
    assert "Recall 0.938 0.111–0.999 0.111–0.999 0.812 0.111–0.999" in lines
    assert "Right reason 0.688 0.111–0.999 0.111–0.999 –" in lines
    assert "AUROC 0.969 0.111–0.999 0.111–0.999" in lines
    assert "evidence 0.375 0.375 0.375 0.438" in lines
    assert "cam 0.375 0.375 0.375 –" in lines
    assert "0.500 0.531 0.562 – 0.594" in lines
    assert "2.0–6.5 px 9 4 0.750 0.500 –" in lines
    assert "blowhole 20 7 1.000 0.750 0.375 0.375 0.375" in lines
    assert lines.index(next(line for line in lines if line.startswith("Recall"))) < lines.index(
        next(line for line in lines if line.startswith("Precision"))
    )


def test_what_was_left_out_is_said():
    counts = SUMMARY["images"] | {"ng_without_mask": 3, "left_out": 9}
    text = " ".join(printed(*evaluation_tables(SUMMARY | {"images": counts}), width=100))
    assert "9 left out" in text
    assert "right reason leaves out 3 NG without a mask" in text


def test_what_does_not_exist_has_no_table():
    bare = SUMMARY | {"maps": {}, "localization": None, "defect_types": {}, "defect_sizes": []}
    assert len(evaluation_tables(bare)) == 1
    assert len(evaluation_tables(SUMMARY)) == 5


def test_the_unclamped_cam_has_a_column_and_a_row_of_its_own_where_there_is_one():
    maps = SUMMARY["maps"] | {"evidence": SUMMARY["maps"]["evidence"] | {"cam_iou_unclamped": figure(0.8125)}}
    lines = printed(*evaluation_tables(SUMMARY | {"maps": maps}))
    assert "evidence 0.375 0.375 0.375 0.812 0.438" in lines
    assert "cam 0.375 0.375 0.375 – –" in lines
    one, other = row("S1", 1, 0.75), row("S9", 1, 0.5)
    one.figures["cam_iou_unclamped"], other.figures["cam_iou_unclamped"] = 0.8125, None
    one.intervals["cam_iou_unclamped"], other.intervals["cam_iou_unclamped"] = (0.75, 0.875), None
    assert "CAM-IoU, unclamped 0.812 –" in printed(comparison_table([one, other], "all labels"))
    plain = printed(comparison_table([row("S9", 1, 0.5)], "all labels"))
    assert not any("unclamped" in line for line in plain)


def test_undefined_figures_are_dashes():
    operating = at(0.5, None)
    summary = SUMMARY | {"classification": SUMMARY["classification"] | {"operating": operating}}
    assert "Recall – 0.812 0.111–0.999" in printed(*evaluation_tables(summary))


def test_one_seed_shows_the_interval_and_several_the_spread():
    single = printed(comparison_table([row("S1", 1, 0.75), row("S6", 1, 0.875)], "all labels"))
    place = single.index("Recall 0.750 0.875")
    assert single[place + 1] == ".50–1.00 .50–1.00"
    rows = [row("S1", 1, 0.75), row("S1", 2, 0.25), row("S6", 1, 0.5), row("S6", 2, 0.5)]
    several = printed(comparison_table(rows, "all labels"))
    place = several.index("Recall 0.500 0.500")
    assert several[place + 1] == "±0.354 ±0.000"
    assert "mean ± standard deviation over 2 seeds" in " ".join(several)


def test_a_figure_that_a_strategy_lacks_is_a_dash():
    plain = row("S1", 1, 0.75)
    plain = replace(plain, figures=plain.figures | {"localization_iou": None})
    assert "Localization IoU – 0.875" in printed(comparison_table([plain, row("S6", 1, 0.875)], "x"))


@pytest.mark.parametrize(("count", "width"), [(4, 80), (8, 100)])
def test_all_strategies_fit(count, width):
    rows = [row(f"S{number}", 1, 0.875) for number in range(1, count + 1)]
    lines = printed(comparison_table(rows, "without doubtful labels"), width=width)
    assert " ".join(["Precision at 0.5", *["0.875"] * count]) in lines


def test_without_masks_the_right_reason_is_said_not_to_be_measured():
    bare = SUMMARY | {"right_reason_rate": figure(None, n=0), "maps": {}, "localization": None}
    bare["images"] = SUMMARY["images"] | {"ng_without_mask": 187}
    lines = printed(*evaluation_tables(bare | {"defect_types": {}, "defect_sizes": []}))
    text = "\n".join(lines)
    assert "right reason: not measured, for no NG image has a marked defect" in text
    assert "leaves out" not in text and "Point" not in text
    (row,) = [line for line in lines if line.startswith("Right reason")]
    assert not any(character.isdigit() for character in row)


def test_boxes_and_scribbles_have_a_table_of_their_own():
    row = {name: figure(0.8125) for name in ("right_reason_rate", "pointing_game", "energy_inside")}
    others = {"box": {"n": 12, **row}, "scribble": {"n": 3, **row}}
    lines = printed(*evaluation_tables(SUMMARY | {"other_masks": others}))
    assert "Boxes and scribbles" in lines
    assert "box 12 0.812 0.812 0.812" in lines and "scribble 3 0.812 0.812 0.812" in lines
    text = " ".join(lines)
    assert "right reason and maps leave out 12 NG whose mask is a box" in text
    alone = {"right_reason_rate": figure(None, n=0), "maps": {}, "localization": None, "other_masks": others}
    text = " ".join(printed(*evaluation_tables(SUMMARY | alone)))
    assert "right reason: not measured, for no NG image has an outlined defect" in text
    assert "leave out" not in text

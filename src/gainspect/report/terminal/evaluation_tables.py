"""Terminal tables that fit into 80 columns; numbers are right-aligned, with three decimals."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

from gainspect.evaluation.side_by_side import RunFigures, over_seeds

# Recall first: a missed defect costs most.
_AT_THRESHOLD = {
    "recall": "Recall",
    "false_alarm_rate": "False alarms",
    "precision": "Precision",
    "accuracy": "Accuracy",
    "f1": "F1",
}
_RANKING = {"auroc": "AUROC", "ap": "AP"}
_MAP_FIGURES = {"cam_iou": "CAM-\nIoU", "pointing_game": "Point-\nGame", "energy_inside": "Energy-\nInside"}
_COMPARED = {
    "recall": "Recall",
    "false_alarm_rate": "False alarms",
    "accuracy": "Accuracy",
    "recall_at_half": "Recall at 0.5",
    "precision_at_half": "Precision at 0.5",
    "accuracy_at_half": "Accuracy at 0.5",
    "auroc": "AUROC",
    "ap": "Average precision",
    "cam_iou": "CAM-IoU",
    "cam_iou_unclamped": "CAM-IoU, unclamped",
    "pointing_game": "PointGame",
    "energy_inside": "Energy-Inside",
    "localization_iou": "Localization IoU",
    "right_reason_rate": "Right reason",
}
_ONLY_SOME_HAVE = {"cam_iou_unclamped"}
"""Figures of strategies whose evidence is the CAM; without such a strategy they have no row."""
_LAST_OF_SECTION = {"accuracy", "accuracy_at_half", "ap", "localization_iou"}
_NAMES = 20
"""Images named in a sentence."""
_NOTHING = "–"


def evaluation_tables(summary: Mapping[str, Any]) -> list[Table]:
    """The tables that `gainspect evaluate` prints for a summary."""
    tables = [_verdicts(summary)]
    if summary["maps"]:
        tables.append(_maps(summary["maps"]))
    if summary["localization"] is not None:
        tables.append(_localization(summary["localization"]))
    if summary.get("other_masks"):
        tables.append(_other_masks(summary["other_masks"]))
    if summary["defect_types"]:
        tables.append(_defect_types(summary["defect_types"]))
    if summary["defect_sizes"]:
        tables.append(_defect_sizes(summary["defect_sizes"]))
    return tables


def seen_sentence(seen: Mapping[str, str] | None) -> str:
    """Whether the model has seen the images that were judged.

    >>> seen_sentence({"a.png": "train", "b.png": "val"})
    'The model has seen 2 of these images: in training a.png; in validation b.png.'
    """
    if seen is None:
        return (
            "Whether the model has seen these images is not known: its bundle holds no hashes of its "
            "training images. Export it again from its run."
        )
    if not seen:
        return "The model has seen none of these images in training or validation."
    listed = []
    for part, name in (("train", "training"), ("val", "validation")):
        images = [image for image, at in seen.items() if at == part]
        if images:
            more = f" and {len(images) - _NAMES} more" if len(images) > _NAMES else ""
            listed.append(f"in {name} {', '.join(images[:_NAMES])}{more}")
    return f"The model has seen {len(seen)} of these images: {'; '.join(listed)}."


def comparison_table(rows: Sequence[RunFigures], title: str) -> Table:
    """One column per strategy: the mean, with ± sd over seeds (for one seed, the 95 % interval) below it."""
    seeds = len({row.seed for row in rows})
    below = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "below: 95 % interval by part"
    table = titled_table(
        f"Strategies · {title}",
        f"{below}\nthreshold: chosen on validation\nmaps: the strategy's own evidence",
    )
    table.add_column("", no_wrap=True)
    means = over_seeds(rows)
    for strategy in means:
        table.add_column(strategy, justify="right", no_wrap=True)
    intervals = {row.strategy: row.intervals for row in rows}
    for name, heading in _COMPARED.items():
        if name in _ONLY_SOME_HAVE and not any(figures.get(name) for figures in means.values()):
            continue
        cells = (_spread(figures[name], intervals[strategy][name]) for strategy, figures in means.items())
        table.add_row(heading, *cells, end_section=name in _LAST_OF_SECTION)
    return table


def _verdicts(summary: Mapping[str, Any]) -> Table:
    images, figures = summary["images"], summary["classification"]
    operating, half = figures["operating"], figures["half"]
    counts = f"{images['n']} images of {images['groups']} parts: {images['ok']} OK, {images['ng']} NG"
    if images["left_out"]:
        counts += f"; {images['left_out']} left out"
    reason = summary["right_reason_rate"]
    others = summary.get("other_masks", {})
    if reason["n"]:
        meaning = "verdict right and, for NG, evidence peaks in the defect"
    else:
        meaning = f"not measured, for no NG image has {'an outlined' if others else 'a marked'} defect"
    caption = (
        "recall: share of NG judged NG; false alarms: share of OK judged NG\n"
        f"right reason: {meaning}\n"
        "95 % intervals; by part: images of one part count together"
    )
    if reason["n"] and images["ng_without_mask"]:
        caption += f"; right reason leaves out {images['ng_without_mask']} NG without a mask"
    if reason["n"]:
        for kind, row in others.items():
            caption += f"; right reason and maps leave out {row['n']} NG whose mask is a {kind}"
    table = titled_table(f"Verdicts · {counts}", caption)
    table.add_column("")
    table.add_column(f"at {operating['threshold']:.3f}\n(operating)", justify="right")
    table.add_column("by image\n", justify="right", style="dim", no_wrap=True)
    table.add_column("by part\n", justify="right", style="dim", no_wrap=True)
    table.add_column("at 0.5\n", justify="right")
    table.add_column("by part\n", justify="right", style="dim", no_wrap=True)
    for name, title in _AT_THRESHOLD.items():
        table.add_row(title, *_figure(operating[name], strong=name == "recall"), *_by_part(half[name]))
    table.add_row("Right reason", *_figure(reason, strong=True), _NOTHING, "", end_section=True)
    for name, title in _RANKING.items():
        table.add_row(title, *_figure(figures["ranking"][name]), "", "")
    return table


def _maps(maps: Mapping[str, Any]) -> Table:
    count = next(iter(maps.values()))["cam_iou"]["n"]
    fixed = any("fixed_iou" in quality for quality in maps.values())
    unclamped = any("cam_iou_unclamped" in quality for quality in maps.values())
    caption = "mean and 95 % interval by part"
    if unclamped:
        caption += "; unclamped: the CAM with its negative values"
    if fixed:
        caption += "; fixed: at the map threshold that was best on the validation part"
    table = titled_table(f"Map quality · {count} NG images with a mask", caption)
    table.add_column("Map")
    further = {"cam_iou_unclamped": "CAM-IoU\nunclamped"} if unclamped else {}
    further |= {"fixed_iou": "IoU\n(fixed)"} if fixed else {}
    for title in (*_MAP_FIGURES.values(), *further.values()):
        table.add_column(title, justify="right", no_wrap=True)
    for name, quality in maps.items():
        cells = [_stacked(quality[figure]) for figure in _MAP_FIGURES]
        cells += [_stacked(quality[key]) if key in quality else Text(_NOTHING) for key in further]
        table.add_row(Text(name, "bold" if name == "evidence" else ""), *cells)
    return table


def _other_masks(others: Mapping[str, Any]) -> Table:
    table = titled_table(
        "Boxes and scribbles",
        "NG images whose defect is marked so, told apart from outlines; 95 % interval by part\n"
        "right reason: judged NG, and the evidence peaks in the box or on the scribble",
    )
    table.add_column("Mask")
    for title in ("Images", "Right\nreason", _MAP_FIGURES["pointing_game"], _MAP_FIGURES["energy_inside"]):
        table.add_column(title, justify="right", no_wrap=True)
    for kind, row in others.items():
        figures = (_stacked(row[key]) for key in ("right_reason_rate", "pointing_game", "energy_inside"))
        table.add_row(kind, str(row["n"]), *figures)
    return table


def _localization(figures: Mapping[str, Any]) -> Table:
    table = titled_table(
        "Localization",
        "IoU and Dice at 0.5: mean over NG images with a mask, and over the pixels of all images\n"
        f"AUPRO: overlap by defect up to {figures['aupro_limit']:.0%} false-positive pixels",
    )
    for title in ("IoU", "Dice", "pooled IoU", "pooled Dice", "AUPRO"):
        table.add_column(title, justify="right")
    pooled = (_number(figures[name]) for name in ("pooled_iou", "pooled_dice", "aupro"))
    table.add_row(_stacked(figures["iou"]), _stacked(figures["dice"]), *pooled)
    return table


def _defect_types(types: Mapping[str, Any]) -> Table:
    table = titled_table("By type of defect", "maps: the evidence; 95 % interval by part")
    table.add_column("Defect")
    for title in ("Images", "Parts", "Recall", "Right\nreason", *_MAP_FIGURES.values()):
        table.add_column(title, justify="right", no_wrap=True)
    for name, row in types.items():
        shares = (_stacked(row[key], _short) for key in ("recall", "right_reason_rate"))
        quality = (_number(row[key]["value"]) for key in _MAP_FIGURES)
        table.add_row(Text(name), str(row["n"]), str(row["groups"]), *shares, *quality)
    return table


def _defect_sizes(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = titled_table(
        "By size of defect",
        "thirds of the marked defects, by how far they are across after resizing\n"
        "PointGame: of the evidence; 95 % interval by part",
    )
    table.add_column("Across")
    for title in ("Images", "Parts", "Recall", _MAP_FIGURES["pointing_game"], "Loc-\nIoU"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in rows:
        figures = (_stacked(row[key], _short) for key in ("recall", "pointing_game", "localization_iou"))
        across = f"{row['from']:.1f}–{row['to']:.1f} px"
        table.add_row(across, str(row["n"]), str(row["groups"]), *figures)
    return table


def titled_table(title: str, caption: str) -> Table:
    """An empty table in the common style."""
    return Table(
        title=Text(f"\n{title}", "bold"),
        caption=Text(caption, "dim"),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        pad_edge=False,
        padding=(0, 0, 0, 1),
    )


def _figure(figure: Mapping[str, Any], *, strong: bool = False) -> tuple[Text, str, str]:
    """Value, interval by image, and interval by group."""
    value = Text(_number(figure["value"]), "bold" if strong else "")
    return value, _interval(figure["interval"]), _interval(figure["interval_by_group"])


def _by_part(figure: Mapping[str, Any]) -> tuple[Text, str]:
    """Value, and interval by group."""
    return Text(_number(figure["value"])), _interval(figure["interval_by_group"])


def _interval(interval: Sequence[float] | None) -> str:
    return "" if interval is None else f"{interval[0]:.3f}–{interval[1]:.3f}"


def _stacked(figure: Mapping[str, Any], style: Callable[[Sequence[float]], str] = _interval) -> Text:
    """Value, with the interval by group below it."""
    text = Text(_number(figure["value"]))
    interval = figure["interval_by_group"]
    return text if interval is None else text.append(f"\n{style(interval)}", "dim")


def _spread(spread: tuple[float, float | None] | None, interval: Sequence[float] | None) -> Text:
    """Mean, with the standard deviation (or, for one seed, the interval) below it."""
    if spread is None:
        return Text(_NOTHING)
    mean, deviation = spread
    text = Text(_number(mean))
    if deviation is not None:
        return text.append(f"\n±{deviation:.3f}", "dim")
    return text if interval is None else text.append(f"\n{_short(interval)}", "dim")


def _short(interval: Sequence[float]) -> str:
    """An interval in 7 to 9 characters, such as .75–.94."""
    return "–".join(f"{bound:.2f}".removeprefix("0") for bound in interval)


def _number(value: float | None) -> str:
    return _NOTHING if value is None else f"{value:.3f}"

"""Figures as terminal tables."""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from gainspect.evaluation.compare import Row, over_seeds

_NAMES = {
    "recall": "recall (defects caught)",
    "false_alarm_rate": "false alarms (of OK parts)",
    "accuracy": "accuracy",
    "precision": "precision",
    "f1": "F1",
    "auroc": "AUROC",
    "ap": "average precision",
}
_MAPS = {"cam": "CAM", "attention": "attention", "localization": "localization", "evidence": "evidence (own)"}
_COMPARED = {
    "recall": "recall",
    "false_alarm_rate": "false\nalarms",
    "recall_at_half": "recall\nat 0.5",
    "accuracy_at_half": "accuracy\nat 0.5",
    "auroc": "AUROC",
    "ap": "AP",
    "cam_iou": "CAM\nIoU",
    "pointing_game": "Point\nGame",
    "energy_inside": "Energy\nInside",
    "localization_iou": "Loc\nIoU",
    "right_reason_rate": "right\nreason",
}


def evaluation_tables(summary: dict[str, Any]) -> list[Table]:
    """Verdicts, where the model looked, and each defect type."""
    tables = [_verdicts(summary), _maps(summary)]
    if summary["by_type"]:
        tables.append(_types(summary["by_type"]))
    return tables


def comparison_table(rows: Sequence[Row], title: str) -> Table:
    """One line a strategy: mean over seeds (± sd); with one seed, the 95 % interval by part below it."""
    seeds = len({row.seed for row in rows})
    note = f"mean ± sd over {seeds} seeds" if seeds > 1 else "in brackets: 95 % interval by part"
    table = Table(title=f"Test part, {title}", caption=f"Threshold fitted on validation; {note}.")
    table.add_column("")
    for heading in _COMPARED.values():
        table.add_column(heading, justify="right")
    intervals = {row.strategy: row.intervals for row in rows}
    for strategy, figures in over_seeds(rows).items():
        cells = []
        for name in _COMPARED:
            value = figures[name]
            if value is None:
                cells.append("–")
                continue
            average, deviation = value
            below = _interval(intervals[strategy][name], digits=2) if seeds == 1 else ""
            cells.append(
                f"{average:.3f}" + (f"\n±{deviation:.3f}" if deviation is not None else f"\n{below}")
            )
        table.add_row(f"[bold]{strategy}", *cells)
    return table


def check_tables(report: Any) -> list[Table]:
    """What a data set holds, and what is wrong with it."""
    contents = Table(title="Images", caption=report.caption())
    for heading in ("split", "label", "defect type"):
        contents.add_column(heading)
    for heading in ("images", "groups", "defect px (median)", "defect px (min)"):
        contents.add_column(heading, justify="right")
    for row in report.contents:
        contents.add_row(*map(str, row))
    findings = Table(title="Findings" if report.findings else "Findings: none", show_lines=True)
    for heading in ("", "what", "where", "how to mend it"):
        findings.add_column(heading)
    colors = {"error": "bold red", "warning": "yellow", "info": "cyan"}
    for finding in report.findings:
        color = colors[finding.severity]
        findings.add_row(f"[{color}]{finding.severity}", finding.what, _places(finding.where), finding.mend)
    return [contents, findings] if report.findings else [contents]


def _verdicts(summary: dict[str, Any]) -> Table:
    counts = summary["confusion"]
    threshold = summary["operating_point"]["threshold"]
    table = Table(
        title=f"Verdicts on {summary['images']} images ({summary['ng_images']} NG) of {summary['groups']} parts",
        caption=f"At threshold {threshold:.3f}: {counts['caught']} defects caught, {counts['missed']} missed, "
        f"{counts['false_alarms']} false alarms, {counts['passed']} passed.",
    )
    table.add_column("")
    table.add_column(
        f"threshold {threshold:.3f}\n(fitted on {summary['operating_point']['fitted_on']})", justify="right"
    )
    table.add_column("95 % by part", justify="right", style="dim")
    table.add_column("by image", justify="right", style="dim")
    table.add_column("threshold\n0.5", justify="right")
    for name, figure in summary["at_threshold"].items():
        half = summary["at_half"][name]["value"]
        table.add_row(
            _NAMES[name],
            _number(figure["value"]),
            _interval(figure["by_group"]),
            _interval(figure.get("by_image")),
            _number(half),
        )
    table.add_section()
    for name, figure in summary["ranking"].items():
        table.add_row(_NAMES[name], _number(figure["value"]), _interval(figure["by_group"]), "", "")
    right = summary["right_reason_rate"]
    table.add_row("right for the right reason", _number(right["value"]), _interval(right["by_group"]), "", "")
    return table


def _maps(summary: dict[str, Any]) -> Table:
    table = Table(title="Where it looks (NG images with a mask; 95 % by part)")
    table.add_column("map")
    for heading in ("CAM-IoU", "PointGame", "Energy-Inside"):
        table.add_column(heading, justify="right")
    for name, figures in summary["maps"].items():
        table.add_row(_MAPS[name], *(_with_interval(figure) for figure in figures.values()))
    localization = summary["localization"]
    if localization is not None:
        table.caption = (
            f"Localization: IoU {_number(localization['iou']['value'])}, Dice {_number(localization['dice']['value'])} "
            f"per image; pooled IoU {_number(localization['pooled_iou']['value'])}; "
            f"AU-PRO {_number(localization['aupro']['value'])}."
        )
    return table


def _types(by_type: dict[str, dict[str, Any]]) -> Table:
    table = Table(title="By defect type")
    table.add_column("type")
    for heading in ("images", "parts", "recall", "right reason", "CAM-IoU", "PointGame", "Energy"):
        table.add_column(heading, justify="right")
    for name, row in by_type.items():
        figures = ("recall", "right_reason_rate", "cam_iou", "pointing_game", "energy_inside")
        table.add_row(
            name,
            str(row["images"]),
            str(row["groups"]),
            *(_number(row[figure]["value"]) for figure in figures),
        )
    return table


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _interval(interval: Sequence[float] | None, digits: int = 3) -> str:
    return "" if interval is None else f"[dim]{interval[0]:.{digits}f}–{interval[1]:.{digits}f}[/]"


def _with_interval(figure: dict[str, Any]) -> str:
    return f"{_number(figure['value'])} {_interval(figure['by_group'])}"


def _places(names: Sequence[str], shown: int = 3) -> str:
    more = f"\n(+{len(names) - shown} more)" if len(names) > shown else ""
    return "\n".join(names[:shown]) + more

"""The report of `gainspect data check` as terminal tables."""

from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from gainspect.data.checks import Report

_COLORS = {"error": "bold red", "warning": "yellow", "info": "cyan"}


def check_tables(report: Report) -> list[Table]:
    """The content of a data set, and what is wrong with it."""
    return [_contents(report), _findings(report)] if report.findings else [_contents(report)]


def _contents(report: Report) -> Table:
    (low, high), (narrow, wide) = report.heights, report.widths
    seen = f"{report.size} px" if report.tile is None else f"{report.size} px, in tiles of {report.tile} px"
    table = Table(
        title=f"{report.images} images, {narrow}–{wide} px wide, {low}–{high} px high",
        caption=f"Defect size: width after resizing to {seen}.",
    )
    for heading in ("split", "label", "defect type"):
        table.add_column(heading)
    for heading in ("images", "parts", "defect px\nmedian", "defect px\nsmallest"):
        table.add_column(heading, justify="right")
    for row in report.contents:
        sizes = (_pixels(row.defect_px_median), _pixels(row.defect_px_min))
        table.add_row(row.split, row.label, Text(row.defect_type), str(row.images), str(row.groups), *sizes)
    return table


def _findings(report: Report) -> Table:
    table = Table(title="Findings", show_lines=True)
    for heading in ("", "what", "where", "how to fix it"):
        table.add_column(heading, overflow="fold")
    for finding in report.findings:
        severity = Text(finding.severity, _COLORS[finding.severity])
        table.add_row(severity, Text(finding.what), Text(_places(finding.where)), Text(finding.hint))
    return table


def _pixels(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _places(names: Sequence[str], shown: int = 3) -> str:
    more = f"\n(+{len(names) - shown} more)" if len(names) > shown else ""
    return "\n".join(names[:shown]) + more

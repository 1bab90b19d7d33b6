"""The report of `gainspect data check` on a terminal: what the data contain, and a list of findings."""

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from gainspect.data.checks import Report
from gainspect.data.findings import SEVERITIES, Finding, counted

_STYLES = {"error": "bold red", "warning": "bold yellow", "info": "bold cyan"}
_SHOWN = 5
"""Names of a finding; `--json` has all."""
_SEVERITY_CELLS = max(len(severity) for severity in SEVERITIES)


def check_list(report: Report) -> Iterator[RenderableType]:
    """What to print, in order: how the data are taken, their contents, the findings, and their number."""
    for sentence in report.settled:
        yield Text(sentence)
    yield _contents(report)
    for finding in report.findings:
        yield Text()
        yield _finding(finding)
    worst = next((_STYLES[finding.severity] for finding in report.findings), "bold green")
    yield Text()
    yield Text(counted(report.findings), worst)


def _contents(report: Report) -> Table:
    seen = f"{report.size} px" if report.tile is None else f"{report.size} px, in tiles of {report.tile} px"
    table = Table(
        title=f"{report.images} images, {_range(report.widths)} px wide, {_range(report.heights)} px high",
        caption=f"Defect px: width after resizing to {seen}.",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    for heading in ("split", "label", "defect type"):
        table.add_column(heading, overflow="fold")
    for heading in ("images", "parts", "defect px,\nmedian", "\nleast"):
        table.add_column(heading, justify="right", overflow="fold")
    for row in report.contents:
        sizes = (_pixels(row.defect_px_median), _pixels(row.defect_px_min))
        table.add_row(row.split, row.label, Text(row.defect_type), str(row.images), str(row.groups), *sizes)
    return table


def _finding(finding: Finding) -> Table:
    """What, where, and how to mend it, beside the severity; a long name is folded, nothing is cut off."""
    grid = Table.grid(padding=(0, 1))
    grid.add_column(width=_SEVERITY_CELLS)
    grid.add_column(overflow="fold")
    grid.add_row(Text(finding.severity, _STYLES[finding.severity]), Text(finding.what, "bold"))
    for place in _places(finding.where):
        grid.add_row("", Padding(Text(place, overflow="fold"), (0, 0, 0, 2)))
    if finding.hint:
        grid.add_row("", Text(finding.hint, "italic"))
    return grid


def _places(names: Sequence[str]) -> list[str]:
    left = len(names) - _SHOWN
    # One more line for a single name more would say less than the name.
    return list(names) if left <= 1 else [*names[:_SHOWN], f"and {left} more"]


def _range(ends: tuple[int, int]) -> str:
    return "–".join(map(str, dict.fromkeys(ends)))


def _pixels(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"

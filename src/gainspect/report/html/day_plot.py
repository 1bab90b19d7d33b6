"""Decisions by day, or by month where there are many days, as stacked columns."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import groupby

from gainspect.report.html.plots import svg, text_at
from gainspect.types import Label

_WIDTH, _HEIGHT = 980, 210
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 8, 12, 26
_MOST_DAYS = 92
"""Longer periods are drawn by month."""
_MOST_NAMES = 16
_STACKED = (Label.OK, Label.REVIEW, Label.NG)
Column = tuple[str, Mapping[Label, int]]


def is_by_month(first: date, last: date) -> bool:
    """Whether a period is too long to be drawn by day."""
    return (last - first).days >= _MOST_DAYS


def columns_of(counts: Mapping[date, Mapping[Label, int]], first: date, last: date) -> list[Column]:
    """What is drawn: a column for each day of a period, or for each month, also if nothing was decided in it.

    >>> columns_of({date(2026, 3, 2): {Label.OK: 5}}, date(2026, 3, 1), date(2026, 3, 2))
    [('03-01', {}), ('03-02', {<Label.OK: 'ok'>: 5})]
    """
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    if not is_by_month(first, last):
        return [(f"{day:%m-%d}", counts.get(day, {})) for day in days]
    return [
        (name, _sum([counts.get(day, {}) for day in month]))
        for name, month in groupby(days, key=lambda day: f"{day:%Y-%m}")
    ]


def decisions_by_day(columns: Sequence[Column], title: str) -> str:
    """The columns as SVG: OK, REVIEW and NG upon each other.

    Args:
        columns: of `columns_of`.
        title: for screen readers.
    """
    top, step = _round_up(max((sum(counts.values()) for _, counts in columns), default=0))
    parts = []
    for tick in range(0, top + 1, step):
        y = _y(tick / top)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text_at(_LEFT - 6, y + 3.5, f"{tick:,}", "tick", "end"))
    room = (_WIDTH - _LEFT - _RIGHT) / max(1, len(columns))
    named = -(-len(columns) // _MOST_NAMES)
    width = min(44.0, room * 0.72)
    for index, (name, counts) in enumerate(columns):
        center, below = _LEFT + (index + 0.5) * room, 0
        for label in _STACKED:
            count = counts.get(label, 0)
            if count:
                y, height = _y((below + count) / top), _y(0) - _y(count / top)
                parts.append(
                    f'<rect class="{label}" x="{center - width / 2:.1f}" y="{y:.1f}" width="{width:.1f}" '
                    f'height="{height:.1f}"/>'
                )
            below += count
        if index % named == 0:
            parts.append(text_at(center, _HEIGHT - 8, name, "tick", "middle"))
    return svg(parts, title, _WIDTH, _HEIGHT)


def _sum(counts: Sequence[Mapping[Label, int]]) -> dict[Label, int]:
    return {label: sum(each.get(label, 0) for each in counts) for label in Label}


def _round_up(highest: int) -> tuple[int, int]:
    """Where the axis ends, and the step of its ticks: at most five steps of 1, 2 or 5 times a power of ten.

    >>> _round_up(0), _round_up(7), _round_up(960)
    ((1, 1), (8, 2), (1000, 200))
    """
    step = 1
    while -(-highest // step) > 5:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return max(1, -(-highest // step)) * step, step


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

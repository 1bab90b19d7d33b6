"""Figures over time as SVG: one value for each hour, shift or day, with the interval in which it lies."""

from collections.abc import Callable, Sequence
from math import ceil, floor, log10
from typing import NamedTuple

from gainspect.report.html.plots import svg, text_at

_WIDTH, _HEIGHT = 480, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 10, 12, 26
_MOST_NAMES = 4


class Mark(NamedTuple):
    """What is drawn of a bucket."""

    name: str
    """Of the bucket, on the axis."""
    value: float | None
    """None: nothing is known of it, and nothing is drawn."""
    low: float = 0.0
    high: float = 0.0
    """Ends of the interval."""


def marks_over_time(
    marks: Sequence[Mark], title: str, shown: Callable[[float], str], most: float | None = None
) -> str:
    """A point for each bucket with its interval, and a line through those that follow each other.

    Args:
        marks: of the buckets, in order.
        title: for screen readers; the values stand in a table beside the plot.
        shown: writes a value on the axis.
        most: where the axis ends at the latest; None: nowhere.
    """
    known = [mark for mark in marks if mark.value is not None]
    top, step = axis(max((max(mark.high, mark.value or 0) for mark in known), default=1.0), most)
    parts = []
    for number in range(round(top / step) + 1):
        y = _y(number * step / top)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(text_at(_LEFT - 6, y + 4, shown(number * step), "tick", "end"))
    room = (_WIDTH - _LEFT - _RIGHT) / max(1, len(marks))
    named = -(-len(marks) // _MOST_NAMES)
    lines: list[list[str]] = [[]]
    for index, mark in enumerate(marks):
        x = _LEFT + (index + 0.5) * room
        if index % named == 0:
            parts.append(text_at(x, _HEIGHT - 8, mark.name, "tick", "middle"))
        if mark.value is None:
            lines.append([])
            continue
        low, high, y = (_y(min(1.0, value / top)) for value in (mark.low, mark.high, mark.value))
        lines[-1].append(f"{x:.1f},{y:.1f}")
        parts.append(f'<path class="interval" d="M{x:.1f} {high:.1f}V{low:.1f}"/>')
        parts.append(f'<circle class="point" cx="{x:.1f}" cy="{y:.1f}" r="{3.5 if room > 9 else 2}"/>')
    drawn = [f'<polyline class="line" points="{" ".join(line)}"/>' for line in lines if len(line) > 1]
    return svg([*drawn, *parts], title, _WIDTH, _HEIGHT)


def axis(highest: float, most: float | None = None) -> tuple[float, float]:
    """Where an axis from 0 ends, and the step of its ticks: 1, 2 or 5 times a power of ten, at most five.

    >>> axis(0.07), axis(0.93, 1.0), axis(0.0), axis(41)
    ((0.08, 0.02), (1.0, 0.2), (1.0, 0.2), (50, 10))
    """
    if highest <= 0:
        highest = 1.0
    power = floor(log10(highest / 5))
    step = next(
        base * 10.0**power for base in (1, 2, 5, 10) if base * 10.0**power * 5 >= highest * (1 - 1e-9)
    )
    top = ceil(highest / step - 1e-9) * step
    step, top = (float(f"{value:.12g}") for value in (step, top))
    if most is not None and top > most:
        top = most
    return (int(top), int(step)) if step >= 1 and top == int(top) else (top, step)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

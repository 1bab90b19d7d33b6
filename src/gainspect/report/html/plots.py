"""Plots as inline SVG, which print sharply and take their colors from the page's style sheet."""

from collections.abc import Iterable, Sequence
from html import escape
from itertools import groupby

_WIDTH, _HEIGHT = 360, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 48, 14, 14, 44

Point = tuple[float, float]


def curve(points: Sequence[Point], marked: Point | None, x_label: str, y_label: str, title: str) -> str:
    """A curve in the unit square, with the operating point on it."""
    line = drawn_points((_x(x), _y(y)) for x, y in points)
    parts = [_frame([0, 0.25, 0.5, 0.75, 1], [0, 0.25, 0.5, 0.75, 1], x_label, y_label)]
    parts.append(f'<polyline class="line" points="{line}"/>')
    if marked is not None:
        parts.append(f'<circle class="mark" cx="{_x(marked[0]):.1f}" cy="{_y(marked[1]):.1f}" r="5"/>')
    return svg(parts, title)


def shares_with_intervals(
    rows: Sequence[tuple[str, float, tuple[float, float] | None, int]],
    x_label: str,
    y_label: str,
    title: str,
) -> str:
    """A column chart of shares 0…1 with 95 % intervals.

    Args:
        rows: name, share, interval, and the number of images, which is written below the name.
        x_label: label of the x axis.
        y_label: label of the y axis.
        title: title for screen readers.
    """
    parts = [_frame([], [0, 0.25, 0.5, 0.75, 1], x_label, y_label)]
    step = (_x(1) - _x(0)) / max(1, len(rows))
    for index, (name, share, interval, count) in enumerate(rows):
        center = _x(0) + (index + 0.5) * step
        width = min(44.0, step * 0.62)
        parts.append(
            f'<rect class="bar" x="{center - width / 2:.1f}" y="{_y(share):.1f}" width="{width:.1f}" '
            f'height="{_y(0) - _y(share):.1f}"/>'
        )
        if interval is not None:
            low, high = _y(interval[0]), _y(interval[1])
            path = f"M{center - 4:.1f} {high:.1f}h8M{center:.1f} {high:.1f}V{low:.1f}m-4 0h8"
            parts.append(f'<path class="interval" d="{path}"/>')
        parts.append(text_at(center, _HEIGHT - _BOTTOM + 13, name, "tick", "middle"))
        parts.append(text_at(center, _HEIGHT - _BOTTOM + 24, f"n {count}", "faint", "middle"))
    return svg(parts, title)


def drawn_points(places: Iterable[Point]) -> str:
    """Points of a line, to a tenth of a pixel; of those that follow each other at one place, one is drawn.

    >>> drawn_points([(1, 2), (1.01, 2), (1.2, 2)])
    '1.0,2.0 1.2,2.0'
    """
    return " ".join(point for point, _ in groupby(f"{x:.1f},{y:.1f}" for x, y in places))


def _frame(
    x_ticks: Sequence[float],
    y_ticks: Sequence[float],
    x_label: str,
    y_label: str,
    y_names: Sequence[str] | None = None,
) -> str:
    parts = []
    for index, tick in enumerate(y_ticks):
        parts.append(
            f'<line class="grid" x1="{_x(0)}" x2="{_x(1)}" y1="{_y(tick):.1f}" y2="{_y(tick):.1f}"/>'
        )
        name = f"{tick:g}" if y_names is None else y_names[index]
        parts.append(text_at(_x(0) - 6, _y(tick) + 3.5, name, "tick", "end"))
    parts.extend(text_at(_x(tick), _HEIGHT - _BOTTOM + 15, f"{tick:g}", "tick", "middle") for tick in x_ticks)
    parts.append(text_at((_x(0) + _x(1)) / 2, _HEIGHT - 6, x_label, "label", "middle"))
    middle = (_y(0) + _y(1)) / 2
    parts.append(
        f'<text class="label" transform="translate(12 {middle:.1f}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_label)}</text>"
    )
    return "".join(parts)


def svg(parts: Sequence[str], title: str, width: int = _WIDTH, height: int = _HEIGHT) -> str:
    """A plot of these elements, with its title for those who do not see it."""
    return (
        f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
        f"{''.join(parts)}</svg>"
    )


def text_at(x: float, y: float, text: str, style: str, anchor: str) -> str:
    """Text of a CSS class; the anchor is start, middle or end."""
    return f'<text class="{style}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _x(share: float) -> float:
    return _LEFT + share * (_WIDTH - _LEFT - _RIGHT)


def _y(share: float) -> float:
    return _HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM)

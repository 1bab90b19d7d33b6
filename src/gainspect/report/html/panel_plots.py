"""The plots of the operating panel, as inline SVG. Its script moves what has a `data-` attribute."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import exp, log

import numpy as np
from numpy.typing import NDArray

from gainspect.evaluation.judged_parts import JudgedPart
from gainspect.metrics.classification import roc_points
from gainspect.policy import Rules
from gainspect.report.html.plots import drawn_points, svg, text_at
from gainspect.report.texts import Wording

PLACES = {"left": 44.0, "right": 448.0, "top": 28.0, "bottom": 214.0}
"""Where both plots are drawn in their pictures, pixels."""
_SIZE = 460, 262
"""Width and height of these."""
_TICKS = (1e-6, 1e-5, 1e-4, 0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999, 0.999999)
_BINS = 48
_LEAST = 1e-7


@dataclass(frozen=True)
class Axis:
    """A logit scale."""

    low: float
    high: float
    """Logits at both ends; what lies beyond is drawn there."""

    @classmethod
    def of(cls, scores: Sequence[float], thresholds: Sequence[float]) -> "Axis":
        """The scale from tick to tick on which all of these can be seen, from 0.01 to 0.99 at least."""
        values = [0.01, 0.99, *scores, *thresholds]
        low = max((tick for tick in _TICKS if tick <= min(values)), default=_TICKS[0])
        high = min((tick for tick in _TICKS if tick >= max(values)), default=_TICKS[-1])
        return cls(logit(low), logit(high))

    def place(self, score: float) -> float:
        """Horizontal place of a P(NG), pixels."""
        share = (min(max(logit(score), self.low), self.high) - self.low) / (self.high - self.low)
        return PLACES["left"] + share * (PLACES["right"] - PLACES["left"])

    @property
    def ticks(self) -> list[float]:
        """P(NG) where the scale has a mark."""
        return [tick for tick in _TICKS if self.low - 1e-9 <= logit(tick) <= self.high + 1e-9]

    @property
    def edges(self) -> NDArray[np.float64]:
        """(B + 1,) logits between which scores are counted together."""
        return np.linspace(self.low, self.high, _BINS + 1)


def part_histogram(parts: Sequence[JudgedPart], rules: Rules, axis: Axis, wording: Wording) -> str:
    """How many parts have which score: OK parts upward, NG parts downward, each on a scale of its own."""
    middle = (PLACES["top"] + PLACES["bottom"]) / 2
    half = (PLACES["bottom"] - PLACES["top"]) / 2 - 4
    places = [axis.place(1 / (1 + exp(-edge))) for edge in axis.edges]
    drawn = [_band(rules, axis)]
    for ng, name in ((False, "ok"), (True, "ng")):
        logits = [logit(part.score) for part in parts if part.ng is ng and part.score is not None]
        counts = np.histogram(np.clip(logits, axis.low, axis.high), axis.edges)[0]
        top = max(1, int(counts.max()))
        for index in np.flatnonzero(counts):
            height = half * counts[index] / top
            y = middle if ng else middle - height
            drawn.append(
                f'<rect class="{name}" x="{places[index] + 0.5:.1f}" y="{y:.1f}" height="{height:.1f}" '
                f'width="{places[index + 1] - places[index] - 1:.1f}">'
                f"<title>{escape(wording(f'pn_{name}_parts'))}: {counts[index]}</title></rect>"
            )
        y = PLACES["bottom"] if ng else PLACES["top"] + 8
        drawn.append(text_at(PLACES["left"] - 6, y, str(top), "tick", "end"))
        turned = middle + (half / 2 if ng else -half / 2)
        drawn.append(_turned(turned, wording(f"pn_{name}_parts"), f"label {name}-text"))
    drawn.append(
        f'<line class="base" x1="{PLACES["left"]}" x2="{PLACES["right"]}" y1="{middle}" y2="{middle}"/>'
    )
    drawn.append(text_at(PLACES["left"] - 6, middle + 3.5, "0", "tick", "end"))
    below = PLACES["bottom"] + 16
    drawn += [text_at(axis.place(tick), below, _tick(tick), "tick", "middle") for tick in axis.ticks]
    drawn.append(_x_label(wording("pn_histogram_x")))
    drawn += [
        _line("review", axis.place(rules.least_stopped), wording("review")),
        _line("ng", axis.place(rules.threshold), wording("ng")),
    ]
    return svg(drawn, wording("pn_histogram"), *_SIZE)


def attainable_curve(parts: Sequence[JudgedPart], rules: Rules, floor: float | None, wording: Wording) -> str:
    """Recall against false alarms by threshold, by the score; dashed below the floor."""
    read = [(part.score, part.ng) for part in parts if part.score is not None]
    scores = np.array([score for score, _ in read], np.float64)
    labels = np.array([ng for _, ng in read], np.bool_)
    if labels.all() or not labels.any():
        return ""
    drawn = [_grid(wording)]
    points = roc_points(scores, labels)
    turn = (0.0, 0.0) if floor is None else _rates(scores, labels, floor)
    above = [point for point in points if point[0] <= turn[0] and point[1] <= turn[1]]
    below = [point for point in points if point[0] >= turn[0] and point[1] >= turn[1]]
    if floor is None:
        above, below = points, []
    drawn.append(_path("line", [*above, *([] if floor is None else [turn])]))
    if floor is not None:
        x, y = _at(*turn)
        drawn += [
            _path("line beyond", [turn, *below]),
            f'<path class="floor" d="M{x:.1f} {y - 7:.1f}l7 7l-7 7l-7 -7z"/>',
            text_at(x + 11, y + 14, wording("pn_floor"), "tick", "start"),
        ]
    for name, at in (("review", rules.least_stopped), ("ng", rules.threshold)):
        x, y = _at(*_rates(scores, labels, at))
        drawn.append(f'<circle class="mark {name}" data-mark="{name}" cx="{x:.1f}" cy="{y:.1f}" r="5"/>')
    return svg(drawn, wording("pn_curve"), *_SIZE)


def _rates(scores: NDArray[np.float64], labels: NDArray[np.bool_], threshold: float) -> tuple[float, float]:
    """Shares of the OK and of the NG parts that score as high as a threshold."""
    reached = scores >= threshold
    return float(reached[~labels].mean()), float(reached[labels].mean())


def _grid(wording: Wording) -> str:
    parts = []
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x, y = _at(tick, tick)
        parts += [
            f'<line class="grid" x1="{PLACES["left"]}" x2="{PLACES["right"]}" y1="{y:.1f}" y2="{y:.1f}"/>',
            text_at(PLACES["left"] - 6, y + 3.5, f"{tick:g}", "tick", "end"),
            text_at(x, PLACES["bottom"] + 16, f"{tick:g}", "tick", "middle"),
        ]
    middle = (PLACES["top"] + PLACES["bottom"]) / 2
    return "".join([*parts, _turned(middle, wording("pn_curve_y"), "label"), _x_label(wording("pn_curve_x"))])


def _band(rules: Rules, axis: Axis) -> str:
    """Where scores are REVIEW."""
    left, right = axis.place(rules.least_stopped), axis.place(rules.threshold)
    return (
        f'<rect class="band" data-band x="{left:.1f}" y="{PLACES["top"]}" width="{right - left:.1f}" '
        f'height="{PLACES["bottom"] - PLACES["top"]}"/>'
    )


def _line(name: str, x: float, text: str) -> str:
    """A threshold: REVIEW is named to its left, NG to its right."""
    anchor, shift = ("end", -4) if name == "review" else ("start", 4)
    return (
        f'<g data-line="{name}" transform="translate({x:.1f} 0)">'
        f'<line class="cut {name}" x1="0" x2="0" y1="{PLACES["top"] - 14}" y2="{PLACES["bottom"]}"/>'
        f"{text_at(shift, PLACES['top'] - 6, text, f'label {name}-text', anchor)}</g>"
    )


def _path(style: str, points: Sequence[tuple[float, float]]) -> str:
    return f'<polyline class="{style}" points="{drawn_points(_at(*point) for point in points)}"/>'


def _at(x: float, y: float) -> tuple[float, float]:
    """The place of a point of the unit square."""
    return (
        PLACES["left"] + x * (PLACES["right"] - PLACES["left"]),
        PLACES["bottom"] - y * (PLACES["bottom"] - PLACES["top"]),
    )


def _turned(y: float, text: str, style: str) -> str:
    return (
        f'<text class="{style}" transform="translate(12 {y:.1f}) rotate(-90)" text-anchor="middle">'
        f"{escape(text)}</text>"
    )


def _x_label(text: str) -> str:
    return text_at((PLACES["left"] + PLACES["right"]) / 2, PLACES["bottom"] + 38, text, "label", "middle")


def _tick(value: float) -> str:
    return f"{value:g}" if value >= 1e-4 else f"1e{round(np.log10(value))}"


def logit(probability: float) -> float:
    """Of a P(NG), between ± 16."""
    clipped = min(max(probability, _LEAST), 1 - _LEAST)
    return log(clipped / (1 - clipped))

"""A grid of pictures: parts, and the evidence of each strategy."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from gainspect.report.drawing.lettering import lettering
from gainspect.report.drawing.letters import Lettering
from gainspect.types import Image, Label, Mask, Verdict

_COLORS = "inferno"
"""Perceptually uniform and readable with every common color blindness."""
_NAME = 30
"""Letters of a line beside a row."""
_RIGHT, _WRONG = "✓", "✗"


@dataclass(frozen=True, eq=False)
class PictureRow:
    """One part: its image and mask, and the verdict of each strategy."""

    title: Sequence[str]
    """Lines beside it: what it is, and what it is called."""
    image: Image
    mask: Mask
    label: Label
    verdicts: Sequence[Verdict]


def picture_grid(
    rows: Sequence[PictureRow], strategies: Sequence[str], scales: Sequence[float], out: Path
) -> Lettering:
    """Draw image, mask and each strategy's evidence, one row per part.

    Args:
        rows: the parts.
        strategies: headings of the evidence columns, in the order of each row's verdicts.
        scales: for each strategy, the evidence that is drawn in the hottest color. It is the same for all
            parts, so that a part without evidence looks cold.
        out: PNG file to write.

    Returns:
        The fonts; its sentence says which letters they lack.

    Raises:
        GainspectError: the file cannot be written.
    """
    letters = lettering([*(line for row in rows for line in row.title), *strategies, _RIGHT, _WRONG])
    with letters.used():
        letters.save(_grid(rows, strategies, scales, letters), out)
    return letters


def _grid(
    rows: Sequence[PictureRow], strategies: Sequence[str], scales: Sequence[float], letters: Lettering
) -> Figure:
    columns = 2 + len(strategies)
    figure = Figure(figsize=(2.2 * columns + 0.4, 2.35 * len(rows) + 0.75), dpi=150, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, row in zip(axes, rows, strict=True):
        for axis in line:
            axis.set_xticks([])
            axis.set_yticks([])
        line[0].imshow(row.image)
        title = "\n".join(letters.shown(text, _NAME) for text in row.title)
        line[0].set_ylabel(title, fontsize=8, linespacing=1.4)
        line[1].imshow(row.image)
        _outline(line[1], row.mask)
        if row.label is Label.NG and not row.mask.any():
            line[1].set_title("not marked", fontsize=8, color="#555555")
        for axis, verdict, scale in zip(line[2:], row.verdicts, scales, strict=True):
            _evidence(axis, row, verdict, scale)
    for axis, heading in zip(axes[0], ("image", "defect mask", *strategies), strict=True):
        axis.set_title(heading, loc="left", fontsize=9, fontweight="bold")
    bar = figure.colorbar(
        ScalarMappable(Normalize(0, 1), _COLORS), ax=axes, location="bottom", shrink=0.4, aspect=40, pad=0.01
    )
    bar.set_label(
        "evidence for NG, one scale per strategy (1 = its 99th percentile on defective parts)", fontsize=8
    )
    bar.ax.tick_params(labelsize=7)
    return figure


def _evidence(axis: Any, row: PictureRow, verdict: Verdict, scale: float) -> None:
    grey = row.image.mean(axis=2)
    heat = np.clip(verdict.evidence.evidence / scale, 0, 1) if scale > 0 else np.zeros(grey.shape)
    axis.imshow(grey, cmap="gray", vmin=0, vmax=255)
    axis.imshow(heat, cmap=_COLORS, vmin=0, vmax=1, alpha=0.15 + 0.7 * heat)
    _outline(axis, row.mask)
    right = verdict.label is row.label
    axis.set_title(
        f"{_RIGHT if right else _WRONG} {verdict.label.upper()} {verdict.score:.2f}",
        fontsize=8,
        color="#1b6e3c" if right else "#b3261e",
        fontweight="normal" if right else "bold",
    )


def _outline(axis: Any, mask: Mask) -> None:
    if mask.any():
        axis.contour(mask, levels=[0.5], colors="#00d5ff", linewidths=1.0)

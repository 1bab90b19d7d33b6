"""The line of an overlay with its image's name: ASCII by OpenCV, all else by matplotlib, if installed."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import cv2
import numpy as np

from gainspect.report.drawing.letters import Lettering, letters_of
from gainspect.types import Image

PAPER, INK = 250, 60
"""Grey values of the ground of a line, and of the letters on it."""
MARGIN = 8
"""Left and right of a text, pixels."""
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_EM = 31
"""Pixels of the em square of a font whose capitals are as high as those of `_FONT` at scale 1."""
_BASELINE = 0.68
"""From the top of a line, in heights of the line."""
_DPI = 64
"""Of figures that are drawn pixel by pixel: a power of two, by which sides in pixels divide exactly."""


def name_letters(names: Sequence[str]) -> Lettering:
    """Choose the fonts once for the names of many images.

    Args:
        names: of files, of any characters.

    Returns:
        Without fonts if all names are ASCII, or if there is no matplotlib; then all else is missing.
    """
    foreign = {letter for letter in chain.from_iterable(map(letters_of, names)) if not letter.isascii()}
    if not foreign:
        return Lettering((), frozenset())
    try:
        from gainspect.report.drawing.lettering import lettering
    except ImportError:
        return Lettering((), frozenset(foreign))
    return lettering(names)


def name_line(name: str, letters: Lettering, width: int, height: int) -> Image:
    """Draw a name, dark on light, from the left; the middle of one that is too long is left out.

    Args:
        name: of a file, of any characters.
        letters: of this and other names.
        width: of the line, pixels.
        height: of the line, pixels; that of the letters is half of it.

    Returns:
        (height, width, 3).
    """
    line = np.full((height, width, 3), PAPER, np.uint8)
    if letters.fonts_for(name):
        drawn = _by_matplotlib(name, letters, width, height)
        line[:, : drawn.shape[1]] = drawn
    else:
        _by_opencv(line, name, letters)
    return line


def _by_opencv(line: Image, name: str, letters: Lettering) -> None:
    height, width = line.shape[:2]
    scale = height / 2 / _EM
    text = letters.shown(
        name, width - 2 * MARGIN, lambda text: cv2.getTextSize(text, _FONT, scale, 1)[0][0], dots="..."
    )
    place = (MARGIN, round(height * _BASELINE))
    cv2.putText(line, text, place, _FONT, scale, (INK,) * 3, 1, cv2.LINE_AA)


def _by_matplotlib(name: str, letters: Lettering, width: int, height: int) -> Image:
    """(height, width or less, 3)."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties

    with letters.used():
        font = FontProperties(size=height / 2 * 72 / _DPI)
        figure = Figure(dpi=_DPI, facecolor=str(PAPER / 255))
        canvas: Any = FigureCanvasAgg(figure)
        measure = canvas.get_renderer().get_text_width_height_descent

        def size(text: str) -> float:
            return float(measure(text, font, ismath=False)[0])

        text = letters.shown(name, width - 2 * MARGIN, size)
        across = min(width, int(size(text)) + 2 * MARGIN)
        figure.set_size_inches(across / _DPI, height / _DPI)
        figure.text(
            MARGIN / across, 1 - _BASELINE, text, fontproperties=font, va="baseline", color=str(INK / 255)
        )
        canvas.draw()
        return np.asarray(canvas.buffer_rgba())[:, :, :3]

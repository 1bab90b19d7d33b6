"""Tells by pixels which letters a picture shows."""

import cv2
import numpy as np
from matplotlib.font_manager import FontProperties, findfont
from matplotlib.ft2font import FT2Font, LoadFlags


def likeness(picture: np.ndarray, letter: str, family: str, points: float, dots: int = 150) -> float:
    """Correlation of FreeType's own drawing of a letter, at so many dots an inch, with the likest place.

    Both are smoothed a little, for the picture's letters lie at fractions of a pixel.
    """
    font = FT2Font(findfont(FontProperties(family=[family])))
    font.set_size(points, dots)
    font.set_text(letter, flags=LoadFlags.NO_HINTING)
    font.draw_glyphs_to_bitmap()
    glyph = np.pad(255 - np.asarray(font.get_image()), 2, constant_values=255)
    smooth, smooth_glyph = (cv2.GaussianBlur(pixels, (0, 0), 0.7) for pixels in (picture, glyph))
    return float(cv2.matchTemplate(smooth, smooth_glyph, cv2.TM_CCOEFF_NORMED).max())

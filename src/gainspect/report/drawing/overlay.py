"""The overlay of an inspected image: its evidence and regions, the verdict, and the color scale."""

from typing import Literal

import cv2
import numpy as np

from gainspect.errors import GainspectError
from gainspect.policy import HeatScale
from gainspect.report.drawing.heat import OUTLINE, colors_of, contoured, heat_of, heated, resized
from gainspect.types import Image, Label, Verdict

Style = Literal["overlay", "side-by-side", "contour"]

_COLORS = {Label.OK: (0, 105, 84), Label.NG: (194, 65, 12), Label.REVIEW: (98, 66, 160)}
_SHORT_SIDE = 320
_LEGEND_HEIGHT = 34


def overlay(image: Image, verdict: Verdict, scale: HeatScale, style: Style = "overlay") -> Image:
    """Draw the evidence on the bundle's color scale and outline the regions; legend and verdict are below.

    Args:
        image: (H, W, 3), the inspected image.
        verdict: its verdict.
        scale: the bundle's color scale, the same for all its images.
        style: "overlay": colors over the gray image; "side-by-side": the image next to it; "contour": lines
            of equal evidence.

    Returns:
        (H', W', 3); small images are enlarged.
    """
    factor = max(1.0, _SHORT_SIDE / min(image.shape[:2]))
    shown = resized(image, factor)
    heat = heat_of(resized(verdict.evidence.evidence, factor), scale)
    line = max(1, round(min(shown.shape[:2]) / 250))
    if style == "contour":
        drawn = contoured(shown, heat, line)
    else:
        drawn = heated(shown, heat)
        for region in verdict.regions:
            corners = np.round((np.array(region.polygon) + 0.5) * factor).astype(np.int32)
            cv2.polylines(drawn, [corners], True, OUTLINE, line, cv2.LINE_AA)
    if style == "side-by-side":
        gap = np.full((shown.shape[0], 4, 3), 255, np.uint8)
        drawn = np.hstack([shown, gap, drawn])
    width = drawn.shape[1]
    return np.vstack([drawn, _legend(scale, width), _banner(verdict, width)])


def to_png(image: Image) -> bytes:
    """Encode (H, W, 3) RGB.

    Raises:
        GainspectError: the image is too large for a PNG.
    """
    done, encoded = cv2.imencode(".png", image[:, :, ::-1])
    if not done:
        raise GainspectError(f"an image of {image.shape[1]} × {image.shape[0]} cannot be written as PNG")
    return encoded.tobytes()


def _legend(scale: HeatScale, width: int) -> Image:
    """A bar with the colors from cold to hot, and the evidence values at its ends."""
    legend = np.full((_LEGEND_HEIGHT, width, 3), 250, np.uint8)
    left, right = width // 4, width - width // 4
    ramp = np.linspace(0, 1, right - left, dtype=np.float32)[None].repeat(10, 0)
    alpha = (0.8 * np.sqrt(ramp))[:, :, None]
    legend[12:22, left:right] = (128 * (1 - alpha) + colors_of(ramp) * alpha).astype(np.uint8)
    for text, place in ((f"cold {scale.cold:.2g}", 8), (f"{scale.hot:.2g} hot", right + 8)):
        cv2.putText(legend, text, (place, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (60, 60, 60), 1, cv2.LINE_AA)
    return legend


def _banner(verdict: Verdict, width: int) -> Image:
    height = max(28, min(width // 16, 48))
    banner = np.full((height, width, 3), _COLORS[verdict.label], np.uint8)
    text = f"{verdict.label.upper()}  P(NG) {verdict.score:.2f}, NG from {verdict.threshold:.2f}"
    if verdict.check is not None and verdict.check.repaired is not None:
        text += f"; repaired {verdict.check.repaired:.2f}"
    white, font = (255, 255, 255), cv2.FONT_HERSHEY_SIMPLEX
    scale = min(height / 50, (width - 16) / max(1, cv2.getTextSize(text, font, 1, 1)[0][0]))
    cv2.putText(
        banner, text, (8, round(height * 0.68)), font, scale, white, max(1, height // 28), cv2.LINE_AA
    )
    return banner

"""One inspected image as a person should see it: where the evidence is, its regions, the verdict."""

import cv2
import numpy as np

from gainspect.errors import GainspectError
from gainspect.types import Image, Label, Verdict

_HOTTEST = 2.0
"""Times the region threshold: the evidence that is drawn hottest. One scale for all images of a bundle."""
_OUTLINE = (0, 213, 255)
_COLORS = {Label.OK: (27, 110, 60), Label.NG: (179, 38, 30)}
_SHORT_SIDE = 320


def overlay(image: Image, verdict: Verdict, region_threshold: float) -> Image:
    """Draw the evidence over the grey image, outline the regions, and put the verdict below.

    Args:
        image: (H, W, 3), as it was inspected.
        verdict: of this image.
        region_threshold: of the bundle; fixes the scale, so that an OK part looks cold.

    Returns:
        (H', W', 3); small images are enlarged.
    """
    factor = max(1.0, _SHORT_SIDE / min(image.shape[:2]))
    height, width = (round(side * factor) for side in image.shape[:2])
    grey = cv2.cvtColor(cv2.resize(image, (width, height)), cv2.COLOR_RGB2GRAY)
    heat = cv2.resize(verdict.evidence.evidence, (width, height)) / max(_HOTTEST * region_threshold, 1e-9)
    heat = np.clip(heat, 0, 1)
    colors = cv2.applyColorMap((255 * heat).astype(np.uint8), cv2.COLORMAP_INFERNO)[:, :, ::-1]
    alpha = (0.75 * heat)[:, :, None]
    drawn = (grey[:, :, None] * (1 - alpha) + colors * alpha).astype(np.uint8)
    line = max(1, round(min(height, width) / 250))
    for region in verdict.regions:
        corners = np.round((np.array(region.polygon) + 0.5) * factor).astype(np.int32)
        cv2.polylines(drawn, [corners], isClosed=True, color=_OUTLINE, thickness=line, lineType=cv2.LINE_AA)
    return np.vstack([drawn, _banner(verdict, width)])


def to_png(image: Image) -> bytes:
    """Encode (H, W, 3) RGB.

    Raises:
        GainspectError: the image is too large for a PNG.
    """
    done, encoded = cv2.imencode(".png", image[:, :, ::-1])
    if not done:
        raise GainspectError(f"an image of {image.shape[1]} × {image.shape[0]} cannot be written as PNG")
    return encoded.tobytes()


def _banner(verdict: Verdict, width: int) -> Image:
    height = max(28, width // 16)
    banner = np.full((height, width, 3), _COLORS[verdict.label], np.uint8)
    text = f"{verdict.label.upper()}  P(NG) {verdict.score:.2f}, NG from {verdict.threshold:.2f}"
    scale = height / 50
    place = (height // 3, round(height * 0.68))
    cv2.putText(
        banner, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), max(1, height // 28), 16
    )
    return banner

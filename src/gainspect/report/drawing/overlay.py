"""The overlay of an inspected image: its evidence and regions, the color scale, its name and the verdict."""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import cv2
import numpy as np

from gainspect.errors import GainspectError
from gainspect.policy import HeatScale
from gainspect.report.drawing.heat import OUTLINE, colors_of, contoured, heat_of, heated, resized
from gainspect.report.drawing.letters import Lettering
from gainspect.report.drawing.name_line import INK, MARGIN, PAPER, name_line
from gainspect.types import Image, Label, Verdict

Style = Literal["overlay", "side-by-side", "contour"]

_COLORS = {Label.OK: (0, 105, 84), Label.NG: (194, 65, 12), Label.REVIEW: (98, 66, 160)}
_SHORT_SIDE = 320
_LONG_SIDE = 4096
"""A longer image is not enlarged, and none beyond it."""
_LEGEND_HEIGHT = 34
_LEGEND_WIDTH = 1024
"""At most: its numbers stay near its bar."""
_PNG_HEADER = 33
"""Bytes of the signature and the chunk IHDR, which come first."""


def overlay(
    image: Image,
    verdict: Verdict,
    scale: HeatScale,
    style: Style = "overlay",
    *,
    name: str,
    letters: Lettering,
) -> Image:
    """Draw the evidence on the bundle's color scale and outline the regions; below are legend, name, verdict.

    Args:
        image: (H, W, 3), the inspected image.
        verdict: its verdict.
        scale: the bundle's color scale, the same for all its images.
        style: "overlay": colors over the gray image; "side-by-side": the image next to it; "contour": lines
            of equal evidence.
        name: of the image's file, of any characters.
        letters: how this and other names are drawn; see `name_letters`.

    Returns:
        (H', W', 3), at least 320 wide; small images are enlarged, up to 4096 px of their longer side.
    """
    factor = max(1.0, min(_SHORT_SIDE / min(image.shape[:2]), _LONG_SIDE / max(image.shape[:2])))
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
    beside = max(0, _SHORT_SIDE - drawn.shape[1])
    drawn = np.pad(drawn, ((0, 0), (0, beside), (0, 0)), constant_values=PAPER)
    width = drawn.shape[1]
    height = max(28, min(width // 16, 48))
    named = name_line(name, letters, width, height)
    return np.vstack([drawn, _legend(scale, width), named, _banner(verdict, width, height)])


def to_png(image: Image, texts: Mapping[str, str] = MappingProxyType({})) -> bytes:
    """Encode (H, W, 3) RGB.

    Args:
        image: the pixels.
        texts: by keyword, what is stored beside them (PNG chunks tEXt).

    Raises:
        GainspectError: the image is too large for a PNG.
    """
    done, encoded = cv2.imencode(".png", image[:, :, ::-1])
    if not done:
        raise GainspectError(f"an image of {image.shape[1]} × {image.shape[0]} cannot be written as PNG")
    png = encoded.tobytes()
    return png[:_PNG_HEADER] + b"".join(map(_png_text, texts, texts.values())) + png[_PNG_HEADER:]


def has_first_text(png: Path, keyword: str, text: str) -> bool:
    """Whether this is the first text that `to_png` stored in a file; False if there is no such file."""
    wanted = _png_text(keyword, text)
    try:
        with png.open("rb") as file:
            return file.read(_PNG_HEADER + len(wanted))[_PNG_HEADER:] == wanted
    except OSError:
        return False


def _png_text(keyword: str, text: str) -> bytes:
    """A chunk tEXt; letters beyond Latin-1, which it lacks, as digits."""
    content = b"tEXt" + keyword.encode() + b"\0" + text.encode("latin-1", "backslashreplace")
    return struct.pack(">I", len(content) - 4) + content + struct.pack(">I", zlib.crc32(content))


def _legend(scale: HeatScale, width: int) -> Image:
    """A bar with the colors from cold to hot, and the evidence values at its ends."""
    legend = np.full((_LEGEND_HEIGHT, width, 3), PAPER, np.uint8)
    span = min(width, _LEGEND_WIDTH)
    left, right = span // 4, span - span // 4
    ramp = np.linspace(0, 1, right - left, dtype=np.float32)[None].repeat(10, 0)
    alpha = (0.8 * np.sqrt(ramp))[:, :, None]
    legend[12:22, left:right] = (128 * (1 - alpha) + colors_of(ramp) * alpha).astype(np.uint8)
    for text, place in ((f"cold {scale.cold:.2g}", MARGIN), (f"{scale.hot:.2g} hot", right + MARGIN)):
        cv2.putText(legend, text, (place, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (INK,) * 3, 1, cv2.LINE_AA)
    return legend


def _banner(verdict: Verdict, width: int, height: int) -> Image:
    banner = np.full((height, width, 3), _COLORS[verdict.label], np.uint8)
    text = f"{verdict.label.upper()}  P(NG) {verdict.score:.2f}, NG from {verdict.threshold:.2f}"
    if verdict.check is not None and verdict.check.repaired is not None:
        text += f"; repaired {verdict.check.repaired:.2f}"
    white, font = (255, 255, 255), cv2.FONT_HERSHEY_SIMPLEX
    scale = min(height / 50, (width - 2 * MARGIN) / max(1, cv2.getTextSize(text, font, 1, 1)[0][0]))
    cv2.putText(
        banner, text, (MARGIN, round(height * 0.68)), font, scale, white, max(1, height // 28), cv2.LINE_AA
    )
    return banner

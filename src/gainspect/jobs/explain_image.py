"""Explain why one image is OK, NG or REVIEW: where the evidence is, and what repairing it changes."""

from pathlib import Path
from typing import NamedTuple

from gainspect.inspection.inspector import Inspector
from gainspect.inspection.reason.check import plan
from gainspect.policy import ReasonPolicy
from gainspect.report.drawing.explanation import draw_explanation, explanation
from gainspect.report.texts import Wording


class Explained(NamedTuple):
    """Why an image has its verdict."""

    text: str
    unlettered: str | None
    """What the picture does not show as it is for want of a font, in a sentence; None: nothing."""


def explain_image(
    bundle: Path, image: Path, *, out: Path | None = None, language: str = "en", bits: int | None = None
) -> Explained:
    """Judge an image and explain the verdict.

    Args:
        bundle: the bundle to judge with. The reason is checked even if the bundle does not ask for it.
        image: the image file.
        out: PNG file to draw the explanation into; None: no picture.
        language: "en" or "ko"; if no font for it is installed, the picture is in English.
        bits: see `Inspector.load`.

    Returns:
        The explanation in words, and what no installed font can draw of it.

    Raises:
        GainspectError: the bundle is refused, the image cannot be read, or there is no such language.
    """
    wording = Wording(language)
    inspector = Inspector.load(bundle, bits=bits)
    pixels = inspector.read(image)
    assert inspector.bundle is not None and inspector.region_threshold is not None
    inspector.reason = reason = inspector.reason or ReasonPolicy(fill="matched")
    verdict = next(inspector.judge([pixels]))
    if out is None:
        return Explained(explanation(verdict, wording), None)
    trial = plan(pixels, verdict.evidence.evidence, inspector.region_threshold, reason, inspector.good)
    scale = inspector.bundle.description.policy.heat_scale()
    unlettered = draw_explanation(pixels, verdict, trial, scale, wording, out, name=image.name)
    return Explained(explanation(verdict, wording), unlettered)

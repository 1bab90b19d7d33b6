"""Explain why one image is OK, NG or REVIEW: where the evidence is, and what repairing it changes."""

from pathlib import Path

from gainspect.inspection.inspector import Inspector
from gainspect.inspection.reason.check import plan
from gainspect.policy import ReasonPolicy
from gainspect.report.drawing.explanation import can_draw, draw_explanation, explanation
from gainspect.report.texts import Wording


def explain_image(
    bundle: Path, image: Path, *, out: Path | None = None, language: str = "en", bits: int | None = None
) -> str:
    """Judge an image and explain the verdict.

    Args:
        bundle: the bundle to judge with. The reason is checked even if the bundle does not ask for it.
        image: the image file.
        out: PNG file to draw the explanation into; None: no picture.
        language: "en" or "ko"; if no font for it is installed, the picture is in English (see `can_draw`).
        bits: see `Inspector.load`.

    Returns:
        The explanation in words.

    Raises:
        GainspectError: the bundle is refused, the image cannot be read, or there is no such language.
    """
    wording = Wording(language)
    inspector = Inspector.load(bundle, bits=bits)
    pixels = inspector.read(image)
    assert inspector.bundle is not None and inspector.region_threshold is not None
    inspector.reason = reason = inspector.reason or ReasonPolicy()
    verdict = next(inspector.judge([pixels]))
    if out is not None:
        evidence = verdict.evidence.evidence
        trial = plan(pixels, evidence, inspector.region_threshold, reason.controls, reason.seed)
        scale = inspector.bundle.description.policy.heat_scale()
        drawn = wording if can_draw(language) else Wording("en")
        draw_explanation(pixels, verdict, trial, scale, drawn, out)
    return explanation(verdict, wording)

"""`gainspect explain`."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console, errors


def explain(
    bundle: Annotated[Path, typer.Argument(help="NAME.gain, or the folder it was unpacked to.")],
    image: Annotated[Path, typer.Argument(help="The image to explain.")],
    out: Annotated[Path | None, typer.Option(help="PNG to draw it into.")] = None,
    lang: Annotated[str, typer.Option(help="en or ko.")] = "en",
) -> None:
    """Say why one image is OK, NG or REVIEW: where the evidence is, and what repairing it does."""
    from gainspect.data.decode import read_image
    from gainspect.inspection.inspector import Inspector
    from gainspect.inspection.reason.check import plan
    from gainspect.policy import ReasonPolicy
    from gainspect.report.drawing.explanation import can_draw, draw_explanation, explanation
    from gainspect.report.texts import Wording

    wording = Wording(lang)
    pixels = read_image(image)
    inspector = Inspector.load(bundle)
    assert inspector.bundle is not None and inspector.region_threshold is not None
    inspector.reason = reason = inspector.reason or ReasonPolicy()
    verdict = inspector.inspect(pixels)
    console.print(explanation(verdict, wording), highlight=False)
    if out is None:
        return
    if not can_draw(lang):
        errors.print("No font with these letters is installed: the picture is in English.")
        wording = Wording("en")
    trial = plan(pixels, verdict.evidence.evidence, inspector.region_threshold, reason.controls, reason.seed)
    scale = inspector.bundle.description.policy.heat_scale()
    draw_explanation(pixels, verdict, trial, scale, wording, out)
    console.print(f"Saved: {out}")

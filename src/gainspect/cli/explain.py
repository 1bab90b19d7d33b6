"""`gainspect explain`."""

from pathlib import Path
from typing import Annotated

import typer

from gainspect.cli.console import console, errors


def explain(
    bundle: Annotated[Path, typer.Argument(help="NAME.gain, or the folder it was unpacked to.")],
    image: Annotated[Path, typer.Argument(help="The image to explain.")],
    out: Annotated[Path | None, typer.Option(help="PNG file for a picture of the explanation.")] = None,
    lang: Annotated[str, typer.Option(help="Language: en or ko.")] = "en",
    bits: Annotated[
        int | None, typer.Option(min=8, max=16, help="Bits that a 16-bit image uses; see `inspect`.")
    ] = None,
) -> None:
    """Explain why one image is OK, NG or REVIEW: where the evidence is, and what repairing it changes."""
    from gainspect.jobs.explain_image import explain_image

    explained = explain_image(bundle, image, out=out, language=lang, bits=bits)
    console.print(explained.text, highlight=False)
    if explained.unlettered is not None:
        errors.print(explained.unlettered, highlight=False)
    if out is not None:
        console.print(f"Saved: {out}", soft_wrap=True)

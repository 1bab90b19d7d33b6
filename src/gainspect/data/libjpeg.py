"""What libjpeg warns of: OpenCV tells nothing of it, and gives grey or noise in its place."""

from pathlib import Path

import simplejpeg

from gainspect.errors import GainspectError


def refuse_what_libjpeg_warns_of(content: bytes, where: str | Path) -> None:
    """Refuse a JPEG whose data end early or are corrupt.

    Raises:
        GainspectError: with the warning.
    """
    try:
        simplejpeg.decode_jpeg(content, colorspace="GRAY", strict=True)
    except ValueError as error:
        raise GainspectError(
            f"the JPEG is damaged ({error})",
            where=where,
            hint="Copy it again, or save it again at its source.",
        ) from error

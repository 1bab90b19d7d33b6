"""Stored pictures as a browser shows them: decoded as for the inspection, never the file as it came."""

import hashlib
import io
import threading
from typing import NamedTuple

import cv2

from gainspect.data.decode import image_samples, rgb8_of
from gainspect.data.depth import Depth, DepthFinder
from gainspect.data.image_header import image_size, require_within
from gainspect.data.orientation import orientation_of, turns_sideways
from gainspect.ledger import Ledger
from gainspect.ledger.pictures import PictureStore
from gainspect.ledger.records.decision import Decision
from gainspect.report.drawing.heat import resized
from gainspect.serve.problems import Problem

_LOSSLESS_PIXELS = 4_000_000
"""Larger pictures are sent as JPEG: a lossless one would take seconds."""
_AT_ONCE = threading.BoundedSemaphore(2)
"""Pictures that are decoded at once: each takes memory."""

_SIZES: dict[str, tuple[int, int]] = {}
"""Width and height by SHA-256 of the file: what has this hash has this size, wherever it is."""
_MOST_SIZES = 10_000


class Shown(NamedTuple):
    """A picture for a browser."""

    content: bytes
    media_type: str


def stored_picture(ledger: Ledger, decision: Decision, place: int) -> bytes:
    """The file of an image of a part, with the hash that was recorded.

    Args:
        ledger: whose pictures have it.
        decision: on the part.
        place: of the image, from 0 on.

    Raises:
        Problem: it was not kept, was removed, or is not what was recorded.
    """
    image = decision.images[place]
    if image.sha256 is None or not image.stored or ledger.pictures is None:
        raise Problem(404, "picture_not_kept", "the picture was not kept", "Only its hash was recorded.")
    content = ledger.pictures.read(image.sha256)
    if content is None:
        raise Problem(410, "picture_gone", "the picture is not there any more", "A rule may have removed it.")
    if hashlib.sha256(content).hexdigest() != image.sha256:
        raise Problem(
            409, "picture_changed", "the stored picture is not the one that was judged", "Verify the ledger."
        )
    return content


def shown(content: bytes, decision: Decision, max_mpx: float, side: int | None) -> Shown:
    """A picture decoded as for the inspection, and encoded for a browser.

    Args:
        content: the file.
        decision: on its part, which says how many bits 16-bit files use.
        max_mpx: largest picture that is decoded.
        side: longer side in pixels; None: as it is.

    Raises:
        GainspectError: it cannot be decoded.
    """
    with _AT_ONCE:
        require_within(content, max_mpx, where="the picture")
        samples = image_samples(content, "the picture")
        bits = decision.made_with.bits
        finder = DepthFinder(bits)
        finder.add(samples, "the picture")
        pixels = rgb8_of(samples, finder.depth if bits is None else Depth(bits), "the picture")
        if side is not None and side < max(pixels.shape[:2]):
            pixels = resized(pixels, side / max(pixels.shape[:2]))
        small = side is not None or pixels.shape[0] * pixels.shape[1] > _LOSSLESS_PIXELS
        kind, options = (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 92]) if small else (".png", [])
        encoded = cv2.imencode(kind, pixels[:, :, ::-1], options)[1]
    return Shown(bytes(encoded), "image/jpeg" if small else "image/png")


def size_of_picture(store: PictureStore | None, sha256: str | None) -> tuple[int, int] | None:
    """Width and height of a stored picture, upright; None: it is not there, or says no size."""
    if store is None or sha256 is None:
        return None
    known = _SIZES.get(sha256)
    if known is None and (known := _size(store.read(sha256))) is not None:
        if len(_SIZES) >= _MOST_SIZES:
            _SIZES.clear()
        _SIZES[sha256] = known
    return known


def _size(content: bytes | None) -> tuple[int, int] | None:
    size = None if content is None else image_size(io.BytesIO(content))
    if size is None or content is None:
        return None
    return size[::-1] if turns_sideways(orientation_of(content)) else size

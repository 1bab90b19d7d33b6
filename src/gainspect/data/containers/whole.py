"""A file of any format: whether it is whole, and one image; and its EXIF block."""

from gainspect.data.containers import bmp, gif, jpeg, png, webp
from gainspect.data.containers.fault import Fault
from gainspect.data.containers.kinds import BMP, GIF, JPEG, PNG, READ, TIFF, WEBP, kind_of

_FAULTS = {PNG: png.fault, JPEG: jpeg.fault, BMP: bmp.fault, WEBP: webp.fault, GIF: gif.fault}
_EXIF = {PNG: png.exif, JPEG: jpeg.exif, WEBP: webp.exif}
_SAVE_AS = "PNG, JPEG, BMP, TIFF and WebP with 8 or 16 bits per channel can be read."


def fault_of(content: bytes) -> Fault | None:
    """Why a file is not decoded; None: nothing is wrong around its pixels.

    TIFF and PNM are looked at by their readers.
    """
    if not content:
        return Fault("the file is empty (0 bytes)", "Export it again.")
    kind = kind_of(content)
    if kind is None:
        return Fault("this is not an image that can be read, or it is damaged", _SAVE_AS)
    if kind not in READ:
        article = "an" if kind[0] in "AEIO" or kind.startswith(("MP4", "MNG")) else "a"
        return Fault(f"this is {article} {kind} file, which is not read", _SAVE_AS)
    return _FAULTS[kind](content) if kind in _FAULTS else None


def exif_of(content: bytes) -> bytes:
    """The EXIF block of a PNG, JPEG or WebP, which is laid out as a TIFF; a TIFF as it is; else empty."""
    kind = kind_of(content)
    if kind == TIFF:
        return content
    return _EXIF[kind](content) if kind in _EXIF else b""

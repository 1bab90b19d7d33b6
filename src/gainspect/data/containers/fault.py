"""What is wrong with a file, as a sentence and the way out."""

import re
from typing import NamedTuple

COPY_AGAIN = "Copy it again."
_LONGEST_TRAILER = 2**16
"""Bytes behind an image that are no padding: more may be anything, such as raw values of a sensor."""
_PADDING = b"\0\t\n\r\x1a \xff"
_SIGNATURES = {
    "PNG": rb"\x89PNG\r\n\x1a\n",
    "JPEG": rb"\xff\xd8\xff[\xc0-\xfe]",
    "BMP": rb"BM.{12}[\x0c\x10\x28\x34\x38\x40\x6c\x7c]\0\0\0",
    "WebP": rb"RIFF.{4}WEBP",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "GIF": rb"GIF8[79]a",
    "PNM": rb"P[1-6]\s+(?:#[^\n]*\s+)*\d{1,6}\s+\d{1,6}\s|P7\s+WIDTH",
    "JPEG 2000": rb"\0\0\0\x0cjP  \r\n|\xff\x4f\xff\x51\0",
    "HEIF or a video": rb"\0\0..ftyp[0-9A-Za-z]",
}
_ANY = re.compile(b"|".join(b"(%s)" % pattern for pattern in _SIGNATURES.values()), re.DOTALL)


class Fault(NamedTuple):
    """Why a file is not read."""

    what: str
    hint: str = COPY_AGAIN


CUT_OFF = Fault("the file is cut off (its end is missing)")


def several(count: int, more: str = "") -> Fault:
    """The fault of a file with so many images."""
    return Fault(
        f"the file holds {count} images{more}", "Save each image as a file of its own: each is judged alone."
    )


def fault_behind(rest: bytes, images: int = 1) -> Fault | None:
    """What is wrong with the bytes behind the end of a file's image: another image, or too much of anything.

    Cameras and programs append zeros, line ends and short notes: these are no fault.
    """
    if not rest.strip(_PADDING):
        return None
    if (kind := signature_in(rest)) is not None:
        return several(images + 1, f" (behind the first there is a {kind})")
    if (length := len(rest.strip(_PADDING))) > _LONGEST_TRAILER:
        return Fault(
            f"{length:,} bytes lie behind the image, which may be anything",
            "Save the image again, alone in its file.",
        )
    return None


def signature_in(rest: bytes) -> str | None:
    """The kind of the first image that begins somewhere in some bytes; None: none does."""
    found = _ANY.search(rest)
    return list(_SIGNATURES)[(found.lastindex or 1) - 1] if found else None

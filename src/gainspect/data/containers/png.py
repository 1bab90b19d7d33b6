"""PNG: its chunks, its end, and the frames of an animation."""

from collections.abc import Iterator
from typing import NamedTuple

from gainspect.data.containers.fault import CUT_OFF, Fault, fault_behind, several

_BEGIN = b"\x89PNG\r\n\x1a\n"


class Chunk(NamedTuple):
    """One chunk."""

    kind: bytes
    body: bytes
    end: int
    """Where the next one begins, behind the checksum."""


def fault(content: bytes) -> Fault | None:
    """Why a PNG is not whole, or not one image; damage within its chunks is left to libpng."""
    found = list(chunks(content))
    if not found or found[-1].kind != b"IEND" or found[-1].end > len(content):
        return CUT_OFF
    if (frames := images(found)) > 1:
        return several(frames)
    return fault_behind(content[found[-1].end :])


def chunks(content: bytes) -> Iterator[Chunk]:
    """Each chunk up to the end mark."""
    place, kind = len(_BEGIN), b""
    while place + 8 <= len(content) and kind != b"IEND":
        length, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        yield Chunk(kind, content[place + 8 : place + 8 + length], place + 12 + length)
        place += 12 + length


def images(found: list[Chunk]) -> int:
    """Frames of an APNG, by its chunks acTL and fcTL; an IDAT before the first of them is a picture besides.

    Source: PNG (third edition), 11.3.6.
    """
    kinds = [chunk.kind for chunk in found]
    stated = [int.from_bytes(chunk.body[:4], "big") for chunk in found if chunk.kind == b"acTL"]
    listed = max([*stated, kinds.count(b"fcTL"), int(b"fdAT" in kinds)], default=0)
    if not listed:
        return 1
    before = kinds[: kinds.index(b"IDAT")] if b"IDAT" in kinds else kinds
    return max(listed, 1 + (b"fdAT" in kinds)) if b"fcTL" in before else listed + 1


def exif(content: bytes) -> bytes:
    """Its EXIF block, or nothing."""
    return next((chunk.body for chunk in chunks(content) if chunk.kind == b"eXIf"), b"")

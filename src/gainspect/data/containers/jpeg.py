"""JPEG: its segments and scans, and whether these give all that its frame promises.

Source: ITU-T T.81, annexes B (markers) and G (progressive scans).
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from gainspect.data.containers.exif import entries
from gainspect.data.containers.fault import CUT_OFF, Fault, fault_behind, several

_MARKER = re.compile(rb"\xff([^\x00\x01\xd0-\xd7\xff])")
"""Not among them: stuffing, fill bytes, and the restart marks of a scan."""
_SOI, _EOI, _SOS, _DNL, _DHP, _EXP, _APP1, _APP2 = 0xD8, 0xD9, 0xDA, 0xDC, 0xDE, 0xDF, 0xE1, 0xE2
_FRAMES = {0xC0: "sequential", 0xC1: "sequential", 0xC2: "progressive"}
"""Frames that are read: Huffman coding, baseline, extended or progressive."""
_OTHER_FRAMES = {
    0xC3: "lossless coding",
    0xC5: "a hierarchy of frames",
    0xC6: "a hierarchy of frames",
    0xC7: "a hierarchy of frames",
    0xC9: "arithmetic coding",
    0xCA: "arithmetic coding",
    0xCB: "lossless coding",
    0xCD: "a hierarchy of frames",
    0xCE: "a hierarchy of frames",
    0xCF: "a hierarchy of frames",
    _DHP: "a hierarchy of frames",
    _EXP: "a hierarchy of frames",
    0xF7: "JPEG-LS coding",
}
_AGAIN = "Save it as baseline JPEG or PNG."


class Segment(NamedTuple):
    """A marker, and what it begins."""

    marker: int
    body: bytes
    end: int


class Frame(NamedTuple):
    """What a frame header promises."""

    progressive: bool
    bits: int
    height: int
    width: int
    components: tuple[int, ...]


def fault(content: bytes) -> Fault | None:
    """Why a JPEG is not whole, not one image, or of a kind that is not read.

    Damage within the coded data is left to libjpeg, whose warnings count.
    """
    found = list(segments(content))
    if all(segment.marker != _SOS for segment in found):
        return Fault("the JPEG is damaged or cut off: its header leads to no image")
    unread = [_OTHER_FRAMES[segment.marker] for segment in found if segment.marker in _OTHER_FRAMES]
    if unread:
        return Fault(f"a JPEG with {unread[0]} is not read", _AGAIN)
    if found[-1].marker != _EOI:
        return CUT_OFF
    if (wrong := _fault_of_frame(found)) is not None:
        return wrong
    listed = images_listed(found)
    return several(listed) if listed > 1 else fault_behind(content[found[-1].end :])


def segments(content: bytes) -> Iterator[Segment]:
    """Each segment up to the end mark, the coded data of scans left out.

    It ends early where the file does, or where a length is damaged.
    """
    place = 2
    while (found := _MARKER.search(content, place)) is not None:
        marker, place = found[1][0], found.end()
        if marker in (_SOI, _EOI):
            yield Segment(marker, b"", place)
            if marker == _EOI:
                return
            continue
        length = int.from_bytes(content[place : place + 2], "big")
        if length < 2 or place + length > len(content):
            return
        yield Segment(marker, content[place + 2 : place + length], place + length)
        place += length


def frame_of(content: bytes) -> Frame | None:
    """The first frame header; None: there is none, or it is damaged."""
    return next((_frame(segment) for segment in segments(content) if segment.marker in _FRAMES), None)


def images_listed(found: list[Segment]) -> int:
    """How many images the index of a multi-picture file lists (CIPA DC-007, tag 0xB001); 1 without one."""
    for segment in _header(found):
        if segment.marker == _APP2 and segment.body.startswith(b"MPF\0"):
            return max(1, next((value for tag, value in entries(segment.body[4:]) if tag == 0xB001), 1))
    return 1


def exif(content: bytes) -> bytes:
    """Its EXIF block, or nothing."""
    marked = (segment.body for segment in _header(segments(content)) if segment.marker == _APP1)
    return next((body[6:] for body in marked if body.startswith(b"Exif\0\0")), b"")


def _header(found: Iterator[Segment] | list[Segment]) -> Iterator[Segment]:
    """The segments before the first scan."""
    for segment in found:
        if segment.marker in (_SOS, _EOI):
            return
        yield segment


def _frame(segment: Segment) -> Frame | None:
    body = segment.body
    if len(body) < 6 or len(body) != 6 + 3 * body[5]:
        return None
    height, width = (int.from_bytes(body[at : at + 2], "big") for at in (1, 3))
    return Frame(_FRAMES[segment.marker] == "progressive", body[0], height, width, tuple(body[6::3]))


def _fault_of_frame(found: list[Segment]) -> Fault | None:
    """A frame that is none, of another depth or height, or not given in full by its scans."""
    damaged = Fault("the JPEG is damaged: its markers contradict each other")
    headers = [segment for segment in found if segment.marker in _FRAMES]
    frame = _frame(headers[0]) if len(headers) == 1 else None
    if frame is None or any(segment.marker == _SOI for segment in found):
        return damaged
    if frame.bits != 8:
        return Fault(f"a JPEG with {frame.bits} bits per sample is not read", _AGAIN)
    heights = {int.from_bytes(segment.body, "big") for segment in found if segment.marker == _DNL}
    scans = [_scan(segment.body) for segment in found if segment.marker == _SOS]
    if heights - {frame.height} or any(scan is None for scan in scans):
        return damaged
    return _missing(frame, [scan for scan in scans if scan is not None])


class _Scan(NamedTuple):
    components: frozenset[int]
    first: int
    """The first coefficient of its band (0: the mean of a block)."""
    last: int
    low: int
    """The lowest bit of the coefficients that it gives."""


def _scan(body: bytes) -> _Scan | None:
    count = body[0] if body else 0
    if not count or len(body) != 4 + 2 * count:
        return None
    first, last, bits = body[-3:]
    return _Scan(frozenset(body[1 : 1 + 2 * count : 2]), first, last, bits & 15)


def _missing(frame: Frame, scans: list[_Scan]) -> Fault | None:
    """A component without a scan, or coefficients whose lowest bits no scan gives.

    A decoder takes what is missing for zeros and warns of nothing: a progressive JPEG that was cut between
    two scans, and closed, is a blurred image.
    """
    for component in frame.components:
        own = [scan for scan in scans if component in scan.components]
        if not frame.progressive:
            if len(own) > 1:
                return Fault("the JPEG is damaged: it gives a part of its image twice")
            whole = bool(own)
        else:
            given = {at: scan.low for scan in own for at in range(scan.first, min(scan.last, 63) + 1)}
            whole = len(given) == 64 and not any(given.values())
        if not whole:
            return Fault(
                "the file is cut off, or was saved without its last scans (a part of its detail is missing)",
                "Copy it again, or save it again with all its detail.",
            )
    return None

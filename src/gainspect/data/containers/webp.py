"""WebP: the chunks of its RIFF container."""

from collections.abc import Iterator

from gainspect.data.containers.fault import COPY_AGAIN, Fault, several, signature_in

_KNOWN = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF", b"XMP ")


def fault(content: bytes) -> Fault | None:
    """Why a WebP is not whole, or not one image. It has no checksum; its length must be the one it states."""
    if len(content) - 8 != int.from_bytes(content[4:8], "little"):
        return Fault("the file is damaged: its length differs from the one in its header", COPY_AGAIN)
    found = list(chunks(content))
    frames = [body for kind, body in found if kind == b"ANMF"]
    stills = sum(kind in (b"VP8 ", b"VP8L") for kind, _ in found)
    if (count := max(len(frames), stills) + bool(frames and stills)) > 1:
        return several(count)
    if (hidden := next(filter(None, map(_hidden, found)), None)) is not None:
        return several(2, f" (among its chunks there is a {hidden})")
    if frames and not _covers(frames[0], found[0][1]):
        return Fault("the one frame of the animation covers a part of it", "Save it as a still image.")
    return None


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each chunk."""
    place = 12
    while place + 8 <= len(content):
        length = int.from_bytes(content[place + 4 : place + 8], "little")
        yield content[place : place + 4], content[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def exif(content: bytes) -> bytes:
    """Its EXIF block, or nothing."""
    return next((body.removeprefix(b"Exif\0\0") for kind, body in chunks(content) if kind == b"EXIF"), b"")


def _hidden(chunk: tuple[bytes, bytes]) -> str | None:
    """The kind of an image in a chunk that decoders skip; the chunk may itself be a RIFF."""
    kind, body = chunk
    return None if kind in _KNOWN else signature_in(kind + bytes(4) + body)


def _covers(frame: bytes, canvas: bytes) -> bool:
    """Whether a frame (place, then size) is as large as the animation (flags, then size)."""
    return frame[:6] == bytes(6) and frame[6:12] == canvas[4:10]

"""What surrounds the pixels of a file: whether it is whole, and how many images it holds. Bytes only."""

from collections.abc import Iterator

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_END_OF_JPEG = b"\xff\xd9"


def images_in(content: bytes) -> int:
    """How many images a PNG, JPEG, WebP or GIF holds: frames of an animation, or one file behind another.

    Other files, and what is damaged, count as one: the decoder says what is wrong with them.
    """
    if content.startswith(_PNG):
        return _images_in_png(content)
    if content.startswith(_JPEG):
        return _images_in_jpeg(content)
    if is_webp(content):
        return sum(kind == b"ANMF" for kind, _ in _riff_chunks(content)) or 1
    if content[:6] in (b"GIF87a", b"GIF89a"):
        return _images_in_gif(content)
    return 1


def is_cut_off(content: bytes) -> bool:
    """Whether a PNG, or a JPEG past its header, lacks its end mark (which need not come last in the file)."""
    if content.startswith(_PNG[:4]):
        return b"IEND" not in content
    if not content.startswith(_JPEG):
        return False
    # A header that leads past the end is damaged, and the decoder says so.
    scan = _scan_of_jpeg(content)
    return scan < len(content) and content.find(_END_OF_JPEG, scan) < 0


def has_another_length(content: bytes) -> bool:
    """Whether a WebP, which has no checksum, is longer or shorter than its header says."""
    return is_webp(content) and len(content) - 8 != int.from_bytes(content[4:8], "little")


def is_jpeg(content: bytes) -> bool:
    """Whether a file begins as JPEG does."""
    return content.startswith(_JPEG)


def is_webp(content: bytes) -> bool:
    """Whether a file begins as WebP does."""
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def exif_of(content: bytes) -> bytes:
    """The EXIF block of a PNG, JPEG or WebP, which is laid out as a TIFF; a TIFF as it is; else empty."""
    if content[:4] in (b"II*\0", b"MM\0*"):
        return content
    if content.startswith(_PNG):
        blocks = (body for kind, body in _png_chunks(content) if kind == b"eXIf")
    elif content.startswith(_JPEG):
        marked = (
            segment for segment in _segments_of_jpeg(content) if segment.startswith(b"\xff\xe1Exif\0\0")
        )
        blocks = (segment[8:] for segment in marked)
    elif is_webp(content):
        chunks = _riff_chunks(content)
        blocks = (body.removeprefix(b"Exif\0\0") for kind, body in chunks if kind == b"EXIF")
    else:
        return b""
    return next(blocks, b"")


def tiff_entries(table: bytes) -> Iterator[tuple[int, int]]:
    """Tag and value of each entry of a TIFF's first directory, values as if they were single numbers."""

    def number(place: int, size: int) -> int:
        return int.from_bytes(table[place : place + size], "little" if table[:2] == b"II" else "big")

    directory = number(4, 4)
    for entry in range(number(directory, 2) if table[:2] in (b"II", b"MM") else 0):
        place = directory + 2 + 12 * entry
        short = number(place + 2, 2) == 3
        yield number(place, 2), number(place + 8, 2 if short else 4)


def _images_in_png(content: bytes) -> int:
    """Frames of an APNG by its chunk acTL, and PNGs that follow its end."""
    frames, end = 1, len(_PNG)
    for kind, body in _png_chunks(content):
        if kind == b"acTL":
            frames = max(1, int.from_bytes(body[:4], "big"))
        end += 12 + len(body)
    return frames + _following(content[end:])


def _png_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and body of each chunk up to the end mark."""
    place, kind = len(_PNG), b""
    while place + 8 <= len(content) and kind != b"IEND":
        length, kind = int.from_bytes(content[place : place + 4], "big"), content[place + 4 : place + 8]
        yield kind, content[place + 8 : place + 8 + length]
        place += 12 + length


def _images_in_jpeg(content: bytes) -> int:
    """By the index of a multi-picture file (MPO), and JPEGs that follow its end."""
    scan = _scan_of_jpeg(content)
    end = content.find(_END_OF_JPEG, scan)
    # Progressive files have several scans; thumbnails lie in the header, before the first.
    listed = next((number for number in map(_pictures_of_index, _segments_of_jpeg(content)) if number), 1)
    return max(listed, 1 + (_following(content[end + 2 :]) if end >= 0 else 0))


def _following(rest: bytes) -> int:
    """Images that follow the end of one, whatever zeros lie between."""
    return int(rest.lstrip(b"\0").startswith((_PNG, _JPEG)))


def _segments_of_jpeg(content: bytes) -> Iterator[bytes]:
    """Marker (2 bytes) and body of each segment before the first scan."""
    place = 2
    while content[place : place + 1] == b"\xff" and content[place + 1 : place + 2] != b"\xda":
        length = int.from_bytes(content[place + 2 : place + 4], "big")
        if length < 2:
            return
        yield content[place : place + 2] + content[place + 4 : place + 2 + length]
        place += 2 + length


def _scan_of_jpeg(content: bytes) -> int:
    """Where its first scan begins, or past the end where the header is damaged."""
    return 2 + sum(len(segment) + 2 for segment in _segments_of_jpeg(content))


def _pictures_of_index(segment: bytes) -> int:
    """Number of images that an MP index lists (CIPA DC-007, tag 0xB001); 0 if this is none."""
    if not segment.startswith(b"\xff\xe2MPF\0"):
        return 0
    return next((value for tag, value in tiff_entries(segment[6:]) if tag == 0xB001), 0)


def _riff_chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each chunk of a WebP."""
    place = 12
    while place + 8 <= len(content):
        length = int.from_bytes(content[place + 4 : place + 8], "little")
        yield content[place : place + 4], content[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _images_in_gif(content: bytes) -> int:
    """Its image descriptors (GIF89a, appendix A)."""
    count = 0
    flags = content[10] if len(content) > 10 else 0
    place = 13 + (3 << ((flags & 7) + 1) if flags & 0x80 else 0)
    while place < len(content):
        kind = content[place]
        if kind == 0x2C:
            count += 1
            local = content[place + 9] if place + 9 < len(content) else 0
            place += 10 + (3 << ((local & 7) + 1) if local & 0x80 else 0) + 1
        elif kind == 0x21:
            place += 2
        else:
            break
        while place < len(content) and content[place]:
            place += 1 + content[place]
        place += 1
    return max(1, count)

"""GIF: its blocks, and whether its one frame fills its screen."""

from collections.abc import Iterator

from gainspect.data.containers.fault import CUT_OFF, Fault, fault_behind, several

_IMAGE, _EXTENSION, _TRAILER = 0x2C, 0x21, 0x3B


def fault(content: bytes) -> Fault | None:
    """Why a GIF is not whole, or not one image over all of its screen."""
    found = list(blocks(content))
    frames = [content[place + 1 : place + 9] for kind, place in found if kind == _IMAGE]
    if len(frames) > 1:
        return several(len(frames))
    if not found or found[-1][0] != _TRAILER:
        return CUT_OFF
    if not frames:
        return Fault("the GIF holds no image", "Export it again.")
    if frames[0] != bytes(4) + content[6:10]:
        return Fault("the frame of the GIF covers a part of its screen", "Save it as PNG.")
    return fault_behind(content[found[-1][1] + 1 :])


def blocks(content: bytes) -> Iterator[tuple[int, int]]:
    """Kind and place of each block up to the trailer (GIF89a, appendix A)."""
    flags = content[10] if len(content) > 10 else 0
    place = 13 + _colors(flags)
    while place < len(content):
        kind = content[place]
        if kind == _IMAGE:
            local = content[place + 9] if place + 9 < len(content) else 0
            behind = place + 10 + _colors(local) + 1
        elif kind == _EXTENSION:
            behind = place + 2
        else:
            if kind == _TRAILER:
                yield kind, place
            return
        while behind < len(content) and content[behind]:
            behind += 1 + content[behind]
        if behind >= len(content):
            return  # the block does not end
        yield kind, place
        place = behind + 1


def _colors(flags: int) -> int:
    """Bytes of a color table."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0

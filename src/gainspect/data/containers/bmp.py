"""BMP: its header, where its pixels end, and which bits of a pixel are red, green and blue."""

from typing import NamedTuple

from gainspect.data.containers.fault import CUT_OFF, Fault, fault_behind

_CORE = 12
"""Size of the header of OS/2 1; that of Windows has 40 bytes and more."""
_HEADERS = (_CORE, 40, 52, 56, 108, 124)
_PLAIN, _RLE8, _RLE4, _MASKS, _MASKS_WITH_ALPHA = 0, 1, 2, 3, 6
_BITS = {
    _PLAIN: (1, 4, 8, 16, 24, 32),
    _RLE8: (8,),
    _RLE4: (4,),
    _MASKS: (16, 32),
    _MASKS_WITH_ALPHA: (16, 32),
}
"""Bits of a pixel, by compression."""
BGR = (0xFF0000, 0xFF00, 0xFF)
"""The usual masks of 32 bits, for red, green and blue."""
_MASKS_OF_16 = ((0xF800, 0x7E0, 0x1F), (0x7C00, 0x3E0, 0x1F))
_BYTES = tuple(0xFF << shift for shift in (0, 8, 16, 24))


class Layout(NamedTuple):
    """What a header says."""

    header: int
    offset: int
    """Where the pixels begin."""
    width: int
    height: int
    downward: bool
    """Whether the first row is the upper one."""
    bits: int
    compression: int
    masks: tuple[int, int, int]
    """Of red, green and blue; BGR where the header gives none."""
    alpha: int
    """The mask of alpha; 0: there is none."""
    profile: int
    """Where a color profile ends; 0: there is none."""

    @property
    def row(self) -> int:
        """Bytes of a row of uncompressed pixels."""
        return (self.width * self.bits + 31) // 32 * 4


def layout(content: bytes) -> Layout | None:
    """What the header says; None: it is cut off, or none that is known."""

    def number(place: int, size: int = 4, *, signed: bool = False) -> int:
        return int.from_bytes(content[place : place + size], "little", signed=signed)

    header = number(14)
    if header not in _HEADERS or len(content) < 14 + header:
        return None
    if header == _CORE:
        width, height, bits, compression = number(18, 2), number(20, 2), number(24, 2), _PLAIN
    else:
        width, height = number(18, signed=True), number(22, signed=True)
        bits, compression = number(28, 2), number(30)
    masked = compression in (_MASKS, _MASKS_WITH_ALPHA)
    with_alpha = masked and (header >= 56 or compression == _MASKS_WITH_ALPHA)
    return Layout(
        header,
        number(10),
        width,
        abs(height),
        height < 0,
        bits,
        compression,
        (number(54), number(58), number(62)) if masked else BGR,
        number(66) if with_alpha else 0,
        14 + number(126) + number(130) if header == 124 and number(126) else 0,
    )


def fault(content: bytes) -> Fault | None:
    """Why a BMP is not whole, not one image, or of a kind that is not read."""
    found = layout(content)
    if found is None or found.width <= 0 or not found.height or found.offset < 14 + found.header:
        return Fault("the header of the BMP is damaged, or of a kind that is not read", "Export it again.")
    if found.bits not in _BITS.get(found.compression, ()):
        return Fault(
            f"a BMP with {found.bits} bits per pixel and compression {found.compression} is not read",
            "Save it uncompressed.",
        )
    if not _known_masks(found):
        shown = ", ".join(f"{mask:x}" for mask in found.masks)
        return Fault(f"a BMP whose colors have the bits {shown} is not read", "Save it with 24 bits.")
    end: int | Fault = found.offset + found.row * found.height
    if found.compression in (_RLE8, _RLE4):
        end = _end_of_runs(content, found)
    if isinstance(end, Fault):
        return end
    return CUT_OFF if end > len(content) else fault_behind(content[max(end, found.profile) :])


def _known_masks(found: Layout) -> bool:
    if found.compression not in (_MASKS, _MASKS_WITH_ALPHA):
        return True
    if found.bits == 16:
        return found.masks in _MASKS_OF_16
    used = [*found.masks, *([found.alpha] if found.alpha else [])]
    return len(set(used)) == len(used) and all(mask in _BYTES for mask in used)


def _end_of_runs(content: bytes, found: Layout) -> int | Fault:
    """Where run-length coded pixels end, if they give each pixel of each row.

    They may leave pixels out, by jumps and early ends: nothing says what is there then.
    """
    partial = Fault("the BMP leaves out some of its pixels, or is cut off", "Save it uncompressed.")
    place, column, row = found.offset, 0, 0
    while place + 2 <= len(content):
        count, value = content[place], content[place + 1]
        place += 2
        if count:
            column += count
        elif value > 2:  # so many pixels as they are, padded to 16 bits
            column += value
            place += ((value * found.bits + 7) // 8 + 1) // 2 * 2
        elif value == 2 or (column != found.width and not (value == 1 and not column)):
            return partial
        elif value == 1:
            return place if row + bool(column) == found.height else partial
        else:
            column, row = 0, row + 1
    return CUT_OFF

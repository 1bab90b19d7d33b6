"""The tables of a TIFF and BigTIFF, which are those of an EXIF block as well."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

_SIZES = {
    1: 1,
    2: 1,
    3: 2,
    4: 4,
    5: 8,
    6: 1,
    7: 1,
    8: 2,
    9: 4,
    10: 8,
    11: 4,
    12: 8,
    13: 4,
    16: 8,
    17: 8,
    18: 8,
}
"""Bytes of a value, by the type of its field."""
_TABLES = (0x8769, 0x8825, 0xA005)
"""Tags that lead to further tables: EXIF, GPS, interoperability."""
_MOST_FIELDS = 4096


def entries(block: bytes) -> Iterator[tuple[int, int]]:
    """Tag and value of each entry of the first table, values as if they were single numbers."""
    layout = _Layout.of(block)
    if layout is not None:
        for field in layout.fields(layout.first):
            yield field.tag, field.value


def end_of_tables(content: bytes) -> int:
    """Where what the first table, and those that it leads to, name as their own ends; pixels aside."""
    layout = _Layout.of(content)
    places, seen, end = [layout.first] if layout else [], set[int](), 0
    while layout and places:
        place = places.pop()
        if place in seen:
            continue
        seen.add(place)
        fields = list(layout.fields(place))
        end = max([end, layout.end(place, len(fields)), *(field.end for field in fields)])
        places += [field.value for field in fields if field.tag in _TABLES]
    return end


class _Field(NamedTuple):
    tag: int
    value: int
    """As if it were one number."""
    end: int
    """Where its values end, wherever they lie."""


class _Layout(NamedTuple):
    """How numbers and tables are laid out: TIFF or BigTIFF, in either byte order."""

    content: bytes
    order: Literal["little", "big"]
    large: bool

    @classmethod
    def of(cls, block: bytes) -> "_Layout | None":
        if block[:2] not in (b"II", b"MM"):
            return None
        order: Literal["little", "big"] = "little" if block[:2] == b"II" else "big"
        return cls(block, order, int.from_bytes(block[2:4], order) == 43)

    def number(self, place: int, size: int) -> int:
        return int.from_bytes(self.content[place : place + size], self.order)

    @property
    def first(self) -> int:
        return self.number(8, 8) if self.large else self.number(4, 4)

    def fields(self, place: int) -> Iterator[_Field]:
        """The entries of the table at a place."""
        head, size, inline = (8, 20, 8) if self.large else (2, 12, 4)
        for index in range(min(self.number(place, head), _MOST_FIELDS)):
            at = place + head + size * index
            kind, count = self.number(at + 2, 2), self.number(at + 4, inline)
            length, value = _SIZES.get(kind, 1) * count, at + 4 + inline
            single = self.number(value, 2 if kind == 3 else min(inline, max(4, _SIZES.get(kind, 4))))
            start = value if length <= inline else self.number(value, inline)
            yield _Field(self.number(at, 2), single, start + length)

    def end(self, place: int, fields: int) -> int:
        """Where a table ends, with the pointer to the next one."""
        return place + (8 + 20 * fields + 8 if self.large else 2 + 12 * fields + 4)

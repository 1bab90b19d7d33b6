"""Masks whose values are classes, as in Pascal VOC: palette colors, or gray levels that number them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gainspect.data.decode import mask_samples
from gainspect.data.image_header import RAISE_BY_ENVIRONMENT, require_limit, require_within
from gainspect.data.importers.annotations import Pixels, Shape
from gainspect.data.importers.source import Source
from gainspect.errors import GainspectError
from gainspect.types import Mask

_IGNORED = "ignore"
"""The class of what VOC leaves open, value 255; its name says so to `classes`."""
_VOID = 255
_BACKGROUND = frozenset({"background", "_background_"})
_NO_CLASS = "__ignore__"
"""A line of LabelMe's label lists that has no value."""


def voc_color(number: int) -> int:
    """0xrrggbb of a class: its bits, three at a time, from the highest bit of each channel down.

    >>> [f"{voc_color(n):06x}" for n in (0, 1, 2, 3, 255)]
    ['000000', '800000', '008000', '808000', 'e0e0c0']

    Source: `VOClabelcolormap.m` of the development kit.
    """
    channels = [0, 0, 0]
    for place in range(8):
        for channel in range(3):
            channels[channel] |= (number >> (3 * place + channel) & 1) << (7 - place)
    red, green, blue = channels
    return red << 16 | green << 8 | blue


_NUMBERS = {voc_color(number): number for number in range(256)}


@dataclass
class ClassMasks:
    """Names of the classes in masks. At most one mask is in memory."""

    numbers: Mapping[int, str] = field(default_factory=dict)
    """By the number of the class."""
    colors: Mapping[int, str] = field(default_factory=dict)
    """By 0xrrggbb; none: the colors are those of VOC."""
    _last: tuple[Path, NDArray[np.int32], bool] | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """All names that are listed."""
        return tuple(dict.fromkeys((*self.numbers.values(), *self.colors.values())))

    def shapes(self, file: Path, place: str) -> tuple[tuple[int, int], list[Shape]]:
        """Height and width of a mask, and a shape for each class in it.

        Raises:
            GainspectError: the file cannot be read.
        """
        values, colored = self._read(file)
        found = np.unique(values).tolist()
        shapes = [
            Shape(name, Pixels(partial(self._of, file, value)), place)
            for value in found
            if (name := self._name(value, found, colored=colored)) is not None
        ]
        return (values.shape[0], values.shape[1]), shapes

    def _name(self, value: int, found: list[int], *, colored: bool) -> str | None:
        """The class that a value stands for; None: background."""
        if colored and self.colors:
            name = self.colors.get(value, f"color #{value:06x}")
            return None if name in _BACKGROUND or (value == 0 and value not in self.colors) else name
        number = _NUMBERS.get(value) if colored else value
        if number is None:
            return f"color #{value:06x}"
        # A mask of nothing but 0 and 255 may be one of a defect.
        if number == _VOID and number not in self.numbers and (colored or len(set(found) - {0}) > 1):
            return _IGNORED
        name = self.numbers.get(number, "background" if number == 0 else f"class {number}")
        return None if name in _BACKGROUND else name

    def _of(self, file: Path, value: int) -> Mask:
        values, _ = self._read(file)
        return np.asarray(values == value, np.uint8)

    def _read(self, file: Path) -> tuple[NDArray[np.int32], bool]:
        """(H, W) of 0xrrggbb, or of gray levels; and whether it is the former."""
        if self._last is None or self._last[0] != file:
            require_within(file, require_limit(), where=file, hint=RAISE_BY_ENVIRONMENT)
            try:
                content = file.read_bytes()
            except OSError as error:
                raise GainspectError(f"cannot read the mask ({error.strerror})", where=file) from error
            values = mask_samples(content, file).values.astype(np.int32)
            colored = values.ndim == 3 and values.shape[2] > 2
            if colored:
                if values.max() > 255:
                    raise GainspectError("the colors of the mask have 16 bits", where=file)
                values = values[:, :, 0] << 16 | values[:, :, 1] << 8 | values[:, :, 2]
            self._last = file, values.reshape((*values.shape[:2], -1))[:, :, 0], colored
        return self._last[1], self._last[2]


def class_masks_of(source: Source) -> ClassMasks:
    """What a folder says of the values: labelmap.txt (CVAT), or class_names.txt or labels.txt (LabelMe).

    Raises:
        GainspectError: labelmap.txt is damaged.
    """
    lists = {file.name.casefold(): file for file in reversed(source.with_suffix(".txt"))}
    if (labelmap := lists.get("labelmap.txt")) is not None:
        return _of_labelmap(labelmap, source)
    listing = lists.get("class_names.txt", lists.get("labels.txt"))
    if listing is None:
        return ClassMasks()
    lines = [line.strip() for line in source.text(listing).splitlines()]
    return ClassMasks(dict(enumerate(line for line in lines if line and line != _NO_CLASS)))


def _of_labelmap(file: Path, source: Source) -> ClassMasks:
    """Lines `name:red,green,blue:parts:actions`, or `name` with the color of its number."""
    numbers: dict[int, str] = {}
    colors: dict[int, str] = {}
    for place, line in enumerate(source.text(file).splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(":")
        channels = rest.partition(":")[0].split(",")
        if channels == [""]:
            color = voc_color(len(numbers))
        elif len(channels) == 3 and all(re.fullmatch(r"\s*\d{1,3}\s*", c) and int(c) < 256 for c in channels):
            color = int(channels[0]) << 16 | int(channels[1]) << 8 | int(channels[2])
        else:
            raise GainspectError(f"line {place} is not name:red,green,blue:parts:actions", where=file)
        colors[color] = name
        numbers[len(numbers)] = name
    return ClassMasks(numbers, colors)

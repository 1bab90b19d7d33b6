"""What the names of images may say of the items that they show: proposed to people, never assumed."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

ROBOFLOW = r"([^/]+)\.rf\."
"""Before it is the name of the picture that an export of Roboflow made its files of."""
_NUMBER = re.compile(r"(\d+)")
_FEWEST, _MOST = 1.25, 12.0
"""Images of an item, on average: less says nothing, more is a day or a camera."""


class Proposal(NamedTuple):
    """A regular expression that may find the items."""

    pattern: str
    items: int
    images: int
    examples: tuple[str, str]
    """Names of two images of one item."""

    def __str__(self) -> str:
        one, other = self.examples
        return (
            f"If {one} and {other} show one item, --group '{self.pattern}' keeps its images in one split: "
            f"it finds {self.items} items in {self.images} images."
        )


def proposed(names: Sequence[str]) -> Proposal | None:
    r"""A pattern that finds items with several images each in all of these names; None: none does.

    It looks for a number, or all up to a number, that some images of one folder share, behind a beginning
    that all names have alike. Of several the one with the most items counts.

    >>> proposed([f"view{view}_part_{part}.jpg" for part in range(1087, 1092) for view in "126"]).pattern
    'view\\d+_part_(\\d+)'
    """
    found = (_measured(pattern, names) for pattern in _patterns(names))
    return max((p for p in found if p is not None), key=lambda proposal: proposal.items, default=None)


def _patterns(names: Sequence[str]) -> Iterator[str]:
    if any(".rf." in name for name in names):
        yield ROBOFLOW
    pieces = [_NUMBER.split(PurePosixPath(name).stem) for name in names]
    shared, before = "", "(?:^|/)"
    for place in range(0, min(map(len, pieces), default=0) - 1, 2):
        texts = {piece[place] for piece in pieces}
        if len(texts) > 1:
            return
        text = re.escape(texts.pop())
        yield f"{shared}{text}" + r"(\d+)" if shared or text else rf"{before}(\d+)"
        if place:
            yield rf"{before}({shared}{text}\d+)"
        shared += rf"{text}\d+"


def _measured(pattern: str, names: Sequence[str]) -> Proposal | None:
    """What a pattern finds; None: not all images, or too few or too many of an item."""
    compiled = re.compile(pattern)
    items: dict[str, list[str]] = defaultdict(list)
    for name in names:
        match = compiled.search(name)
        if match is None or match.start(1) <= name.rfind("/"):
            return None
        items[match[1]].append(name)
    # In sets that number the images of each folder from 0, equal numbers of two folders mean nothing.
    pairs = (pair for of_item in items.values() if (pair := _of_one_folder(of_item)) is not None)
    first = next(pairs, None)
    if first is None or len(items) < 2 or not _FEWEST <= len(names) / len(items) <= _MOST:
        return None
    return Proposal(pattern, len(items), len(names), first)


def _of_one_folder(names: Sequence[str]) -> tuple[str, str] | None:
    first: dict[PurePosixPath, str] = {}
    for name in names:
        other = first.setdefault(PurePosixPath(name).parent, name)
        if other != name:
            return other, name
    return None

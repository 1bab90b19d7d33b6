"""The overlays of an inspection: one PNG for each image, which says what it was drawn of."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gainspect.files import atomic_path
from gainspect.inspection.sources.contents import STDIN
from gainspect.inspection.stream import Inspected
from gainspect.names import composed, escaped
from gainspect.policy import HeatScale
from gainspect.report.drawing.name_line import name_letters
from gainspect.report.drawing.overlay import Style, has_first_text, overlay, to_png

_LONGEST_NAME = 240
"""Bytes of an overlay's name without suffix and number: file systems allow 255 in all."""
_SUBJECT = "Comment"
"""Keyword of the text that says what a picture was drawn of."""


class OverlayFiles:
    """Draws where the evidence is, one PNG per image.

    Args:
        folder: where the pictures go.
        style: how they are drawn.
        scale: the bundle's color scale.
        sources: all images, each once.
    """

    def __init__(self, folder: Path, style: Style, scale: HeatScale, sources: Sequence[str]) -> None:
        self.folder = folder
        self.style = style
        self.scale = scale
        self._names = dict(zip(map(escaped, sources), overlay_names(sources), strict=True))
        self._letters = name_letters(list(map(_file_name, sources)))
        self._drawn: list[str] = []

    @property
    def unlettered(self) -> str | None:
        """Which letters are not drawn in the pictures so far, in a sentence; None: all are."""
        return self._letters.limited_to(self._drawn).sentence

    def has(self, record: Mapping[str, Any]) -> bool:
        """Whether there is a picture of an image already: of this file's content, in this style.

        Args:
            record: of the image.
        """
        subject = self._subject(record["image"], record["sha256"])
        return has_first_text(self._file(record["image"]), _SUBJECT, subject)

    def add(self, inspected: Inspected) -> None:
        """Draw an image, unless it could not be judged; in any process."""
        if inspected.image is None or inspected.verdict is None:
            return
        image, name, letters = escaped(inspected.source), _file_name(inspected.source), self._letters
        picture = overlay(
            inspected.image, inspected.verdict, self.scale, self.style, name=name, letters=letters
        )
        texts = {_SUBJECT: self._subject(image, inspected.sha256)}
        if fonts := letters.fonts_for(name):
            texts["Font"] = ", ".join(fonts)
        with atomic_path(self._file(image)) as temporary:
            temporary.write_bytes(to_png(picture, texts))

    def note(self, source: str) -> None:
        """Count an image as drawn."""
        self._drawn.append(_file_name(source))

    def _file(self, image: str) -> Path:
        return self.folder / f"{self._names[image]}.png"

    def _subject(self, image: str, sha256: str | None) -> str:
        return json.dumps({"image": image, "sha256": sha256, "style": self.style})


def overlay_names(sources: Sequence[str]) -> list[str]:
    """A name for the overlay of each image: its stem, numbered if an earlier image has the same.

    Names count as the same where a file system may take them for the same: without case, in any Unicode form.

    No number makes a name that another image has by itself.

    >>> overlay_names(["a.png", "a.jpg", "a-2.png", "b/a.png"])
    ['a', 'a-3', 'a-2', 'a-4']
    """
    stems = [_shortened(Path(_file_name(source)).stem) for source in sources]
    taken, numbers = set(map(_same, stems)), dict[str, int]()
    names = []
    for stem in stems:
        name, same = stem, _same(stem)
        if same in numbers:
            while _same(name) in taken:
                numbers[same] += 1
                name = f"{stem}-{numbers[same]}"
            taken.add(_same(name))
        numbers.setdefault(same, 1)
        names.append(name)
    return names


def _shortened(stem: str) -> str:
    while len(os.fsencode(stem)) > _LONGEST_NAME:
        stem = stem[:-1]
    return stem


def _same(name: str) -> str:
    """What names have in common that a file system may take for the same."""
    return composed(name).casefold()


def _file_name(source: str) -> str:
    return "stdin" if source == STDIN else Path(source).name

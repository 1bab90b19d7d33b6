"""What the values of masks mean, where a user says so: `1=defect,255=ignore,#ff0000=scratch`."""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from gainspect.errors import GainspectError

Color = tuple[int, int, int]
Meaning = Literal["background", "defect", "ignore"]
BACKGROUND, DEFECT, IGNORE = "background", "defect", "ignore"
_HOW = "Write VALUE=MEANING, such as 1=defect,255=ignore or #ff0000=scratch."
_VALUE = r"\d{1,3}|#[0-9a-fA-F]{6}|\(\s*\d{1,3}\s*,\s*\d{1,3}\s*,\s*\d{1,3}\s*\)"
_PAIR = re.compile(rf"\s*({_VALUE})\s*[=:]\s*([^,=]*?)\s*(?:,|$)")


@dataclass(frozen=True)
class MaskValues:
    """The meaning of each value that a mask may have."""

    meanings: Mapping[Color, str]
    """"background", "defect", "ignore" (what no loss and no figure counts), or a type of defect."""

    @classmethod
    def of(cls, written: Mapping[str, str]) -> "MaskValues":
        """From values and meanings as they are written; 0 is background unless it is named.

        Raises:
            GainspectError: a value is none or named twice, a meaning is missing or resembles one of the three
                words, or no value is a defect.
        """
        meanings: dict[Color, str] = {}
        for value, meaning in written.items():
            color = color_of(value)
            if color in meanings:
                raise GainspectError(f"the mask value {value} is named twice", hint=_HOW)
            meanings[color] = _meaning_of(meaning, value)
        if not set(meanings.values()) - {BACKGROUND, IGNORE}:
            raise GainspectError("no mask value means a defect", hint=_HOW)
        return cls({(0, 0, 0): BACKGROUND} | meanings)

    @classmethod
    def parse(cls, text: str) -> "MaskValues":
        """From one line, as on the command line.

        >>> sorted(MaskValues.parse("1=defect, (255, 0, 0)=scratch").meanings.items())
        [((0, 0, 0), 'background'), ((1, 1, 1), 'defect'), ((255, 0, 0), 'scratch')]

        Raises:
            GainspectError: see `of`; or the line is not of that form.
        """
        written: list[tuple[str, str]] = []
        place = 0
        while place < len(text):
            pair = _PAIR.match(text, place)
            if pair is None:
                raise GainspectError(f"{text[place:].strip()!r} is no mask value with a meaning", hint=_HOW)
            written.append((pair[1], pair[2]))
            place = pair.end()
        if len({color_of(value) for value, _ in written}) < len(written):
            raise GainspectError(f"a mask value is named twice in {text!r}", hint=_HOW)
        return cls.of(dict(written))

    @property
    def written(self) -> dict[str, str]:
        """Values and meanings as `of` reads them: `{"1": "defect", "#ff0000": "scratch"}`."""
        return {_written(color): meaning for color, meaning in sorted(self.meanings.items())}

    def __str__(self) -> str:
        return ", ".join(f"{value}={meaning}" for value, meaning in self.written.items())


def color_of(value: str) -> Color:
    """A value as it is written: 128, #800000, (128, 0, 0).

    Raises:
        GainspectError: it is none of these, or over 255.
    """
    text = value.strip()
    if text.startswith("#") and re.fullmatch("#[0-9a-fA-F]{6}", text):
        red, green, blue = bytes.fromhex(text[1:])
        return red, green, blue
    numbers = [int(number) for number in re.findall(r"\d+", text)] if re.fullmatch(_VALUE, text) else []
    if len(numbers) not in (1, 3) or max(numbers) > 255:
        raise GainspectError(
            f"{value!r} is not a value that a mask can have",
            hint="Write a gray value from 0 to 255, or a color as #rrggbb or (r, g, b).",
        )
    return (numbers[0],) * 3 if len(numbers) == 1 else (numbers[0], numbers[1], numbers[2])


def named(color: Color) -> str:
    """A gray value as a number, a color by its three.

    >>> named((255, 255, 255)), named((128, 0, 0))
    ('255', '(128, 0, 0)')
    """
    return str(color[0]) if len(set(color)) == 1 else str(color)


def _written(color: Color) -> str:
    return str(color[0]) if len(set(color)) == 1 else "#" + bytes(color).hex()


def _meaning_of(meaning: str, value: str) -> str:
    words = [BACKGROUND, DEFECT, IGNORE]
    folded = meaning.strip().casefold()
    if folded in words:
        return folded
    if close := difflib.get_close_matches(folded, [*words, "ignored", "defects"], 1, 0.8):
        meant = next((word for word in words if close[0].startswith(word)), close[0])
        raise GainspectError(f"the mask value {value} means {meaning!r}", hint=f"Did you mean {meant}?")
    if not folded:
        raise GainspectError(f"the mask value {value} has no meaning", hint=_HOW)
    return meaning.strip()

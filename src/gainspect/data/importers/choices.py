"""What a user says of a set of labels that the labels do not say themselves."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from gainspect.data.importers.classes import Role
from gainspect.data.importers.raster import LINE_WIDTH
from gainspect.errors import GainspectError

Unlabeled = Literal["ok", "skip"]


@dataclass(frozen=True)
class Choices:
    """The options of an import; the defaults say nothing."""

    format: str = "auto"
    """Name of an importer."""
    classes: Mapping[Role, tuple[str, ...]] = field(default_factory=dict)
    """Names of classes by what they mean."""
    unlabeled: Unlabeled | None = None
    """What images are that no labels name; None: it is asked, where there are some."""
    group: str | None = None
    """A regular expression that finds the group in an image's path, or a column; see `named_by`."""
    part: str | None = None
    """The same for the part."""
    line_width: float = LINE_WIDTH
    """Pixels, of lines whose tool states none."""
    copy: bool = False
    """Whether images are copied and not linked."""
    resplit: bool = False
    """Whether the splits that the set comes with are left, and new ones made by group and defect type."""

    def to_json(self) -> dict[str, Any]:
        """JSON types, from which `from_json` makes the same again."""
        classes = {str(role): list(names) for role, names in self.classes.items() if names}
        others = ("format", "unlabeled", "group", "part", "line_width", "copy", "resplit")
        return {"classes": classes, **{name: getattr(self, name) for name in others}}

    @classmethod
    def parse(cls, written: Sequence[str]) -> "Choices":
        """From options as `NAME=VALUE`, several names of classes with commas between them.

        >>> Choices.parse(["defect=scratch,dent", "unlabeled=ok"]).classes
        {<Role.DEFECT: 'defect'>: ('scratch', 'dent')}

        Raises:
            GainspectError: one is not of this form, unknown, or has no such value.
        """
        options: dict[str, Any] = {}
        classes: dict[Role, tuple[str, ...]] = {}
        for option in written:
            name, stated, value = (piece.strip() for piece in option.partition("="))
            name = name.replace("-", "_")
            if not stated or not value or name not in _WRITTEN:
                raise GainspectError(
                    f"{option!r} is none of the options of an import",
                    where="--import",
                    hint=f"Write NAME=VALUE, such as unlabeled=ok. There are: {', '.join(_WRITTEN)}.",
                )
            if name in set(Role):
                classes[Role(name)] = tuple(piece.strip() for piece in value.split(",") if piece.strip())
            elif name == "line_width":
                options[name] = line_width_of(value)
            elif name == "resplit":
                options[name] = _yes_or_no(value)
            else:
                options[name] = unlabeled_of(value) if name == "unlabeled" else value
        return cls(classes=classes, **options)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Choices":
        """The choices that `to_json` wrote."""
        classes = {Role(role): tuple(names) for role, names in stored["classes"].items()}
        return cls(**{**stored, "classes": classes})


_WRITTEN = (*Role, "format", "unlabeled", "group", "part", "line_width", "resplit")
"""Options that `Choices.parse` knows; data that are trained on are not copied."""


def line_width_of(text: str) -> float:
    """A width in pixels.

    Raises:
        GainspectError: it is none.
    """
    try:
        width = float(text)
    except ValueError:
        width = 0.0
    if not 0.5 <= width <= 1000:
        raise GainspectError(f"{text!r} is not a width from 0.5 to 1000 pixels", where="line-width")
    return width


def _yes_or_no(word: str) -> bool:
    if word not in ("yes", "no"):
        raise GainspectError(f"{word!r} is neither yes nor no", where="resplit")
    return word == "yes"


def unlabeled_of(word: str | None) -> Unlabeled | None:
    """The choice that a word stands for.

    Raises:
        GainspectError: it is none.
    """
    if word is None or word in get_args(Unlabeled):
        return word  # type: ignore[return-value]
    raise GainspectError(f"{word!r} is neither ok nor skip", where="--unlabeled")


def compiled(pattern: str | None, option: str) -> re.Pattern[str] | None:
    """A regular expression.

    Raises:
        GainspectError: it is none; the message names the option.
    """
    try:
        return None if pattern is None else re.compile(pattern)
    except re.error as error:
        raise GainspectError(f"{pattern!r} is no regular expression ({error})", where=option) from error


def named_by(
    pattern: re.Pattern[str], path: str, option: str, columns: Mapping[str, str] | None = None
) -> str:
    r"""What a regular expression finds in an image's path: its first group, or all that it matches.

    Where it is the name of one of the image's columns, that column counts.

    >>> named_by(re.compile(r"lot(\d+)"), "images/lot17_3.png", "--group")
    '17'
    >>> named_by(re.compile("serial"), "a.png", "--group", {"serial": "A-7"})
    'A-7'

    Raises:
        GainspectError: it finds nothing, or nothing but blanks.
    """
    if columns is not None and pattern.pattern in columns:
        if named := columns[pattern.pattern].strip():
            return named
        raise GainspectError(f"the column {pattern.pattern!r} says nothing of {path!r}", where=option)
    match = pattern.search(path)
    found = "" if match is None else (match[1] if pattern.groups else match[0]) or ""
    if not found.strip():
        raise GainspectError(
            f"{pattern.pattern!r} finds nothing in {path!r}",
            where=option,
            hint="It must find a name in the path of every image.",
        )
    return found.strip()

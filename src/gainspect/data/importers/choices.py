"""What a user says of a set of labels that the labels do not say themselves."""

import re
from collections.abc import Mapping
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
    def from_json(cls, stored: Mapping[str, Any]) -> "Choices":
        """The choices that `to_json` wrote."""
        classes = {Role(role): tuple(names) for role, names in stored["classes"].items()}
        return cls(**{**stored, "classes": classes})


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

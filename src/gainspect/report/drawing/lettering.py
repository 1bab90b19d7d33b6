r"""The fonts of a picture, chosen for its texts; a letter that no installed font has is drawn as `\uHHHH`."""

import logging
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.font_manager import FontEntry, findSystemFonts, fontManager, weight_dict
from matplotlib.ft2font import FT2Font

from gainspect.files import atomic_path
from gainspect.names import composed, escaped

LATIN = "DejaVu Sans"
"""Comes with matplotlib, so it is always there."""
_PREFERRED = (
    "nanumgothic",
    "notosanscjkkr",
    "notosanscjk",
    "notosanskr",
    "notosans",
    "malgungothic",
    "applesdgothicneo",
    "applegothic",
)
"""Beginnings of the names of plain fonts, without blanks; the first that has all letters is taken."""
_BOXES = ("lastresort", ".lastresort", "adobeblank", "adobenotdef")
"""Fonts that claim all characters, and draw a box or nothing for them."""
_NAMED = 8
"""Letters named in a sentence."""
MEND = (
    "Install a font that has them: for Hangul the package fonts-nanum, for Chinese, Japanese and Korean "
    "fonts-noto-cjk."
)


@dataclass(frozen=True)
class Lettering:
    """How the texts of one picture are drawn."""

    fonts: tuple[str, ...]
    """Names of the fonts; a letter is drawn in the first one that has it."""
    missing: frozenset[str]
    """Letters that no installed font has."""

    @property
    def lacks(self) -> str:
        """The beginning of a sentence: which letters are missing."""
        return f"No installed font has {_listed(sorted(self.missing))}"

    @property
    def sentence(self) -> str | None:
        r"""Which letters are not drawn as they are, and how to mend it; None: all are.

        >>> Lettering(("DejaVu Sans",), frozenset("힘")).sentence.partition(". ")[0]
        'No installed font has 힘, so the picture shows \\ud798'
        """
        if not self.missing:
            return None
        return f"{self.lacks}, so the picture shows {_listed(map(_digits, sorted(self.missing)))}. {MEND}"

    def shown(self, text: str, most: int) -> str:
        r"""A name of the user's data as it is drawn: on one line, and of a limited length.

        >>> Lettering(("DejaVu Sans",), frozenset("힘")).shown("a힘", 20)
        'a\\ud798'
        >>> Lettering(("DejaVu Sans",), frozenset()).shown("0123456789", 5)
        '01…89'

        Args:
            text: of any characters.
            most: letters, of which one of Hangul or Chinese counts as two; the middle of more is left out.
        """
        pieces = [_digits(letter) if letter in self.missing else letter for letter in _letters(text)]
        if sum(map(_columns, pieces)) <= most:
            return "".join(pieces)
        while sum(map(_columns, pieces)) >= most and len(pieces) > 1:
            pieces.pop(len(pieces) // 2)
        middle = -(-len(pieces) // 2)
        return "".join([*pieces[:middle], "…", *pieces[middle:]])

    @contextmanager
    def used(self) -> Iterator[None]:
        """Within it matplotlib draws in these fonts, whatever the user's settings; `$` is a letter."""
        log = logging.getLogger("matplotlib.font_manager")
        level = log.level
        log.setLevel(logging.ERROR)  # it warns of fonts whose bold is not quite 700
        fonts = list(self.fonts)
        try:
            with mpl.rc_context({"font.family": fonts, "text.usetex": False, "text.parse_math": False}):
                yield
        finally:
            log.setLevel(level)

    def save(self, figure: Figure, out: Path) -> None:
        """Write a figure as PNG, atomically, with the names of the fonts in its text `Font`.

        Raises:
            GainspectError: the file cannot be written.
        """
        with atomic_path(out) as temporary:
            figure.savefig(
                temporary, format="png", facecolor="white", metadata={"Font": ", ".join(self.fonts)}
            )


def lettering(texts: Iterable[str]) -> Lettering:
    """Choose fonts that have all letters of the texts, by what is in the fonts, not by what they are called.

    Latin is drawn in `LATIN`; the fewest further fonts that are needed follow it, plain ones first. The same
    texts and installed fonts always give the same choice.

    Args:
        texts: all that will be drawn, in any script.
    """
    lacking = {letter for text in texts for letter in _letters(text)}
    lacking -= _found(lacking, _upright()[LATIN])
    fonts = [LATIN]
    families = _families() if lacking else {}
    while lacking:
        family, found = _best(lacking, families)
        if not found:
            break
        fonts.append(family)
        lacking -= found
    return Lettering(tuple(fonts), frozenset(lacking))


def _best(letters: Set[str], families: Mapping[str, list[FontEntry]]) -> tuple[str, Set[str]]:
    """The first font that has all the letters, or else the one that has most of them; and what it has."""
    best, most = "", frozenset[str]()
    for family, entries in families.items():
        found = _found(letters, entries)
        if len(found) > len(most):
            best, most = family, found
        if found == letters:
            break
    return best, most


def _found(letters: Set[str], entries: Sequence[FontEntry]) -> frozenset[str]:
    """Those of the letters that a font has in both weights that are drawn: normal and bold."""
    found = frozenset(letters)
    for weight in (400, 700):
        entry = min(entries, key=lambda entry: (abs(_weight(entry) - weight), entry.stretch != "normal"))
        # Before 3.11 matplotlib knew only the first font of a file.
        face: dict[str, Any] = {"face_index": entry.index} if getattr(entry, "index", 0) else {}
        has = FT2Font(entry.fname, **face).get_charmap()
        found = frozenset(letter for letter in found if ord(letter) in has)
    return found


def _families() -> dict[str, list[FontEntry]]:
    """All installed fonts in the order in which they are taken."""
    # matplotlib's own list may be older than a font.
    known = {entry.fname for entry in fontManager.ttflist}
    for file in sorted(set(findSystemFonts()) - known):
        with suppress(OSError, RuntimeError, ValueError):  # bitmaps, or damaged
            fontManager.addfont(file)
    named = _upright()
    names = sorted((name for name in named if not _plain(name).startswith(_BOXES)), key=_order)
    return {name: named[name] for name in names}


def _upright() -> dict[str, list[FontEntry]]:
    """The fonts that matplotlib knows, with upright letters, by their names."""
    named: dict[str, list[FontEntry]] = {}
    for entry in fontManager.ttflist:
        if entry.style == "normal":
            named.setdefault(entry.name, []).append(entry)
    return named


def _weight(entry: FontEntry) -> int:
    return weight_dict[entry.weight] if isinstance(entry.weight, str) else entry.weight


def _order(name: str) -> tuple[int, str]:
    plain = _plain(name)
    ranks = (rank for rank, beginning in enumerate(_PREFERRED) if plain.startswith(beginning))
    return next(ranks, len(_PREFERRED)), name


def _plain(name: str) -> str:
    return name.replace(" ", "").lower()


def _listed(letters: Iterable[str]) -> str:
    """The first of them, and how many more there are."""
    listed = list(letters)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return f"{', '.join(listed[:_NAMED])}{more}"


def _letters(text: str) -> str:
    return composed(escaped(text))


def _digits(letter: str) -> str:
    return letter.encode("ascii", "backslashreplace").decode("ascii")


def _columns(piece: str) -> int:
    wide = len(piece) == 1 and unicodedata.east_asian_width(piece) in "WF"
    return 2 if wide else len(piece)

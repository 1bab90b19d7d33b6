r"""The fonts of a picture, chosen for its texts; a letter that no installed font has is drawn as `\uHHHH`."""

from collections.abc import Iterable, Mapping, Sequence, Set
from contextlib import suppress
from typing import Any

from matplotlib.font_manager import FontEntry, findSystemFonts, fontManager, weight_dict
from matplotlib.ft2font import FT2Font

from gainspect.report.drawing.letters import Lettering, letters_of

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


def lettering(texts: Iterable[str]) -> Lettering:
    """Choose fonts that have all letters of the texts, by what is in the fonts, not by what they are called.

    Latin is drawn in `LATIN`; the fewest further fonts that are needed follow it, plain ones first. The same
    texts and installed fonts always give the same choice.

    Args:
        texts: all that will be drawn, in any script.
    """
    lacking = {letter for text in texts for letter in letters_of(text)}
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

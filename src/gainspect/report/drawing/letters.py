r"""How texts are spelled and drawn in a picture; matplotlib is imported only to draw.

Without matplotlib a picture has the letters of ASCII; all others are `\uHHHH`, as those that no font has.
"""

import logging
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from gainspect.files import atomic_path
from gainspect.names import composed, escaped

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_NAMED = 8
"""Letters named in a sentence."""


def columns(text: str) -> int:
    """How wide a text is, in letters; one of Hangul or Chinese counts as two.

    >>> columns("a긁")
    3
    """
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


@dataclass(frozen=True)
class Lettering:
    """How the texts of one picture, or of several that belong together, are drawn."""

    fonts: tuple[str, ...]
    """Names of the fonts; a letter is drawn in the first one that has it. None: there is no matplotlib, or
    it is not needed."""
    missing: frozenset[str]
    """Letters that no installed font has."""

    @property
    def lacks(self) -> str:
        """The beginning of a sentence: which letters are missing."""
        nothing = "No installed font has" if self.fonts else "Without matplotlib there is no font for"
        return f"{nothing} {_listed(sorted(self.missing))}"

    @property
    def mend(self) -> str:
        """The end of a sentence: what to install."""
        if not self.fonts:
            return "Install it with: pip install 'gainspect[report]'"
        return (
            "Install a font that has them: for Hangul the package fonts-nanum, for Chinese, Japanese and "
            "Korean fonts-noto-cjk."
        )

    @property
    def sentence(self) -> str | None:
        r"""Which letters are not drawn as they are, and how to mend it; None: all are.

        >>> Lettering(("DejaVu Sans",), frozenset("힘")).sentence.partition(". ")[0]
        'No installed font has 힘, so the picture shows \\ud798'
        """
        if not self.missing:
            return None
        return (
            f"{self.lacks}, so the picture shows {_listed(map(_digits, sorted(self.missing)))}. {self.mend}"
        )

    def limited_to(self, texts: Iterable[str]) -> "Lettering":
        """The same for some of the texts: without the missing letters that only the others have."""
        return replace(self, missing=self.missing & {*chain.from_iterable(map(letters_of, texts))})

    def fonts_for(self, text: str) -> tuple[str, ...]:
        """The fonts, or none for a text that is spelled in ASCII alone."""
        return () if "".join(self._spelled(text)).isascii() else self.fonts

    def shown(self, text: str, most: float, size: Callable[[str], float] = columns, dots: str = "…") -> str:
        r"""A name of the user's data as it is drawn: on one line, and of a limited length.

        >>> Lettering(("DejaVu Sans",), frozenset("힘")).shown("a힘", 20)
        'a\\ud798'
        >>> Lettering(("DejaVu Sans",), frozenset()).shown("0123456789", 5)
        '01…89'

        Args:
            text: of any characters.
            most: the largest size; the middle of a text that is larger is left out, but for one letter.
            size: of a text, such as its width in pixels.
            dots: stand for what is left out.
        """
        pieces = self._spelled(text)

        def ends(kept: int) -> str:
            return "".join([*pieces[: -(-kept // 2)], dots, *pieces[len(pieces) - kept // 2 :]])

        if size("".join(pieces)) <= most:
            return "".join(pieces)
        fitting = bisect_right(range(1, len(pieces)), most, key=lambda kept: size(ends(kept)))
        return ends(max(1, fitting))

    def _spelled(self, text: str) -> list[str]:
        return [_digits(letter) if letter in self.missing else letter for letter in letters_of(text)]

    @contextmanager
    def used(self) -> Iterator[None]:
        """Within it matplotlib draws in these fonts, whatever the user's settings; `$` is a letter."""
        import matplotlib as mpl

        log = logging.getLogger("matplotlib.font_manager")
        level = log.level
        log.setLevel(logging.ERROR)  # it warns of fonts whose bold is not quite 700
        fonts = list(self.fonts)
        try:
            with mpl.rc_context({"font.family": fonts, "text.usetex": False, "text.parse_math": False}):
                yield
        finally:
            log.setLevel(level)

    def save(self, figure: "Figure", out: Path) -> None:
        """Write a figure as PNG, atomically, with the names of the fonts in its text `Font`.

        Raises:
            GainspectError: the file cannot be written.
        """
        with atomic_path(out) as temporary:
            figure.savefig(
                temporary, format="png", facecolor="white", metadata={"Font": ", ".join(self.fonts)}
            )


def letters_of(text: str) -> str:
    """A name of the user's data as it is to be drawn: valid Unicode on one line, Hangul and accents whole."""
    return composed(escaped(text))


def _listed(letters: Iterable[str]) -> str:
    """The first of them, and how many more there are."""
    listed = list(letters)
    more = f" and {len(listed) - _NAMED} more" if len(listed) > _NAMED else ""
    return f"{', '.join(listed[:_NAMED])}{more}"


def _digits(letter: str) -> str:
    return letter.encode("ascii", "backslashreplace").decode("ascii")

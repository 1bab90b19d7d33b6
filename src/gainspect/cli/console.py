"""Where commands print. Text is printed as it is: square brackets and colons in names are not markup."""

import codecs
import json
import sys
from collections.abc import Callable, Iterator
from io import TextIOWrapper
from typing import Any, TypeVar

import typer
from rich.console import Console

from gainspect.names import escaped, printable

Shown = TypeVar("Shown")

console = Console(markup=False, emoji=False)
"""Results and progress."""

errors = Console(stderr=True, markup=False, emoji=False)
"""Errors and notes, on stderr."""

_PLAIN = str.maketrans(
    {
        "–": "-", "—": "-", "−": "-", "─": "-", "━": "-", "…": "...", "×": "x", "·": ".", "±": "+/-",
        "≥": ">=", "≤": "<=", "“": '"', "”": '"', "‘": "'", "’": "'", "→": "->", "•": "*", "\xa0": " ",
    }
)  # fmt: skip
_ON_LOSS = "gainspect-plain"


def print_on_any_terminal() -> None:
    r"""Let stdout and stderr replace what their encoding lacks (cp949, ASCII), in place of a traceback.

    Dashes and signs become their plain relatives, other characters `\xHH`, `\uHHHH` or `\UHHHHHHHH`.
    """
    codecs.register_error(_ON_LOSS, _plain)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors=_ON_LOSS)


def progress(title: str) -> Callable[[Iterator[Shown], int], Iterator[Shown]]:
    """Shows on stderr, if that is a terminal, how many of a known number of things an iterator has given."""

    def shown(things: Iterator[Shown], count: int) -> Iterator[Shown]:
        from rich.progress import track

        return iter(
            track(things, title, count, console=errors, transient=True, disable=not errors.is_terminal)
        )

    return shown


def print_json(value: Any, *, indent: int | None = None) -> None:
    """Print JSON on stdout: valid JSON, and valid UTF-8, on every terminal.

    Args:
        value: JSON types.
        indent: as `json.dumps`; None = one line.
    """
    encoding = codecs.lookup(getattr(sys.stdout, "encoding", None) or "utf-8").name
    text = json.dumps(value, indent=indent, ensure_ascii=encoding != "utf-8")
    # Escaped names have no surrogates; should one come another way, JSON has an escape for it as well.
    typer.echo(text.encode("utf-8", "backslashreplace").decode("utf-8"))


def print_stored_json(content: bytes) -> None:
    """Print stored JSON on stdout: its bytes; a terminal gets escapes for what it would take for commands."""
    text = content.decode("utf-8")
    if sys.stdout.isatty():
        text = "".join(sign if printable(sign) == sign else f"\\u{ord(sign):04x}" for sign in text)
    typer.echo(text)


def _plain(error: UnicodeError) -> tuple[str | bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    lost = error.object[error.start : error.end]
    plain = "".join(_as_ascii(character) for character in lost)
    return plain, error.end


def _as_ascii(character: str) -> str:
    plain = character.translate(_PLAIN)
    return plain if plain.isascii() else escaped(plain).encode("ascii", "backslashreplace").decode("ascii")

"""Names of files as text: a form to compare them by, and one that every file and terminal can hold."""

import re
import unicodedata

_FOREIGN = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")
# C0, DEL, C1, what reorders or breaks a line (Unicode: bidirectional embeddings, overrides and isolates, line
# and paragraph separators), and lone surrogates.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_FORMULA = re.compile(r"[=+\-@\t\r]")
"""How text begins that a spreadsheet takes for a formula."""
_NO_FORMULA = re.compile(r"[+-]?\d+([.,]\d+)*([eE][+-]?\d+)?|-( (-|[0-9a-f]{64}))*", re.ASCII)
"""Numbers, and hashes of images of which the first has none."""
_LOOKS_ESCAPED = re.compile(r"\\(?=x[0-9a-f]{2}|ud[89a-f][0-9a-f]{2})")
_ESCAPED = re.compile(r"\\x([0-9a-f]{2})|\\u(d[89a-f][0-9a-f]{2})")


def composed(text: str) -> str:
    r"""Text in the form by which names are compared (Unicode NFC).

    A Mac writes Hangul and accents in parts (NFD), where other systems write them whole.

    >>> composed("e\u0301") == "é"
    True
    """
    return unicodedata.normalize("NFC", text)


def escaped(name: str) -> str:
    r"""A name as valid Unicode: what no text can hold is written as hexadecimal digits.

    A byte that is not UTF-8 (Python has it as U+DC80 … U+DCFF) and a control character become `\xHH`, other
    lone surrogates `\uHHHH`. A backslash that would read as one of these becomes `\x5c`, so that
    `unescaped` always gives the name back.

    >>> print(escaped("part\udcba.png"), escaped("a[1].png"), escaped(r"a\xba.png"))
    part\xba.png a[1].png a\x5cxba.png
    """
    return _FOREIGN.sub(lambda found: _hexadecimal(found[0]), _LOOKS_ESCAPED.sub(r"\\x5c", name))


def unescaped(text: str) -> str:
    r"""The name that `escaped` was given.

    >>> unescaped(escaped(r"a\xba.png")) == r"a\xba.png"
    True
    """
    return _ESCAPED.sub(lambda found: chr(int(found[2], 16)) if found[2] else _byte(int(found[1], 16)), text)


def printable(text: str, *, lines: bool = False) -> str:
    r"""Text for people that no terminal takes for a command, and that reads in the order in which it stands.

    Control characters, those that reorder or break a line, and lone surrogates are written as hexadecimal
    digits; nothing else is changed.

    Args:
        text: of a name, which is one line.
        lines: the text may have several lines: line feeds and tabs stay.

    >>> print(printable("C:\\xbar, part\udcba.png, \x1b[2J, ok\u202egnp.png"))
    C:\xbar, part\xba.png, \x1b[2J, ok\u202egnp.png
    """
    kept = "\n\t" if lines else ""
    return _UNPRINTABLE.sub(lambda found: found[0] if found[0] in kept else _hexadecimal(found[0]), text)


def no_formula(text: str) -> str:
    """Text of a cell of CSV; one that a spreadsheet would take for a formula has an apostrophe before it.

    >>> no_formula("=1+1"), no_formula("-7"), no_formula("a=b")
    ("'=1+1", '-7', 'a=b')
    """
    return f"'{text}" if _FORMULA.match(text) and not _NO_FORMULA.fullmatch(text) else text


def _hexadecimal(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def _byte(value: int) -> str:
    return chr(value) if value < 0x80 else chr(0xDC00 + value)

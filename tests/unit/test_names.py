import unicodedata

import hypothesis.strategies as st
from hypothesis import given

from gainspect.errors import GainspectError
from gainspect.names import printable

# Of Unicode: controls (Cc), lone surrogates (Cs), line and paragraph separators, and by their bidirectional
# class what embeds, overrides and isolates.
_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
_DIRECTIONS = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
_TEXTS = st.text(st.characters() | st.characters(categories=("Cc", "Cs", "Zl", "Zp", "Cf")))


def dangerous(sign: str) -> bool:
    return unicodedata.category(sign) in _CATEGORIES or unicodedata.bidirectional(sign) in _DIRECTIONS


@given(_TEXTS)
def test_no_control_character_reaches_a_terminal(text: str) -> None:
    assert not any(map(dangerous, printable(text)))
    assert {sign for sign in printable(text, lines=True) if dangerous(sign)} <= {"\n", "\t"}


@given(_TEXTS)
def test_nothing_else_is_changed(text: str) -> None:
    kept = "".join(sign for sign in text if not dangerous(sign))
    assert printable(kept) == kept
    assert printable(printable(text)) == printable(text)


@given(_TEXTS, _TEXTS)
def test_an_error_has_none_either(where: str, what: str) -> None:
    said = str(GainspectError(what, where=where))
    assert {sign for sign in said if dangerous(sign)} <= {"\n", "\t"}
    assert said.startswith(f"{printable(where)}: ".rstrip(".").lstrip()) or not (where + what).strip(". ")

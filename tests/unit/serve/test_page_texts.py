"""The words of the pages: every language says all of it, and fills in the same values."""

import re

import pytest

from gainspect.serve.pages.texts import TEXTS
from gainspect.types import AcceptReason, Label, NgReason, ReviewReason


def test_both_languages_have_the_same_keys_and_placeholders() -> None:
    english, korean = TEXTS["en"], TEXTS["ko"]
    assert english.keys() == korean.keys()
    for key in english:
        names = [sorted(re.findall(r"\{(\w+)\}", table[key])) for table in (english, korean)]
        assert names[0] == names[1], key


def test_korean_is_korean() -> None:
    alike = {key for key, text in TEXTS["ko"].items() if not re.search("[가-힣]", text)}
    assert alike <= {"score", "plot_score", "language_en", "score_of", "by", "nothing", "page_of"}


@pytest.mark.parametrize("language", ["en", "ko"])
def test_every_label_and_every_rule_has_words(language: str) -> None:
    table = TEXTS[language]  # type: ignore[index]
    for rule in (*NgReason, *AcceptReason, *ReviewReason):
        assert table[f"rule_{rule}"]
    for label in Label:
        assert table[str(label)]

"""The guides of operators say what the pages say, and show pictures that there are."""

import re
from pathlib import Path

import pytest

from gainspect.serve.pages.texts import TEXTS, Language
from gainspect.types import Label

DOCS = Path(__file__).parents[3] / "docs"
GUIDES: dict[Language, str] = {"en": "operator.md", "ko": "operator.ko.md"}
LARGEST_PICTURE = 150_000
NOT_OF_A_PAGE = {
    "en": {"The largest word", "The picture", "The sentence on the right", "The strip below"},
    "ko": {"가장 큰 글자", "사진", "오른쪽 문장", "아래 줄", "위치"},
}
"""Words in bold that name a place of a page."""


def words(language: Language) -> set[str]:
    """All that the pages say, with each label in the place of {label}."""
    said = TEXTS[language]
    labels = [said[label.value] for label in Label]
    return {text.replace("{label}", label) for text in said.values() for label in labels}


@pytest.mark.parametrize("language", GUIDES)
def test_what_is_to_be_pressed_or_read_is_on_the_pages(language: Language) -> None:
    text = (DOCS / GUIDES[language]).read_text(encoding="utf-8")
    bold = set(re.findall(r"\*\*(.+?)\*\*", text)) - NOT_OF_A_PAGE[language]
    assert len(bold) > 20
    assert bold - words(language) == set()


def test_both_guides_have_the_same_sections_and_pictures() -> None:
    texts = {language: (DOCS / name).read_text(encoding="utf-8") for language, name in GUIDES.items()}
    shown = {
        language: re.findall(r"\((pictures/\w+\.(?:en|ko)\.png)\)", text) for language, text in texts.items()
    }
    assert [name.replace(".en.", ".ko.") for name in shown["en"]] == shown["ko"]
    assert len({text.count("\n## ") for text in texts.values()}) == 1
    for name in (*shown["en"], *shown["ko"]):
        assert 0 < (DOCS / name).stat().st_size <= LARGEST_PICTURE, name
    kept = {f"pictures/{path.name}" for path in (DOCS / "pictures").iterdir()}
    assert kept == {*shown["en"], *shown["ko"]}

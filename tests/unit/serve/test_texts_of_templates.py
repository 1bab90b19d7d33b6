"""Each text that a template asks for is there, and gets just what it has places for."""

import re
from pathlib import Path
from string import Formatter

import gainspect.serve.pages
from gainspect.serve.pages.texts import TEXTS

TEMPLATES = Path(gainspect.serve.pages.__file__).parent / "templates"
ASKED = re.compile(r"""\bt\((["'])([a-z0-9_]+)\1(?= *[,)])""")


def arguments(text: str, begin: int) -> set[str]:
    """The names of what is given up to the parenthesis that ends a call."""
    depth, end = 1, begin
    while depth:
        depth += {"(": 1, ")": -1}.get(text[end], 0)
        end += 1
    outer, depth = "", 0
    for sign in text[begin : end - 1]:
        depth += {"(": 1, ")": -1, "[": 1, "]": -1, "{": 1, "}": -1}.get(sign, 0)
        outer += sign if depth == 0 else ""
    return set(re.findall(r"(?:^|,) *([a-z_]+)=", outer))


def test_each_text_that_a_template_asks_for_is_there_with_its_places() -> None:
    found = 0
    for template in sorted(TEMPLATES.iterdir()):
        text = template.read_text()
        for asked in ASKED.finditer(text):
            found += 1
            for language, texts in TEXTS.items():
                assert asked[2] in texts, f"{template.name}: {asked[2]} ({language})"
                places = {name for _, name, _, _ in Formatter().parse(texts[asked[2]]) if name}
                given = arguments(text, asked.end())
                assert places <= given, f"{template.name}: {asked[2]} ({language}) lacks {places - given}"
    assert found > 200

"""docs/formats.md says what the importers say of themselves.

PYTHONPATH=src python tests/unit/test_formats_page.py writes it.
"""

from pathlib import Path

from gainspect.data.importers.registry import IMPORTERS

_PAGE = Path(__file__).parents[2] / "docs/formats.md"
_HEAD = """\
# Formats of labels

What [`gainspect data import`](data.md#import) reads, as `gainspect data formats` lists it. A format is recognized by what is in the folder, or named with `--format`.

Where it says *the format's description only*, no export that somebody made was at hand: compare a few masks with what the tool shows. *Another program's export*
was written by datumaro 1.13, and *parts of a real export* are real shapes in tasks that a test wrote.
"""  # noqa: E501


def _page() -> str:
    rows = [("`--format`", "", "recognized by", "is read", "is not read", "tried on"), ("---",) * 6]
    rows += [(f"`{i.name}`", i.title, i.recognizes, i.reads, i.leaves, i.tried_on) for i in IMPORTERS]
    return "\n".join([_HEAD, *(f"| {' | '.join(row)} |" for row in rows)]) + "\n"


def test_the_page_lists_what_is_read() -> None:
    assert _PAGE.read_text(encoding="utf-8") == _page(), "run this file to write the page anew"


if __name__ == "__main__":
    _PAGE.write_text(_page(), encoding="utf-8")

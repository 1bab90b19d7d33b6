"""The list of findings fits the terminal, cuts nothing off, and takes names as they are."""

import unicodedata

import pytest
from rich.cells import cell_len
from rich.console import Console

from gainspect.data.checks import Contents, Report
from gainspect.data.findings import KINDS, Finding, Place, findings_of
from gainspect.report.terminal.check_list import check_list

LONG = "images/train/defective/" + "camera_3_line_12_" * 8 + ".png"
HANGUL = "images/train/defective/" + "불량_스크래치_" * 12 + "가.png"
BRACKETS = "images/[bold]part[1].png ~ images/[/]a.png"


def report(findings: tuple[Finding, ...]) -> Report:
    row = Contents("train", "NG", "scratch [deep] " * 4, 12, 6, 9.5, 3.0)
    sentences = ("Split, as named: 24 train, 6 val, 10 test.",)
    return Report(384, None, 40, (96, 96), (96, 128), (row,), findings, sentences)


def printed(findings: tuple[Finding, ...], width: int) -> list[str]:
    console = Console(width=width, force_terminal=False, markup=False, emoji=False)
    with console.capture() as capture:
        for part in check_list(report(findings)):
            console.print(part)
    return capture.get().splitlines()


EVERY = tuple(findings_of({code: [Place(LONG), Place(HANGUL), Place(BRACKETS)] for code in KINDS}))


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut_off(width: int) -> None:
    lines = printed(EVERY, width)
    assert max(cell_len(line) for line in lines) <= width
    text = unicodedata.normalize("NFC", "".join("".join(lines).split()))
    for finding in EVERY:
        for words in (finding.what, finding.hint, LONG, HANGUL, BRACKETS):
            assert "".join(words.split()) in text
    assert "…" not in text


def test_severity_first_then_what_where_and_how() -> None:
    lines = [line.strip() for line in printed(EVERY[:1], 120)]
    begin = lines.index("error   3 images cannot be read")
    assert lines[begin + 1 :] == [
        *_folded(LONG, 120),
        *_folded(HANGUL, 120),
        BRACKETS,
        EVERY[0].hint,
        "",
        "1 error.",
    ]


def _folded(name: str, width: int) -> list[str]:
    """Cut where the cells of a line are used up; a name begins in the eleventh."""
    lines, room = [""], width - 10
    for character in name:
        if cell_len(lines[-1] + character) > room:
            lines.append("")
        lines[-1] += character
    return lines


@pytest.mark.parametrize(
    ("names", "shown", "more"), [(5, 5, None), (6, 6, None), (7, 5, "and 2 more"), (900, 5, "and 895 more")]
)
def test_a_few_places_are_named_and_the_rest_counted(names: int, shown: int, more: str | None) -> None:
    found = tuple(findings_of({"unreadable": [Place(f"{index}.png") for index in range(names)]}))
    lines = [line.strip() for line in printed(found, 80)]
    assert sum(line.endswith(".png") for line in lines) == shown
    assert [line for line in lines if line.endswith("more")] == ([more] if more else [])


@pytest.mark.parametrize(
    ("codes", "last"),
    [
        ([], "No problems found."),
        (["unreadable"], "1 error."),
        (["hidden", "same-stem", "imbalance", "unreadable", "two-labels"], "2 errors, 1 warning, 2 infos."),
    ],
)
def test_it_ends_with_the_number_of_findings(codes: list[str], last: str) -> None:
    assert printed(tuple(findings_of({code: [Place("a")] for code in codes})), 80)[-1] == last

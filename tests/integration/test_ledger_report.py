"""`gainspect report --ledger`: the page says what the records say."""

import re
from pathlib import Path

import pytest

from command_line import Run
from gainspect.ledger import open_ledger
from gainspect.ledger.records.base import now
from ledger_records import Intruder, decision, one_of_each_kind

TODAY = now().astimezone().date()
NUMBER = re.compile(r'<b>([\d,]+)</b><span class="name">([^<]+)</span>')

RECORDS = len(one_of_each_kind()) + 4
"""In the ledger of these tests."""


@pytest.fixture
def ledger(ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "settings"))
    with open_ledger(ledger_url, pictures=tmp_path / "pictures", origin="plant7.example/line3") as opened:
        opened.append_all(one_of_each_kind())
        opened.append_all([decision(f"p<{number}>") for number in range(4)])
    return ledger_url


def report(ledger: str, tmp_path: Path, *more: str | Path) -> list[str | Path]:
    period = ("--from", str(TODAY), "--to", str(TODAY))
    where = ("--pictures", tmp_path / "pictures", "--out", tmp_path / "page.html")
    return ["report", "--ledger", ledger, *period, *where, *more]


def test_the_page_says_what_was_recorded_and_verified(run: Run, ledger: str, tmp_path: Path) -> None:
    anchor, page = tmp_path / "anchor.txt", tmp_path / "page.html"
    assert run("ledger", "anchor", ledger, "--out", anchor).returncode == 0
    made = run(*report(ledger, tmp_path, "--anchor", anchor))
    assert (made.returncode, made.stderr) == (0, "")
    text = page.read_text(encoding="utf-8")
    cards = {name: number for number, name in NUMBER.findall(text)}
    assert cards == {"Decisions": "5", "OK": "5", "NG": "0", "REVIEW": "0", "Overrides": "1"}
    assert f"Records read: {RECORDS + 1}." in text and f"Records fixed by a given anchor: {RECORDS}." in text
    with open_ledger(ledger, create=False) as opened:
        root = opened.proofs.root(RECORDS + 1).hex()
    assert root in text and anchor.read_text(encoding="utf-8").split("\n")[0] in text
    # The override and the correction are of the decision on part 1.
    assert text.count("<td>part 1</td>") == 2 and "긁힘" in text
    # What the service brings is listed too.
    for cells in (
        '<td>p</td><td><span class="badge review">REVIEW</span></td><td>not decided by its deadline</td>',
        "<td>joined</td><td>–</td><td>operator</td><td>new shift</td>",
        "<td>camera 2</td><td><code>0011223344556677</code></td><td>made</td>",
        "<td>Darker by a factor of 3.98, since about part part 1 (",
        "<td>lamp</td>",
        "<td>new camera</td>",
        "<td>began</td>",
    ):
        assert text.count(cells) == 1
    assert not re.search(r'(src|href)="(?!#|data:)', text)
    assert run(*report(ledger, tmp_path, "--lang", "ko")).returncode == 0
    assert "감사 보고서" in page.read_text(encoding="utf-8")


def test_a_changed_ledger_is_reported_as_such(run: Run, ledger: str, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor.txt"
    assert run("ledger", "anchor", ledger, "--out", anchor).returncode == 0
    Intruder(ledger).rewrite(RECORDS - 3, b'"label":"ok"', b'"label":"ng"')
    made = run(*report(ledger, tmp_path, "--anchor", anchor))
    assert (made.returncode, made.stderr) == (1, f"Wrong: record {RECORDS - 3} was changed.\n")
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert f"but for these faults, the first {RECORDS} records are as they were" in text
    assert (
        f"Record {RECORDS - 3} or a hash over it was changed." in text
        and "All is as it was appended" not in text
    )
    assert {name: number for number, name in NUMBER.findall(text)}["Decisions"] == "4"


def test_an_empty_period_is_reported(run: Run, ledger: str, tmp_path: Path) -> None:
    period = ("--from", "2020-01-01", "--to", "2020-12-31")
    made = run("report", "--ledger", ledger, *period, *report(ledger, tmp_path)[7:])
    assert made.returncode == 0
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert {number for number, _ in NUMBER.findall(text)} == {"0"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "what to report on is not named"),
        (["--ledger", "x.ledger"], "is that of a period"),
        (["--ledger", "x.ledger", "--from", "2026-01-01"], "is that of a period"),
        (["RUN", "--ledger", "x.ledger"], "RUN|BUNDLE does not go with --ledger"),
        (["--ledger", "x.ledger", "--split", "val"], "--split does not go with --ledger"),
        (["RUN", "--from", "2026-01-01"], "--from does not go with a run or a bundle"),
        (["RUN", "--anchor", "a.txt"], "--anchor does not go with a run or a bundle"),
        (["--ledger", "x.ledger", "--from", "May", "--to", "2026-01-01"], "'May' is no date"),
        (["--ledger", "x.ledger", "--from", "2026-01-01", "--to", "2026-01-01"], "no such ledger"),
    ],
)
def test_what_does_not_go_together_is_told(run: Run, arguments: list[str], said: str) -> None:
    refused = run("report", *arguments)
    assert refused.returncode == 2 and said in refused.stderr

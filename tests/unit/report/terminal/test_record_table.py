"""Records as a terminal table."""

from rich.console import Console

from gainspect.ledger.records.decision import FailSafe
from gainspect.ledger.records.sealed import Entry
from gainspect.report.terminal.record_table import record_table
from gainspect.types import Label
from ledger_records import AT, decision


def test_an_answer_in_the_place_of_a_decision_has_its_part_label_and_reason() -> None:
    record = FailSafe(
        at=AT, station="line 3", decision="d", part="M-0815", label=Label.NG, why="model_failed", images=()
    )
    console = Console(width=150, record=True)
    console.print(record_table([Entry(7, AT, record, b"")], 1))
    (row,) = [line for line in console.export_text().splitlines() if "M-0815" in line]
    assert "M-0815, fail-safe: model failed" in row
    assert row.split()[-2:] == ["NG", "–"]


def test_a_part_of_a_challenge_says_so() -> None:
    record = decision("M-1", label=Label.NG).model_copy(update={"challenge": "masters"})
    console = Console(width=150, record=True)
    console.print(record_table([Entry(7, AT, record, b"")], 1))
    assert "M-1, challenge masters" in console.export_text()

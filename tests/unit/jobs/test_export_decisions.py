"""Decisions as a table: every one in its row, as the record has it."""

import csv
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from command_line import Run
from gainspect.errors import GainspectError
from gainspect.jobs.export_decisions import export_decisions, require_format
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.decision_rows import COLUMNS
from gainspect.ledger.records.base import written_time
from gainspect.ledger.records.decision import Confirm, Decision, JudgedImage, Override
from ledger_records import AT, A, decision, mixed_records

NAMED_ODDLY = decision('part, "7"\nof 2')
UNREAD = decision("unread").model_copy(
    update={
        "score": None,
        "fired": ("unreadable", "views"),
        "images": (
            JudgedImage(image="a.png", sha256=None, verdict=None, error="gone"),
            JudgedImage(image="b.png", sha256=A, verdict=None, error="no image"),
        ),
    }
)


@pytest.fixture
def ledger(ledger_url: str) -> Iterator[Ledger]:
    with open_ledger(ledger_url) as opened:
        made = Ledger(opened.database, clock=lambda: AT)
        made.append_all([record for record in mixed_records() if record.kind != "pictures_removed"])
        made.append_all([NAMED_ODDLY, UNREAD])
        yield made


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [*csv.DictReader(file)]


def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    lots = ["=HYPERLINK(1)", "+1+cmd|' /C calc'!A0", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "- x"]
    numbers = ["-7", "+7", "-1.5e-3", "A=1", "7-1"]
    with open_ledger(tmp_path / "line.ledger") as opened:
        opened.append_all(
            [
                decision(f"p{place}").model_copy(update={"lot": lot})
                for place, lot in enumerate(lots + numbers)
            ]
        )
    export_decisions(str(tmp_path / "line.ledger"), tmp_path / "table", "csv")
    rows = read_csv(tmp_path / "table" / "decisions.csv")
    assert [row["lot"] for row in rows] == [*(f"'{lot}" for lot in lots), *numbers]
    assert "apostrophe" in (tmp_path / "table" / "columns.csv").read_text(encoding="utf-8-sig")


def test_each_decision_has_its_row(ledger: Ledger, tmp_path: Path) -> None:
    every = [*ledger.records()]
    decided = [entry for entry in every if isinstance(entry.record, Decision)]
    assert export_decisions(ledger.database.url, tmp_path / "table", "csv") == len(decided)
    rows = read_csv(tmp_path / "table" / "decisions.csv")
    assert len(rows) == len(decided) and [*rows[0]] == [*COLUMNS]
    for row, entry in zip(rows, decided, strict=True):
        record = entry.record
        assert isinstance(record, Decision)
        about = [other.record for other in every if getattr(other.record, "decision", None) == record.key]
        overrides = [other for other in about if isinstance(other, Override)]
        counts = overrides[-1].new if overrides else record.label
        assert row["decision"] == record.label and row["decision_now"] == counts
        assert row["overrides"] == str(len(overrides))
        assert row["override_reason"] == (overrides[-1].reason if overrides else "")
        assert row["confirms"] == str(sum(isinstance(other, Confirm) for other in about))
        assert (row["index"], row["key"], row["part"]) == (str(entry.index), record.key, record.part)
        assert (row["at"], row["recorded"]) == (written_time(record.at), written_time(entry.recorded))
        assert row["lot"] == (record.lot or "") and row["station"] == record.station
        assert (float(row["score"]) if row["score"] else None) == record.score
        assert float(row["threshold"]) == record.threshold
        assert row["rules"].split() == [*record.fired]
        assert row["images"] == str(len(record.images))
        assert row["sha256"].split() == [image.sha256 or "-" for image in record.images]
        for name in (
            "bundle",
            "policy_id",
            "preprocessing",
            "runtime",
            "precision",
            "isa",
            "bits",
            "gainspect",
        ):
            said = getattr(record.made_with, name)
            assert row[name] == ("" if said is None else str(said))
    assert any(row["overrides"] > "1" for row in rows) and any(row["confirms"] > "0" for row in rows)


def test_parquet_says_the_same(ledger: Ledger, tmp_path: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    for form in ("csv", "parquet"):
        export_decisions(ledger.database.url, tmp_path / form, require_format(form))
    table = pq.read_table(tmp_path / "parquet" / "decisions.parquet")
    assert str(table.schema.field("at").type) == "timestamp[us, tz=UTC]"
    assert str(table.schema.field("score").type) == "double"

    def as_text(value: object) -> str:
        return "" if value is None else written_time(value) if isinstance(value, datetime) else str(value)

    found = [{name: as_text(value) for name, value in row.items()} for row in table.to_pylist()]
    assert found == read_csv(tmp_path / "csv" / "decisions.csv")
    described = [(tmp_path / form / "columns.csv").read_bytes() for form in ("csv", "parquet")]
    assert described[0] == described[1]


def test_every_column_is_described_in_both_languages(tmp_path: Path) -> None:
    url = str(tmp_path / "line.ledger")
    open_ledger(url).close()
    assert export_decisions(url, tmp_path / "table", "csv") == 0
    rows = read_csv(tmp_path / "table" / "columns.csv")
    assert [row["column"] for row in rows] == [*COLUMNS, "*"]
    for row in rows:
        assert len(row["en"]) > 10 and not re.search("[가-힣]", row["en"])
        assert re.search("[가-힣]", row["ko"])


def test_on_the_command_line(run: Run, tmp_path: Path) -> None:
    url, out = str(tmp_path / "line.ledger"), tmp_path / "table"
    with open_ledger(url) as opened:
        opened.append(decision())
    done = run("ledger", "export", url, out, "--format", "csv")
    assert done.returncode == 0 and "1 decision in" in done.stdout
    assert sorted(file.name for file in out.iterdir()) == ["columns.csv", "decisions.csv"]
    for arguments, said in (
        ([out, "--format", "csv"], "already such a file"),
        ([tmp_path / "x", "--format", "xlsx"], "no format 'xlsx'"),
        ([tmp_path / "x", "--format", "csv", "--images"], "neither pictures nor signatures"),
    ):
        refused = run("ledger", "export", url, *arguments)
        assert refused.returncode == 2 and said in " ".join(refused.stderr.split())
    assert sorted(file.name for file in tmp_path.iterdir()) == ["line.ledger", "table"]


def test_a_table_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = str(tmp_path / "line.ledger")
    open_ledger(url).close()

    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("gainspect.jobs.export_decisions._describe", full)
    with pytest.raises(GainspectError, match="No space left"):
        export_decisions(url, tmp_path / "table", "csv")
    assert all(file.name.startswith("line.ledger") for file in tmp_path.iterdir())

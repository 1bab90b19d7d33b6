"""The benchmark scripts run, on a tiny scale, and print the tables they promise."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Runs a script of the folder; what it saves goes to `tmp_path`."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import results_table

    monkeypatch.setattr(results_table, "RESULTS", tmp_path / "results")

    def call(script: str, *arguments: str | Path) -> None:
        monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
        runpy.run_path(str(FOLDER / script), run_name="__main__")

    return call


@pytest.mark.slow
def test_gpu_mt_on_a_tiny_configuration(
    run: Callable[..., None], parts_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny = ["--backbone", "test_efficientnet", "--weights", "none", "--size", "64", "--epochs", "1"]
    arguments = [
        "--data",
        parts_folder,
        "--work",
        tmp_path / "work",
        "--strategies",
        "S1,S6",
        "--seeds",
        "1,2",
    ]
    run("gpu_mt.py", *arguments, *tiny, "--batch-size", "8")
    text = (tmp_path / "results" / "gpu_mt.md").read_text()
    assert "`python benchmarks/gpu_mt.py --data" in text
    rows = [line.split("|") for line in text.splitlines() if line.startswith(("| S1", "| S6"))]
    assert [row[1].strip() for row in rows] == ["S1", "S6"]
    assert all(row[2].strip() == "2" and "±" in row[3] for row in rows)
    assert float(rows[0][-2]) > 0
    # No time left: nothing is trained anew, and the script says so.
    run("gpu_mt.py", *arguments, *tiny, "--batch-size", "8", "--minutes", "0")
    assert "Time is over before S1" in capsys.readouterr().out
    assert (tmp_path / "results" / "gpu_mt.md").read_text() == text


@pytest.mark.slow
def test_step_time_prints_ratios_to_the_base(
    run: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(
        "step_time.py",
        "--backbone",
        "test_efficientnet",
        "--size",
        "64",
        "--batch-size",
        "2",
        "--rounds",
        "2",
    )
    text = capsys.readouterr().out
    base = next(line for line in text.splitlines() if line.startswith("| S1 |"))
    assert [cell.strip() for cell in base.split("|")[3:6]] == ["1.000"] * 3
    assert "bare timm backbone" in (tmp_path / "results" / "step_time.md").read_text()

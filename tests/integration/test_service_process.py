"""`gainspect serve` in processes of its own: killed under load, under the load of cameras, and ended."""

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from postgres_server import PostgresServer

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(script: str, *arguments: str, folder: Path) -> dict[str, str]:
    """The rows of the table of two columns that a benchmark prints."""
    process = subprocess.run(
        [sys.executable, str(BENCHMARKS / script), *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stdout + process.stderr
    rows = [line.strip("| ").split(" | ") for line in process.stdout.splitlines() if line.startswith("|")]
    return {row[0]: " | ".join(row[1:]) for row in rows}


@pytest.mark.slow
def test_no_answer_is_lost_or_doubled_by_kills(tmp_path: Path) -> None:
    told = run("kill_service.py", "--kills", "5", folder=tmp_path)
    assert int(told["answered"]) > 5
    # Some are killed before they have recorded their start; only the first was not down before.
    assert int(told["starts"]) - int(told["starts that say since when it was down"]) == 1
    assert told["ends"] == "1"
    for name in ("lost", "changed", "doubled", "answered in two ways", "of these not recorded", "faults"):
        assert told[name] == "0", (name, told)


@pytest.mark.slow
def test_two_services_on_one_server_make_one_tree_whichever_is_killed(
    tmp_path: Path, postgres: "PostgresServer"
) -> None:
    told = run(
        "kill_service.py", "--kills", "5", "--services", "2", "--url", postgres.new_schema(), folder=tmp_path
    )
    assert int(told["answered"]) > 5
    assert told["ends"] == "2"
    for name in ("lost", "changed", "doubled", "answered in two ways", "of these not recorded", "faults"):
        assert told[name] == "0", (name, told)


@pytest.mark.slow
def test_past_its_limit_a_service_refuses_and_loses_nothing(tmp_path: Path) -> None:
    told = run("service.py", "--parts", "64", "--networks", "spots", "--waiting", "4", folder=tmp_path)
    columns = told["load"].split(" | ")
    loads = {name: dict(zip(columns, row.split(" | "), strict=True)) for name, row in told.items()}
    for name in ("as fast as it can", "half of that", "twice that", "half again"):
        assert loads[name]["other errors"] == "0"
        assert float(loads[name]["decided /s"]) > 0
        assert loads[name]["waiting at the end"] == "0"

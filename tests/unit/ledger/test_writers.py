"""Writers that race, are killed, or find their database full or gone: nothing half done, nothing doubled."""

import os
import subprocess
import sys
from pathlib import Path

from gainspect.ledger import open_ledger
from gainspect.ledger.verification import verify
from reference.merkle_reference import mth

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"
EACH = 25
WRITER = """
import sys
from gainspect.ledger import open_ledger
from ledger_records import decision

url, name, count = sys.argv[1:]
with open_ledger(url) as ledger:
    print("open", flush=True)
    sys.stdin.readline()
    for number in range(int(count)):
        ledger.append(decision(f"{name} {number}"))
"""


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


def test_two_processes_that_race_for_the_head_make_one_tree(ledger_url: str) -> None:
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, ledger_url, name, str(EACH)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(),
        )
        for name in ("one", "other")
    ]
    for writer in writers:
        assert writer.stdout is not None and writer.stdout.readline() == "open\n"
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("go\n")
        writer.stdin.flush()
    for writer in writers:
        writer.communicate()
    assert [writer.returncode for writer in writers] == [0, 0]
    with open_ledger(ledger_url, create=False) as ledger:
        entries = [*ledger.records()]
        parts = [entry.record.part for entry in entries if entry.record.kind == "decision"]
        for name in ("one", "other"):
            assert [part for part in parts if part.startswith(name)] == [f"{name} {i}" for i in range(EACH)]
        assert len(parts) == 2 * EACH
        assert ledger.head().root == mth([entry.content for entry in entries])
        assert not verify(ledger).faults


def test_two_processes_that_make_the_same_ledger_make_one(ledger_url: str) -> None:
    """Tables and head are made once, whoever comes first."""
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, ledger_url, name, "1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            env=environment(),
        )
        for name in ("one", "other")
    ]
    assert [writer.wait() for writer in writers] == [0, 0]
    with open_ledger(ledger_url, create=False) as ledger:
        assert ledger.head().size == 2 and not verify(ledger).faults


def test_a_writer_that_is_killed_loses_and_doubles_nothing(ledger_url: str, tmp_path: Path) -> None:
    """The short form of benchmarks/kill_ledger.py, which fails if an answered record is lost or doubled."""
    command = [sys.executable, BENCHMARKS / "kill_ledger.py", "--kills", "10", "--url", ledger_url]
    done = subprocess.run(
        [*command, "--pictures", tmp_path / "pictures"], env=environment(), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| 10 |" in done.stdout

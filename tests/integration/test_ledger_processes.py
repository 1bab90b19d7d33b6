"""Several processes at one ledger, and writers that are killed."""

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from gainspect.ledger import open_ledger
from gainspect.ledger.verification import verify

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
WRITER = """
import sys
from gainspect.ledger import open_ledger
from ledger_records import decision
url, name = sys.argv[1:]
with open_ledger(url) as ledger:
    for number in range(25):
        ledger.append(decision(f"{name} {number}"))
"""


def test_processes_that_race_for_the_head_make_one_tree(ledger_url: str) -> None:
    """They also race to make the tables."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    names = ["one", "two", "three"]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, ledger_url, name], env=environment) for name in names
    ]
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    with open_ledger(ledger_url, create=False) as ledger:
        keys = [entry.record.key for entry in ledger.records()]
        assert not verify(ledger).faults
    for name in names:
        mine = [f"decision of {name} {number}" for number in range(25)]
        assert [key for key in keys if key in mine] == mine
    assert len(keys) == len(set(keys)) == 75


@pytest.mark.slow
def test_a_writer_that_is_killed_loses_and_doubles_nothing(
    ledger_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    from kill_ledger import killed_again_and_again

    found = killed_again_and_again(ledger_url, tmp_path / "pictures", 10, random.Random(1))
    assert (found.lost, found.doubled, found.faults) == (0, 0, 0)
    assert found.kills == 10 and found.answered >= 10 and 0 <= found.unanswered <= 1

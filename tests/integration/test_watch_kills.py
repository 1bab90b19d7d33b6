"""kill -9 of a watcher of a folder: no part is lost or decided twice, and no file is lost or there twice."""

import hashlib
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gainspect.feeds.claim import Claim
from gainspect.feeds.marks import Mark
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.inspection_output import LedgerPlace
from gainspect.jobs.run_watch import WatchPlace
from gainspect.jobs.watched_ledger import RecordedInLedger
from gainspect.jobs.watched_parts import JudgedPart
from gainspect.ledger import open_ledger
from gainspect.ledger.records.base import now
from report_parts import Spots, bundle
from spot_bundle import spot_bundle
from watched_folder import files_in, png

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.mark.slow
def test_a_watcher_that_is_killed_loses_and_doubles_nothing(ledger_url: str, tmp_path: Path) -> None:
    """The short form of benchmarks/kill_watch.py, which fails if anything is lost, doubled or left."""
    bundle = spot_bundle(tmp_path / "spots.gain").path
    command = [sys.executable, BENCHMARKS / "kill_watch.py", "--kills", "5", "--bundle", bundle]
    done = subprocess.run(
        [*command, "--url", ledger_url],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| 5 |" in done.stdout


STOPPED = """
from brightness import loaded
from gainspect.cli import main
from gainspect.inspection.inspector import Inspector

Inspector.load = loaded
main()
"""
"""`gainspect` that takes any name for a bundle."""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_good_order(tmp_path: Path, number: int) -> None:
    folder, done = tmp_path / "in", tmp_path / "done"
    folder.mkdir()
    (folder / "a.png").write_bytes(png(30))
    watcher = subprocess.Popen(
        [sys.executable, "-u", "-c", STOPPED, "watch", folder, "any.gain", "--done", done, "--settle", "0"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert watcher.stdout is not None
    assert watcher.stdout.readline().startswith("OK")
    watcher.send_signal(number)
    out, said = watcher.communicate()
    assert (watcher.returncode, out) == (0, "") and "1 part decided." in said
    assert files_in(done / "ok") == {"a.png": png(30)}


def test_what_is_lost_doubled_and_left_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a watcher left is made up: a part is lost, one is there twice, one has an image of another."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import kill_watch

    inspector = Inspector(Spots(), threshold=0.999)
    inspector.bundle = bundle()
    place = WatchPlace(tmp_path / "in", tmp_path / "done", LedgerPlace(str(tmp_path / "line.ledger")))
    place.folder.mkdir()

    def shown(*contents: bytes) -> tuple[tuple[str, str], ...]:
        return tuple(
            (f"part0_{view}.png", hashlib.sha256(one).hexdigest()) for view, one in enumerate(contents)
        )

    parts = {"a": (b"1", b"2"), "b": (b"3", b"4"), "c": (b"5", b"6")}
    recorded = {"a": parts["a"], "a again": parts["a"], "b": (b"3", b"6")}
    with open_ledger(str(tmp_path / "line.ledger")) as ledger:
        into = RecordedInLedger(ledger, inspector, station=None, lot=None)
        for key, contents in recorded.items():
            images: list[dict[str, Any]] = [
                {"image": f"/in/{name}", "sha256": sha256, "verdict": "ok", "score": 0.1, "error": None}
                for name, sha256 in shown(*contents)
            ]
            record = {"part": "part0", "decision": "ok", "fired": [], "score": 0.1, "threshold": 0.5}
            claim = Claim(key, (Mark("a", 1, 1, "ok"),))
            into.append(JudgedPart(now(), 0.1, record, images, list(contents), claim, 0))
    for name, content in {"1": b"1", "2": b"2", "3": b"3", "3 (2)": b"3", "5": b"5"}.items():
        path = tmp_path / "done" / "ok" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (place.folder / "part0_1.png").write_bytes(b"6")
    assert kill_watch.found_in(place, [shown(*contents) for contents in parts.values()]) == {
        "parts": 3,
        "decisions": 3,
        "parts lost": 2,
        "parts doubled": 2,
        "files lost": 2,
        "files doubled": 1,
        "files left": 1,
        "faults": 0,
    }

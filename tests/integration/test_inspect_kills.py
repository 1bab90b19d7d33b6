"""kill -9 of `gainspect inspect`: no line that was written is lost or there twice, and it goes on there."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine_fakes import write_lot
from gainspect.data.taken import VERDICTS

KILLED = """
import os, signal, sys
from itertools import count
from pathlib import Path
from brightness import loaded
from gainspect.cli import main
from gainspect.inspection.records import journal
from gainspect.inspection.inspector import Inspector

events, last = count(1), int(sys.argv.pop(1))


def event(kind):
    if next(events) == last:
        print("killed at:", kind, file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)


def write(file, line, whole=journal._write):
    whole(file, line[: len(line) // 2])
    event("half a line")
    whole(file, line[len(line) // 2 :])
    event("a line")


def replace(path, target, moved=Path.replace):
    event("a file before its rename")
    return moved(path, target)


Inspector.load, journal._write, Path.replace = loaded, write, replace
main()
"""
"""`gainspect`, which kills itself at the event of the given number."""


def inspect(last: int, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(last), "inspect", "any.gain", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )


def whole_lines(out: Path) -> list[bytes]:
    path = out / VERDICTS
    return (
        [line for line in path.read_bytes().splitlines(True) if line.endswith(b"\n")] if path.exists() else []
    )


def content(out: Path) -> dict[str, bytes]:
    """All results in a folder; what was being written when a process was killed is hidden."""
    files = (file for file in out.rglob("*") if file.is_file() and not file.name.startswith("."))
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


@pytest.mark.slow
def test_killed_again_and_again_it_ends_as_if_it_had_not_been(tmp_path: Path) -> None:
    lot = tmp_path / "lot"
    lot.mkdir()
    for index, name in enumerate(["a_1", "a_2", "b_1", "b_2", "part\udcba\udcd2_1", "부품_1", "부품_2"]):
        pixels = np.full((40, 40), 40 * index, np.uint8)
        (lot / f"{name}.png").write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    (lot / "b_2.png").write_bytes(b"no image")
    command = [lot, "--overlay", "--parts", "([^/]+)_[0-9]"]
    assert inspect(0, *command, "--out", tmp_path / "whole").returncode == 3
    out, before, moments = tmp_path / "out", list[bytes](), []
    for last in [1, 2, 3, 3, *range(4, 50)]:
        done = inspect(last, *command, "--out", out)
        lines = whole_lines(out)
        assert lines[: len(before)] == before
        names = [json.loads(line)["image"] for line in lines]
        assert len(set(names)) == len(names)
        before = lines
        if done.returncode != -signal.SIGKILL:
            break
        moments.append(done.stderr.rpartition("killed at: ")[2].strip())
    assert done.returncode == 3, done.stderr
    assert set(moments) == {"half a line", "a line", "a file before its rename"} and len(moments) >= 6
    assert content(out) == content(tmp_path / "whole")
    assert len(before) == 7


POOL = """
from engine_fakes import FakeRecipe
from gainspect.cli import main
from gainspect.jobs import run_inspection

run_inspection.Recipe = FakeRecipe
main()
"""
"""`gainspect` that takes any name for a bundle, in all its processes."""


def start(*arguments: str | Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", POOL, "inspect", "any.gain", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUTF8": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def children(pid: int) -> list[int]:
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for list_ in lists for child in list_.read_text().split()]


def runs(pid: int) -> bool:
    """Whether a process is there that has not ended (one that nobody waited for stays as a zombie)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc, which is Linux's")
def test_a_pool_that_is_killed_leaves_no_process_and_ends_as_one_process_does(tmp_path: Path) -> None:
    write_lot(tmp_path / "lot", range(240))
    assert start(tmp_path / "lot", "--out", tmp_path / "whole").wait() == 3
    length = (tmp_path / "whole" / VERDICTS).stat().st_size
    command = [tmp_path / "lot", "--engine", "pool", "--workers", "2", "--out", tmp_path / "out"]
    moments, before, kills, code = random.Random(0), set[bytes](), 0, -signal.SIGKILL
    while code == -signal.SIGKILL:
        process = start(*command)
        grown = sum(map(len, before)) + moments.randint(1, length // 3)
        while process.poll() is None and sum(map(len, whole_lines(tmp_path / "out"))) < grown:
            time.sleep(0.001)
        workers = children(process.pid)
        process.kill()
        code = process.wait()
        kills += code == -signal.SIGKILL
        lines = whole_lines(tmp_path / "out")
        assert before <= set(lines) and len(set(lines)) == len(lines)
        before = set(lines)
        while any(map(runs, workers)):
            time.sleep(0.01)  # their pipe has ended
    assert code == 3 and kills >= 2
    assert content(tmp_path / "out") == content(tmp_path / "whole")

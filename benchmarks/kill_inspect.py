"""kill -9 of `gainspect inspect` at random moments: is any verdict that was written lost, or there twice?

A small untrained bundle judges synthetic parts (one file has a name that is not UTF-8, one is no image),
decides parts of two images and draws overlays. The command is killed when its file of verdicts has grown by a
random length, up to 50 ms later, and started again, until it ends; then the folder is compared with that of a
command that was not killed, byte for byte, and the next folder is begun. A line counts as written if it is
whole when the command is killed.

With `--engines pool` it is killed so too, and then, in other folders, one of its workers at a random moment;
with ray, which writes Parquet files and draws nothing, only a worker is killed. What they write is compared
with what one process wrote that was not killed; a row of a Parquet file counts as a line.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from gainspect.data.taken import PARQUET, VERDICTS
from results_table import markdown, save
from untrained import untrained_bundle

_STEPS = 4
"""A kill lets the file grow by at most this part of its whole length, so that a folder takes several."""
_LATEST_S = 0.05
_LOOK_S = 0.001
_DONE = 3
"""Exit code of an inspection of files of which one is no image."""
_WORKERS = {"pool": "multiprocessing.spawn", "ray": "ray::MapWorker"}
"""What the command line of a worker has in it."""
_FOUND = ("lines lost", "lines doubled", "lines that differ", "folders that differ")
_COLUMNS = ("kills", "folders", "lines when killed", "torn lines", *_FOUND)


@dataclass(frozen=True)
class Round:
    """What one start of the command came to."""

    killed: bool
    lines: list[bytes]
    """Whole lines that are there."""
    torn: bool
    """Whether the last line is not whole."""


def main() -> None:
    """Kill, go on, compare, print, save; exit code 1 if anything was lost, doubled or changed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--worker-kills", type=int, default=10)
    parser.add_argument("--engines", nargs="+", choices=("local", "pool", "ray"), default=["local"])
    parser.add_argument("--images", type=int, default=40)
    parser.add_argument("--backbone", default="test_efficientnet")
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", default="kill_inspect", help="name of the table in results")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        bundle = untrained_bundle(
            Path(folder) / "kills.gain", backbone=options.backbone, size=options.size
        ).path
        lot = write_lot(Path(folder) / "lot", options.images)
        one = ["inspect", str(bundle), str(lot)]
        for engine in options.engines:
            place = Path(folder) / engine
            drawn = [] if engine == "ray" else ["--overlay", "--parts", "([^/]+)_[0-9]"]
            whole = [*one, *drawn, "--threads", "1"]
            command = [*one, *drawn, "--engine", engine]
            command += ["--threads", "1"] if engine == "local" else ["--workers", "2"]
            moments = random.Random(options.seed)
            if engine != "ray":
                found = killed_again_and_again(command, place, options.kills, moments, whole)
                rows.append({"engine": engine, "killed": "all"} | found)
            if engine != "local":
                found = with_workers_killed(engine, command, place, options.worker_kills, moments, whole)
                rows.append({"engine": engine, "killed": "a worker"} | found)
            print(markdown(rows), flush=True)
    table = markdown(rows)
    title = f"{sum(int(str(row['kills'])) for row in rows)} kills of an inspection of {options.images} images"
    print("Saved:", save(options.save, title, f"{' '.join((__doc__ or '').split())}\n\n{table}"))
    sys.exit(any(row[name] for row in rows for name in _FOUND))


def write_lot(lot: Path, count: int) -> Path:
    """Noise images, two a part; the last file is no image, and the first name is not UTF-8."""
    lot.mkdir()
    rng = np.random.default_rng(0)
    names = [f"part{index // 2}_{index % 2}.png" for index in range(count)]
    names[0] = os.fsdecode(b"\xba\xd2\xb7\xae_0.png")
    for name in names[:-1]:
        pixels = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
        (lot / name).write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    (lot / names[-1]).write_bytes(b"no image")
    return lot


def killed_again_and_again(
    command: list[str], place: Path, kills: int, moments: random.Random, uncut: list[str] | None = None
) -> dict[str, object]:
    """Kill a command so many times, over as many folders as that takes.

    Args:
        command: arguments of `gainspect`.
        place: for the folders.
        kills: how many.
        moments: when.
        uncut: the command that is not killed; None: the same.

    Returns:
        The row of the table.
    """
    whole = place / "whole"
    expected = started([*(uncut or command), "--out", str(whole)], whole, None, 0.0).lines
    length = sum(map(len, expected))
    counts: Counter[str] = Counter()
    while counts["kills"] < kills:
        out = place / f"out{counts['folders']}"
        before: list[bytes] = []
        killed = True
        while killed:
            # Once there were enough kills, the last folder is brought to its end.
            more = counts["kills"] < kills
            at = sum(map(len, before)) + moments.randint(1, length // _STEPS) if more else None
            now = started([*command, "--out", str(out)], out, at, moments.uniform(0, _LATEST_S))
            names = [json.loads(line)["image"] for line in now.lines]
            counts["kills"] += now.killed
            counts["lines when killed"] += len(now.lines) if now.killed else 0
            counts["torn lines"] += now.torn
            counts["lines lost"] += len(set(before) - set(now.lines))
            counts["lines doubled"] += len(names) - len(set(names))
            counts["lines that differ"] += len(set(now.lines) - set(expected))
            before, killed = now.lines, now.killed
            print(f"{counts['kills']} kills, {len(now.lines)} of {len(expected)} lines", flush=True)
        counts["folders"] += 1
        counts["folders that differ"] += content(out) != content(whole)
    return {name: counts[name] for name in _COLUMNS}


def with_workers_killed(
    engine: str, command: list[str], place: Path, kills: int, moments: random.Random, uncut: list[str]
) -> dict[str, object]:
    """Kill one worker of each of so many commands, and let the command go on.

    Args:
        engine: of the command.
        command: arguments of `gainspect`.
        place: for the folders.
        kills: how many.
        moments: when.
        uncut: the command that has no workers.

    Returns:
        The row of the table.
    """
    whole = place / "one process"
    started([*uncut, "--out", str(whole)], whole, None, 0.0)
    expected = written(whole)
    counts: Counter[str] = Counter(dict.fromkeys(_COLUMNS, 0))
    latest_s = 0.1
    while counts["kills"] < kills:
        out = place / f"worker{counts['folders']}"
        process = start([*command, "--out", str(out)])
        first = None
        while first is None and process.poll() is None:
            first = next(workers_of(process.pid, _WORKERS[engine]), None)
            time.sleep(_LOOK_S)
        begun = time.monotonic()
        time.sleep(moments.uniform(0, latest_s))
        victims = list(workers_of(process.pid, _WORKERS[engine]))
        before = written(out)
        if victims:
            os.kill(moments.choice(victims), 9)
            counts["kills"] += 1
        seen = begun
        while process.poll() is None:
            if next(workers_of(process.pid, _WORKERS[engine]), None) is not None:
                seen = time.monotonic()
            time.sleep(_LOOK_S)
        if process.returncode != _DONE:
            raise RuntimeError(f"the command ended with exit code {process.returncode}")
        latest_s = seen - begun
        lines = written(out)
        names = [json.loads(line)["image"] for line in lines]
        counts["folders"] += 1
        counts["lines when killed"] += len(before)
        counts["lines lost"] += len(set(expected) - set(lines))
        counts["lines doubled"] += len(names) - len(set(names))
        counts["lines that differ"] += len(set(lines) - set(expected))
        counts["folders that differ"] += sorted(lines) != sorted(expected)
        print(f"{counts['kills']} workers killed, {len(lines)} of {len(expected)} lines", flush=True)
    return dict(counts)


def written(out: Path) -> list[bytes]:
    """The whole lines, or rows, that a folder has."""
    if not (out / PARQUET).is_dir():
        path = out / VERDICTS
        lines = path.read_bytes().splitlines(keepends=True) if path.exists() else []
        return [line for line in lines if line.endswith(b"\n")]
    import pyarrow.parquet as pq

    files = sorted((out / PARQUET).glob("[0-9a-f]*.parquet"))
    return [f"{text}\n".encode() for file in files for text in pq.read_table(file)["record"].to_pylist()]


def workers_of(process: int, mark: str) -> Iterator[int]:
    """The processes below another whose command line has a mark (Linux)."""
    try:
        below = [list_.read_text() for list_ in Path(f"/proc/{process}/task").glob("*/children")]
    except OSError:
        return
    for child in map(int, " ".join(below).split()):
        try:
            line = Path(f"/proc/{child}/cmdline").read_bytes()
        except OSError:
            continue
        if mark.encode() in line:
            yield child
        yield from workers_of(child, mark)


def started(arguments: list[str], out: Path, kill_at: int | None, delay: float) -> Round:
    """Run the command until it ends, or kill it.

    Args:
        arguments: of `gainspect`.
        out: the folder that it writes into.
        kill_at: the length of the file of verdicts, in bytes, from which on it is killed; None: it is not.
        delay: seconds until then.

    Raises:
        RuntimeError: it ended with another exit code than that of an inspection that judged all it could.
    """
    process = start(arguments)
    verdicts = out / VERDICTS
    # A file that is whole does not grow: then the command may end before.
    while kill_at is not None and process.poll() is None:
        if verdicts.exists() and verdicts.stat().st_size >= kill_at:
            time.sleep(delay)
            process.kill()
            break
        time.sleep(_LOOK_S)
    ended = process.wait()
    if ended not in (_DONE, -9):
        raise RuntimeError(f"the command ended with exit code {ended}")
    lines = verdicts.read_bytes().splitlines(keepends=True) if verdicts.exists() else []
    whole = [line for line in lines if line.endswith(b"\n")]
    return Round(ended != _DONE, whole, len(whole) < len(lines))


def start(arguments: list[str]) -> subprocess.Popen[bytes]:
    """Start `gainspect`, without what it prints."""
    return subprocess.Popen(
        [sys.executable, "-c", "from gainspect.cli import main; main()", *arguments],
        env={**os.environ, "PYTHONUTF8": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def content(out: Path) -> dict[str, bytes]:
    """All results in a folder; what was being written when a process was killed is hidden."""
    files = (file for file in out.rglob("*") if file.is_file() and not file.name.startswith("."))
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


if __name__ == "__main__":
    main()

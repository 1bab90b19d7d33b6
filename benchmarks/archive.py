"""What an archive costs: images per core-hour by runtime, and Ray against the pool of processes.

A bundle with random weights, as fast as trained ones, judges synthetic parts from PNG files: reading,
decoding, network, regions, record. Core-hours are the user and system time of the worker processes, which
other work on the machine hardly changes; each command runs on few and on many images, and the difference
counts, without the start. Seconds do depend on other work, so engines are compared by the ratio of runs that
take turns; they count from the first file of verdicts to the last. Memory is the largest resident set of one
worker (Linux).
"""

import argparse
import math
import os
import random
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import pyarrow.parquet as pq

from gainspect.data.taken import PARQUET
from gainspect.inspection.bundle import Format
from kill_inspect import start, workers_of, written
from latency import RUNS
from latency_case import part
from results_table import markdown, number, save
from untrained import untrained_bundle

_LOOK_S = 0.05
_BURST_S = 0.1
_MARKS = ("multiprocessing.spawn", "ray::MapWorker")
"""In the command lines of workers."""
_ARCHIVE = 10_000_000
_FORMATS: dict[str, Format] = {"torch": "torch", "openvino int8": "openvino-int8"}
"""What a runtime needs besides ONNX."""


@dataclass
class Used:
    """What one command took."""

    seconds: float
    """From its start to its end."""
    cpu_s: float
    """User and system time of its workers."""
    peak_mib: float
    """Of the worker that took most."""
    lines: list[bytes]
    """What it wrote, in any order."""
    first_s: float
    """From its start to its first file of verdicts."""
    rate: float
    """Images a second from then on; NaN: there was no other file."""


def main() -> None:
    """Measure, print and save."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="tf_efficientnet_lite0")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--image", type=int, default=640, help="side of the images, pixels")
    parser.add_argument("--images", type=int, default=240)
    parser.add_argument("--few", type=int, default=40, help="images of the runs that are subtracted")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runtimes", default=",".join(RUNS))
    parser.add_argument("--engine-runtime", default="onnxruntime")
    parser.add_argument("--engines", default="pool,ray")
    parser.add_argument("--price", type=float, help="of a core-hour, in any currency")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        more = tuple(
            _FORMATS[name]
            for name in (*options.runtimes.split(","), options.engine_runtime)
            if name in _FORMATS
        )
        bundle = untrained_bundle(
            place / "archive.gain", backbone=options.backbone, size=options.size, formats=("onnx", *more)
        ).path
        lots = {count: _lot(place, count, options.image) for count in (options.few, options.images)}
        runtimes = [_runtime_row(bundle, lots, name, options) for name in options.runtimes.split(",")]
        print(markdown(runtimes), flush=True)
        engines = _engine_rows(bundle, lots, options)
        print(markdown(engines), flush=True)
        killed = [_killed_row(bundle, lots, engine, options) for engine in options.engines.split(",")]
        print(markdown(killed), flush=True)
    text = "\n\n".join(
        [
            " ".join((__doc__ or "").split()),
            f"By runtime, one worker with one thread, median of {options.rounds}; the last columns are for "
            f"{_ARCHIVE:,} images.",
            markdown(runtimes),
            f"Engines ({options.engine_runtime}), one thread a worker. `x of pool`: images a second "
            "over those of the pool with as many workers, median of the turns.",
            markdown(engines),
            "One of two workers killed (kill -9) in the middle.",
            markdown(killed),
        ]
    )
    title = f"Archives: {options.backbone} at {options.size} px, images of {options.image} px"
    print("Saved:", save("archive", title, text))


def _lot(place: Path, count: int, side: int) -> Path:
    """Synthetic parts as PNG files."""
    lot = place / str(count)
    lot.mkdir()
    for index in range(count):
        cv2.imwrite(str(lot / f"{index:05d}.png"), cv2.cvtColor(part(index, side), cv2.COLOR_RGB2BGR))
    return lot


def _runtime_row(
    bundle: Path, lots: dict[int, Path], name: str, options: argparse.Namespace
) -> dict[str, object]:
    each, peaks = [], []
    for _ in range(options.rounds):
        few, many = (_used(bundle, lot, "pool", 1, name) for lot in lots.values())
        each.append((many.cpu_s - few.cpu_s) / (options.images - options.few))
        peaks.append(many.peak_mib)
    cpu_s = statistics.median(each)
    hours = _ARCHIVE * cpu_s / 3600
    row: dict[str, object] = {
        "runtime": name,
        "CPU ms an image": 1000 * cpu_s,
        "images per core-hour": f"{3600 / cpu_s:,.0f}",
        "MiB a worker": f"{max(peaks):.0f}",
        "core-hours": f"{hours:,.0f}",
        "hours on 64 cores": number(hours / 64),
    }
    return row if options.price is None else row | {"price": f"{hours * options.price:,.2f}"}


def _engine_rows(bundle: Path, lots: dict[int, Path], options: argparse.Namespace) -> list[dict[str, object]]:
    runtime = options.engine_runtime
    cases = [(engine, workers) for workers in (1, 2) for engine in options.engines.split(",")]
    turns: dict[tuple[str, int], list[tuple[Used, Used]]] = {case: [] for case in cases}
    for _ in range(options.rounds):
        for engine, workers in cases:
            few, many = (_used(bundle, lot, engine, workers, runtime) for lot in lots.values())
            turns[engine, workers].append((few, many))
    expected = sorted(_used(bundle, lots[options.images], "local", 1, runtime).lines)
    rows = []
    for engine, workers in cases:
        pool = turns.get(("pool", workers), turns[engine, workers])
        own = turns[engine, workers]
        ratios = [many.rate / base.rate for (_, many), (_, base) in zip(own, pool, strict=True)]
        cpu_s = [(many.cpu_s - few.cpu_s) / (options.images - options.few) for few, many in own]
        many = own[-1][1]
        rows.append(
            {
                "engine": engine,
                "workers": workers,
                "images a second": statistics.median(many.rate for _, many in own),
                "x of pool": statistics.median(ratios),
                "CPU ms an image": 1000 * statistics.median(cpu_s),
                "MiB a worker": f"{many.peak_mib:.0f}",
                "seconds to the first file": statistics.median(many.first_s for _, many in own),
                "records as of one process": sorted(many.lines) == expected,
            }
        )
    return rows


def _killed_row(
    bundle: Path, lots: dict[int, Path], engine: str, options: argparse.Namespace
) -> dict[str, object]:
    runtime, lot = options.engine_runtime, lots[options.images]
    whole = _used(bundle, lot, engine, 2, runtime)
    killed = _used(bundle, lot, engine, 2, runtime, kill_after=0.6 * whole.seconds)
    return {
        "engine": engine,
        "seconds": whole.seconds,
        "seconds with a kill": killed.seconds,
        "records": len(killed.lines),
        "as without a kill": sorted(killed.lines) == sorted(whole.lines),
    }


def _used(
    bundle: Path, lot: Path, engine: str, workers: int, runtime: str, *, kill_after: float | None = None
) -> Used:
    """Run one inspection and look at its workers until it ends.

    Args:
        bundle: the bundle.
        lot: the folder of images.
        engine: of the inspection.
        workers: with one thread each.
        runtime: a name of `latency.RUNS`.
        kill_after: seconds after which one worker is killed; None: none is.

    Raises:
        RuntimeError: the command failed.
    """
    name, precision = RUNS[runtime]
    with tempfile.TemporaryDirectory() as out:
        command = [
            "inspect",
            str(bundle),
            str(lot),
            "--engine",
            engine,
            "--threads",
            "1",
            "--out",
            f"file://{out}",
        ]
        command += ["--runtime", name, "--precision", precision]
        command += [] if engine == "local" else ["--workers", str(workers)]
        begun, now = time.perf_counter(), time.time()
        process = start(command)
        cpu_s, peak = dict[int, float](), dict[int, float]()
        while process.poll() is None:
            below = [pid for mark in _MARKS for pid in workers_of(process.pid, mark)]
            for pid in below:
                _look(pid, cpu_s, peak)
            if kill_after is not None and below and time.perf_counter() - begun > kill_after:
                os.kill(random.Random(0).choice(below), 9)
                kill_after = None
            time.sleep(_LOOK_S)
        seconds = time.perf_counter() - begun
        if process.returncode != 0:
            raise RuntimeError(f"{subprocess.list2cmdline(command)} ended with {process.returncode}")
        lines = written(Path(out))
        files = sorted((file.stat().st_mtime, file) for file in (Path(out) / PARQUET).iterdir())
        first, last = files[0][0], files[-1][0]
        # Ray hands over several batches at a time, whose files are written at once.
        begin = sum(pq.read_metadata(file).num_rows for when, file in files if when < first + _BURST_S)
        after = len(lines) - begin
        rate = after / (last - first) if last > first else math.nan
        return Used(seconds, sum(cpu_s.values()), max(peak.values(), default=0.0), lines, first - now, rate)


def _look(pid: int, cpu_s: dict[int, float], peak: dict[int, float]) -> None:
    """Note what a process has used until now."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:  # it has ended
        return
    ticks = os.sysconf("SC_CLK_TCK")
    cpu_s[pid] = (int(fields[11]) + int(fields[12])) / ticks
    for line in status.splitlines():
        if line.startswith("VmHWM:"):
            peak[pid] = int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()

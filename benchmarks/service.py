"""Eight cameras ask a service for decisions: how many, how fast, at what cost, and past its limit?

`gainspect serve` runs in a process of its own, on SQLite, with one thread of inference. Each camera sends a
part of one image, and the next when that was answered, or when its turn has come if that is later. First
they never wait, which says what the service can do; then they ask for half of that; then, from more
connections, for twice that; then for half again. Latencies are also told as multiples of what the Inspector
alone takes for the same images, as other work on the machine changes both. The slope of the resident memory
is that of a least-squares line through its samples after the first fifth, with an interval of 95 % by the
slopes of eight pieces. At the end every part that was decided stands in the ledger once, every answer in
the place of a decision is recorded, and all verifies.
"""

import argparse
import http.client
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import psutil

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from gainspect.inspection.bundle import Bundle
from gainspect.inspection.inspector import Inspector
from gainspect.ledger import open_ledger
from gainspect.ledger.records.decision import Decision, FailSafe
from gainspect.ledger.verification import verify
from service_process import ServiceProcess, activate, ask, context, get, part_body
from spot_bundle import part, spot_bundle

_SPOTS = ((), ((40, 40, 4),), ((40, 40, 6),))
_PICTURES = 48
_PIECES = 8
_WARM_UP = 0.2
_T_7 = 2.365
"""Student's t for 95 % and seven degrees of freedom."""


@dataclass
class Load:
    """What cameras were answered."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    seconds: list[float] = field(default_factory=list)
    """Of decisions."""
    statuses: Counter[int] = field(default_factory=Counter)
    parts: set[str] = field(default_factory=set)
    """That were decided."""
    refused: int = 0
    """Fail-safe answers."""
    memory: list[tuple[float, float]] = field(default_factory=list)
    """Seconds, and MiB of the service."""
    cpu: float = 0
    """Seconds of the service."""
    took: float = 0


def load(
    service: ServiceProcess,
    pictures: Sequence[bytes],
    stations: Sequence[tuple[str, dict[str, str]]],
    *,
    name: str,
    count: int,
    rate: float | None,
) -> Load:
    """Let cameras ask for decisions.

    Args:
        service: that is asked.
        pictures: files that cameras send in turn.
        stations: name and headers of each camera.
        name: begins the names of the parts.
        count: parts of all.
        rate: parts a second that all send; None: each sends the next as soon as the last is answered.
    """
    told, process = Load(), psutil.Process(service.pid)
    cpu, began, running = sum(process.cpu_times()[:2]), time.monotonic(), threading.Event()

    def camera(number: int) -> None:
        station, headers = stations[number]
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)
        for index in range(number, count, len(stations)):
            if rate is not None:
                time.sleep(max(0.0, began + index / rate - time.monotonic()))
            part_name = f"{name} {index}"
            body = part_body({"part": part_name, "station": station}, [pictures[index % len(pictures)]])
            start = time.monotonic()
            status, document, _ = ask(connection, body, part_name, headers)
            seconds = time.monotonic() - start
            with told.lock:
                told.statuses[status] += 1
                if status in (200, 201):
                    told.seconds.append(seconds)
                    told.parts.add(part_name)
                else:
                    told.refused += "why" in document
        connection.close()

    def watch() -> None:
        while not running.wait(0.5):
            told.memory.append((time.monotonic() - began, process.memory_info().rss / 2**20))

    watching = threading.Thread(target=watch)
    watching.start()
    cameras = [threading.Thread(target=camera, args=(number,)) for number in range(len(stations))]
    for thread in cameras:
        thread.start()
    for thread in cameras:
        thread.join()
    running.set()
    watching.join()
    told.took = time.monotonic() - began
    told.cpu = sum(process.cpu_times()[:2]) - cpu
    return told


def slope(samples: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """MiB an hour, and half of its interval of 95 %; NaN: too few samples."""
    kept = (
        np.array([one for one in samples if one[0] > _WARM_UP * samples[-1][0]]) if samples else np.empty(0)
    )
    if len(kept) < 3 * _PIECES:
        return float("nan"), float("nan")
    whole = np.polyfit(kept[:, 0], kept[:, 1], 1)[0]
    pieces = [np.polyfit(piece[:, 0], piece[:, 1], 1)[0] for piece in np.array_split(kept, _PIECES)]
    # The mean of pieces spreads with the square root of their number; a line through all is steadier still.
    half = _T_7 * np.std(pieces, ddof=1) / np.sqrt(_PIECES)
    return float(whole) * 3600, float(half) * 3600


def row(told: Load, alone: float) -> dict[str, object]:
    """One row of the table; `alone`: median seconds of the Inspector for one image."""
    p50, p95, p99 = np.percentile(told.seconds, [50, 95, 99]) if told.seconds else [float("nan")] * 3
    asked, decided = told.statuses.total(), len(told.seconds)
    mib, half = slope(told.memory)
    return {
        "asked": asked,
        "asked /s": asked / told.took,
        "decided /s": decided / told.took,
        "429, %": 100 * told.statuses[429] / asked,
        "other errors": asked - decided - told.statuses[429],
        "p50, ms": 1000 * p50,
        "p95, ms": 1000 * p95,
        "p99, ms": 1000 * p99,
        "p50 / Inspector": p50 / alone,
        "p99 / Inspector": p99 / alone,
        "CPU ms a decision": 1000 * told.cpu / max(1, decided),
        "MiB /h": f"{mib:+.1f} ± {half:.1f}",
    }


def alone_seconds(bundle: Bundle, pictures: Sequence[bytes]) -> float:
    """Median seconds that the Inspector takes for one of the images, with one thread."""
    inspector = Inspector.load(bundle, threads=1)
    images = [cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR)[..., ::-1] for one in pictures]
    took = []
    for image in [*images, *images]:
        start = time.monotonic()
        inspector.inspect(np.ascontiguousarray(image))
        took.append(time.monotonic() - start)
    return float(np.median(took))


def measured(
    bundle: Bundle, size: int, folder: Path, *, cameras: int, seconds: float, most: int | None, waiting: int
) -> list[dict[str, object]]:
    """Rows of the table of one bundle.

    Args:
        bundle: that judges.
        size: side of the pictures, pixels.
        folder: for the ledger.
        cameras: how many.
        seconds: of the load that the service can bear; past its limit a fifth of that.
        most: parts of each load, whatever the seconds; None: any number.
        waiting: see `ServiceSettings`.
    """
    db, store, settings = str(folder / "line.ledger"), str(folder / "pictures"), folder / "settings.yaml"
    settings.write_text(f"waiting: {waiting}\n", encoding="utf-8")
    many = 4 * waiting
    names = [f"camera {number}" for number in range(many)]
    headers = activate(db, store, bundle, names)
    stations = [(name, headers[name]) for name in names]
    options = ["--db", db, "--store", store, "--state", str(folder / "state"), "--threads", "1"]
    service = ServiceProcess(
        context(), [str(bundle.path), *options, "--settings", str(settings)], folder / "log"
    )
    service.start()
    service.wait_until_ready()
    pictures = [
        bytes(cv2.imencode(".png", part(*_SPOTS[number % 3], size=size, seed=number))[1])
        for number in range(_PICTURES)
    ]
    alone = alone_seconds(bundle, pictures)

    def parts(rate: float, share: float) -> int:
        wanted = max(cameras, round(rate * seconds * share))
        return wanted if most is None else min(wanted, most)

    def run(name: str, count: int, rate: float | None, connections: int) -> Load:
        return load(service, pictures, stations[:connections], name=name, count=count, rate=rate)

    run("warm", 4 * cameras, None, cameras)
    free = run("free", 25 * cameras if most is None else most, None, cameras)
    can = len(free.seconds) / free.took
    half = run("half", parts(can / 2, 1), can / 2, cameras)
    twice = run("twice", max(3 * many, parts(2 * can, 0.2)), 2 * can, many)
    after = run("after", parts(can / 2, 0.05), can / 2, cameras)
    _, ready = get(service.port, "/readyz")
    service.end()
    loads = {"as fast as it can": free, "half of that": half, "twice that": twice, "half again": after}
    require_all_there(db, store, list(loads.values()))
    return [
        {"load": name, **row(told, alone)} | {"waiting at the end": ready["waiting"]}
        for name, told in loads.items()
    ]


def require_all_there(db: str, store: str, loads: Sequence[Load]) -> None:
    """Fail if a decision or a fail-safe answer is not in the ledger, or it does not verify."""
    with open_ledger(db, pictures=store, create=False) as ledger:
        records = [entry.record for entry in ledger.records()]
        faults = verify(ledger).faults
    parts = Counter(record.part for record in records if isinstance(record, Decision))
    refused = sum(isinstance(record, FailSafe) for record in records)
    for one in loads:
        assert all(parts[name] == 1 for name in one.parts)
    assert refused >= sum(one.refused for one in loads)
    assert not faults


def main() -> None:
    """Load, print, save; it fails if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="of the load that the service can bear")
    parser.add_argument("--parts", type=int, help="at most, of each load")
    parser.add_argument("--cameras", type=int, default=8)
    parser.add_argument("--waiting", type=int, default=16, help="images that may wait")
    parser.add_argument("--networks", nargs="*", default=["spots", "efficientnet_lite0"])
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    said = ""
    for network in options.networks:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "served.gain"
            if network == "spots":
                bundle, size = spot_bundle(path), 96
            else:
                from untrained import untrained_bundle

                bundle, size = untrained_bundle(path, backbone=network, size=256), 512
            rows = measured(
                bundle,
                size,
                Path(folder),
                cameras=options.cameras,
                seconds=60 * options.minutes,
                most=options.parts,
                waiting=options.waiting,
            )
        from results_table import markdown, save

        said += f"## {network}, pictures of {size} px\n\n{markdown(rows)}\n"
        print(said)
    if options.save:
        text = f"{' '.join((__doc__ or '').split())}\n\n{said}"
        save("service", f"{options.cameras} cameras, {options.minutes:g} minutes", text)


if __name__ == "__main__":
    main()

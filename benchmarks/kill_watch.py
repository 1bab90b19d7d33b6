"""kill -9 of a watcher of a folder at random moments: is a part or a file lost, or there twice?

A camera writes parts of two images into the folder, as fast as they are taken: some under a temporary name
and then renamed, some in place and slowly; names come again with other content, content comes again under
other names, and some files are cut off. A small bundle judges them, decisions go into a ledger
with their pictures, files into the folders of decided ones. The watcher is killed up to 60 ms after a random
number of decisions, or while it starts, and started again. At the end the camera stops and a last watcher
takes what is left. Then each part that was written must stand in the ledger once, with just its two images,
each file must lie in the folders of decided ones once and nowhere else, and the ledger must verify.
"""

import argparse
import hashlib
import multiprocessing
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

import cv2
import numpy as np

from gainspect.feeds.stop import Stop
from gainspect.feeds.watch import Waits
from gainspect.inspection.engines.judge import Recipe
from gainspect.jobs.inspection_output import LedgerPlace
from gainspect.jobs.run_watch import WatchPlace, WatchPlan, run_watch
from gainspect.jobs.watch_loop import CLAIM, STATE
from gainspect.ledger import open_ledger
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.verification import verify

_MOST_DECISIONS, _LATEST_S, _START_S = 8, 0.06, 1.0
_NAMES = 40
"""Parts of different names; then names come again."""
_AHEAD = 12
"""Parts that lie in the folder, at most."""
_WAITS = Waits(settle_s=0.05, give_up_s=1.0, part_s=20.0)
_CUT, _AGAIN, _SLOW = 10, 7, 3
"""Of so many parts one has a file that is cut off, the content of another, or is written slowly."""
_FOUND = ("parts lost", "parts doubled", "files lost", "files doubled", "files left", "faults")
Shown = tuple[tuple[str, str], ...]
"""Name and SHA-256 of each image of a part."""


@dataclass
class Camera:
    """Writes parts into a folder until it is stopped."""

    folder: Path
    parts: list[Shown] = field(default_factory=list)
    """What it wrote."""
    stopped: threading.Event = field(default_factory=threading.Event)
    error: BaseException | None = None

    def run(self) -> None:
        """Write part after part."""
        try:
            rng, before = np.random.default_rng(0), list[bytes]()
            while not self.stopped.is_set():
                number = len(self.parts)
                names = [f"part{number % _NAMES}_{view}.png" for view in (0, 1)]
                there = [path.name for path in self.folder.glob("part*")]
                if len(there) >= 2 * _AHEAD or set(names) & set(there):
                    time.sleep(0.005)
                    continue
                contents = before if number % _AGAIN == _AGAIN - 1 else [_picture(rng), _picture(rng)]
                if number % _CUT == _CUT - 1:
                    contents = [contents[0], contents[1][: len(contents[1]) // 2]]
                for name, content in zip(names, contents, strict=True):
                    self._write(name, content, slowly=number % _SLOW == 0)
                hashes = [hashlib.sha256(content).hexdigest() for content in contents]
                self.parts.append(tuple(zip(names, hashes, strict=True)))
                before = contents
        except BaseException as error:
            self.error = error

    def _write(self, name: str, content: bytes, *, slowly: bool) -> None:
        if slowly:
            with (self.folder / name).open("wb", buffering=0) as file:
                for begin in range(0, len(content), 1 + len(content) // 3):
                    file.write(content[begin : begin + 1 + len(content) // 3])
                    time.sleep(0.004)
        else:
            temporary = self.folder / f"{name}.part"
            temporary.write_bytes(content)
            temporary.rename(self.folder / name)


def _picture(rng: np.random.Generator) -> bytes:
    pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


def watch(place: WatchPlace, bundle: Path, once: bool, decided: Connection) -> None:
    """Watch the folder.

    Args:
        place: the folder, and where all goes.
        bundle: that judges.
        once: whether to end when nothing is left.
        decided: is sent the key of each decision, once its files are moved.
    """
    recipe = Recipe(bundle, None, "onnxruntime", "f32", 1, 8, True, None, None)
    plan = WatchPlan("(part[0-9]+)_[01]", 2, waits=_WAITS, poll_s=0.01, once=once)
    run_watch(recipe.load, place, plan, stop=Stop(), on_decision=lambda record: decided.send(record["key"]))


def kill_watchers(place: WatchPlace, bundle: Path, kills: int, seed: int) -> dict[str, int]:
    """Kill a watcher so many times; what was found then."""
    draw, camera = random.Random(seed), Camera(place.folder)
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gainspect.jobs.run_watch", "gainspect.jobs.watched_ledger"])
    writes = threading.Thread(target=camera.run)
    writes.start()
    told = at_hand = 0
    try:
        for _ in range(kills):
            decided, sender = context.Pipe(duplex=False)
            watcher = context.Process(target=watch, args=(place, bundle, False, sender))
            watcher.start()
            sender.close()
            wanted = draw.randint(0, _MOST_DECISIONS)
            for _ in range(wanted):
                decided.recv()
            time.sleep(draw.uniform(0, _LATEST_S if wanted else _START_S))
            watcher.kill()
            watcher.join()
            told += wanted + _left_in(decided)
            at_hand += (place.folder / STATE / CLAIM).exists()
            if camera.error is not None:
                raise camera.error
    finally:
        camera.stopped.set()
        writes.join()
    decided, sender = context.Pipe(duplex=False)
    last = context.Process(target=watch, args=(place, bundle, True, sender))
    last.start()
    sender.close()
    told += _left_in(decided)
    last.join()
    if last.exitcode != 0:
        raise RuntimeError(f"the last watcher ended with exit code {last.exitcode}")
    return {"kills": kills, "part at hand": at_hand, "told": told, **found_in(place, camera.parts)}


def _left_in(decided: Connection) -> int:
    """How many decisions are told until the watcher has ended."""
    count = 0
    try:
        while True:
            decided.recv()
            count += 1
    except EOFError:
        return count


def found_in(place: WatchPlace, written: list[Shown]) -> dict[str, int]:
    """What there is of all parts, beside what was written.

    Args:
        place: the folder, and where all went.
        written: the parts.
    """
    assert place.ledger is not None and place.done is not None
    with open_ledger(place.ledger.url, pictures=place.ledger.pictures) as ledger:
        decisions = [entry.record for entry in ledger.records() if isinstance(entry.record, Decision)]
        faults = len(verify(ledger).faults)
    recorded = Counter(
        tuple((Path(image.image).name, str(image.sha256)) for image in decision.images if image.stored)
        for decision in decisions
    )
    parts = Counter(written)
    images = Counter(sha256 for part in written for _, sha256 in part)
    moved = Counter(
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in place.done.rglob("*")
        if path.is_file() and path.suffix != ".txt"
    )
    return {
        "parts": len(written),
        "decisions": len(decisions),
        "parts lost": (parts - recorded).total(),
        "parts doubled": (recorded - parts).total(),
        "files lost": (images - moved).total(),
        "files doubled": (moved - images).total(),
        "files left": sum(1 for _ in place.folder.glob("part*")),
        "faults": faults,
    }


def _small_bundle(path: Path) -> Path:
    from untrained import untrained_bundle

    return untrained_bundle(path, backbone="test_efficientnet", size=64).path


def main() -> None:
    """Kill, look, print, save; exit code 1 if anything was lost, doubled, left, or does not verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--url", help="of a new ledger; without, a file of SQLite")
    parser.add_argument("--bundle", type=Path, help="that judges; without, a small untrained one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", help="name of the table in results")
    options = parser.parse_args()
    from results_table import markdown, save  # it imports torch, which no watcher has to

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bundle = options.bundle or _small_bundle(folder / "kills.gain")
        (folder / "in").mkdir()
        url = options.url or str(folder / "kills.ledger")
        ledger = LedgerPlace(url, str(folder / "pictures"), "kills")
        place = WatchPlace(folder / "in", folder / "done", ledger)
        row = kill_watchers(place, bundle, options.kills, options.seed)
    table = markdown([row])
    print(table)
    if options.save:
        said = " ".join((__doc__ or "").split())
        save(options.save, f"{options.kills} kills of a watcher of a folder", f"{said}\n\n{table}")
    sys.exit(int(any(row[name] for name in _FOUND)))


if __name__ == "__main__":
    main()

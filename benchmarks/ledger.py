"""A ledger as it grows: what appending, asking, proving and verifying take at each size.

Decisions on parts of one image, without pictures, are appended in transactions of 1,000 until each size is
reached; the first record of each thousand is a passed challenge. Then, at each size:

* One decision is appended in a transaction of its own, 50 times, each beside 4 KiB that are written to a file
  of the same disk and synced. The median append in median writes says what the ledger adds to a busy disk.
* Times in ms are medians: of finding a record by its key, of an inclusion and a consistency proof, of each
  question. A question gives the places of records; `since` also the labels, and the first and last record.
* Verifying reads all records once. On a busy machine its CPU time says more than its duration. It is that of
  this process; a server uses its own beside it.
"""

import argparse
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.questions import Question, find, since
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.operation import ChallengedPart, ChallengeResult
from gainspect.ledger.records.sealed import Record
from gainspect.ledger.verification import verify
from gainspect.types import Label
from kill_ledger import decision_of
from own_server import own_server

_AT_ONCE = 1000
_REPEATS = 50
_BLOCK = 4096
_BEGIN = datetime(2026, 1, 2, tzinfo=UTC)
"""When the first part is judged; one follows each second."""
_A_LOT, _A_BUNDLE, _EACH_NG = 100, 1000, 10
_PERIOD = timedelta(minutes=10)
_STATION = "kills"
_POLICY = "f" * 64
Answer = Callable[[int], object]
"""Gives an answer about the place that it is given."""


def record(number: int) -> Record:
    """A decision without a stored picture, or a challenge."""
    made, _ = decision_of(number)
    at, bundle = _BEGIN + timedelta(seconds=number), bundle_of(number)
    if number % _AT_ONCE == 0:
        master = ChallengedPart(part="master", expected=Label.NG, decided=Label.NG)
        judged = {"bundle": bundle, "policy_id": _POLICY, "passed": True, "parts": (master,)}
        return ChallengeResult(key=made.key, at=at, station=_STATION, challenge="masters", **judged)
    image = made.images[0].model_copy(update={"stored": False})
    return Decision.model_copy(
        made,
        update={
            "at": at,
            "lot": f"lot {number // _A_LOT}",
            "label": Label.NG if number % _EACH_NG == 1 else Label.OK,
            "images": (image,),
            "made_with": made.made_with.model_copy(update={"bundle": bundle, "policy_id": _POLICY}),
        },
    )


def bundle_of(number: int) -> str:
    """The bundle that judges a part: the next one judges the next thousand."""
    return hashlib.sha256(f"bundle {number // _A_BUNDLE}".encode()).hexdigest()


def milliseconds(act: Answer, places: range) -> float:
    """The median time of an act at places."""
    times = []
    for place in places:
        begin = time.perf_counter()
        act(place)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def appended_one_by_one(ledger: Ledger, size: int, folder: Path) -> dict[str, object]:
    """Append single decisions, and write as often to a file beside: medians."""
    appends, writes = [], []
    with (folder / "written").open("wb", buffering=0) as file:
        for number in range(size, size + _REPEATS):
            appends.append(milliseconds(lambda i: ledger.append(record(i)), range(number, number + 1)))
            writes.append(milliseconds(lambda i: _written(file.fileno()), range(1)))
    append, write = statistics.median(appends), statistics.median(writes)
    return {"append one, ms": append, "a synced write, ms": write, "append, in writes": append / write}


def _written(descriptor: int) -> None:
    os.write(descriptor, bytes(_BLOCK))
    os.fsync(descriptor)


def grown(ledger: Ledger, size: int, folder: Path) -> dict[str, object]:
    """Grow a ledger to a size; what appending, finding, proving and verifying take there."""
    there = ledger.head().size
    begin, used = time.perf_counter(), time.process_time()
    for first in range(there, size, _AT_ONCE):
        ledger.append_all([record(number) for number in range(first, min(size, first + _AT_ONCE))])
    seconds, used = time.perf_counter() - begin, time.process_time() - used
    places, head = range(0, size, size // _REPEATS), ledger.head()
    row: dict[str, object] = {
        "records": size,
        "appended a second, in thousands at once": round((size - there) / seconds),
        "CPU of that, ms a record": used / (size - there) * 1000,
        "find by key, ms": milliseconds(lambda i: ledger.record_of(f"part {i}"), places),
        "inclusion, ms": milliseconds(lambda i: ledger.proofs.inclusion(i, size), places),
        "consistency, ms": milliseconds(lambda i: ledger.proofs.consistency(i + 1, size), places),
    }
    begin, used = time.perf_counter(), time.process_time()
    found = verify(ledger, [Checkpoint(ledger.origin, size, head.root)])
    row["verify, s"], used = time.perf_counter() - begin, time.process_time() - used
    row["verified a second of CPU"] = round(size / used)
    assert not found.faults and found.size == size
    return row


def asked(ledger: Ledger, size: int) -> Iterator[dict[str, object]]:
    """What questions take at a size: each at places all over the ledger."""
    few = max(1, size // _REPEATS)

    def within(place: int) -> Question:
        begin = _BEGIN + timedelta(seconds=place)
        return Question(label="ng", begin=begin, end=begin + _PERIOD)

    questions: dict[str, tuple[Callable[[int], list[int]], int]] = {
        "find --part": (lambda i: find(ledger, Question(part=str(i + 1))), _REPEATS),
        "find --lot": (lambda i: find(ledger, Question(lot=f"lot {i // _A_LOT}")), _REPEATS),
        "find --label ng --from --to": (lambda i: find(ledger, within(i)), _REPEATS),
        "find --bundle": (lambda i: find(ledger, Question(bundle=bundle_of(i))), _REPEATS),
        "since --bundle": (lambda i: [*since(ledger, bundle=bundle_of(i)).places], _REPEATS),
        "since --challenge": (lambda i: [*since(ledger, challenge=_STATION).places], 5),
        "since --policy, all of it": (lambda i: [*since(ledger, policy=_POLICY).places], 3),
    }
    for said, (answer, repeats) in questions.items():
        yield {
            "question": said,
            "records": size,
            "found": len(answer(0)),
            "ms": milliseconds(answer, range(0, repeats * few, few)),
        }


@contextmanager
def url_of(folder: Path, url: str | None, *, server: bool) -> Iterator[str]:
    """Where the ledger is made: as told, on a server that is started for it, or in a file in a folder."""
    if not server:
        yield url or str(folder / "line.ledger")
        return
    with own_server() as started:
        yield started.new_schema()


def main() -> None:
    """Grow, time, print, save."""
    from results_table import markdown, save  # it imports torch, which no ledger has to

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--url", help="of a new ledger; without, a file of SQLite")
    parser.add_argument("--postgresql", action="store_true", help="start a server of this machine for it")
    parser.add_argument("--save", help="name of the table in results")
    options = parser.parse_args()
    rows, answers = list[dict[str, object]](), list[dict[str, object]]()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with url_of(folder, options.url, server=options.postgresql) as url, open_ledger(url) as ledger:
            for size in options.sizes:
                row = grown(ledger, size, folder)
                answers += asked(ledger, size)
                row |= appended_one_by_one(ledger, size, folder)
                file = folder / "line.ledger"
                row["MiB"] = round(file.stat().st_size / 2**20) if file.exists() else ""
                rows.append(row)
                print(markdown([row]), flush=True)
    asked_in = [answer["question"] for answer in answers]
    answers.sort(key=lambda answer: asked_in.index(answer["question"]))
    table = f"{markdown(rows)}\n{markdown(answers)}"
    print(table)
    if options.save:
        print("Saved:", save(options.save, "A ledger as it grows", f"{__doc__}\n{table}"))


if __name__ == "__main__":
    main()

"""A ledger as it grows: what appending, finding, proving and verifying take at each size.

Decisions on parts of one image, without pictures, are appended in transactions of 1,000 until each size is
reached. There, times are medians: of appending one decision in a transaction of its own (synced to the disk),
of finding a record by its key, and of an inclusion and a consistency proof. Verifying reads all records once.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.checkpoint import Checkpoint
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.verification import verify
from kill_ledger import decision_of

_AT_ONCE = 1000
_REPEATS = 50


def decision(number: int) -> Decision:
    """A decision without a stored picture."""
    made, _ = decision_of(number)
    image = made.images[0].model_copy(update={"stored": False})
    return made.model_copy(update={"images": (image,)})


def milliseconds(act: Callable[[int], object], count: int) -> float:
    """The median time of an act, which is given 0 … count − 1."""
    times = []
    for number in range(count):
        begin = time.perf_counter()
        act(number)
        times.append(time.perf_counter() - begin)
    return statistics.median(times) * 1000


def measured(ledger: Ledger, size: int) -> dict[str, object]:
    """Grow a ledger to a size, and time it there."""
    there = ledger.head().size
    begin = time.perf_counter()
    for first in range(there, size, _AT_ONCE):
        ledger.append_all([decision(number) for number in range(first, min(size, first + _AT_ONCE))])
    seconds = time.perf_counter() - begin
    step = size // _REPEATS
    head = ledger.head()
    row: dict[str, object] = {
        "records": size,
        "appended a second, in thousands at once": round((size - there) / seconds),
        "find by key, ms": milliseconds(lambda i: ledger.record_of(f"part {i * step}"), _REPEATS),
        "inclusion, ms": milliseconds(lambda i: ledger.proofs.inclusion(i * step, size), _REPEATS),
        "consistency, ms": milliseconds(lambda i: ledger.proofs.consistency(i * step + 1, size), _REPEATS),
    }
    begin = time.perf_counter()
    found = verify(ledger, [Checkpoint(ledger.origin, size, head.root)])
    row["verify, s"] = time.perf_counter() - begin
    assert not found.faults and found.size == size
    row["append one, ms"] = milliseconds(lambda i: ledger.append(decision(size + i)), _REPEATS)
    return row


def main() -> None:
    """Grow, time, print, save."""
    from results_table import markdown, save  # it imports torch, which no ledger has to

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--url", help="of a new ledger; without, a file of SQLite")
    parser.add_argument("--save", help="name of the table in results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.ledger"
        with open_ledger(options.url or path) as ledger:
            rows = [measured(ledger, size) for size in options.sizes]
        if path.exists():
            rows[-1]["MiB"] = round(path.stat().st_size / 2**20)
    for row in rows:
        row.setdefault("MiB", "")
    table = markdown(rows)
    print(table)
    if options.save:
        print("Saved:", save(options.save, "A ledger as it grows", f"{__doc__}\n{table}"))


if __name__ == "__main__":
    main()

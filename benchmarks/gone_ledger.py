"""The database of a ledger is gone for a minute: what do writers hear, and is anything lost or doubled?

Writers append decisions, each with a picture of its own, to a PostgreSQL server, and repeat a decision that
was refused until it is taken, as a station does. The server is stopped at once, as by a loss of power, stays
away, and is started again; the writers go on for a while. At the end all is read: each decision that was
answered must be there once, those of each writer in order, and all must verify.
"""

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from collections import Counter
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event

from gainspect.errors import GainspectError
from gainspect.ledger import open_ledger
from gainspect.ledger.verification import verify
from kill_ledger import decision_of
from own_server import own_server

_AROUND_S = 5
"""So long writers write before and after."""
_PAUSE_S = 0.5
"""So long a writer waits before it repeats a decision."""


def write(url: str, pictures: str, writer: int, ended: Event, told: Connection) -> None:
    """Append decisions until told to end; send how many were answered, and each refusal.

    Args:
        url: of the ledger.
        pictures: folder of the pictures.
        writer: its number, in the keys of its decisions.
        ended: is set when no further decision is wanted.
        told: is sent the number of answers, and for each refusal its reason and how long it took.
    """
    number, refusals = 0, list[tuple[str, float]]()
    with open_ledger(url, pictures=pictures) as ledger:
        while not ended.is_set():
            decision, picture = decision_of(number)
            decision = decision.model_copy(update={"key": f"{writer} {number}"})
            while True:
                begin = time.perf_counter()
                try:
                    ledger.append(decision, [picture])
                    break
                except GainspectError as error:
                    refusals.append((error.what, time.perf_counter() - begin))
                    time.sleep(_PAUSE_S)
            number += 1
    told.send((number, refusals))


def gone(seconds: float, writers: int) -> dict[str, object]:
    """Take the server away from writers for so long; what was found then."""
    with own_server() as server, tempfile.TemporaryDirectory() as pictures:
        url, context = server.new_schema(), multiprocessing.get_context("spawn")
        open_ledger(url, pictures=pictures).close()
        ended, pipes, processes = context.Event(), [], []
        for writer in range(writers):
            told, sender = context.Pipe(duplex=False)
            process = context.Process(target=write, args=(url, pictures, writer, ended, sender))
            process.start()
            sender.close()
            pipes.append(told)
            processes.append(process)
        with open_ledger(url, pictures=pictures) as ledger:
            while ledger.head().size < 100 * writers:
                time.sleep(0.1)
            time.sleep(_AROUND_S)
            server.stop()
            time.sleep(seconds)
            server.start()
            time.sleep(_AROUND_S)
            ended.set()
            answers = [told.recv() for told in pipes]
            for process in processes:
                process.join()
            keys = [entry.record.key for entry in ledger.records()]
            found = verify(ledger)
    expected = {f"{writer} {number}" for writer, (count, _) in enumerate(answers) for number in range(count)}
    orders = [[int(key.split()[1]) for key in keys if key.split()[0] == str(one)] for one in range(writers)]
    refusals = [refusal for _, refused in answers for refusal in refused]
    durations = [duration for _, duration in refusals]
    for reason, count in Counter(reason.partition(" (")[0] for reason, _ in refusals).items():
        print(f"{count} refusals: {reason}")
    return {
        "gone, s": seconds,
        "writers": writers,
        "refused": len(refusals),
        "a refusal takes, ms (median)": statistics.median(durations) * 1000,
        "at most, ms": max(durations) * 1000,
        "answered": len(expected),
        "records": len(keys),
        "lost": len(expected - {*keys}),
        "doubled": len(keys) - len({*keys}),
        "in disorder": sum(order != sorted(order) for order in orders),
        "faults": len(found.faults),
    }


def main() -> None:
    """Take it away, read, print, save; exit code 1 if anything was lost, doubled or does not verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gone", type=float, default=60, metavar="SECONDS")
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--save", help="name of the table in results")
    options = parser.parse_args()
    row = gone(options.gone, options.writers)
    from results_table import markdown, save  # it imports torch, which no writer has to

    table = markdown([row])
    print(table)
    if options.save:
        save(options.save, "The database of a ledger is gone", f"{__doc__}\n{table}")
    wrong = ("lost", "doubled", "in disorder", "faults")
    sys.exit(int(any(row[name] for name in wrong) or not row["refused"]))


if __name__ == "__main__":
    main()

"""kill -9 of a writer of a ledger at random moments: is a record that was answered lost, or one there twice?

A writer appends decisions, each with a picture of its own, and tells after each that it was answered. It is
killed up to 20 ms after a random number of answers. The next writer begins with the first decision that was
not answered, under the same key, as a station does after a lost answer: it may be there already. At the end
all is read: decisions must stand there in order without a gap or a double, and all must verify.
"""

import argparse
import hashlib
import multiprocessing
import random
import sys
import tempfile
import time
from multiprocessing.connection import Connection
from pathlib import Path

from gainspect.ledger import open_ledger
from gainspect.ledger.records.decision import Decision, JudgedImage, MadeWith
from gainspect.ledger.verification import verify
from gainspect.types import Label

_MOST_ANSWERS = 12
_LATEST_S = 0.02


def decision_of(number: int) -> tuple[Decision, bytes]:
    """A decision, and the file of its picture."""
    picture = f"picture {number}".encode() * 100
    image = JudgedImage(
        image=f"{number}.png",
        sha256=hashlib.sha256(picture).hexdigest(),
        stored=True,
        verdict=Label.OK,
        score=0.25,
    )
    made_with = MadeWith(
        bundle=None,
        preprocessing=None,
        policy_id=None,
        runtime="none",
        precision="f32",
        isa="none",
        gainspect="0",
    )
    decision = Decision(
        key=f"part {number}",
        station="kills",
        part=str(number),
        label=Label.OK,
        score=0.25,
        threshold=0.5,
        images=(image,),
        made_with=made_with,
    )
    return decision, picture


def write(url: str, pictures: str, first: int, at: str, answers: Connection) -> None:
    """Append decisions from a number on, without end.

    Args:
        url: of the ledger.
        pictures: folder of the pictures.
        first: number of the first decision.
        at: time of all decisions: what is sent again is the same record.
        answers: is sent each number when its decision was appended.
    """
    with open_ledger(url, pictures=pictures) as ledger:
        for number in range(first, sys.maxsize):
            decision, picture = decision_of(number)
            said = decision.to_json() | {"at": at}
            ledger.append(Decision.model_validate(said, strict=False), [picture])
            answers.send(number)


def kill_writers(url: str, pictures: str, kills: int, seed: int) -> dict[str, int]:
    """Kill a writer so many times; what was found then."""
    draw, first, unanswered = random.Random(seed), 0, 0
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["gainspect.ledger.verification", "gainspect.ledger.databases.postgresql"])
    with open_ledger(url, pictures=pictures) as ledger:
        for _ in range(kills):
            answers, sender = context.Pipe(duplex=False)
            arguments = (url, pictures, first, "2026-01-02T03:04:05Z", sender)
            writer = context.Process(target=write, args=arguments)
            writer.start()
            sender.close()
            for _ in range(draw.randint(1, _MOST_ANSWERS)):
                first = answers.recv() + 1
            time.sleep(draw.uniform(0, _LATEST_S))
            writer.kill()
            writer.join()
            try:
                while True:
                    first = answers.recv() + 1
            except EOFError:
                pass
            unanswered += ledger.head().size - first
        numbers = [int(entry.record.key.split()[1]) for entry in ledger.records()]
        found = verify(ledger)
    return {
        "kills": kills,
        "records": len(numbers),
        "answered": first,
        "lost": len({*range(first)} - {*numbers}),
        "doubled or in disorder": sum(number != place for place, number in enumerate(numbers)),
        "there unanswered": unanswered,
        "faults": len(found.faults),
    }


def main() -> None:
    """Kill, read, print, save; exit code 1 if anything was lost, doubled or does not verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--url", help="of a new ledger; without, a file of SQLite")
    parser.add_argument("--pictures", help="folder; without, a temporary one")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", help="name of the table in results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = options.url or str(Path(folder) / "kills.ledger")
        pictures = options.pictures or str(Path(folder) / "pictures")
        row = kill_writers(url, pictures, options.kills, options.seed)
    from results_table import markdown, save  # it imports torch, which no writer has to

    table = markdown([row])
    print(table)
    if options.save:
        said = " ".join((__doc__ or "").split())
        save(options.save, f"{options.kills} kills of a writer of a ledger", f"{said}\n\n{table}")
    sys.exit(int(bool(row["lost"] or row["doubled or in disorder"] or row["faults"])))


if __name__ == "__main__":
    main()

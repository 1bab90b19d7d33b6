"""kill -9 of a writer of a ledger at random moments: is any answered record lost, or there twice?

A process appends decisions, each with a picture, and says which were answered. It is killed up to 0.3 s after its
first answer and started again with the first record that was not answered. In the end the ledger is verified, and
what it holds is compared with what was answered. An unanswered record may be there, once.
"""

import argparse
import hashlib
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from gainspect.ledger import open_ledger
from gainspect.ledger.records.decision import Decision, JudgedImage, MadeWith
from gainspect.ledger.verification import verify
from gainspect.types import Label

_LATEST_S = 0.3
_WRITER = "import sys, kill_ledger; kill_ledger.write(sys.argv[1], sys.argv[2], int(sys.argv[3]))"


@dataclass
class Outcome:
    """What came of all kills."""

    kills: int = 0
    answered: int = 0
    """Records whose append was answered."""
    unanswered: int = 0
    """Records that are there though the writer was killed before it said so."""
    lost: int = 0
    doubled: int = 0
    faults: int = 0
    """What the audit found."""

    @property
    def bad(self) -> bool:
        """Whether anything was lost, doubled or broken."""
        return bool(self.lost or self.doubled or self.faults)


def picture(number: int) -> bytes:
    """The file that stands for the picture of a part: 4,000 bytes that no other has."""
    return random.Random(number).randbytes(4000)


def decision(number: int) -> Decision:
    """The decision on a part; the same for the same number."""
    sha256 = hashlib.sha256(picture(number)).hexdigest()
    made_with = MadeWith(
        bundle=None,
        preprocessing=None,
        policy_id=None,
        runtime="none",
        precision="f32",
        isa="none",
        gainspect="0",
    )
    return Decision(
        key=f"part {number}",
        at="2026-01-01T00:00:00Z",  # type: ignore[arg-type]
        station="bench",
        part=f"part {number}",
        label=Label.OK,
        score=number % 100 / 100,
        threshold=0.5,
        images=(JudgedImage(image=f"{number}.png", sha256=sha256, stored=True, verdict=Label.OK),),
        made_with=made_with,
    )


def write(url: str, pictures: str, first: int) -> None:
    """Append decisions without end; say the number of each once it was answered."""
    with open_ledger(url, pictures=pictures) as ledger:
        for number in range(first, 10**9):
            ledger.append(decision(number), [picture(number)])
            print(number, flush=True)


def killed_again_and_again(url: str, pictures: Path, kills: int, moments: random.Random) -> Outcome:
    """Start a writer and kill it, so many times; then compare what was answered with what is there."""
    found, answered = Outcome(), list[int]()
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    while found.kills < kills:
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, url, str(pictures), str(len(answered))],
            env={**os.environ, "PYTHONPATH": paths},
            stdout=subprocess.PIPE,
            text=True,
        )
        assert writer.stdout is not None
        said = writer.stdout.readline()  # until then it only starts
        time.sleep(moments.uniform(0, _LATEST_S))
        writer.kill()
        said += writer.stdout.read()
        writer.wait()
        writer.stdout.close()
        answered += map(int, said.splitlines())
        found.kills += 1
    with open_ledger(url, pictures=pictures, create=False) as ledger:
        keys = [entry.record.key for entry in ledger.records()]
        found.faults = len(verify(ledger).faults)
    found.answered, found.doubled = len(set(answered)), len(keys) - len(set(keys))
    found.lost = len({f"part {number}" for number in answered} - set(keys))
    found.unanswered = len(set(keys)) - (found.answered - found.lost)
    return found


def main() -> None:
    """Kill, compare, print, save; exit code 1 if anything was lost, doubled or broken."""
    from results_table import markdown, save

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--url", action="append", default=[], help="of a server, beside a file of SQLite")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows, bad = [], False
    with tempfile.TemporaryDirectory() as folder:
        for url in [str(Path(folder) / "line.ledger"), *options.url]:
            store = "PostgreSQL" if url.startswith("postgres") else "SQLite"
            pictures = Path(folder) / f"pictures {len(rows)}"
            found = killed_again_and_again(url, pictures, options.kills, random.Random(options.seed))
            rows.append({"store": store} | vars(found))
            bad |= found.bad
    table = markdown(rows)
    print(table)
    title = f"{options.kills} kills of a writer of a ledger"
    print("Saved:", save("kill_ledger", title, f"{' '.join((__doc__ or '').split())}\n\n{table}"))
    sys.exit(bad)


if __name__ == "__main__":
    main()

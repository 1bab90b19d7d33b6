"""kill -9 of `gainspect serve` under load: is an answered decision lost or doubled, an answer not recorded?

Clients send parts of one or two images, each with an idempotency key, some with a short deadline; where no
answer comes they send it again, to the other service if there are two. Some ask again for what was answered.
A service is killed up to 50 ms after a random number of answers, one time in seven while it starts, and
started again. At the end all is read: every decision that was answered stands in the ledger once, as it was
answered; no part stands there twice; every answer in the place of a decision is recorded; each start after a
kill says since when the service was down; all must verify.
"""

import argparse
import hashlib
import http.client
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))

from gainspect.ledger import open_ledger
from gainspect.ledger.canonical import canonical
from gainspect.ledger.records.decision import Decision, FailSafe
from gainspect.ledger.records.operation import ServiceState
from gainspect.ledger.verification import verify
from service_process import ServiceProcess, activate, ask, context, part_body
from spot_bundle import part, spot_bundle

STATION = "kills"
_FINAL = ("late", "model_failed")
_SPOTS = ((), ((40, 40, 4),), ((40, 40, 6),))
_SHORT_MS = (3, 300)
_MOST_ANSWERS = 12
_LATEST_S = 0.05
_NO_ANSWER = (OSError, http.client.HTTPException, ValueError)


@dataclass
class Told:
    """What clients were answered."""

    lock: threading.Condition = field(default_factory=threading.Condition)
    answers: int = 0
    """All."""
    decisions: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By key of the decision."""
    instead: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Answers in the place of decisions, by key of the decision and reason; repeated ones are not counted."""
    again: int = 0
    """Decisions that were made for a request whose answer was lost."""
    differing: int = 0
    """Parts that were answered in two ways."""


class Client:
    """Sends parts, one after the other, until it is told to end.

    Args:
        number: of the client.
        services: which it asks in turn where one does not answer.
        headers: of its requests.
        told: what all were answered.
        ends: set, it ends with the part that it is at.
    """

    def __init__(
        self,
        number: int,
        services: list[ServiceProcess],
        headers: dict[str, str],
        told: Told,
        ends: threading.Event,
    ) -> None:
        self._number, self._services, self._told, self._ends = number, services, told, ends
        self._headers = headers
        self._draw = random.Random(number)
        self._connection: http.client.HTTPConnection | None = None
        self._turn = number

    def run(self) -> None:
        """Send parts."""
        count = 0
        while not self._ends.is_set():
            count += 1
            name = f"{self._number}-{count}"
            fields = {"part": name, "station": STATION, "lot": f"lot {self._number}"}
            if self._draw.random() < 0.1:
                fields["deadline_ms"] = str(self._draw.uniform(*_SHORT_MS))
            images = [self._picture() for _ in range(self._draw.choice((1, 1, 2)))]
            body = part_body(fields, images)
            first = self._answered(name, body)
            if self._draw.random() < 0.1 and first != self._answered(name, body):
                with self._told.lock:
                    self._told.differing += 1

    def _answered(self, name: str, body: bytes) -> dict[str, Any] | None:
        """The decision on a part, sent again until there is one; None: the fail-safe counts for good."""
        key = hashlib.sha256(canonical([STATION, name])).hexdigest()
        while True:
            try:
                status, document, wait = ask(self._connected(), body, name, self._headers)
            except _NO_ANSWER:
                self._disconnect()
                time.sleep(self._draw.uniform(0.01, 0.1))
                continue
            with self._told.lock:
                self._told.answers += 1
                self._told.lock.notify()
            if status in (200, 201):
                repeated = document.pop("repeated")
                with self._told.lock:
                    self._told.again += repeated and key not in self._told.decisions
                    self._told.decisions.setdefault(key, document)
                return document
            if "why" not in document:
                raise RuntimeError(f"{name}: {status} {document}")
            if not document.get("repeated"):
                with self._told.lock:
                    self._told.instead[key, document["why"]] += 1
            if document["why"] in _FINAL:
                return None
            time.sleep(min(wait, 0.1) + 0.02)
            if document["why"] == "stopping":
                self._disconnect()

    def _picture(self) -> bytes:
        picture = part(*self._draw.choice(_SPOTS), seed=self._draw.randrange(2**32))
        return bytes(cv2.imencode(".png", picture)[1])

    def _connected(self) -> http.client.HTTPConnection:
        if self._connection is None:
            port = self._services[self._turn % len(self._services)].port
            self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        self._turn += 1


def kill_services(db: str, folder: Path, *, services: int, kills: int, clients: int, seed: int) -> Told:
    """Kill services so many times while clients ask them, and end them well; what clients were answered."""
    draw, told, ends = random.Random(seed), Told(), threading.Event()
    bundle = spot_bundle(folder / "spots.gain")
    store = str(folder / "pictures")
    headers = activate(db, store, bundle, [STATION])[STATION]
    forked = context()
    running = []
    for number in range(services):
        options = {"--db": db, "--store": store, "--state": str(folder / f"state {number}"), "--threads": "1"}
        arguments = [str(bundle.path), *(word for option in options.items() for word in option)]
        running.append(ServiceProcess(forked, arguments, folder / f"{number}.log"))
    for service in running:
        service.start()
        service.wait_until_ready()
    threads = [
        threading.Thread(target=Client(number, running, headers, told, ends).run) for number in range(clients)
    ]
    for thread in threads:
        thread.start()
    for number in range(kills):
        service = draw.choice(running)
        if draw.random() < 1 / 7:
            time.sleep(draw.uniform(0, 0.5))
        else:
            service.wait_until_ready()
            with told.lock:
                enough = told.answers + draw.randint(0, _MOST_ANSWERS)
                told.lock.wait_for(lambda enough=enough: told.answers >= enough, timeout=30)
            time.sleep(draw.uniform(0, _LATEST_S))
        service.kill()
        service.start()
        print(f"\r{number + 1} kills, {len(told.decisions)} decisions", end="", file=sys.stderr, flush=True)
    for service in running:
        service.wait_until_ready()
    ends.set()
    for thread in threads:
        thread.join()
    codes = [service.end() for service in running]
    print("", file=sys.stderr)
    assert all(code == 0 or code == -15 for code in codes), codes
    return told


def checked(db: str, pictures: str, told: Told) -> dict[str, int]:
    """What the ledger holds of what was answered: one row of the table."""
    with open_ledger(db, pictures=pictures, create=False) as ledger:
        entries = list(ledger.records())
        found = verify(ledger)
    decisions = {one.record.key: one for one in entries if isinstance(one.record, Decision)}
    parts = Counter(one.record.part for one in entries if isinstance(one.record, Decision))
    recorded = Counter(
        (one.record.decision, one.record.why) for one in entries if isinstance(one.record, FailSafe)
    )
    states = [one.record for one in entries if isinstance(one.record, ServiceState)]
    started = [state for state in states if state.state == "started"]
    return {
        "decisions": len(decisions),
        "answered": len(told.decisions),
        "answered for a lost answer": told.again,
        "lost": sum(key not in decisions for key in told.decisions),
        "changed": sum(not _is(answer, decisions.get(key)) for key, answer in told.decisions.items()),
        "doubled": sum(count > 1 for count in parts.values()),
        "answered in two ways": told.differing,
        "fail-safe answers": told.instead.total(),
        "of these not recorded": (told.instead - recorded).total(),
        "decided while the fail-safe was answered": sum(
            key in decisions for key, why in told.instead if why in _FINAL and key not in told.decisions
        ),
        "starts": len(started),
        "starts that say since when it was down": sum(state.down_since is not None for state in started),
        "ends": len(states) - len(started),
        "faults": len(found.faults),
    }


def _is(answer: dict[str, Any], entry: Any) -> bool:
    """Whether an answer says what a record does."""
    if entry is None:
        return False
    record = entry.record.to_json() | {"index": entry.index}
    return all(record[name] == value for name, value in answer.items())


def main() -> None:
    """Kill, read, print, save; exit code 1 if anything was lost, doubled, changed or does not verify."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--services", type=int, default=1, help="with several, a server of PostgreSQL")
    parser.add_argument("--url", help="of a new ledger; without, a file of SQLite")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", help="name of the table in results")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        db = options.url or str(Path(folder) / "kills.ledger")
        told = kill_services(
            db,
            Path(folder),
            services=options.services,
            kills=options.kills,
            clients=options.clients,
            seed=options.seed,
        )
        row = {"kills": options.kills} | checked(db, str(Path(folder) / "pictures"), told)
    table = "".join(f"| {name} | {count} |\n" for name, count in row.items())
    table = f"| | |\n| --- | --- |\n{table}"
    print(table)
    if options.save:
        from results_table import save  # it imports torch, which no service has to

        sys.argv = ["postgresql://…" if word == options.url else word for word in sys.argv]
        said, what = " ".join((__doc__ or "").split()), "a service"
        if options.services > 1:
            what = f"{options.services} services on one PostgreSQL"
        save(options.save, f"{options.kills} kills of {what}", f"{said}\n\n{table}")
    told_down = row["starts"] - row["starts that say since when it was down"] == options.services
    bad = ("lost", "changed", "doubled", "answered in two ways", "of these not recorded", "faults")
    sys.exit(int(not told_down or any(row[name] for name in bad)))


if __name__ == "__main__":
    main()

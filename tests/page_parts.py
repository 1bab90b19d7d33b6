"""A service with pages that listens, on a new ledger with small pictures; and people who are signed in."""

import json
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import uvicorn

from gainspect.inspection.bundle import read_bundle
from gainspect.jobs.run_service import open_service
from gainspect.ledger.accounts import Role
from gainspect.serve.app import create_app
from gainspect.serve.security import Gate, SecuredApp
from gainspect.serve.security.csrf import token_of
from gainspect.serve.service import Service
from service_parts import activation, machine
from spot_bundle import spot_bundle

STATION = "Line 3 / Press"
HOSTILE = (
    '<img src=x onerror="document.title=1">',
    "=cmd|' /C calc'!A1",
    "abc\u202egnp.exe\u2066",
    "덮개하우징조립체" * 30,
)
"""Names that a page must show as they are, and nothing more."""
NOTHING, FAINT, CLEAR = (), ((150, 210, 20),), ((150, 210, 30),)
"""Spots on parts that are decided OK, REVIEW, NG."""


def metal(seed: int, spots: Sequence[tuple[int, int, int]] = (), size: tuple[int, int] = (360, 480)) -> bytes:
    """A PNG of a brushed part with light spots: (x, y, radius)."""
    rng = np.random.default_rng(seed)
    brushed = cv2.GaussianBlur(rng.normal(0, 10, size).astype(np.float32), (31, 1), 6)
    image = 108 + 2.2 * brushed + np.linspace(-6, 6, size[0], dtype=np.float32)[:, None]
    mask = np.zeros(size, np.float32)
    for x, y, radius in spots:
        cv2.circle(mask, (x, y), radius, 1, -1)
    mask = cv2.GaussianBlur(mask, (0, 0), 1.5)
    pixels = np.clip(image * (1 - mask) + 250 * mask, 0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1])


@dataclass
class Plant:
    """A service that listens."""

    service: Service
    app: SecuredApp
    url: str
    keys: dict[str, str] = field(default_factory=dict)
    """Of decisions, by the name of the part."""

    @property
    def gate(self) -> Gate:
        gate: Gate = self.app.state.gate
        return gate

    def inspect(
        self, part: str, *pictures: bytes, lot: str = "L-7", station: str = STATION, **more: str
    ) -> dict[str, Any]:
        """Have a part decided, as a machine does."""
        answer = httpx.post(
            f"{self.url}/v1/inspections",
            files=[("image", (f"{number}.png", one)) for number, one in enumerate(pictures, 1)],
            data={"part": part, "station": station, "lot": lot, **more},
            headers=machine(self.app, station),
            timeout=60,
        )
        assert answer.status_code == 201, answer.text
        said: dict[str, Any] = answer.json()
        self.keys[part] = said["key"]
        return said

    def person(self, role: Role, name: str) -> tuple[str, str]:
        """Somebody with an account: their pseudonym, and the code of a session."""
        code = self.gate.invitations.make(role, by=None)
        account = self.gate.invitations.redeem(code, name, "no hash")
        return account.actor, self.gate.sessions.begin(account.actor)

    def client(self, session: str) -> httpx.Client:
        """A browser of somebody who is signed in, that shows nothing."""
        return httpx.Client(
            base_url=self.url,
            cookies={"gainspect_session": session},
            headers={"X-CSRF-Token": token_of(session), "Origin": self.url},
        )

    def records(self, kind: str) -> list[dict[str, Any]]:
        """What the ledger has of a kind."""
        every = (json.loads(entry.content)["record"] for entry in self.service.ledger.records())
        return [record for record in every if record["kind"] == kind]


@contextmanager
def plant(folder: Path, *, port: int = 0) -> Iterator[Plant]:
    """A service that listens on loopback, with a bundle that is active at the station."""
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / "spots.gain"
    if not bundle.exists():
        spot_bundle(bundle)
    service = open_service(
        [bundle], db=str(folder / "line.ledger"), store=str(folder / "pictures"), state=folder / "state"
    )
    service.ledger.append(activation(read_bundle(bundle), STATION))
    with listening(service, create_app(service), port=port) as made:
        yield made


@contextmanager
def listening(service: Service, app: SecuredApp, *, port: int = 0) -> Iterator[Plant]:
    """Let a service listen on loopback."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, timeout_graceful_shutdown=10))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        number = server.servers[0].sockets[0].getsockname()[1]
        yield Plant(service, app, f"http://127.0.0.1:{number}")
    finally:
        service.stopping.set()
        server.should_exit = True
        thread.join()


def fill(made: Plant) -> None:
    """Parts of all labels, one of two views, some with hostile names."""
    for number in range(4):
        made.inspect(f"M-081{number}", metal(number))
    for number, name in enumerate(HOSTILE):
        made.inspect(name, metal(40 + number, FAINT), lot=name[:300])
    made.inspect("M-0820", metal(20, FAINT))
    made.inspect("M-0821", metal(21), metal(22, CLEAR))
    made.inspect("M-0822", metal(23, ((140, 200, 30), (330, 90, 18))))


def wait_for(true: Callable[[], Any], seconds: float = 15.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it has not become true"
        time.sleep(0.02)

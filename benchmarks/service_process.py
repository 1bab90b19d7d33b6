"""`gainspect serve` in a process of its own, which is asked over HTTP, killed and started again."""

import http.client
import json
import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Sequence
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

from gainspect.cli import main as command_line
from gainspect.inspection.bundle import Bundle
from gainspect.ledger import open_ledger
from gainspect.ledger.records.operation import BundleActivation
from gainspect.ledger.tokens import Tokens

_PRELOADED = (
    "gainspect.cli.serve",
    "gainspect.jobs.run_service",
    "gainspect.ledger.databases.postgresql",
    "gainspect.serve.app",
    "onnxruntime",
    "uvicorn",
)
_BOUNDARY = "gainspect-part"


def context() -> ForkServerContext:
    """Where services are forked off a process that has imported all they need: a start takes no seconds."""
    made = multiprocessing.get_context("forkserver")
    made.set_forkserver_preload(list(_PRELOADED))
    return made


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def activate(db: str, store: str, bundle: Bundle, stations: Sequence[str]) -> dict[str, dict[str, str]]:
    """Let a bundle judge at stations of a new ledger.

    Returns:
        By station the headers with which its machine asks.
    """
    policy = bundle.description.policy.policy_id
    with open_ledger(db, pictures=store) as ledger:
        for station in stations:
            ledger.append(
                BundleActivation(
                    station=station, old=None, new=bundle.sha256, policy_id=policy, reason="first"
                )
            )
        tokens = Tokens(ledger)
        return {
            station: {"Authorization": f"Bearer {tokens.make('camera', station, by=None)}"}
            for station in stations
        }


class ServiceProcess:
    """A service that is started, killed, ended.

    Args:
        forked: see `context`.
        arguments: of `gainspect serve`, without the port.
        log: file of what it says.
    """

    def __init__(self, forked: ForkServerContext, arguments: Sequence[str], log: Path) -> None:
        self._forked, self._log = forked, log
        self.port = free_port()
        self._arguments = ["gainspect", "serve", *arguments, "--port", str(self.port)]
        self._process: ForkServerProcess | None = None

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        assert self._process.pid is not None
        return self._process.pid

    def start(self) -> None:
        """Start it; it does not answer yet."""
        self._process = self._forked.Process(target=_serve, args=(self._arguments, str(self._log)))
        self._process.start()

    def wait_until_ready(self, seconds: float = 60) -> dict[str, Any]:
        """Wait until it can decide; what it says of itself.

        Raises:
            RuntimeError: it cannot by then.
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                status, told = get(self.port, "/readyz")
            except (OSError, http.client.HTTPException):
                status, told = 0, {}
            if status == 200:
                return told
            if self._process is not None and self._process.exitcode is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"the service is not ready: {self._log.read_text()[-2000:]}")

    def kill(self) -> None:
        """Kill it as `kill -9` does."""
        assert self._process is not None
        self._process.kill()
        self._process.join()

    def end(self) -> int | None:
        """SIGTERM, and wait; the exit code."""
        assert self._process is not None
        os.kill(self.pid, signal.SIGTERM)
        self._process.join(60)
        return self._process.exitcode


def get(port: int, path: str) -> tuple[int, dict[str, Any]]:
    """Status and document of an address.

    Raises:
        OSError: nobody answers.
        HTTPException: the answer breaks off.
    """
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def part_body(fields: dict[str, str], images: Sequence[bytes]) -> bytes:
    """The multipart body of a request for a decision."""
    pieces = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for number, image in enumerate(images, start=1):
        said = f'form-data; name="image"; filename="view_{number}.png"'
        pieces += [
            f"--{_BOUNDARY}\r\nContent-Disposition: {said}\r\n\r\n".encode(),
            image,
            b"\r\n",
        ]
    return b"".join(pieces) + f"--{_BOUNDARY}--\r\n".encode()


def ask(
    connection: http.client.HTTPConnection, body: bytes, key: str, headers: dict[str, str]
) -> tuple[int, dict[str, Any], float]:
    """Status and document of the answer to a part, and the seconds that Retry-After says, else 0.

    Raises:
        OSError: nobody answers.
        HTTPException: the answer breaks off.
    """
    said = {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY}", "Idempotency-Key": key}
    connection.request("POST", "/v1/inspections", body, said | headers)
    answer = connection.getresponse()
    return answer.status, json.loads(answer.read()), float(answer.headers.get("Retry-After", 0))


def _serve(arguments: list[str], log: str) -> None:
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.argv = arguments
    command_line()

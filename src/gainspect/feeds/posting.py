"""Parts posted to an inspection service over HTTP, as a machine of the line does it."""

import json
import secrets
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np

from gainspect.errors import GainspectError

_ANSWERED_WITHIN_S = 60.0
_AGAIN = (408, 429, 503)
"""With these the part was not taken: it is sent again, with its key."""


class ServiceAwayError(GainspectError):
    """The service does not listen yet, or not any more."""


@dataclass(frozen=True)
class PostedPart:
    """A part, and the files of its images in order."""

    name: str
    images: tuple[Path, ...]


@dataclass(frozen=True)
class Line:
    """A machine of the line, and the service that it asks."""

    url: str
    """Of the service, `http://HOST:PORT`."""
    token: str = field(repr=False)
    """Of the machine, for its station."""
    station: str
    lot: str

    def post(self, part: PostedPart, key: str) -> int:
        """Ask for the decision on a part.

        Args:
            part: with images that can be read.
            key: of the request; the same key gets the same answer.

        Returns:
            The status of the answer.

        Raises:
            ServiceAwayError: it cannot be reached.
            GainspectError: an image cannot be read.
        """
        boundary = secrets.token_hex(16)
        request = Request(
            f"{self.url}/v1/inspections",
            data=_form({"part": part.name, "lot": self.lot, "station": self.station}, part.images, boundary),
            headers={
                "Authorization": f"Bearer {self.token}",
                "Content-Type": f"multipart/form-data; boundary={boundary}",
                "Idempotency-Key": key,
            },
        )
        try:
            with build_opener(ProxyHandler({})).open(request, timeout=_ANSWERED_WITHIN_S) as answer:
                return int(answer.status)
        except HTTPError as error:
            error.close()
            return error.code
        except (OSError, HTTPException) as error:
            raise ServiceAwayError(f"the service cannot be reached ({error})", where=self.url) from error


def in_turn(parts: Sequence[PostedPart], seed: int) -> Iterator[PostedPart]:
    """The parts without end: all of them, in an order that follows from the seed, then in another one."""
    orders = np.random.default_rng(seed)
    while True:
        yield from (parts[place] for place in orders.permutation(len(parts)))


def post_in_turn(
    line: Line, parts: Sequence[PostedPart], stop: threading.Event, *, every_s: float, seed: int = 1
) -> None:
    """Post one part after the other at a steady pace until asked to stop; each until it is answered.

    Args:
        line: that posts.
        parts: what it has; none twice before all were sent.
        stop: set to end it.
        every_s: seconds from the answer to one to the next.
        seed: of the order.

    Raises:
        GainspectError: an image cannot be read, or the service takes no part of this machine.
    """
    for part in in_turn(parts, seed):
        key = secrets.token_hex(16)
        while not stop.is_set() and not _answered(line, part, key):
            stop.wait(every_s)
        if stop.wait(every_s):
            return


def _answered(line: Line, part: PostedPart, key: str) -> bool:
    """Whether a part got its answer.

    Raises:
        GainspectError: the service takes no part of this machine.
    """
    try:
        status = line.post(part, key)
    except ServiceAwayError:
        return False
    if status in (401, 403, 404, 422):
        raise GainspectError(f"the service refuses the parts of this machine ({status})", where=line.url)
    return status not in _AGAIN


def _form(fields: dict[str, str], images: Sequence[Path], boundary: str) -> bytes:
    """A body by RFC 7578.

    Raises:
        GainspectError: an image cannot be read.
    """
    pieces = [
        f"--{boundary}\r\nContent-Disposition: form-data; name={json.dumps(name)}\r\n\r\n{value}\r\n".encode()
        for name, value in fields.items()
    ]
    for number, path in enumerate(images, start=1):
        name = f"{number}{path.suffix}"
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{name}"\r\n\r\n'
        try:
            pieces += [head.encode(), path.read_bytes(), b"\r\n"]
        except OSError as error:
            raise GainspectError(f"cannot read an image ({error.strerror})", where=path) from error
    return b"".join([*pieces, f"--{boundary}--\r\n".encode()])

"""Requests that are made to harm: malformed, endless, slow, huge once decoded, with names that lead away."""

import asyncio
import json
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from gainspect.ledger.records.decision import Decision
from gainspect.names import escaped, unescaped
from gainspect.serve.body_limit import BodyLimit
from gainspect.serve.problems import MEDIA_TYPE
from gainspect.serve.service import Service
from gainspect.types import Label
from service_parts import OK, STATION, ask, picture, running
from spot_bundle import spot_bundle

NAMES = [
    "../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "/etc/passwd",
    "a\0b",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "'; DROP TABLE ledger_records; --",
    "part\u202egnp.exe",
    "\x1b[2J",
    "검사 {{7*7}} %s %n",
    "\U0001f527" * 50,
]
FORM = "multipart/form-data; boundary=b"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, TestClient, Path]]:
    folder = tmp_path_factory.mktemp("served")
    bundle = spot_bundle(folder / "spots.gain").path
    with running(folder, bundle, settings="max_images: 4\nmax_mpx: 1\n") as (service, client):
        yield service, client, folder


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_a_hostile_name_is_a_name_and_no_more(served: tuple[Service, TestClient, Path], name: str) -> None:
    service, client, folder = served
    before = {path for path in folder.rglob("*") if "pictures" not in path.parts}
    form = {"part": name, "lot": name, "station": STATION}
    image = picture(*OK)
    said = client.post(
        "/v1/inspections", data=form, files=[("image", (name, image))], headers={"Idempotency-Key": "k"}
    )
    if said.status_code == 422:  # the key was that of another part
        said = client.post("/v1/inspections", data=form, files=[("image", (name, image))])
    assert said.status_code == 201
    told = said.json()
    assert (told["part"], told["lot"]) == (escaped(name), escaped(name))
    entry = service.ledger.record_of(told["key"])
    assert entry is not None
    assert isinstance(entry.record, Decision)
    assert entry.record.part == escaped(name)
    assert {path for path in folder.rglob("*") if "pictures" not in path.parts} == before


@pytest.mark.parametrize("field", ["part", "lot", "station"])
def test_a_name_that_is_too_long_written_out_is_refused(
    served: tuple[Service, TestClient, Path], field: str
) -> None:
    said = ask(served[1], picture(*OK), **{field: "\x01" * 100})
    assert said.status_code == 422
    assert said.json()["faults"][0]["where"].startswith(f"body.{field}")


@pytest.mark.parametrize(
    "path", ["..%2f..%2fetc%2fpasswd", "%00", "%ff%fe", "..", "x" * 301, "%2e%2e/healthz"]
)
def test_a_hostile_path_leads_nowhere(served: tuple[Service, TestClient, Path], path: str) -> None:
    said = served[1].get(f"/v1/decisions/{path}")
    assert said.status_code in (404, 422)
    assert said.headers["content-type"] == MEDIA_TYPE


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--b",
        b"--b\r\n",
        b"--b\r\n\r\n",
        b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="image"\r\n\r\nno file\r\n--b--\r\n',
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\nno end',
        b"--b\r\n" + b"x" * 100_000,
        b"--b\r\n" + b"A: b\r\n" * 5000 + b"\r\nx\r\n--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="part"\r\n\r\n' + b"x" * 2**21 + b"\r\n--b--\r\n",
        b"".join(b'--b\r\nContent-Disposition: form-data; name="%d"\r\n\r\n\r\n' % n for n in range(1500))
        + b"--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n\r\n' * 1500
        + b"--b--\r\n",
        b'--b\r\nContent-Disposition: form-data; name="\xff\xfe"\r\n\r\n\r\n--b--\r\n',
    ],
    ids=range(13),
)
@pytest.mark.parametrize(
    "kind", [FORM, "multipart/form-data", "multipart/form-data; boundary=", "application/json"]
)
@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # a form's file, left to Python
def test_a_malformed_form_is_refused_in_words(
    served: tuple[Service, TestClient, Path], body: bytes, kind: str
) -> None:
    said = served[1].post("/v1/inspections", content=body, headers={"content-type": kind})
    assert 400 <= said.status_code < 500
    assert said.headers["content-type"] == MEDIA_TYPE
    assert said.json()["decision"] == "review"


def test_a_form_that_says_something_twice_is_refused(served: tuple[Service, TestClient, Path]) -> None:
    said = ask(served[1], picture(*OK), part=["p1", "p2"])
    assert said.status_code == 422
    assert said.json()["detail"] == "the form has several fields part"


@pytest.mark.parametrize(
    ("form", "headers", "said"),
    [
        ({"deadline": "500"}, {}, "there is no field deadline"),
        ({"a\x1b[2J": ""}, {}, "there is no field a\\x1b[2J"),
        ({}, [("Idempotency-Key", "a"), ("Idempotency-Key", "b")], "several headers Idempotency-Key"),
    ],
)
def test_what_could_mean_something_else_is_refused(
    served: tuple[Service, TestClient, Path], form: dict[str, str], headers: Any, said: str
) -> None:
    size = served[0].ledger.head().size
    told = served[1].post(
        "/v1/inspections", data={"part": "p1"} | form, files=[("image", picture(*OK))], headers=headers
    )
    assert told.status_code == 422
    assert said in told.json()["detail"]
    assert served[0].ledger.head().size == size


@pytest.mark.parametrize("what", ["images/1", "actions", "claim"])
def test_no_address_holds_a_nul(served: tuple[Service, TestClient, Path], what: str) -> None:
    for path in (f"/v1/decisions/a%00b/{what}", f"/v1/decisions/a/{what}?station=%00"):
        said = served[1].get(path)
        assert (said.status_code, said.json()["detail"]) == (422, "the address holds a NUL")


def test_what_is_wrong_is_said_in_words_of_the_form(served: tuple[Service, TestClient, Path]) -> None:
    _, client, _ = served

    def faults(**form: Any) -> list[dict[str, str]]:
        told: list[dict[str, str]] = ask(client, picture(*OK), **form).json()["faults"]
        return told

    assert faults(deadline_ms="0") == [
        {"where": "body.deadline_ms", "what": "Input should be greater than 0"}
    ]
    (fault,) = faults(lot="\x01" * 100)
    assert fault["where"] == "body.lot" and fault["what"].startswith("it has more than 300 characters")
    no_file = client.post("/v1/inspections", data={"part": "p", "image": "x"})
    told = no_file.json()
    assert "multipart/form-data" in told["hint"]
    assert told["faults"] == [{"where": "body.image.0", "what": "It is no file: send it with a file name."}]


def test_a_hostile_name_of_an_image_is_recorded_so_that_it_can_be_read_back(
    served: tuple[Service, TestClient, Path],
) -> None:
    name = b"a\x01\x7f.png"
    form = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    body = (
        form % (b"part", b"", b"p1") + form % (b"image", b'; filename="%s"' % name, picture(*OK)) + b"--b--"
    )
    said = served[1].post("/v1/inspections", content=body, headers={"content-type": FORM})
    assert unescaped(said.json()["images"][0]["image"]) == name.decode()


@pytest.mark.parametrize("deadline", ["nan", "inf", "-1", "0", "1e999", "x"])
def test_a_deadline_is_a_time(served: tuple[Service, TestClient, Path], deadline: str) -> None:
    assert ask(served[1], picture(*OK), deadline_ms=deadline).status_code == 422


def test_a_part_of_too_many_images_is_refused(served: tuple[Service, TestClient, Path]) -> None:
    said = ask(served[1], *[picture(*OK)] * 5)
    assert (said.status_code, said.json()["decision"]) == (413, "review")


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png(width: int, height: int, rows: bytes, *more: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rest = chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + b"".join(more) + rest


def tiff(width: int, height: int) -> bytes:
    tags = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8)]
    tags += [(277, 3, 1), (278, 4, height), (279, 4, 100)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(104)


BOMBS = {
    "png": png(30_000, 30_000, bytes(30_001 * 1000)),
    "tiff": tiff(60_000, 60_000),
    "webp": b"RIFF" + struct.pack("<I", 40) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + b"\xff" * 6,
    "bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 200, 0, 54, 40, 50_000, 50_000, 1, 24, 0, 0, 0, 0, 0, 0),
    "gif": b"GIF89a" + struct.pack("<HH", 65_535, 65_535) + bytes(100),
    "jpeg": b"\xff\xd8\xff\xc0\0\x11\x08\xff\xff\xff\xff\x03" + bytes(100),
    "text": png(8, 8, bytes(72), chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(300 * 2**20), 9))),
}
"""Files of a few hundred kB at most; what they say they hold would take a hundred MB or more."""

ASKED = """
import json, resource, sys
from pathlib import Path
from service_parts import OK, ask, picture, running
from spot_bundle import spot_bundle

folder = Path(sys.argv[1])
bundle = spot_bundle(folder / "spots.gain").path
with running(folder, bundle, settings="max_mpx: 64") as (_, client):
    ask(client, picture(*OK))
    for bomb in sorted(folder.glob("*.bomb")):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        said = ask(client, bomb.read_bytes())
        more = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        print(json.dumps([bomb.stem, said.status_code, said.json(), more // 1024]))
"""


def test_what_is_huge_once_decoded_is_refused_by_its_header(tmp_path: Path) -> None:
    for name, content in BOMBS.items():
        assert len(content) < 500_000
        (tmp_path / f"{name}.bomb").write_bytes(content)
    process = subprocess.run(
        [sys.executable, "-c", ASKED, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    told = {
        name: (status, said, mib) for name, status, said, mib in map(json.loads, process.stdout.splitlines())
    }
    assert set(told) == set(BOMBS)
    for name, (status, said, mib) in told.items():
        assert status == 201
        assert mib < 60, (name, mib)
        if name != "text":
            assert said["label"] == "review"
            assert "the limit is 64 Mpx" in said["images"][0]["error"], (name, said)


class Connection:
    """A client of an ASGI app that sends pieces of a body, and is slow."""

    def __init__(self, *pieces: bytes, pause: float = 0, length: bytes | None = None) -> None:
        self._pieces, self._pause = list(pieces), pause
        headers = [] if length is None else [(b"content-length", length)]
        self.scope = {"type": "http", "method": "POST", "path": "/v1/inspections", "headers": headers}
        self.sent: list[Any] = []

    async def receive(self) -> Any:
        await asyncio.sleep(self._pause)
        return {"type": "http.request", "body": self._pieces.pop(0), "more_body": bool(self._pieces)}

    async def send(self, message: Any) -> None:
        self.sent.append(message)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])


class Reading:
    """An app that reads all, waits until it may answer, and answers 200."""

    def __init__(self) -> None:
        self.read = 0
        self.may = asyncio.Event()
        self.may.set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        more = True
        while more:
            message = await receive()
            self.read += len(message["body"])
            more = message["more_body"]
        await self.may.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def limited(reading: Reading, **limits: float) -> BodyLimit:
    told: dict[str, Any] = {"most": 100, "together": 1000, "seconds": 30.0} | limits
    return BodyLimit(reading, fail_safe=Label.NG, **told)


async def asked(limit: BodyLimit, connection: Connection) -> int:
    await limit(connection.scope, connection.receive, connection.send)
    return connection.status


def test_a_slow_body_is_not_waited_for() -> None:
    async def slow() -> tuple[int, Any]:
        connection = Connection(*[b"x"] * 1000, pause=0.01)
        return await asked(limited(Reading(), seconds=0.1), connection), connection

    status, connection = asyncio.run(slow())
    assert status == 408
    assert (b"connection", b"close") in [(k.lower(), v) for k, v in connection.sent[0]["headers"]]
    assert json.loads(connection.sent[1]["body"])["decision"] == "ng"


@pytest.mark.parametrize("length", [b"9" * 5000, b"-1", b"1e9", b"\xb2", b""])
def test_what_a_body_says_of_its_length_is_not_trusted(length: bytes) -> None:
    reading = Reading()
    status = asyncio.run(asked(limited(reading), Connection(*[b"x" * 60] * 50, length=length)))
    assert status == 413
    assert reading.read <= 100


def test_the_bodies_of_all_that_wait_are_counted_together() -> None:
    async def many() -> tuple[list[int], int]:
        reading = Reading()
        limit = limited(reading, together=250)
        reading.may.clear()
        waiting = [asyncio.create_task(asked(limit, Connection(b"x" * 100))) for _ in range(2)]
        await asyncio.sleep(0.01)
        refused = await asked(limit, Connection(b"x" * 100))
        reading.may.set()
        statuses = list(await asyncio.gather(*waiting))
        return [*statuses, refused, await asked(limit, Connection(b"x" * 100))], limit._held

    assert asyncio.run(many()) == ([200, 200, 503, 200], 0)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/decisions/x/confirm", b"[" * 1000),
        ("/v1/stations/x/activations", b"[" * 1000),
        ("/v1/inspections", b"--b"),
    ],
)
def test_who_is_not_let_in_sends_nothing_that_is_read(
    served: tuple[Service, TestClient, Path], path: str, body: bytes
) -> None:
    kind = "multipart/form-data; boundary=b" if path.endswith("inspections") else "application/json"
    headers = {"content-type": kind, "Authorization": "Bearer nobody"}
    assert served[1].post(path, content=body, headers=headers).status_code == 401

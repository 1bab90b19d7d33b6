"""Notes that are posted to a server of the test."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from socket import socket
from socketserver import TCPServer

import pytest

from gainspect.errors import GainspectError
from gainspect.ledger.posting import post_note

NOTE = "plant7.example/line3\n5\nAAAA\n\n— plant7.example/line3 BBBB\n"


@dataclass
class Station:
    """What a station was sent, by method, path, type and body."""

    url: str
    taken: list[tuple[str, str, str, str]] = field(default_factory=list)


@contextmanager
def station(answer: int) -> Iterator[Station]:
    """A server that answers with a status."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            made.taken.append(("POST", self.path, self.headers["Content-Type"], body))
            self._end(answer)

        def do_GET(self) -> None:
            made.taken.append(("GET", self.path, "", ""))
            self._end(200)

        def _end(self, status: int) -> None:
            self.send_response(status)
            self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Nothing to stderr."""

    # Not HTTPServer: it asks for the name of its address.
    with TCPServer(("127.0.0.1", 0), Handler) as server:
        made = Station(f"http://127.0.0.1:{server.server_address[1]}/anchors")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.mark.parametrize("answer", [200, 201, 204])
def test_a_station_gets_the_note_as_it_is(answer: int) -> None:
    with station(answer) as made:
        post_note(made.url, NOTE)
    assert made.taken == [("POST", "/anchors", "text/plain; charset=utf-8", NOTE)]


@pytest.mark.parametrize("answer", [301, 302, 303, 307, 404, 500])
def test_a_refusal_and_a_redirection_are_told(answer: int) -> None:
    with station(answer) as made, pytest.raises(GainspectError, match=f"refuses the anchor \\({answer} "):
        post_note(made.url, NOTE)
    assert [method for method, *_ in made.taken] == ["POST"]


def test_a_station_that_is_not_there_is_told() -> None:
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(GainspectError, match="cannot be reached") as error:
        post_note(f"http://127.0.0.1:{port}/?token=secret", NOTE)
    assert "secret" not in f"{error.value} {error.value.where}"


def test_a_station_that_does_not_answer_is_told() -> None:
    with closing(socket()) as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        with pytest.raises(GainspectError, match="does not answer as it should"):
            post_note(f"http://127.0.0.1:{silent.getsockname()[1]}/", NOTE, wait_s=0.1)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "anchors",
        "file:///etc/passwd",
        "ftp://host/x",
        "http://",
        "http://host:x/",
        "http://a b/",
        "http://me:pw@host/",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(GainspectError, match="nothing can be posted") as error:
        post_note(url, NOTE)
    assert "pw" not in str(error.value)

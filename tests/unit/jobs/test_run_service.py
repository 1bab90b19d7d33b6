"""A service that cannot listen says so before it tells anybody where it is."""

import json
import socket
from pathlib import Path

import pytest

from gainspect.errors import GainspectError
from gainspect.jobs.run_service import open_service, run_service
from gainspect.ledger import open_ledger
from gainspect.serve.listening import listeners
from spot_bundle import spot_bundle


@pytest.mark.parametrize("what", ["a port that is taken", "a name that nobody has"])
def test_a_service_that_cannot_listen_ends_in_words(tmp_path: Path, what: str) -> None:
    bundle, ledger = spot_bundle(tmp_path / "spots.gain").path, str(tmp_path / "line.ledger")
    service = open_service([bundle], db=ledger, store=None, state=tmp_path / "state")
    told: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        host = "127.0.0.1" if what == "a port that is taken" else "no such name.invalid"
        port = taken.getsockname()[1]
        with pytest.raises(GainspectError, match=rf"cannot listen at {host}, port {port} \(.*--port"):
            run_service(service, host=host, port=port, tell=told.append)
    assert told == []
    with open_ledger(ledger) as opened:
        states = [json.loads(entry.content)["record"].get("state") for entry in opened.records()]
    assert states == ["started", "stopped"]


def test_no_socket_is_kept_of_a_host_whose_port_is_taken_at_one_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(GainspectError):
            listeners("127.0.0.1", port)
    (held,) = listeners("127.0.0.1", port)
    with held:
        assert held.getsockname() == ("127.0.0.1", port)


def test_without_its_bundle_a_service_makes_no_ledger(tmp_path: Path) -> None:
    db = tmp_path / "line.ledger"
    with pytest.raises(GainspectError, match=r"gone\.gain"):
        open_service([tmp_path / "gone.gain"], db=str(db), store=None, state=tmp_path / "state")
    assert not any(tmp_path.iterdir())

from collections.abc import Iterator
from pathlib import Path

import pytest

from gainspect.ledger import Ledger, open_ledger
from gainspect.serve.security import Gate
from security_app import Clock, gate_to


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(ledger_url: str, clock: Clock) -> Iterator[Ledger]:
    with open_ledger(ledger_url) as opened:
        yield Ledger(opened.database, clock=clock)


@pytest.fixture
def gate(ledger: Ledger, clock: Clock) -> Gate:
    return gate_to(ledger, clock)


@pytest.fixture
def local_gate(tmp_path: Path, clock: Clock) -> Iterator[Gate]:
    """For what does not depend on the database."""
    with open_ledger(tmp_path / "line.ledger") as opened:
        yield gate_to(Ledger(opened.database, clock=clock), clock)

"""However many pages wait, the line does not."""

import threading
import time
from pathlib import Path
from typing import Any

import anyio.to_thread
import cv2
import pytest

from gainspect.ledger import Ledger
from service_parts import ask, running
from spot_bundle import part, spot_bundle

_MORE_THAN_ALL_THREADS = 48
_GIVES_UP_S = 60
"""Only where the line waits after all."""


def test_pages_that_wait_leave_threads_to_inspections_and_readiness(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on, waiting, look = threading.Event(), list[int](), Ledger.record_of

    def held(self: Ledger, key: str) -> Any:
        if key == "held":
            waiting.append(threading.get_ident())
            goes_on.wait(2 * _GIVES_UP_S)
        return look(self, key)

    large = cv2.imencode(".bmp", cv2.resize(part(), (800, 800)))[1].tobytes()
    assert len(large) > 2**20  # of which Starlette makes a file on the disk
    with running(tmp_path, spot_bundle(tmp_path / "spots.gain").path) as (_, client):
        assert client.portal is not None
        monkeypatch.setattr(Ledger, "record_of", held)
        pages = [
            threading.Thread(target=client.get, args=("/v1/decisions/held",))
            for _ in range(_MORE_THAN_ALL_THREADS)
        ]
        answers = dict[str, int]()
        line = {
            "inspection": lambda: ask(client, large, key="k1"),
            "readiness": lambda: client.get("/readyz"),
        }
        asking = [
            threading.Thread(target=lambda what=what, one=one: answers.update({what: one().status_code}))
            for what, one in line.items()
        ]
        try:
            for thread in pages:
                thread.start()
            while len(waiting) < client.portal.call(_threads_of_pages):
                time.sleep(0.01)
            for thread in asking:
                thread.start()
            for thread in asking:
                thread.join(_GIVES_UP_S)
            assert answers == {"inspection": 201, "readiness": 200}
            assert all(thread.is_alive() for thread in pages)
        finally:
            goes_on.set()
            for thread in (*pages, *asking):
                thread.join()


async def _threads_of_pages() -> float:
    return anyio.to_thread.current_default_thread_limiter().total_tokens

"""A service for tests: a small bundle, parts with pictures, and an app that is asked without a network."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
from fastapi import FastAPI
from fastapi.testclient import TestClient

from gainspect.inspection.bundle import Bundle, read_bundle
from gainspect.jobs.run_service import open_service
from gainspect.ledger.records.operation import BundleActivation
from gainspect.ledger.tokens import Tokens
from gainspect.serve.app import create_app
from gainspect.serve.service import Service
from spot_bundle import part

STATION = "line 3"


OK, BORDERLINE, NG = (), ((40, 40, 4),), ((40, 40, 6),)
"""Spots of parts on which `spot_bundle` decides so."""


def picture(*spots: tuple[int, int, int], seed: int = 0) -> bytes:
    """A PNG file of a part; see `spot_bundle.part`."""
    return bytes(cv2.imencode(".png", part(*spots, seed=seed))[1])


def activation(bundle: Bundle, station: str = STATION, **more: Any) -> BundleActivation:
    """The record that a bundle judges at a station."""
    policy = bundle.description.policy.policy_id
    told: dict[str, Any] = {"old": None, "new": bundle.sha256, "policy_id": policy, "reason": "first"}
    return BundleActivation(station=station, **(told | more))


@contextmanager
def running(
    folder: Path,
    bundle: Path,
    *,
    db: str | None = None,
    settings: str = "",
    state: str = "state",
    active: Sequence[str] = (STATION,),
) -> Iterator[tuple[Service, TestClient]]:
    """A service on a new ledger in a folder, and a client of it."""
    file = folder / "settings.yaml"
    file.write_text(settings)
    service = open_service(
        [bundle],
        db=db or str(folder / "line.ledger"),
        store=str(folder / "pictures"),
        state=folder / state,
        settings=file,
    )
    for station in active:
        service.ledger.append(activation(read_bundle(bundle), station))
    app = create_app(service)
    with TestClient(app, headers=machine(app), raise_server_exceptions=False) as client:
        yield service, client


def machine(app: FastAPI, station: str = STATION) -> dict[str, str]:
    """The headers with which the machine of a station asks."""
    known: dict[str, str] = app.state.__dict__.setdefault("tokens_of_tests", {})
    if station not in known:
        known[station] = Tokens(app.state.service.ledger).make("camera", station, by=None)
    return {"Authorization": f"Bearer {known[station]}"}


def ask(client: TestClient, *images: bytes, key: str | None = None, **form: Any) -> Any:
    """Ask for the decision on a part, as the machine of its station."""
    assert isinstance(client.app, FastAPI)
    station = str(form.get("station", STATION))
    headers = machine(client.app, station if station.isprintable() else STATION)
    return client.post(
        "/v1/inspections",
        files=[("image", (f"view_{number}.png", image)) for number, image in enumerate(images, start=1)],
        data={"part": "p1", "station": STATION} | form,
        headers=headers | ({} if key is None else {"Idempotency-Key": key}),
    )


def sha256(content: bytes) -> str:
    """Of a file."""
    return hashlib.sha256(content).hexdigest()

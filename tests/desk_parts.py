"""A service with challenges and two bundles, on which people of all roles work."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np

from compared_bundles import comparison as made_up
from gainspect.evaluation.bundle_comparison import ComparedBundle
from gainspect.inspection.bundle import read_bundle
from gainspect.jobs.run_service import open_service
from gainspect.ledger.accounts import Role
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.operation import DriftAlarm, NgCount
from gainspect.ledger.records.upkeep import Anchored
from gainspect.serve.app import create_app
from page_parts import CLEAR, HOSTILE, NOTHING, Plant, fill, listening, metal
from service_parts import activation
from spot_bundle import spot_bundle

STATION = "Line 3 / Press"
SIZE = (360, 480)


def challenge_folder(folder: Path, *, wrong_place: bool = False) -> Path:
    """A folder with one set: two good parts, two bad ones with the masks of their spots.

    Args:
        folder: to make.
        wrong_place: whether the mask of the second bad part lies elsewhere than its spot.
    """
    place = folder / "shift"
    rows = ["image,label,mask,part"]
    place.mkdir(parents=True)
    for number, spots in enumerate((NOTHING, NOTHING, CLEAR, ((330, 90, 30),)), start=1):
        (place / f"{number}.png").write_bytes(metal(100 + number, spots, SIZE))
        name = f"{'bad' if spots else 'good'} {number}"
        mask = ""
        if spots:
            drawn = np.zeros(SIZE, np.uint8)
            ((x, y, radius),) = ((60, 60, 20),) if wrong_place and number == 4 else spots
            cv2.circle(drawn, (x, y), radius, 255, -1)
            cv2.imwrite(str(place / f"{number}_mask.png"), drawn)
            mask = f"{number}_mask.png"
        rows.append(f"{number}.png,{'ng' if spots else 'ok'},{mask},{name}")
    (place / "manifest.csv").write_text("\n".join(rows) + "\n")
    return folder


def comparison(old: Path, new: Path) -> dict[str, Any]:
    """What `gainspect bundle compare` would write of two bundles; the parts in it are made up."""
    sides = {
        side: ComparedBundle(
            name=bundle.description.name,
            sha256=bundle.sha256,
            policy_id=bundle.description.policy.policy_id,
            runtime="onnxruntime",
            precision="f32",
        )
        for side, bundle in (("old", read_bundle(old)), ("new", read_bundle(new)))
    }
    return made_up().model_copy(update=sides).model_dump(mode="json")


@contextmanager
def desk_plant(
    folder: Path, *, settings: dict[str, Any] | None = None, active: bool = True, wrong_place: bool = False
) -> Iterator[tuple[Plant, Path, Path]]:
    """A plant whose stations are locked until their challenge is passed; and its two bundles."""
    folder.mkdir(parents=True, exist_ok=True)
    first, second = folder / "spots.gain", folder / "spots 2.gain"
    spot_bundle(first)
    spot_bundle(second, threshold=0.45)
    known = challenge_folder(folder / "challenges", wrong_place=wrong_place)
    told = {"challenge_hours": 8, "challenges": str(known)} | (settings or {})
    (folder / "settings.yaml").write_text(json.dumps(told))
    service = open_service(
        [first, second],
        db=str(folder / "line.ledger"),
        store=str(folder / "pictures"),
        state=folder / "state",
        settings=folder / "settings.yaml",
    )
    if active:
        service.ledger.append(activation(read_bundle(first), STATION))
    with listening(service, create_app(service)) as made:
        yield made, first, second


@dataclass(frozen=True)
class Desk:
    """A station that has decided, and people of all roles."""

    plant: Plant
    codes: dict[Role, str]
    """Of sessions."""
    first: Path
    """The bundle that is active."""
    second: Path
    """Another one."""


@contextmanager
def filled_desk(folder: Path) -> Iterator[Desk]:
    """A station that has decided, with a challenge, actions, a drift alarm, an anchor, and hostile names."""
    with desk_plant(folder, wrong_place=True) as (plant, first, second):
        names = {Role.OPERATOR: "김현수", Role.ENGINEER: HOSTILE[0], Role.AUDITOR: "Park"}
        codes = {role: plant.person(role, name)[1] for role, name in names.items()}
        with plant.client(codes[Role.ENGINEER]) as engineer:
            _waive(engineer, read_bundle(first).sha256)
            (name,) = plant.service.challenges.sets
            fill(plant)
            engineer.post(f"/v1/stations/{STATION}/challenge/pictures", json={"challenge": name})
            _act(engineer, plant.keys["M-0810"], "confirm", believed="ok")
            for part, believed, new in (("M-0811", "ok", "ng"), ("M-0821", "ng", "ok")):
                said = {"believed": believed, "new": new, "reason": "dirt", "note": HOSTILE[1]}
                _act(engineer, plant.keys[part], "override", **said)
        _alarm(plant)
        ledger = plant.service.ledger
        head = ledger.head()
        signed_by = "plant7.example/line3+00000000+A"
        ledger.append(Anchored(station="box", size=head.size, root=head.root.hex(), signed_by=signed_by))
        yield Desk(plant, codes, first, second)


def _waive(engineer: httpx.Client, sha256: str) -> None:
    until = (datetime.now(UTC) + timedelta(hours=6)).isoformat()
    given = {"bundle": sha256, "until": until, "reason": "first day of the line"}
    assert engineer.post(f"/v1/stations/{STATION}/waivers", json=given).status_code == 201


def _act(person: httpx.Client, key: str, what: str, **said: str) -> None:
    assert person.post(f"/v1/decisions/{key}/{what}", json={"seen": 0, **said}).status_code == 201


def _alarm(plant: Plant) -> None:
    entry = plant.service.ledger.record_of(plant.keys["M-0812"])
    assert entry is not None
    decision = entry.record
    assert isinstance(decision, Decision)
    alarm = DriftAlarm(
        station=STATION,
        watch=decision.key,
        statistic="brightness",
        larger=False,
        since=decision.key,
        since_part=HOSTILE[2],
        since_at=decision.at,
        decision=decision.key,
        parts=34,
        before=120.5,
        after=30.25,
        ng_before=NgCount(ng=3, parts=400),
        ng_since=NgCount(ng=9, parts=34),
        false_alarms=0.01,
    )
    plant.service.ledger.append(alarm)

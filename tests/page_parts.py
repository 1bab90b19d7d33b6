"""A service on a small real ledger with little real pictures, for tests of its pages."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gainspect.inspection.bundle import Bundle
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.records.decided_parts import view_in
from gainspect.inspection.sources.contents import GivenContents
from gainspect.inspection.stream import inspect_files, part_record, record_of
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.inspected import judged_image, made_with_now
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.records.operation import BundleActivation
from gainspect.serve.bundles import Loaded
from gainspect.serve.service import Service
from gainspect.serve.settings import ServiceSettings
from report_parts import Spots, bundle

STATION = "Line 3 / Press"
HOSTILE = (
    '<img src=x onerror="document.title=1">',
    "=cmd|' /C calc'!A1",
    "abc\u202egnp.exe\u2066",
    "덮개하우징조립체" * 30,
)
"""Names that a page must show as they are, and nothing more."""


def loaded() -> Loaded:
    """The bundle whose score is the darkest spot, ready to judge."""
    made = bundle()
    policy = made.description.policy
    inspector = Inspector(
        Spots(),  # type: ignore[arg-type]
        threshold=policy.threshold,
        review_from=0.3,
        region_threshold=policy.region_threshold,
        reason=policy.reason,
    )
    inspector.bundle = made
    return Loaded(made, inspector, made_with_now(inspector))


class OneBundle:
    """Bundles of a service that has one, active at every station."""

    def __init__(self) -> None:
        self._loaded = loaded()

    def all(self) -> Sequence[Bundle]:
        return [self._loaded.bundle]

    def load(self, sha256: str) -> Loaded:
        return self._loaded

    def active(self, station: str) -> Loaded | None:
        return self._loaded


def metal(seed: int, spots: Sequence[tuple[int, int, int, int]] = (), size: tuple[int, int] = (360, 480)) -> bytes:
    """A PNG of a brushed part with dark spots: (x, y, radius, grey)."""
    rng = np.random.default_rng(seed)
    height, width = size
    brushed = cv2.GaussianBlur(rng.normal(0, 10, (height, width)).astype(np.float32), (31, 1), 6)
    image = 176 + 2.2 * brushed + np.linspace(-6, 6, height, dtype=np.float32)[:, None]
    for x, y, radius, grey in spots:
        mask = np.zeros((height, width), np.float32)
        cv2.ellipse(mask, (x, y), (radius, max(2, radius // 2)), 25, 0, 360, 1, -1)
        mask = cv2.GaussianBlur(mask, (0, 0), 1.5)
        image = image * (1 - mask) + grey * mask
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    return bytes(cv2.imencode(".png", pixels)[1])


def decide(
    ledger: Ledger, by: Loaded, part: str, pictures: Sequence[bytes], *, station: str = STATION, lot: str | None = "L-7"
) -> Decision:
    """Judge a part, and record the decision with its pictures."""
    names = [f"{part}_{number}.png" for number in range(1, len(pictures) + 1)]
    found = list(inspect_files(by.inspector, names, contents=GivenContents(64, pictures)))
    records = [record_of(one, by.inspector) for one in found]
    decided = part_record(part, records, list(map(view_in, records)), by.inspector)
    decision = Decision(
        station=station,
        part=part,
        lot=lot,
        label=decided["decision"],
        fired=tuple(decided["fired"]),
        score=decided["score"],
        threshold=decided["threshold"],
        images=tuple(judged_image(record["image"], record, stored=True) for record in records),
        made_with=by.made_with,
    )
    ledger.append(decision, pictures)
    return decision


def fill(ledger: Ledger, by: Loaded) -> dict[str, Decision]:
    """Parts of all labels, one of two views, some with hostile names."""
    ledger.append(
        BundleActivation(station=STATION, old=None, new=by.sha256, policy_id=by.policy_id, reason="first")
    )
    made = {}
    for number in range(4):
        made[f"ok{number}"] = decide(ledger, by, f"M-081{number}", [metal(number)])
    for number, name in enumerate(HOSTILE):
        made[f"hostile{number}"] = decide(ledger, by, name, [metal(40 + number, [(200, 150, 26, 96)])], lot=name[:300])
    made["review"] = decide(ledger, by, "M-0820", [metal(20, [(320, 120, 24, 97)])])
    made["two"] = decide(ledger, by, "M-0821", [metal(21), metal(22, [(150, 210, 30, 30)])])
    made["ng"] = decide(ledger, by, "M-0822", [metal(23, [(140, 200, 34, 25), (330, 90, 16, 60)])])
    return made


@contextmanager
def service(folder: Path, **settings: Any) -> Iterator[Service]:
    """A service on a new ledger in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    ledger = open_ledger(folder / "line.ledger")
    made = Service(ledger, OneBundle(), ServiceSettings(**settings), folder / "state", "box")  # type: ignore[arg-type]
    try:
        yield made
    finally:
        made.stop()


def wait_for(true: Any, seconds: float = 10.0) -> None:
    """Wait until something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it has not become true"
        time.sleep(0.02)

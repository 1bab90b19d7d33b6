"""Ledgers with pictures, for tests of what is learned from them."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from gainspect.data.manifest import Manifest
from gainspect.ledger import Ledger
from gainspect.ledger.records.decision import Confirm, Decision, JudgedImage, Override, RegionCorrection
from gainspect.ledger.records.sealed import Record
from gainspect.types import Label, Mask
from ledger_records import AT, MADE_WITH, PERSON, STATION


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def drawn_picture(number: int, side: int = 24) -> bytes:
    """A PNG of noise, another one for each number."""
    pixels = np.random.default_rng(number).integers(0, 255, (side, side, 3), dtype=np.uint8)
    return cv2.imencode(".png", pixels)[1].tobytes()


def decided(
    part: str, pictures: Sequence[bytes], label: Label = Label.OK, *, lot: str | None = None, **changed: Any
) -> Decision:
    """A decision on a part with these pictures; its key is the name of the part, unless it is given."""
    images = [
        JudgedImage(image=f"{part}/{index}.png", sha256=sha256(picture), stored=True, verdict=label)
        for index, picture in enumerate(pictures)
    ]
    values = {
        "key": part,
        "at": AT,
        "station": STATION,
        "part": part,
        "lot": lot,
        "label": label,
        "score": 0.5,
        "threshold": 0.5,
        "images": tuple(images),
        "made_with": MADE_WITH,
    }
    return Decision(**{**values, **changed})


def _about(key: str) -> dict[str, Any]:
    return {"at": AT, "station": STATION, "actor": PERSON, "decision": key}


def confirmed(key: str, label: Label) -> Confirm:
    return Confirm(**_about(key), label=label)


def overridden(key: str, new: Label, old: Label = Label.OK) -> Override:
    return Override(**_about(key), old=old, new=new, reason="scratch")


def corrected(key: str, picture: bytes, *outlines: Sequence[tuple[int, int]]) -> RegionCorrection:
    new = tuple(tuple(outline) for outline in outlines)
    return RegionCorrection(**_about(key), image=sha256(picture), old=(), new=new, reason="place")


def outlines_of(mask: Mask) -> list[list[tuple[int, int]]]:
    """The outer borders of the regions of a mask, as an Inspector gives them."""
    borders, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return [[(int(x), int(y)) for x, y in border[:, 0]] for border in borders]


def append(ledger: Ledger, records: Sequence[Record], pictures: Sequence[bytes]) -> None:
    ledger.append_all(records, pictures)


def reviewed_line(ledger: Ledger, manifest: Manifest) -> dict[str, Path]:
    """Decide every image of a manifest as OK and let a person say the truth; the picture by its hash.

    Of NG parts every second is outlined, too.
    """
    pictures, found = list[bytes](), dict[str, Path]()
    records = list[Record]()
    marked = 0
    for part in manifest.parts:
        content = part.image.read_bytes()
        key = manifest.key(part)
        pictures.append(content)
        found[sha256(content)] = part.image
        records.append(decided(key, [content], Label.OK, lot="lot 7"))
        if part.label is Label.OK:
            records.append(confirmed(key, Label.OK))
            continue
        records.append(overridden(key, Label.NG))
        marked += 1
        mask = manifest.mask(part)
        if mask is not None and marked % 2:
            records.append(corrected(key, content, *outlines_of(mask)))
    append(ledger, records, pictures)
    return found

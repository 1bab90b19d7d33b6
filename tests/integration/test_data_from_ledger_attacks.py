"""What somebody may try, so that a test part is trained on; and whose word counts after many."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest, Part, save_manifest
from gainspect.jobs.data_from_ledger import Against, Asked, Division, data_from_ledger
from gainspect.ledger import open_ledger
from gainspect.ledger.loop_account import LoopAccount
from gainspect.ledger.records.sealed import Record
from gainspect.types import Label
from loop_ledger import append, confirmed, corrected, decided, drawn_picture, overridden

OK, NG, REVIEW = Label.OK, Label.NG, Label.REVIEW
GRAY = Image.fromarray(np.random.default_rng(5).integers(0, 255, (24, 20), dtype=np.uint8))
COLOR = Image.open(io.BytesIO(drawn_picture(6)))
TURN_BACK = {0x112: 6}  # the tag of the orientation


def saved(image: Image.Image, form: str, **how: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, form, **how)
    return written.getvalue()


DISGUISES: dict[str, Callable[[], bytes]] = {
    "not compressed": lambda: saved(COLOR, "PNG", compress_level=0),
    "bmp": lambda: saved(COLOR, "BMP"),
    "webp": lambda: saved(COLOR, "WEBP", lossless=True),
    "opaque": lambda: saved(COLOR.convert("RGBA"), "PNG"),
    "turned": lambda: saved(COLOR.transpose(Image.Transpose.ROTATE_90), "TIFF", tiffinfo=TURN_BACK),
    "bytes behind it": lambda: saved(COLOR, "PNG") + b"more",
    "gray as color": lambda: saved(GRAY.convert("RGB"), "PNG"),
    "gray with alpha": lambda: saved(GRAY.convert("LA"), "PNG"),
    "gray as palette": lambda: saved(GRAY.convert("P"), "PNG"),
    "pgm": lambda: saved(GRAY, "PPM"),
}


def made(folder: Path, records: list[Record], pictures: list[bytes], *not_in: Path) -> LoopAccount:
    """The next training's data, in `out`."""
    place, stored = str(folder / "line.ledger"), str(folder / "pictures")
    with open_ledger(place, pictures=stored) as ledger:
        append(ledger, records, pictures)
    return data_from_ledger(
        place, folder / "out", Asked(), Against(not_in=not_in), Division(), pictures=stored
    )


def test_a_test_part_is_known_in_every_disguise(tmp_path: Path) -> None:
    old = tmp_path / "old"
    old.mkdir()
    rows = []
    for name, image in (("gray", GRAY), ("color", COLOR)):
        (old / f"{name}.png").write_bytes(saved(image, "PNG"))
        rows.append(Part(old / f"{name}.png", OK, split="test", group=f"serial {name}"))
    save_manifest(Manifest(old, tuple(rows)), old / "manifest.csv")
    pictures = [make() for make in DISGUISES.values()] + [drawn_picture(number) for number in range(20, 24)]
    names = [*DISGUISES, "serial gray", "in/serial color.png", "serial", "other"]
    decisions = [decided(name, [picture], lot="lot 9") for name, picture in zip(names, pictures, strict=True)]
    account = made(tmp_path, [*decisions, *(confirmed(name, OK) for name in names)], pictures, old)
    assert [(one.part, one.why) for one in account.left] == [(name, "test") for name in names[:-2]]
    taken = load_manifest(tmp_path / "out").parts
    assert [part.extra["image_name"] for part in taken] == ["serial/0.png", "other/0.png"]


FIRST, SECOND = [(2, 2), (9, 3), (5, 8)], [(12, 12), (19, 13), (15, 18)]


@pytest.mark.parametrize(
    ("was", "said", "label", "outline"),
    [
        (OK, [("to", NG), ("at", FIRST), ("at", SECOND)], NG, SECOND),
        (OK, [("to", NG), ("at", FIRST), ("yes", NG)], NG, FIRST),
        (OK, [("to", NG), ("to", OK)], OK, None),
        (OK, [("to", NG), ("to", OK), ("yes", OK), ("to", NG), ("at", SECOND)], NG, SECOND),
        (OK, [("yes", OK), ("to", NG)], NG, None),
        (OK, [("to", NG), ("yes", OK)], None, None),  # somebody agreed with what did not count
        (NG, [("at", FIRST), ("to", OK)], None, None),  # a defect is drawn on what is OK now
        (NG, [("at", FIRST), ("to", OK), ("at", None)], OK, None),
        (REVIEW, [("to", NG)], NG, None),
        (REVIEW, [("to", NG), ("to", OK), ("yes", OK)], OK, None),
        (REVIEW, [("at", FIRST)], None, None),
    ],
)
def test_the_last_word_counts(
    tmp_path: Path, was: Label, said: list[tuple[str, Any]], label: Label | None, outline: Any
) -> None:
    picture, counts = drawn_picture(1), was
    records: list[Record] = [
        decided("p", [picture], was),
        decided("q", [drawn_picture(2)]),
        confirmed("q", OK),
    ]
    for what, how in said:
        if what == "to":
            records.append(overridden("p", how, counts))
            counts = how
        elif what == "yes":
            records.append(confirmed("p", how))
        else:
            records.append(corrected("p", picture, *([] if how is None else [how])))
    made(tmp_path, records, [picture, drawn_picture(2)])
    manifest = load_manifest(tmp_path / "out")
    found = [part for part in manifest.parts if part.extra["image_name"] == "p/0.png"]
    assert [part.label for part in found] == ([] if label is None else [label])
    if found and outline is not None:
        drawn = cv2.fillPoly(np.zeros((24, 24), np.uint8), [np.array(outline)], 1)
        np.testing.assert_array_equal(manifest.mask(found[0]), drawn)
    elif found:
        assert found[0].mask is None

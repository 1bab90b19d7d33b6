"""Decisions of an inspection in a ledger: each once, with all that it rests on, before it is told."""

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from command_line import Run
from gainspect.errors import GainspectError
from gainspect.inspection.cpus import cpu_isa
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.inspection_output import LedgerPlace
from gainspect.jobs.run_inspection import run_inspection
from gainspect.ledger import Ledger, open_ledger
from gainspect.ledger.canonical import canonical
from gainspect.ledger.records.decision import Decision
from gainspect.ledger.verification import verify
from report_parts import Spots, bundle

PARTS = "([^/]+)_[0-9][.]png"
LEVELS = {"a_1.png": 30, "a_2.png": 60, "b_1.png": 90, "b_2.png": 200}


@pytest.fixture
def lot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four images, and one that is none; any file is taken for a bundle."""
    inspector = Inspector(Spots(), threshold=0.999, region_threshold=0.1)
    inspector.bundle = bundle()
    monkeypatch.setattr(Inspector, "load", lambda *arguments, **settings: inspector)
    folder = tmp_path / "lot"
    folder.mkdir()
    for name, level in LEVELS.items():
        cv2.imwrite(str(folder / name), np.full((40, 40), level, np.uint8))
    (folder / "c_1.png").write_bytes(b"no image")
    return folder


def decisions_in(ledger: Ledger) -> list[Decision]:
    return [entry.record for entry in ledger.records() if isinstance(entry.record, Decision)]


def inspect(lot: Path, place: LedgerPlace, **settings: Any) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = []
    run_inspection(Path("x.gain"), [str(lot)], ledger=place, on_record=records.append, **settings)
    return records


def test_each_image_is_a_decision_with_all_that_it_rests_on(
    lot: Path, ledger_url: str, tmp_path: Path
) -> None:
    place = LedgerPlace(ledger_url, str(tmp_path / "pictures"), station="line 3", lot="lot 7")
    records = inspect(lot, place)
    with open_ledger(ledger_url, pictures=place.pictures, create=False) as ledger:
        found = decisions_in(ledger)
        assert [decision.part for decision in found] == [record["image"] for record in records]
        for decision, record in zip(found, records, strict=True):
            (image,) = decision.images
            file = Path(record["image"]).read_bytes()
            assert image.sha256 == record["sha256"] == hashlib.sha256(file).hexdigest()
            assert image.stored and ledger.pictures is not None and ledger.pictures.read(image.sha256) == file
            assert (image.verdict, image.score, image.error) == (
                record["verdict"],
                record.get("score"),
                record["error"],
            )
            line = json.loads(json.dumps(record))
            assert image.details == {name: line[name] for name in image.details}
            assert (decision.station, decision.lot) == ("line 3", "lot 7")
        assert any(decision.images[0].details.get("regions") for decision in found)
        read, unread = found[0], found[-1]
        assert (read.label, read.score, read.threshold) == (records[0]["verdict"], records[0]["score"], 0.999)
        assert {"regions", "review_reasons", "check"} <= read.images[0].details.keys()
        assert (unread.label, unread.score, unread.fired) == ("review", None, ("unreadable",))
        made_with = read.made_with
        assert (made_with.bundle, made_with.runtime, made_with.isa) == ("0" * 64, Spots.runtime, cpu_isa())
        preprocessing = bundle().description.preprocessing.model_dump(mode="json")
        assert made_with.preprocessing == hashlib.sha256(canonical(preprocessing)).hexdigest()
        assert verify(ledger).pictures == 5 and not verify(ledger).faults


def test_images_of_a_part_are_one_decision(lot: Path, tmp_path: Path) -> None:
    place = LedgerPlace(str(tmp_path / "line.ledger"))
    told = inspect(lot, place, parts=PARTS, out=tmp_path / "out")
    with open_ledger(place.url) as ledger:
        found = decisions_in(ledger)
    parts = [record for record in told if "decision" in record]
    assert [decision.part for decision in found] == [part["part"] for part in parts] and len(found) == 3
    for decision, part in zip(found, parts, strict=True):
        assert [image.image for image in decision.images] == part["images"]
        assert [image.sha256 for image in decision.images] == part["sha256"]
        assert (str(decision.label), [*decision.fired]) == (part["decision"], part["fired"])


def test_without_a_folder_parts_are_recorded_too(lot: Path, tmp_path: Path) -> None:
    place = LedgerPlace(str(tmp_path / "line.ledger"))
    inspect(lot, place, parts=PARTS)
    inspect(lot, place, parts=PARTS)
    with open_ledger(place.url) as ledger:
        assert len(decisions_in(ledger)) == 6, "without a folder, each inspection is one of its own"


@pytest.mark.parametrize("parts", [None, PARTS])
def test_an_inspection_that_goes_on_doubles_no_decision(
    lot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parts: str | None
) -> None:
    place, appended = LedgerPlace(str(tmp_path / "line.ledger")), Ledger.append

    def killed(self: Ledger, *arguments: Any) -> Any:
        if self.head().size == 2:
            raise GainspectError("the disk is full")
        return appended(self, *arguments)

    with monkeypatch.context() as patched:
        patched.setattr(Ledger, "append", killed)
        with pytest.raises(GainspectError, match="disk is full"):
            inspect(lot, place, parts=parts, out=tmp_path / "out")
    for _ in range(2):
        inspect(lot, place, parts=parts, out=tmp_path / "out")
    with open_ledger(place.url) as ledger:
        found = [decision.part for decision in decisions_in(ledger)]
        assert len(found) == len(set(found)) == (5 if parts is None else 3)
        assert not verify(ledger).faults
    cv2.imwrite(str(lot / "a_1.png"), np.full((40, 40), 31, np.uint8))
    inspect(lot, place, parts=parts, out=tmp_path / "out")
    with open_ledger(place.url) as ledger:
        assert [decision.part for decision in decisions_in(ledger)] == [*found, found[0]], "it has changed"


def test_a_decision_that_was_not_recorded_is_not_told(
    lot: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Ledger, *arguments: Any) -> None:
        raise GainspectError("the disk is full")

    told: list[dict[str, Any]] = []
    monkeypatch.setattr(Ledger, "append", full)
    with pytest.raises(GainspectError, match="disk is full"):
        run_inspection(
            Path("x.gain"), [str(lot)], ledger=LedgerPlace(str(tmp_path / "l")), on_record=told.append
        )
    assert not told


def test_a_picture_that_has_changed_since_it_was_judged_is_not_stored(lot: Path, tmp_path: Path) -> None:
    place = LedgerPlace(str(tmp_path / "line.ledger"))

    def change(record: dict[str, Any]) -> None:
        if record["image"].endswith("a_1.png"):
            (lot / "a_2.png").write_bytes(b"another")

    run_inspection(Path("x.gain"), [str(lot)], ledger=place, on_record=change)
    with open_ledger(place.url) as ledger:
        stored = {Path(decision.part).name: decision.images[0].stored for decision in decisions_in(ledger)}
        assert not stored.pop("a_2.png") and all(stored.values()) and not verify(ledger).faults


def test_on_the_command_line(lot: Path, tmp_path: Path, run: Run) -> None:
    ledger = tmp_path / "line.ledger"
    done = run("inspect", "x.gain", lot, "--jsonl", "--ledger", ledger, "--station", "line 3")
    assert done.returncode == 3 and len(done.stdout.splitlines()) == 5, "one image is none"
    assert json.loads(done.stdout.splitlines()[0])["verdict"] == "ok"
    verified = run("ledger", "verify", ledger)
    assert verified.returncode == 0 and "5 records and their 5 stored images" in verified.stdout
    refused = run("inspect", "x.gain", lot, "--lot", "7")
    assert refused.returncode == 2 and "Add --ledger FILE" in refused.stderr

"""Many files: found, judged in order, the broken ones named."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from brightness import Brightness
from gainspect.errors import GainspectError
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.sources.contents import Contents
from gainspect.inspection.stream import find_images, inspect_files, record_of
from gainspect.policy import Policy, ReasonPolicy


@pytest.fixture
def inspector() -> Inspector:
    return Inspector(Brightness(), threshold=0.5, region_threshold=0.5, batch_size=3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for index, level in enumerate([0, 255, 10, 200, 30]):
        place = tmp_path / "parts" / f"sub{index % 2}" / f"{index}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place), np.full((40, 20), level, np.uint8))
    (tmp_path / "parts" / "notes.txt").write_text("no image")
    return tmp_path / "parts"


def test_folders_globs_files_and_stdin_are_found_in_order(folder: Path) -> None:
    everything = find_images([str(folder)]).images
    assert [Path(name).name for name in everything] == ["0.png", "2.png", "4.png", "1.png", "3.png"]
    assert find_images([str(folder / "sub1" / "*.png")]).images == everything[3:]
    assert find_images(["-", everything[0]]).images == ["-", everything[0]]


def test_a_relative_glob_is_relative_to_here(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    assert find_images(["sub1/*.png"]).images == ["sub1/1.png", "sub1/3.png"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gone.png", "there is no such file or folder"),
        ("*.jpg", "there is no such file or folder"),
        ("empty", "there are no images in this folder"),
    ],
)
def test_names_that_stand_for_nothing_are_sentences(tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(GainspectError, match=message):
        find_images([str(tmp_path / name)])


def test_a_broken_file_is_named_and_the_rest_is_judged(inspector: Inspector, folder: Path) -> None:
    (folder / "sub0" / "2.png").write_bytes(b"\x89PNG broken")
    found = list(inspect_files(inspector, [*find_images([str(folder)]).images, str(folder / "gone.png")]))
    verdicts = [item.verdict and str(item.verdict.label) for item in found]
    # The letterbox border is grey: dark parts fill half of the frame.
    assert verdicts == ["ok", None, "ok", "ng", "ng", None]
    assert [item.error is not None for item in found] == [False, True, False, False, False, True]
    assert "No such file" in (found[5].error or "")


def test_an_image_over_the_limit_is_recorded_and_the_rest_is_judged(
    inspector: Inspector, folder: Path
) -> None:
    cv2.imwrite(str(folder / "sub0" / "2.png"), np.full((90, 100), 99, np.uint8))
    inspector.max_mpx = 0.005
    found = list(inspect_files(inspector, find_images([str(folder)]).images))
    assert [item.verdict is None for item in found] == [False, True, False, False, False]
    error = found[1].error or ""
    assert error.startswith("the image has 100 × 90 px = 0.009 Mpx, the limit is 0.005 Mpx. ")
    assert "--max-mpx" in error and "cut the image" in error
    (piped,) = inspect_files(
        inspector, ["-"], contents=Contents(0.005, stdin=(folder / "sub0" / "2.png").read_bytes)
    )
    assert piped.error == error


def test_stdin_is_one_image(inspector: Inspector, folder: Path) -> None:
    content = (folder / "sub1" / "1.png").read_bytes()
    (found,) = inspect_files(inspector, ["-"], contents=Contents(64, stdin=lambda: content))
    assert found.sha256 == hashlib.sha256(content).hexdigest()
    assert found.verdict is not None and found.verdict.score == pytest.approx((1 + 128 / 255) / 2)


def test_a_record_is_json_and_complete(inspector: Inspector, folder: Path) -> None:
    policy = Policy(threshold=inspector.threshold, split="val", ng=1, ok=1, region_threshold=0.5)
    inspector.bundle = SimpleNamespace(  # type: ignore[assignment]
        sha256="abc", description=SimpleNamespace(policy=policy)
    )
    (found,) = inspect_files(inspector, [str(folder / "sub1" / "1.png")])
    record: dict[str, Any] = json.loads(json.dumps(record_of(found, inspector)))
    assert (record["verdict"], record["bundle"], record["runtime"]) == ("ng", "abc", "fake")
    assert (record["check"], record["review_reasons"]) == (None, [])
    assert record["policy_id"] == policy.policy_id
    inspector.threshold = 0.123  # by hand: no longer what the bundle decides
    assert record_of(found, inspector)["policy_id"] is None
    (region,) = record["regions"]
    assert (region["box"], region["area"], region["share"]) == ([0, 0, 20, 40], 800, 1.0)


def test_a_record_holds_the_check_and_names_the_rules(inspector: Inspector, folder: Path) -> None:
    inspector.reason = ReasonPolicy(controls=2, min_drop=0.5)
    (found,) = inspect_files(inspector, [str(folder / "sub1" / "1.png")])
    record: dict[str, Any] = json.loads(json.dumps(record_of(found, inspector)))
    # A part that is white all over: its evidence is all there is, and cannot be repaired.
    assert (record["verdict"], record["review_reasons"]) == ("review", ["unchecked"])
    assert record["unchecked"] is True
    assert (record["check"]["gap"], record["check"]["repaired"]) == ("region_too_large", None)

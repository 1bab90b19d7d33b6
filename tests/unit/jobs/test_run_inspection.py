"""Names of overlays: each image has one of its own, none takes that of another, and fonts are chosen once."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.inspection.bundle import Bundle
from gainspect.inspection.inspector import Inspector
from gainspect.jobs.overlay_files import overlay_names
from gainspect.jobs.run_inspection import run_inspection
from gainspect.policy import InputPolicy, UsualRange
from gainspect.report.drawing import lettering
from gainspect.report.terminal.bundle_tables import input_gap
from gainspect.types import StatisticName
from report_parts import Spots, bundle


@pytest.mark.parametrize(
    ("sources", "names"),
    [
        (["a.png", "b.png"], ["a", "b"]),
        (["a.png", "a.jpg", "a-2.png"], ["a", "a-3", "a-2"]),
        (["a-2.png", "x/a.png", "y/a.png", "z/a.png"], ["a-2", "a", "a-3", "a-4"]),
        (["-", "stdin.png"], ["stdin", "stdin-2"]),
        (["A.bmp", "a.png", "a-2.png"], ["A", "a-3", "a-2"]),
        (["e\u0301.png", "\u00e9.png"], ["e\u0301", "\u00e9-2"]),
        ([f"{'a' * 250}.png", f"{'a' * 251}.png"], ["a" * 240, f"{'a' * 240}-2"]),
        ([], []),
    ],
)
def test_names_by_hand(sources: list[str], names: list[str]) -> None:
    assert overlay_names(sources) == names


@given(st.lists(st.sampled_from(["a", "a-2", "a-2-2", "a-3", "b"]), max_size=12))
def test_names_are_all_different_and_the_first_of_a_stem_keeps_it(stems: list[str]) -> None:
    names = overlay_names([f"{index}/{stem}.png" for index, stem in enumerate(stems)])
    assert len(set(names)) == len(names) == len(stems)
    for stem in set(stems):
        assert names[stems.index(stem)] == stem


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for images; any file is taken for a bundle."""
    inspector = Inspector(Spots(), threshold=0.999, region_threshold=2.0)
    inspector.bundle = bundle()
    monkeypatch.setattr(Inspector, "load", lambda *arguments, **settings: inspector)
    folder = tmp_path / "parts"
    folder.mkdir()
    return folder


def test_each_image_has_its_own_picture_though_one_cannot_be_read(parts: Path, tmp_path: Path) -> None:
    for name, level in (("a.jpg", 30), ("a.png", 90), ("a-2.png", 200)):
        cv2.imwrite(str(parts / name), np.full((40, 40), level, np.uint8))
    (parts / "b.png").write_bytes(b"no image")
    sources = [str(parts / name) for name in ("a.png", "b.png", "a.jpg", "a-2.png")]
    run_inspection(tmp_path / "x.gain", sources, out=tmp_path / "out", style="contour")
    pictures = sorted(file.name for file in (tmp_path / "out" / "overlays").iterdir())
    assert pictures == ["a-2.png", "a-3.png", "a.png"]
    levels = [int(np.median(cv2.imread(str(tmp_path / "out" / "overlays" / name)))) for name in pictures]
    assert levels == pytest.approx([200, 30, 90], abs=3)


@pytest.mark.parametrize(
    ("names", "choices"), [(["긁힘.png", "찍힘.png", "a.png"], 1), (["a.png", "b[1].png"], 0)]
)
def test_fonts_are_chosen_once_for_all_names_and_not_for_ascii(
    names: list[str], choices: int, parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in names:
        (parts / name).write_bytes(cv2.imencode(".png", np.full((40, 40), 90, np.uint8))[1].tobytes())
    chosen: list[list[str]] = []
    choose = lettering.lettering
    monkeypatch.setattr(
        lettering, "lettering", lambda texts: (chosen.append(list(texts)), choose(chosen[-1]))[1]
    )
    sources = [str(parts / name) for name in names]
    run_inspection(tmp_path / "x.gain", sources, out=tmp_path / "out", style="overlay")
    assert chosen == [names] * choices
    drawn = {cv2.imread(str(file)).tobytes() for file in (tmp_path / "out" / "overlays").iterdir()}
    assert len(drawn) == len(names)  # the same pixels and verdicts: the names tell them apart


def test_parts_are_decided_together_and_written_down(parts: Path, tmp_path: Path) -> None:
    for name in ("a_1", "a_2", "b_1"):
        cv2.imwrite(str(parts / f"{name}.png"), np.full((40, 40), 90, np.uint8))
    (parts / "b_2.png").write_bytes(b"no image")
    told: list[dict[str, Any]] = []
    result = run_inspection(
        tmp_path / "x.gain", [str(parts)], out=tmp_path / "out", parts=r"([ab])_", on_record=told.append
    )
    lines = (tmp_path / "out" / "decisions.jsonl").read_text(encoding="utf-8").splitlines()
    assert list(map(json.loads, lines)) == told[4:]
    assert result.decisions.labels == Counter(record["decision"] for record in told[4:])
    by_part = {record["part"]: record for record in told[4:]}
    assert [len(by_part[name]["images"]) for name in "ab"] == [2, 2]
    assert (by_part["b"]["decision"], by_part["b"]["fired"]) == ("review", ["unreadable"])
    verdicts = (tmp_path / "out" / "verdicts.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["part"] for line in verdicts] == ["a", "a", "b", "b"]
    scores = [record["score"] for record in told[:2]]
    assert by_part["a"]["score"] == max(scores)


def test_a_part_that_was_not_judged_in_full_is_not_decided(parts: Path, tmp_path: Path) -> None:
    for name in ("a_1", "a_2"):
        cv2.imwrite(str(parts / f"{name}.png"), np.full((40, 40), 90, np.uint8))

    def stopped(record: dict[str, Any]) -> None:
        raise KeyboardInterrupt

    result = run_inspection(
        tmp_path / "x.gain", [str(parts)], out=tmp_path / "out", parts=r"(a)_", on_record=stopped
    )
    assert result.stopped and (result.verdicts.count, result.decisions.labels.total()) == (1, 0)
    assert (tmp_path / "out" / "decisions.jsonl").read_text(encoding="utf-8") == ""


def test_a_bundle_that_does_not_check_inputs_says_so(parts: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(parts / "a.png"), np.full((40, 40), 90, np.uint8))
    result = run_inspection(tmp_path / "x.gain", [str(parts)])
    assert result.input_gap is not None and "is not checked" in result.input_gap


def with_ranges(*names: StatisticName, tile: int | None = None) -> Bundle:
    known = bundle()
    ranges = {name: UsualRange(high=9) for name in names}
    inputs = InputPolicy(ranges=ranges, share=0.005, split="val", images=20)
    update = {
        "policy": known.description.policy.model_copy(update={"inputs": inputs}),
        "preprocessing": known.description.preprocessing.model_copy(update={"tile": tile}),
    }
    return replace(known, description=known.description.model_copy(update=update))


def test_what_a_bundle_without_distances_checks_of_tiles_is_named() -> None:
    assert input_gap(with_ranges("width", "distance", tile=64)) is None
    whole, tiled = input_gap(with_ranges("width")), input_gap(with_ranges("width", tile=64))
    assert whole is not None and "of an image only" in whole
    assert tiled is not None and "of the tiles nothing" in tiled

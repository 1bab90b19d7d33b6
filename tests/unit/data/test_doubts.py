"""Planted faults become doubts about the right images, and doubtful images come first in their cells."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gainspect.data.checks import check, look
from gainspect.data.doubts import DOUBTS, Doubt, doubts_of
from gainspect.data.findings import KINDS
from gainspect.data.manifest import Manifest, Part
from gainspect.data.sheet_cells import MOST_SHOWN, cells_of, evenly
from gainspect.data.tiles import Tiling
from gainspect.types import Label


@pytest.fixture
def faulty(tmp_path: Path) -> Manifest:
    """Forty gray images with noise of their own, and on some of them one fault each."""
    rng = np.random.default_rng(0)
    parts = []
    for index in range(40):
        ng, size = index % 2 == 1, (64, 400) if index == 6 else (64, 80)
        image = rng.integers(0, 255, size, np.uint8)
        if index == 8:
            image = np.clip(cv2.imread(str(tmp_path / "3.png"), cv2.IMREAD_GRAYSCALE), 0, 255)
        mask = np.zeros(size, np.uint8)
        mask[20:26, 20:26] = 255
        if index == 11:
            mask[:, :] = 255
            mask[:4] = 0
        if index == 13:
            mask[:] = 0
        cv2.imwrite(str(tmp_path / f"{index}.png"), image)
        if ng or index == 4:
            cv2.imwrite(str(tmp_path / f"m{index}.png"), mask)
        if index == 2:
            (tmp_path / "2.png").write_bytes(b"nothing")
        parts.append(
            Part(
                tmp_path / f"{index}.png",
                Label.NG if ng else Label.OK,
                tmp_path / f"m{index}.png" if ng or index == 4 else None,
                group=f"g{index}",
                split="test" if index >= 30 else "train",
                defect_type="pit" if ng else None,
            )
        )
    return Manifest(tmp_path, tuple(parts))


def found_in(manifest: Manifest, listed: tuple[str, ...] = ()) -> dict[str, list[str]]:
    seen = look(manifest)
    report = check(manifest, size=256, seen=seen)
    doubts = doubts_of(manifest, seen, report.findings, listed)
    return {image: [doubt.code for doubt in found] for image, found in doubts.items()}


def test_each_planted_fault_is_a_doubt_about_its_image_alone(faulty: Manifest) -> None:
    assert found_in(faulty, ("16.png",)) == {
        "2.png": ["unreadable"],
        "3.png": ["two-labels"],
        "4.png": ["ok-with-defect"],
        "6.png": ["image-size"],
        "8.png": ["two-labels"],
        "11.png": ["mask-covers-most", "defect-size"],
        "13.png": ["ng-empty-mask"],
        "16.png": ["listed"],
    }


def test_an_empty_mask_stays_doubtful_where_the_check_counts_it_with_missing_ones(faulty: Manifest) -> None:
    seen = look(faulty)
    report = check(faulty, size=256, tiling=Tiling(64, overlap=0.25), seen=seen)
    assert [finding.code for finding in report.findings if "13.png" in finding.where] == ["ng-left-out"]
    doubts = doubts_of(faulty, seen, report.findings)
    assert [doubt.code for doubt in doubts["13.png"]] == ["ng-empty-mask"]


def test_twins_name_each_other(faulty: Manifest) -> None:
    seen = look(faulty)
    doubts = doubts_of(faulty, seen, check(faulty, size=256, seen=seen).findings)
    assert doubts["3.png"][0].others == ("8.png",) and doubts["8.png"][0].others == ("3.png",)


def test_every_doubt_that_the_check_finds_is_one_of_its_kinds() -> None:
    assert {code for code in DOUBTS if code in KINDS} == set(DOUBTS) - {"listed", "defect-size", "image-size"}


@given(st.integers(0, 30), st.integers(0, 30), st.integers(1, 12))
def test_a_cell_shows_doubtful_images_first_and_counts_the_rest(
    doubtful: int, others: int, per_cell: int
) -> None:
    names = [f"{place:03}.png" for place in range(doubtful + others)]
    parts = tuple(Part(Path("/d") / name, Label.OK, group=name, split="train") for name in names)
    doubts = {name: (Doubt(DOUBTS[place % len(DOUBTS)]),) for place, name in enumerate(names[:doubtful])}
    manifest = Manifest(Path("/d"), parts)
    cells = cells_of(manifest, doubts, per_cell)
    if not names:
        assert cells == ()
        return
    (cell,) = cells
    shown = [manifest.key(part) for part in cell.shown]
    assert len(shown) == len(set(shown)) == min(per_cell, len(names))
    assert (cell.images, cell.doubtful, cell.more) == (len(names), doubtful, len(names) - len(shown))
    first = [name in doubts for name in shown]
    assert first == sorted(first, reverse=True)
    ranks = [DOUBTS.index(doubts[name][0].code) for name in shown if name in doubts]
    assert ranks == sorted(ranks)
    assert len(ranks) == min(doubtful, per_cell - min(others, per_cell // 4))
    back = replace(manifest, parts=parts[::-1])
    assert [c.shown for c in cells_of(back, doubts, per_cell)] == [cell.shown]


def test_cells_come_by_label_type_and_split_and_are_never_too_many_pictures() -> None:
    parts = [
        Part(Path(f"/d/{kind}{split}{index}.png"), label, defect_type=kind or None, split=split)  # type: ignore[arg-type]
        for kind, label in (("z", Label.NG), ("", Label.OK), ("a", Label.NG))
        for split in (None, "test", "train")
        for index in range(3)
    ]
    found = cells_of(Manifest(Path("/d"), tuple(parts)), {}, 2)
    assert [(cell.label, cell.defect_type, cell.split) for cell in found] == [
        (label, kind, split)
        for label, kind in ((Label.OK, ""), (Label.NG, "a"), (Label.NG, "z"))
        for split in ("train", "test", None)
    ]
    many = [
        Part(Path(f"/d/{kind}/{index}.png"), Label.NG, defect_type=f"{kind}")
        for kind in range(300)
        for index in range(9)
    ]
    cells = cells_of(Manifest(Path("/d"), tuple(many)), {}, 9)
    assert {len(cell.shown) for cell in cells} == {3} and MOST_SHOWN >= 300 * 3


def test_others_are_taken_at_equal_distances() -> None:
    parts = [Part(Path(f"{index}.png"), Label.OK) for index in range(10)]
    assert [part.image.stem for part in evenly(parts, 5)] == ["1", "3", "5", "7", "9"]
    assert evenly(parts, 0) == [] and evenly(parts, 99) == parts

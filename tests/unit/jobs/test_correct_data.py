"""A corrected manifest is written beside the data, which stay as they are, and leads to the same files."""

from pathlib import Path

import pytest

from gainspect.data.importers import load_manifest
from gainspect.data.manifest import Manifest
from gainspect.errors import GainspectError
from gainspect.jobs.correct_data import correct_data
from gainspect.report.terminal.correction_sentences import correction_sentences
from gainspect.types import Label


@pytest.fixture
def corrections(parts: Manifest, tmp_path: Path) -> Path:
    """Of the first OK image NG, of the first NG image OK, the second NG image's mask wrong."""
    ok = [parts.key(part) for part in parts.parts if part.label is Label.OK]
    ng = [parts.key(part) for part in parts.parts if part.label is Label.NG]
    path = tmp_path / "corrections.csv"
    path.write_text(f"image,correction\n{ok[0]},ng\n{ng[0]},ok\n{ng[1]},mask\n{ng[2]},unsure\n")
    return path


@pytest.mark.parametrize("place", ["new.csv", "deep/er/new.csv"])
def test_it_leads_to_the_same_files(
    parts: Manifest, parts_folder: Path, corrections: Path, tmp_path: Path, place: str
) -> None:
    before = {file: file.read_bytes() for file in parts_folder.rglob("*") if file.is_file()}
    done = correct_data(parts_folder, corrections, tmp_path / place)
    read = load_manifest(tmp_path / place)
    old = {part.image.resolve(): part for part in parts.parts}
    new = {part.image.resolve(): part for part in read.parts}
    assert old.keys() == new.keys()
    changed = [
        parts.key(old[image])
        for image in old
        if (old[image].label, old[image].mask is None) != (new[image].label, new[image].mask is None)
    ]
    assert set(changed) == {*done.to_ok, *done.to_ng, *done.without_mask} and len(changed) == 3
    assert {part.group for part in read.parts} == {part.group for part in parts.parts}
    assert {file: file.read_bytes() for file in parts_folder.rglob("*") if file.is_file()} == before


def test_what_changed_is_said(parts_folder: Path, corrections: Path, tmp_path: Path) -> None:
    done = correct_data(parts_folder, corrections, tmp_path / "new.csv")
    said = list(correction_sentences(done))
    assert said == [
        f"1 image now OK, without mask and type of defect: {done.to_ok[0]}.",
        f"1 image now NG: {done.to_ng[0]}.",
        f"1 image now without the wrong mask: {done.without_mask[0]}.",
        "As it was: 0 images confirmed, 1 unsure.",
        f"To mark: {done.to_ng[0]}, {done.without_mask[0]}. Without a mask an NG image trains only the "
        "classifiers.",
        *(f"In the test part: {image}. Figures before and after do not compare." for image in done.in_test),
    ]


def test_nothing_is_written_over_and_no_other_format(
    parts_folder: Path, corrections: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there.csv"
    there.write_text("mine")
    with pytest.raises(GainspectError, match="already such a file"):
        correct_data(parts_folder, corrections, there)
    with pytest.raises(GainspectError, match=r"written as \.csv"):
        correct_data(parts_folder, corrections, tmp_path / "new.parquet")
    assert there.read_text() == "mine"

"""Synthetic parts: same seed, same bytes; masks that are exact; cues at the rates that were asked for."""

import hashlib
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from gainspect.data.decode import read_image
from gainspect.data.importers import load_manifest
from gainspect.data.masks import read_mask
from gainspect.data.synthetic import (
    DEFECTS,
    MATERIALS,
    Cue,
    CueRates,
    Defect,
    Material,
    SyntheticSpec,
    generate,
    render_part,
)
from gainspect.errors import GainspectError
from gainspect.types import Label

SMALL = SyntheticSpec(size=64, parts={"train": 10, "test": 5}, views=2)


def _bytes(root: Path) -> dict[str, str]:
    files = sorted(p for p in root.rglob("*") if p.is_file())
    return {p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_the_same_spec_gives_the_same_bytes(tmp_path: Path) -> None:
    generate(SMALL, tmp_path / "a")
    generate(SMALL, tmp_path / "b")
    generate(SMALL.model_copy(update={"seed": 2}), tmp_path / "c")
    assert _bytes(tmp_path / "a") == _bytes(tmp_path / "b")
    assert _bytes(tmp_path / "a") != _bytes(tmp_path / "c")


def test_what_was_asked_for_is_made(tmp_path: Path) -> None:
    manifest = generate(SMALL, tmp_path / "a")
    assert manifest == load_manifest(tmp_path / "a")
    assert len(manifest.split("train").parts) == 20
    assert len(manifest.split("test").parts) == 10
    assert int(manifest.split("train").labels.sum()) == 10
    for part in manifest.parts:
        image = read_image(part.image)
        assert image.shape == (64, 64, 3)
        if part.label is Label.NG:
            assert part.mask is not None
            assert read_mask(part.mask, image.shape).any()


@pytest.mark.parametrize("defect", DEFECTS)
@pytest.mark.parametrize("material", MATERIALS)
def test_the_mask_is_where_the_defect_changed_the_plate(material: Material, defect: Defect) -> None:
    """Rendered twice from one seed, with and without the defect, the two differ just there."""
    for seed in range(5):
        plain, empty = render_part(
            np.random.default_rng(seed), material=material, defect=None, cue="none", size=128
        )
        marked, mask = render_part(
            np.random.default_rng(seed), material=material, defect=defect, cue="none", size=128
        )
        change = np.abs(marked - plain)
        near = cv2.dilate(mask, np.ones((9, 9), np.uint8))  # soft borders and the lit rim of a pit
        assert not empty.any()
        assert (change[near == 0] < 1).all()
        ring = (near > 0) & (mask == 0)
        assert change[mask > 0].mean() > max(12, 2 * change[ring].mean())


@pytest.mark.parametrize("cue", [cue for cue in get_args(Cue) if cue != "none"])
def test_a_cue_changes_pixels_and_is_not_in_the_mask(cue: Cue) -> None:
    plain, _ = render_part(np.random.default_rng(3), material="cast", defect=None, cue="none", size=128)
    rng = np.random.default_rng(3)
    cued, mask = render_part(rng, material="cast", defect=None, cue=cue, size=128)
    assert not mask.any()
    assert (np.abs(cued - plain) > 10).sum() > 40


def test_a_stamp_keeps_clear_of_the_defect() -> None:
    for seed in range(40):
        defect = DEFECTS[seed % len(DEFECTS)]
        rng = np.random.default_rng(seed)
        _, mask = render_part(rng, material="cast", defect=defect, cue="stamp", size=128)
        assert mask[: round(0.25 * 128)].sum() < 0.2 * mask.sum()


def test_a_touching_stamp_is_right_beside_the_defect_and_leaves_it_as_it_is() -> None:
    for seed in range(40):
        made = {}
        for cue in ("none", "touching_stamp"):
            rng = np.random.default_rng(seed)
            made[cue] = render_part(
                rng, material="brushed", defect=DEFECTS[seed % len(DEFECTS)], cue=cue, size=128
            )
        (plain, mask), (stamped, same) = made["none"], made["touching_stamp"]
        assert np.array_equal(mask, same)
        cut = (plain - stamped > 20).astype(np.uint8)
        assert (cut & cv2.dilate(mask, np.ones((5, 5), np.uint8))).any()
        assert (cut & mask).sum() < 0.5 * cut.sum()


def test_blur_is_everywhere() -> None:
    """Fine detail, the Laplacian, is less in each quarter of the plate."""
    sharp, blurred = (
        render_part(np.random.default_rng(4), material="cast", defect=None, cue=cue, size=128)[0]
        for cue in ("none", "blur")
    )
    for rows in (slice(16, 60), slice(68, 112)):
        for columns in (slice(16, 60), slice(68, 112)):
            fine = [cv2.Laplacian(plate[rows, columns], cv2.CV_32F).std() for plate in (sharp, blurred)]
            assert fine[1] < 0.3 * fine[0]


def test_cue_rates_hold_in_each_split(tmp_path: Path) -> None:
    spec = SMALL.model_copy(
        update={
            "cue": "stamp",
            "views": 1,
            "parts": {"train": 60, "test": 60},
            "cue_rates": {"train": CueRates(ng=1, ok=0), "test": CueRates(ng=0, ok=1)},
        }
    )
    manifest = generate(spec, tmp_path / "a")
    for part in manifest.parts:
        stamped = part.extra["cue"] == "1"
        assert stamped == ((part.label is Label.NG) == (part.split == "train"))


def test_a_folder_in_use_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(GainspectError, match="not empty"):
        generate(SMALL, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_a_stop_in_the_middle_leaves_nothing(tmp_path: Path) -> None:
    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(SMALL, tmp_path / "a", on_part=stop)
    assert list(tmp_path.iterdir()) == []


def test_rates_outside_0_to_1_are_refused() -> None:
    with pytest.raises(ValidationError):
        CueRates(ng=1.5, ok=0)

"""A configuration meets its data once: the split is completed, and what is left open is chosen."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from gainspect.config import RunConfig
from gainspect.data.defect_size import choose_size
from gainspect.data.depth import Depth
from gainspect.data.manifest import Manifest, Part
from gainspect.data.marked import Marking
from gainspect.errors import GainspectError
from gainspect.training.settle import complete_split, settle
from gainspect.types import Label


def _manifest(folder: Path, px: int) -> Manifest:
    """40 images of 512 px, half of them with a square defect of `px` pixels."""
    parts = []
    for index in range(40):
        image, mask = folder / f"{index}.png", folder / f"{index}-mask.png"
        cv2.imwrite(str(image), np.full((512, 512), index, np.uint8))
        pixels = np.zeros((512, 512), np.uint8)
        pixels[40 : 40 + px, 40 : 40 + px] = 255
        cv2.imwrite(str(mask), pixels)
        label = Label.NG if index % 2 else Label.OK
        parts.append(Part(image, label, mask=mask if index % 2 else None, group=f"g{index}"))
    return Manifest(folder, tuple(parts))


@pytest.mark.parametrize(("px", "size"), [(20, 256), (6, 384), (5, 512)])  # 4 px across: 8.0, 5.3, 4.0 …
def test_a_size_that_is_left_open_is_the_smallest_that_shows_the_defects(
    tmp_path: Path, px: int, size: int
) -> None:
    settled = settle(RunConfig(), _manifest(tmp_path, px))
    assert settled.config.data.size == size
    assert settled.choice == choose_size(settled.manifest)
    chosen = RunConfig().with_data(size=size, tile=None, bits=None)
    assert settled.config == chosen.with_epochs(
        len(settled.manifest.split("train").parts)
    )  # and nothing else


def test_epochs_that_are_left_open_give_the_steps_of_the_effort(tmp_path: Path) -> None:
    """24 of the 40 images are for training: 12 batches of two are an epoch, and 600 steps 50 of them."""
    manifest = _manifest(tmp_path, 20)
    for effort, epochs in (("quick", 12), ("usual", 50), ("thorough", 150)):
        told = {"data": {"size": 96}, "training": {"effort": effort, "batch_size": 2}}
        settled = settle(RunConfig.model_validate(told), manifest)
        assert len(settled.manifest.split("train").parts) == 24
        assert settled.config.training.epoch_count == epochs
        given = RunConfig.model_validate(told | {"training": {"effort": effort, "epochs": 3}})
        assert settle(given, manifest).config.training.epoch_count == 3


def test_what_is_settled_stays_as_it_is(tmp_path: Path) -> None:
    config = RunConfig.model_validate({"data": {"size": 96}, "training": {"epochs": 7}})
    once = settle(config, _manifest(tmp_path, 20))
    assert (once.config, once.choice, once.depth) == (config.with_data(bits=None), None, None)
    again = settle(*settle(RunConfig(), once.manifest)[:2])
    assert (again.manifest, again.config.data.size, again.choice) == (once.manifest, 256, None)


def test_the_split_is_completed_before_the_size_is_chosen(tmp_path: Path) -> None:
    """Of the test part no defect is looked at: its image files may be gone."""
    manifest = complete_split(RunConfig(), _manifest(tmp_path, 20))
    for part in manifest.split("test").parts:
        part.image.unlink()
    bare = replace(manifest, parts=tuple(replace(part, split=None) for part in manifest.parts))
    settled = settle(RunConfig(), bare)
    assert settled.manifest == manifest
    assert settled.config.data.size == 256


def test_masks_that_mark_with_different_values_are_refused_before_a_training(tmp_path: Path) -> None:
    manifest = complete_split(RunConfig(), _manifest(tmp_path, 20))
    marked = [part.mask for part in manifest.split("train").parts if part.mask is not None]
    pixels = cv2.imread(str(marked[0]), cv2.IMREAD_GRAYSCALE)
    assert pixels is not None
    cv2.imwrite(str(marked[0]), pixels // 255)
    with pytest.raises(GainspectError, match=r"different values: 255 in .*, 1 in 1 mask"):
        settle(RunConfig(), manifest)


def test_marked_defects_of_training_and_validation_are_counted(tmp_path: Path) -> None:
    manifest = complete_split(RunConfig(), _manifest(tmp_path, 20))
    train = [part for part in manifest.split("train").parts if part.mask is not None]
    blank = np.zeros((512, 512), np.uint8)
    assert train[0].mask is not None
    cv2.imwrite(str(train[0].mask), blank)
    bare = tuple(replace(part, mask=None) if part is train[1] else part for part in manifest.parts)
    settled = settle(RunConfig.model_validate({"data": {"size": 96}}), replace(manifest, parts=bare))
    assert settled.train == Marking(ng=len(train), without_mask=1, empty=1, ok_marked=0)
    assert settled.validation.marked == settled.validation.ng > 0
    split, sentence = settled.sentences(["S6"])
    assert split == settled.split
    assert "1 has no mask and 1 an empty one: they train the classifiers only" in sentence


def test_the_depth_is_that_of_training_and_validation_only(tmp_path: Path) -> None:
    manifest = complete_split(RunConfig(), _manifest(tmp_path, 20))
    for index, part in enumerate(manifest.parts):
        peak = 9000 if part.split == "test" else 1000 + index
        cv2.imwrite(str(part.image), np.linspace(0, peak, 512 * 512).reshape(512, 512).astype(np.uint16))
    settled = settle(RunConfig(), manifest)
    known = sum(part.split != "test" for part in manifest.parts)
    darkest = 1000 + min(index for index, part in enumerate(manifest.parts) if part.split != "test")
    assert settled.manifest.reading.depth == Depth(12, darkest)
    assert settled.config.data.bits == 12
    assert settled.sentences(["S1"])[1].startswith(
        f"{known} 16-bit images: read as 12 bits (0–4095), as found"
    )
    by_hand = settle(RunConfig.model_validate({"data": {"bits": 14}}), manifest)
    assert by_hand.manifest.reading.depth == Depth(14, darkest)
    with pytest.raises(GainspectError, match=r"reach 10\d\d, but data\.bits is set to 8 bits"):
        settle(RunConfig.model_validate({"data": {"bits": 8}}), manifest)
    test = next(part for part in manifest.parts if part.split == "test")
    with pytest.raises(GainspectError, match="values reach 9000"):
        settled.manifest.image(test)


def test_masks_that_name_types_give_them_to_their_parts(tmp_path: Path) -> None:
    """The type that most of the marked pixels name; one that the manifest names stays."""
    manifest = _manifest(tmp_path, 20)
    marked = [index for index, part in enumerate(manifest.parts) if part.mask is not None]
    for index in marked:
        pixels = np.zeros((512, 512), np.uint8)
        pixels[10:30, 10:40], pixels[100:110, 10:40] = 2 if index == marked[0] else 1, 3
        cv2.imwrite(str(manifest.parts[index].mask), pixels)
    named = list(manifest.parts)
    named[marked[1]] = replace(named[marked[1]], defect_type="dent")
    config = RunConfig.model_validate({"data": {"mask_values": "1=scratch,2=pit,3=ignore"}})
    settled = settle(config, replace(manifest, parts=tuple(named)))
    types = [settled.manifest.parts[index].defect_type for index in marked]
    assert types == ["pit", "dent", *["scratch"] * (len(marked) - 2)]
    assert settled.train.marked + settled.validation.marked == sum(
        settled.manifest.parts[index].split != "test" for index in marked
    )

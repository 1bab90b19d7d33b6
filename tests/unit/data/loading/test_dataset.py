"""Order, batches and samples of a training set."""

import pickle
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow
from scipy import ndimage
from torch.utils.data import DataLoader

from gainspect.data.loading.dataset import Draw, TrainingSet, batches, boxed, epoch_order, with_fewer_masks
from gainspect.data.manifest import Manifest, Part
from gainspect.data.mask_values import MaskValues
from gainspect.data.reading import Reading
from gainspect.data.strokes import surroundings
from gainspect.data.tiles import Tiling
from gainspect.errors import GainspectError
from gainspect.training.workers import handle_no_child_signals
from gainspect.types import Label

labels = st.lists(st.booleans(), min_size=2, max_size=60).filter(lambda v: any(v) and not all(v))


@given(values=labels, epoch=st.integers(0, 5))
def test_balanced_order_takes_half_of_each_and_repeats_evenly(values: list[bool], epoch: int) -> None:
    ng = np.array(values)
    order = epoch_order(ng, balanced=True, seed=3, epoch=epoch)
    assert len(order) == len(values)
    assert int(ng[order].sum()) == len(values) // 2
    for is_ng in (True, False):
        counts = Counter(index for index in order if ng[index] == is_ng)
        times = [counts[index] for index in np.flatnonzero(ng == is_ng)]
        assert max(times) - min(times) <= 1


@given(values=labels)
def test_natural_order_is_each_image_once(values: list[bool]) -> None:
    assert sorted(epoch_order(np.array(values), balanced=False, seed=1, epoch=0)) == list(range(len(values)))


def test_order_depends_on_seed_and_epoch_only() -> None:
    ng = np.arange(40) % 3 == 0
    assert epoch_order(ng, balanced=True, seed=1, epoch=2) == epoch_order(ng, balanced=True, seed=1, epoch=2)
    assert epoch_order(ng, balanced=True, seed=1, epoch=2) != epoch_order(ng, balanced=True, seed=1, epoch=3)
    assert epoch_order(ng, balanced=True, seed=1, epoch=2) != epoch_order(ng, balanced=True, seed=2, epoch=2)


def test_an_incomplete_last_batch_is_left_out_unless_it_is_the_only_one() -> None:
    def indices(order: list[int]) -> list[list[int]]:
        return [[d.part for d in b] for b in batches(order, 2, epoch=0, size=64, strength=0.5)]

    assert indices([4, 2, 0, 1, 3]) == [[4, 2], [0, 1]]
    assert indices([4]) == [[4]]


def test_samples_carry_pixels_mask_and_whether_the_mask_counts(tmp_path: Path) -> None:
    grey = np.full((64, 64), 77, np.uint8)
    defect = np.zeros((64, 64), np.uint8)
    defect[10:20, 30:40] = 255
    for name, pixels in (("a", grey), ("defect", defect), ("nothing", defect * 0)):
        Pillow.fromarray(pixels).save(tmp_path / f"{name}.png")
    image = tmp_path / "a.png"
    parts = (
        Part(image, Label.OK),
        Part(image, Label.NG, mask=tmp_path / "defect.png"),
        Part(image, Label.NG),
        Part(image, Label.NG, mask=tmp_path / "nothing.png"),
        Part(image, Label.OK, mask=tmp_path / "defect.png"),  # the label counts
    )
    data = TrainingSet(Manifest(tmp_path, parts), seed=1)
    samples = [data[Draw(index, epoch=0, place=index, size=64, strength=0.0)] for index in range(5)]
    assert [bool(s.target) for s in samples] == [False, True, True, True, False]
    assert [bool(s.has_mask) for s in samples] == [False, True, False, False, False]
    assert [bool(s.mask.any()) for s in samples] == [False, True, False, False, False]
    np.testing.assert_array_equal(samples[1].mask.numpy(), defect // 255)
    assert (samples[0].image.numpy() == 77).all()


@pytest.mark.parametrize(("share", "kept"), [(1.0, 20), (0.25, 5), (0.1, 2), (0.0, 0)])
def test_fewer_masks_keep_their_share_and_every_label(share: float, kept: int) -> None:
    parts = [Part(Path(f"{i}.png"), Label.NG, mask=Path(f"{i}-mask.png")) for i in range(20)]
    parts += [Part(Path("bare.png"), Label.NG), Part(Path("ok.png"), Label.OK, mask=Path("empty.png"))]
    manifest = Manifest(Path(), tuple(parts))
    fewer = with_fewer_masks(manifest, share, seed=3)
    assert [part.image for part in fewer.parts] == [part.image for part in parts]
    assert sum(part.mask is not None for part in fewer.parts if part.label is Label.NG) == kept
    assert fewer.parts[-1] == parts[-1]
    assert fewer == with_fewer_masks(manifest, share, seed=3)
    if 0 < kept < 20:
        assert fewer != with_fewer_masks(manifest, share, seed=4)


def test_boxes_are_scipys_slices_of_each_connected_defect() -> None:
    rng = np.random.default_rng(5)
    for density in (0.02, 0.2):
        mask = (rng.random((40, 60)) < density).astype(np.uint8)
        expected = np.zeros_like(mask)
        regions, _ = ndimage.label(mask, np.ones((3, 3)))
        for place in ndimage.find_objects(regions):
            expected[place] = 1
        np.testing.assert_array_equal(boxed(mask), expected)
    assert not boxed(np.zeros((4, 4), np.uint8)).any()


def test_a_training_set_of_boxes_gives_boxes(tmp_path: Path) -> None:
    Pillow.fromarray(np.full((64, 64), 77, np.uint8)).save(tmp_path / "a.png")
    diagonal = np.eye(64, dtype=np.uint8) * 255
    diagonal[20:] = 0
    Pillow.fromarray(diagonal).save(tmp_path / "mask.png")
    part = Part(tmp_path / "a.png", Label.NG, mask=tmp_path / "mask.png")
    draw = Draw(0, epoch=0, place=0, size=64, strength=0.0)
    manifest = Manifest(tmp_path, (part,))
    assert int(TrainingSet(manifest, seed=1)[draw].mask.sum()) == 20
    assert int(TrainingSet(manifest, seed=1, boxes=True)[draw].mask.sum()) == 400
    assert not TrainingSet(manifest, seed=1, mask_share=0.0)[draw].has_mask


def test_counterfactuals_put_the_defect_on_ok_parts_and_sound_surface_on_others(tmp_path: Path) -> None:
    """OK parts are 77 and 79, the defect is 50 darker than its own part of 150."""
    defect = np.zeros((64, 64), np.uint8)
    defect[10:20, 30:40] = 255
    pixels = {"ok": np.full((64, 64), 77), "ok2": np.full((64, 64), 79), "ng": 150 - 50 * (defect // 255)}
    for name, values in {**pixels, "mask": defect}.items():
        Pillow.fromarray(values.astype(np.uint8)).save(tmp_path / f"{name}.png")
    parts = (
        Part(tmp_path / "ok.png", Label.OK),
        Part(tmp_path / "ok2.png", Label.OK),
        Part(tmp_path / "ng.png", Label.NG, mask=tmp_path / "mask.png"),
        Part(tmp_path / "ng.png", Label.NG),
    )
    data = TrainingSet(Manifest(tmp_path, parts), seed=1, transplants=1.0)
    hosts = set()
    for epoch in range(8):
        moved = data[Draw(2, epoch=epoch, place=0, size=64, strength=0.0)]
        image, mask = moved.image.numpy().astype(int), moved.mask.numpy() > 0
        host = image[~mask].min()
        hosts.add(int(host))
        assert (image[~mask] == host).all()
        assert mask.sum() == 100 and (image[mask] == host - 50).all()
        assert moved.target and moved.has_mask
        sound = data[Draw(0, epoch=epoch, place=0, size=64, strength=0.0)]
        assert (sound.image.numpy() == 77).all() and not sound.target and not sound.mask.any()
        bare = data[Draw(3, epoch=epoch, place=0, size=64, strength=0.0)]  # its defect is not known
        assert (bare.image.numpy()[:5] == 150).all() and bare.target and not bare.has_mask
    assert hosts == {77, 79}


def test_repairs_make_a_part_ok_only_where_they_take_its_defect_away(tmp_path: Path) -> None:
    """A defect of 0 on surfaces of 150 (NG) and 77 (OK) with some grain; a repair gives what is around it."""
    rng = np.random.default_rng(0)
    defect = np.zeros((64, 64), np.uint8)
    defect[10:20, 30:40] = 255
    grain = rng.integers(-3, 4, (64, 64))
    pixels = {"ok": 77 + grain, "ng": np.where(defect > 0, 0, 150 + grain)}
    for name, values in {**pixels, "mask": defect}.items():
        Pillow.fromarray(values.astype(np.uint8)).save(tmp_path / f"{name}.png")
    parts = (
        Part(tmp_path / "ok.png", Label.OK),
        Part(tmp_path / "ng.png", Label.NG, mask=tmp_path / "mask.png"),
    )
    plain = TrainingSet(Manifest(tmp_path, parts), seed=1)
    data = TrainingSet(Manifest(tmp_path, parts), seed=1, repairs=1.0)
    margin = round(0.03 * 64)
    changed = np.zeros((64, 64), np.bool_)
    targets = set()
    for epoch in range(12):
        ok, ng = (
            (plain[draw].image.numpy()[..., 0], data[draw])
            for draw in (Draw(index, epoch=epoch, place=0, size=64, strength=0.0) for index in range(2))
        )
        before, after = ok[0], ok[1].image.numpy()[..., 0]
        assert not ok[1].target and not ok[1].mask.any()
        assert 50 < (before != after).sum() < (10 + 2 * margin) ** 2 and abs(int(after.mean()) - 77) <= 1
        before, after = ng[0], ng[1].image.numpy()[..., 0]
        targets.add(bool(ng[1].target))
        if ng[1].target:
            assert ng[1].mask.sum() == 100 and ng[1].has_mask
            assert (after[defect > 0] == 0).all() and (before != after).any()
            changed |= before != after
        else:
            assert not ng[1].mask.any() and not ng[1].has_mask and after.min() > 130
    assert targets == {True, False} and not changed[defect > 0].any() and changed.sum() > 300


def test_a_repair_says_neither_ok_nor_ng_where_few_defects_are_outlined(kinds: Manifest) -> None:
    """OK images are repaired as often as NG images have a mask to repair; strokes are no such mask."""
    outline, _, strokes, ok, _ = kinds.parts
    for part in (outline, ok):  # a repair of an even surface changes nothing
        pixels = np.asarray(Pillow.open(part.image)).astype(int)
        grain = np.random.default_rng(0).integers(-3, 4, pixels.shape)
        Pillow.fromarray((pixels + grain).clip(0, 255).astype(np.uint8)).save(part.image)

    def repaired(parts: tuple[Part, ...]) -> list[int]:
        """How many of 100 draws of each part are changed."""
        plain, data = (TrainingSet(Manifest(kinds.root, parts), 1, repairs=share) for share in (0.0, 1.0))
        draws = [[Draw(index, 0, place, 64, 0.0) for place in range(100)] for index in range(len(parts))]
        return [sum(bool((data[d].image != plain[d].image).any()) for d in each) for each in draws]

    assert repaired((strokes, ok)) == [0, 0]
    assert repaired((outline, ok)) == [100, 100]
    bare = replace(outline, mask=None, mask_kind=None)
    all_of_it, none, some = repaired((outline, bare, ok))
    assert (all_of_it, none) == (100, 0) and 35 <= some <= 65  # 3 deviations around a half


def test_a_part_with_something_ignored_is_not_ok_without_its_defect(tmp_path: Path) -> None:
    reading = Reading(mask_values=MaskValues.parse("1=defect,255=ignore"))
    data = TrainingSet(Manifest(tmp_path, marked_folder(tmp_path), reading=reading), 1, repairs=1.0)
    assert all(bool(data[Draw(0, epoch, 0, 64, 0.0)].target) for epoch in range(8))


def test_an_image_that_is_drawn_twice_looks_different_each_time(parts: Manifest) -> None:
    data = TrainingSet(parts.split("train"), seed=1)
    first, again, second = (data[Draw(0, 0, place, 64, 1.0)].image for place in (4, 4, 5))
    np.testing.assert_array_equal(first.numpy(), again.numpy())
    assert (first != second).any()


def marked_folder(folder: Path) -> tuple[Part, Part]:
    """An NG part with a defect (1) and an area to ignore (255), and an OK part with another one."""
    rng = np.random.default_rng(0)
    defect = np.zeros((64, 64), np.uint8)
    defect[10:20, 30:40], defect[40:60, 5:25] = 1, 255
    good = np.zeros((64, 64), np.uint8)
    good[0:6, 0:64] = 255
    for name, mask in (("ng", defect), ("ok", good)):
        Pillow.fromarray(rng.integers(90, 110, (64, 64), np.uint8)).save(folder / f"{name}.png")
        Pillow.fromarray(mask).save(folder / f"{name}_mask.png")
    return (
        Part(folder / "ng.png", Label.NG, folder / "ng_mask.png"),
        Part(folder / "ok.png", Label.OK, folder / "ok_mask.png"),
    )


def test_samples_say_what_no_loss_counts(tmp_path: Path) -> None:
    parts = marked_folder(tmp_path)
    reading = Reading(mask_values=MaskValues.parse("1=defect,255=ignore"))
    data = TrainingSet(Manifest(tmp_path, parts, reading=reading), 1)
    ng, ok = (data[Draw(index, 0, 0, 64, 0.0)] for index in (0, 1))
    assert (int(ng.mask.sum()), int(ng.ignored.sum())) == (100, 400)
    assert not (ng.mask & ng.ignored).any() and set(np.unique(ng.mask)) == {0, 1}
    assert (int(ok.mask.sum()), int(ok.ignored.sum()), bool(ok.has_mask)) == (0, 6 * 64, False)


def test_a_transplant_lies_on_what_the_other_part_ignores(tmp_path: Path) -> None:
    parts = marked_folder(tmp_path)
    reading = Reading(mask_values=MaskValues.parse("1=defect,255=ignore"))
    data = TrainingSet(Manifest(tmp_path, parts, reading=reading), 1, transplants=1.0)
    for place in range(8):
        sample = data[Draw(0, 0, place, 64, 0.0)]
        assert sample.mask.sum() >= 50 and not (sample.mask & sample.ignored).any()
        band = sample.ignored[:6] | sample.mask[:6]
        assert band.all() and not sample.ignored[6:].any()


@pytest.fixture
def uneven(tmp_path: Path) -> Manifest:
    """Four parts of several shapes: with and without a mask, and with areas to ignore."""
    rng = np.random.default_rng(3)
    rows = []
    for index, (height, width) in enumerate([(90, 140), (100, 80), (64, 64), (130, 70)]):
        image, mask = rng.integers(0, 256, (height, width, 3), np.uint8), np.zeros((height, width), np.uint8)
        mask[20:33, 30:37], mask[40:50, 10:60] = 1, 255
        Pillow.fromarray(image).save(tmp_path / f"{index}.png")
        Pillow.fromarray(mask if index < 2 else mask // 255 * 255).save(tmp_path / f"{index}m.png")
        marked = None if index == 3 else tmp_path / f"{index}m.png"
        rows.append(Part(tmp_path / f"{index}.png", Label.OK if index > 1 else Label.NG, marked))
    return Manifest(
        tmp_path, tuple(rows), reading=Reading(mask_values=MaskValues.parse("1=defect,255=ignore"))
    )


@pytest.mark.parametrize("tiling", [None, Tiling(48, 0.25)])
@pytest.mark.parametrize("boxes", [False, True])
@pytest.mark.parametrize("room", [60_000, 10**7])  # for some of the images, or for all
def test_samples_are_the_same_whether_images_are_kept_or_not(
    uneven: Manifest, tiling: Tiling | None, boxes: bool, room: int
) -> None:
    plain = TrainingSet(uneven, 1, boxes=boxes, transplants=1.0, tiling=tiling)
    keeping = TrainingSet(uneven, 1, boxes=boxes, transplants=1.0, tiling=tiling, room=room)
    for epoch, size in enumerate([64, 64, 96, 96, 64]):  # progressive sizes; a resumed run starts anywhere
        keeping.keep(size)
        for part in [0, 1, 2, 3, 2, 1, 0]:
            for drawn in (Draw(part, epoch, part, size, 0.5), Draw(part, epoch, 0, 32, 0.0)):
                for mine, other in zip(keeping[drawn], plain[drawn], strict=True):
                    assert (
                        torch.equal(mine.nan_to_num(-1), other.nan_to_num(-1)) and mine.dtype == other.dtype
                    )


@pytest.mark.parametrize("tiling", [None, Tiling(48, 0.25)])
def test_an_image_that_is_kept_is_read_once(
    uneven: Manifest, tiling: Tiling | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = TrainingSet(uneven, 1, transplants=0.0, tiling=tiling, room=10**7)
    read: list[str] = []
    whole = Reading.image
    monkeypatch.setattr(Reading, "image", lambda self, path: read.append(path.name) or whole(self, path))
    for epoch in range(3):
        data.keep(64)
        for part in range(4):
            data[Draw(part, epoch, part, 64, 0.5)]
    assert read == ["0.png", "1.png", "2.png", "3.png"]
    data.forget()
    data[Draw(0, 4, 0, 64, 0.5)]
    assert len(read) == 5


def test_worker_processes_fill_what_the_next_epoch_takes(uneven: Manifest) -> None:
    """They are forked anew for every epoch, and share what is kept with each other and with the parent."""
    handle_no_child_signals()
    data = TrainingSet(uneven, 1, transplants=0.0, room=10**7)
    data.keep(64)
    drawn = [[Draw(part, 0, part, 64, 0.5)] for part in range(4)]
    plain = TrainingSet(uneven, 1, transplants=0.0)
    for _ in range(2):
        loaded = list(DataLoader(data, batch_sampler=drawn, num_workers=2))
        for batch, (draw,) in zip(loaded, drawn, strict=True):
            assert torch.equal(batch.image[0], plain[draw].image)
    for part in uneven.parts:
        part.image.unlink()
    for batch, (draw,) in zip(loaded, drawn, strict=True):
        assert torch.equal(batch.image[0], data[draw].image)


def test_a_copy_for_a_process_that_is_not_forked_keeps_nothing(uneven: Manifest) -> None:
    data = TrainingSet(uneven, 1, room=10**7)
    data.keep(64)
    copy = pickle.loads(pickle.dumps(data))
    drawn = Draw(0, 0, 0, 64, 0.5)
    assert torch.equal(copy[drawn].image, data[drawn].image)
    uneven.parts[0].image.unlink()
    assert torch.equal(data[drawn].mask, data[drawn].mask)
    with pytest.raises(GainspectError, match="No such file"):
        copy[drawn]


@pytest.fixture
def kinds(tmp_path: Path) -> Manifest:
    """The same NG part marked by an outline, a box and a stroke, and two OK parts; defects are dark."""
    square, stroke = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    square[20:32, 24:40] = 255
    stroke[26, 24:40] = 255
    pixels = {"ok": np.full((64, 64), 77), "ok2": np.full((64, 64), 79), "ng": 150 - 50 * (square // 255)}
    for name, values in {**pixels, "square": square, "stroke": stroke}.items():
        Pillow.fromarray(values.astype(np.uint8)).save(tmp_path / f"{name}.png")
    ng = [
        Part(tmp_path / "ng.png", Label.NG, mask=tmp_path / f"{mask}.png", mask_kind=kind)
        for mask, kind in (("square", None), ("square", "box"), ("stroke", "scribble"))
    ]
    return Manifest(
        tmp_path, (*ng, Part(tmp_path / "ok.png", Label.OK), Part(tmp_path / "ok2.png", Label.OK))
    )


def test_samples_say_what_their_mask_shows(kinds: Manifest) -> None:
    data = TrainingSet(kinds, 1)
    outline, box, stroke, ok, _ = (data[Draw(index, 0, index, 64, 0.0)] for index in range(5))
    assert [bool(sample.boxed) for sample in (outline, box, stroke, ok)] == [False, True, False, False]
    assert box.turned == 0 and all(bool(sample.turned.isnan()) for sample in (outline, stroke, ok))
    assert torch.equal(outline.mask, box.mask) and not box.ignored.any()
    around = surroundings(stroke.mask.numpy())
    np.testing.assert_array_equal(stroke.ignored.numpy(), around & (1 - stroke.mask.numpy()))
    # The stroke is 16 px long, so 8 px around it are left open; the defect reaches 6 px.
    assert not (outline.mask.bool() & ~(stroke.mask | stroke.ignored).bool()).any()


def test_a_box_is_moved_as_a_whole_and_strokes_are_not(kinds: Manifest) -> None:
    data = TrainingSet(kinds, 1, transplants=1.0)
    for place in range(8):
        box, stroke = (data[Draw(index, 0, place, 64, 0.0)] for index in (1, 2))
        image, mask = box.image.numpy().astype(int), box.mask.numpy() > 0
        assert mask.sum() == 12 * 16 and box.boxed and box.turned == 0
        host = image[~mask].min()
        assert host in (77, 79) and (image[mask] == host - 50).all()
        assert stroke.image.numpy().max() == 150  # its own part
    strokes = Manifest(kinds.root, kinds.parts[2:])
    for place in range(8):  # and nothing to take the shape of a sound patch from
        sample = TrainingSet(strokes, 1, transplants=1.0)[Draw(1, 0, place, 64, 0.0)]
        assert (sample.image.numpy() == 77).all()


def test_a_box_that_is_turned_says_so_and_one_that_is_cut_says_nothing(kinds: Manifest) -> None:
    data = TrainingSet(kinds, 1)
    samples = [data[Draw(1, 0, place, 64, 0.7)] for place in range(40)]
    angles = np.array([float(sample.turned) for sample in samples])
    assert np.isfinite(angles).all() and len(np.unique(angles)) == 40 and abs(angles).max() <= 15 * 0.7
    tiled = TrainingSet(kinds, 1, tiling=Tiling(tile=28, overlap=0.0))  # edges at 28: none holds it whole
    cut = [tiled[Draw(1, 0, place, 32, 0.0)] for place in range(40)]
    assert any(sample.has_mask for sample in cut)
    assert all(bool(sample.turned.isnan()) for sample in cut)
    assert [bool(sample.boxed) for sample in cut] == [bool(sample.has_mask) for sample in cut]


def test_samples_do_not_depend_on_what_masks_of_other_images_show(kinds: Manifest) -> None:
    """Those of outlines and OK parts are the same, bit for bit, as without boxes and strokes beside them."""
    parts = kinds.parts
    mixed = TrainingSet(kinds, 1, transplants=0.0)
    plain = TrainingSet(
        Manifest(kinds.root, tuple(replace(part, mask_kind=None) for part in parts)), 1, transplants=0.0
    )
    for index in (0, 3, 4):
        for place in range(3):
            drawn = Draw(index, 0, place, 64, 0.7)
            for mine, other in zip(mixed[drawn], plain[drawn], strict=True):
                assert torch.equal(mine.nan_to_num(-1), other.nan_to_num(-1))

"""Near duplicates: planted copies are found, and parts that only look alike are not, in sets of any kind."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gainspect.data.importers import load_manifest
from gainspect.data.near_duplicates import (
    Chosen,
    ThumbnailStore,
    Twins,
    find_twins,
    thumbnail_of,
    thumbnail_store,
    twins,
)
from gainspect.data.near_duplicates.alignment import differences
from gainspect.data.near_duplicates.neighbors import LEAF, describe, leaves, nearest
from gainspect.data.near_duplicates.thumbnail import SIDE, Thumbnail
from gainspect.errors import GainspectError
from gainspect.types import Image
from reference import alignment_reference

PX = 128
PARTS = 40
POSES = 80
"""Parts in any rotation: of a few, two lie alike by chance, which looks as if one was exposed twice."""


def colored(grey: np.ndarray) -> Image:
    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)


def fixture(seed: int, variant: int = 0, angle: float = 0.0, noise: float = 4.0) -> Image:
    """A part that looks like every other of its variant, but for the noise of the camera."""
    grey = np.full((PX, PX), 60, np.float32)
    cv2.circle(grey, (64, 64), 48, 180, -1)
    cv2.circle(grey, (64, 40 + 8 * variant), 12, 40, -1)
    cv2.rectangle(grey, (40, 88), (88 - 10 * variant, 100), 120, -1)
    turn = cv2.getRotationMatrix2D((63.5, 63.5), angle, 1)
    turned = cv2.warpAffine(grey, turn, (PX, PX), borderMode=cv2.BORDER_REPLICATE)
    return colored(turned + np.random.default_rng(seed).normal(0, noise, (PX, PX)))


def surface(seed: int) -> Image:
    """A surface with grain of its own."""
    rng = np.random.default_rng(seed)
    coarse = cv2.resize(
        rng.normal(0, 1, (16, 16)).astype(np.float32), (PX, PX), interpolation=cv2.INTER_CUBIC
    )
    fine = cv2.GaussianBlur(rng.normal(0, 1, (PX, PX)).astype(np.float32), (0, 0), 1.5)
    return colored(128 + 12 * coarse + 60 * fine)


def in_jpeg(image: Image) -> Image:
    return np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1], 1), np.uint8
    )


def brighter(image: Image) -> Image:
    return colored(image[:, :, 0] * 1.15 + 8.0)


def shifted(image: Image) -> Image:
    return np.roll(image, (1, 2), axis=(0, 1))


def cropped(image: Image) -> Image:
    return image[2:-2, 2:-2].copy()


def exposed_again(image: Image) -> Image:
    return colored(image[:, :, 0] * 0.93 + 4 + np.random.default_rng(7).normal(0, 2, image.shape[:2]))


SETS: dict[str, Callable[[int], Image]] = {
    "fixture": fixture,
    "two variants": lambda seed: fixture(seed, variant=seed % 2),
    "any rotation": lambda seed: fixture(seed, angle=360 * np.random.default_rng(seed).random()),
    "surface": surface,
}


def parts_of(kind: str) -> list[Image]:
    return [SETS[kind](seed) for seed in range(POSES if kind == "any rotation" else PARTS)]


def twins_of(images: list[Image], groups: list[str] | None = None) -> list[Twins]:
    return find_twins(
        [thumbnail_of(image) for image in images], groups or [str(i) for i in range(len(images))]
    )


@pytest.mark.parametrize("kind", SETS)
def test_different_parts_are_not_taken_for_copies_however_alike(kind: str) -> None:
    assert twins_of(parts_of(kind)) == []


@pytest.mark.parametrize("kind", SETS)
@pytest.mark.parametrize("copy", [in_jpeg, brighter, shifted])
def test_a_copy_is_found_and_nothing_else(kind: str, copy: Callable[[Image], Image]) -> None:
    images = parts_of(kind)
    found = twins_of([*images, copy(images[3])])
    assert [(twin.one, twin.other) for twin in found] == [(3, len(images))]


@pytest.mark.parametrize("copy", [cropped, exposed_again])
def test_a_surface_is_known_again(copy: Callable[[Image], Image]) -> None:
    """A part on a fixture has no structure of its own but its noise, which these two change."""
    images = [surface(seed) for seed in range(PARTS)]
    assert [(twin.one, twin.other) for twin in twins_of([*images, copy(images[3])])] == [(3, PARTS)]


def test_every_part_exposed_several_times_is_found() -> None:
    """Where most images have twins, the usual difference is that of other parts, not that of the twins."""
    images = [surface(seed) for seed in range(12)]
    again = [exposed_again(image) for image in images]
    thrice = [brighter(shifted(image)) for image in images]
    found = {(twin.one, twin.other) for twin in twins_of([*images, *again, *thrice])}
    wanted = (
        {(i, i + 12) for i in range(12)}
        | {(i, i + 24) for i in range(12)}
        | {(i + 12, i + 24) for i in range(12)}
    )
    assert found == wanted


def test_images_of_one_group_are_no_news() -> None:
    images = [surface(seed) for seed in range(PARTS)]
    groups = [str(i) for i in range(PARTS)]
    assert twins_of([*images, brighter(images[3])], [*groups, "3"]) == []


def test_flat_images_and_small_sets_have_no_twins() -> None:
    flat = [np.full((PX, PX, 3), level, np.uint8) for level in range(PARTS)]
    assert not thumbnail_of(flat[0]).any()
    assert twins_of(flat) == []
    assert twins_of([surface(0), brighter(surface(0))]) == []
    assert twins_of([]) == []


BASE = [surface(seed) for seed in range(20)]
BASE += [brighter(BASE[2]), in_jpeg(BASE[5])]
THUMBNAILS = [thumbnail_of(image) for image in BASE]


@given(st.permutations(range(len(BASE))))
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_the_order_of_the_images_changes_nothing(order: list[int]) -> None:
    found = find_twins([THUMBNAILS[i] for i in order], [str(i) for i in order])
    assert {frozenset((order[twin.one], order[twin.other])) for twin in found} == {
        frozenset((2, 20)),
        frozenset((5, 21)),
    }


def test_the_difference_of_a_gain_a_shift_and_nothing() -> None:
    """By its definition it is 0 for the same, and 1 for what has nothing in common."""
    one = thumbnail_of(surface(0))
    same, gain, shift, other, flat = differences(
        one,
        [
            one,
            np.asarray(1.5 * one, np.float16),
            np.roll(one, (2, -3), axis=(0, 1)),
            thumbnail_of(surface(1)),
            np.zeros((SIDE, SIDE), np.float16),
        ],
    )
    assert same == pytest.approx(0, abs=1e-4)
    assert gain == pytest.approx(0, abs=1e-4)
    assert shift == pytest.approx(0, abs=1e-3)
    assert other > 0.1
    assert flat == 1


@pytest.mark.parametrize("kind", SETS)
def test_a_coarse_grid_finds_the_twins_of_a_fine_one(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    images = parts_of(kind)
    copies = [copy(images[place]) for place, copy in enumerate((in_jpeg, brighter, shifted, cropped))]
    require_those_of_the_reference([thumbnail_of(image) for image in [*images, *copies]], None, monkeypatch)


@pytest.mark.mt
@pytest.mark.parametrize("name", ["mt", "plate", "screw"])
def test_real_sets_have_the_twins_of_the_fine_grid(
    name: str, magnetic_tile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = magnetic_tile.parent / name
    if not folder.is_dir():
        pytest.skip(f"there is no {name} beside Magnetic Tile")
    manifest = load_manifest(folder)
    parts = sorted(manifest.parts, key=manifest.key)[:500]
    thumbnails = [thumbnail_of(manifest.image(part)) for part in parts]
    require_those_of_the_reference(thumbnails, [part.group for part in parts], monkeypatch)


def require_those_of_the_reference(
    thumbnails: list[Thumbnail], groups: list[str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same twins as by four steps on all pixels, and about as near."""
    groups = groups or [str(place) for place in range(len(thumbnails))]
    found = {(twin.one, twin.other): twin.nearness for twin in find_twins(thumbnails, groups)}
    monkeypatch.setattr(twins, "differences", alignment_reference.differences)
    wanted = {(twin.one, twin.other): twin.nearness for twin in find_twins(thumbnails, groups)}
    assert found == pytest.approx(wanted, abs=2e-3, rel=0.05)


def noise(count: int) -> list[Thumbnail]:
    rng = np.random.default_rng(0)
    return [rng.normal(0, 1, (SIDE, SIDE)).astype(np.float16) for _ in range(count)]


@pytest.mark.parametrize("count", [10, LEAF, LEAF + 1, 1500])
def test_leaves_hold_every_image_once_a_tree_and_are_small(count: int) -> None:
    rng = np.random.default_rng(0)
    found = leaves(rng.integers(-127, 128, (count, 20)).astype(np.float32))
    trees = sum(len(leaf) for leaf in found) // count
    assert np.array_equal(np.bincount(np.concatenate(found), minlength=count), np.full(count, trees))
    assert max(len(leaf) for leaf in found) <= LEAF
    pairs = sum(len(leaf) ** 2 for leaf in found)
    assert pairs <= trees * count * LEAF  # not count²


def test_the_nearest_in_a_small_set_are_those_of_a_search_through_all_pairs() -> None:
    described = describe(noise(60))
    groups = np.arange(60) // 2
    apart = np.square(described[:, None] - described[None]).sum(axis=2)
    apart[groups[:, None] == groups[None]] = np.inf
    assert np.array_equal(nearest(described, groups, 5), np.argsort(apart, axis=1, kind="stable")[:, :5])


def test_where_there_are_fewer_neighbors_than_asked_for_the_rest_is_named_minus_one() -> None:
    described = describe(noise(4))
    near = nearest(described, np.array([0, 0, 0, 1]), 3)
    assert near[:3].tolist() == [[3, -1, -1]] * 3
    assert sorted(near[3].tolist()) == [0, 1, 2]


def test_a_store_gives_back_what_it_took_from_memory_and_from_its_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(thumbnail_store, "IN_MEMORY", 3)
    store, given = ThumbnailStore(), noise(8)
    for place, thumbnail in enumerate(given):
        assert len(store) == place
        store.append(thumbnail)
        assert np.array_equal(store[place // 2], given[place // 2])  # reading between writing
    assert all(np.array_equal(store[place], thumbnail) for place, thumbnail in enumerate(given))
    backwards = Chosen(store, range(7, -1, -1))
    assert len(backwards) == 8 and np.array_equal(backwards[0], given[7])
    found = find_twins(store, list("abcdefgh"))
    assert found == find_twins(given, list("abcdefgh"))


def test_a_store_without_room_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    """/dev/full: every write fails for want of space."""
    monkeypatch.setattr(thumbnail_store, "IN_MEMORY", 0)
    full = Path("/dev/full")
    monkeypatch.setattr(thumbnail_store.tempfile, "TemporaryFile", lambda **given: full.open("r+b", **given))
    with pytest.raises(GainspectError, match="cannot keep thumbnails in the folder for temporary files"):
        ThumbnailStore().append(noise(1)[0])

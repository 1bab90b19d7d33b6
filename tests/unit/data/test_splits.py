"""Splits: groups never cross, every part has both classes, the seed decides alone."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gainspect.data.manifest import Manifest, Part, Split
from gainspect.data.splits import assign_splits, folds, with_validation
from gainspect.errors import GainspectError
from gainspect.types import Label


def _manifest(
    ok_groups: int, ng_groups: dict[str, int], views: int = 3, split: Split | None = None
) -> Manifest:
    at = split or ""
    parts = [
        Part(Path(f"/d/{at}ok{g}-{v}.png"), Label.OK, group=f"{at}ok{g}", split=split)
        for g in range(ok_groups)
        for v in range(views)
    ]
    for kind, groups in ng_groups.items():
        parts += [
            Part(
                Path(f"/d/{at}{kind}{g}-{v}.png"),
                Label.NG,
                group=f"{at}{kind}{g}",
                defect_type=kind,
                split=split,
            )
            for g in range(groups)
            for v in range(views)
        ]
    return Manifest(Path("/d"), tuple(parts))


def _sides(manifest: Manifest) -> dict[str, set[str | None]]:
    sides: dict[str, set[str | None]] = {}
    for part in manifest.parts:
        sides.setdefault(part.group, set()).add(part.split)
    return sides


def _split(manifest: Manifest, seed: int = 1) -> Manifest:
    return assign_splits(manifest, val_fraction=0.2, test_fraction=0.25, seed=seed)


@settings(deadline=None)
@given(ok=st.integers(4, 30), crack=st.integers(4, 20), pit=st.integers(1, 6), seed=st.integers(0, 99))
def test_no_group_is_on_two_sides_and_nothing_is_lost(ok: int, crack: int, pit: int, seed: int) -> None:
    before = _manifest(ok, {"crack": crack, "pit": pit})
    after = _split(before, seed)
    assert [p.image for p in after.parts] == [p.image for p in before.parts]
    assert all(len(sides) == 1 for sides in _sides(after).values())
    for name in ("train", "val", "test"):
        labels = after.split(name).labels
        assert labels.any()
        assert not labels.all()


def test_shares_are_those_asked_for_in_every_stratum() -> None:
    after = _split(_manifest(100, {"crack": 40, "pit": 20}))
    counts = Counter((p.split, p.defect_type) for p in after.parts)
    # 25 % to the test, then 20 % of the rest to validation; three views each.
    assert counts["test", None] == 75
    assert counts["test", "crack"] == 30
    assert counts["test", "pit"] == 15
    assert counts["val", None] == 45
    assert counts["val", "crack"] == 18
    assert counts["val", "pit"] == 9


def test_the_order_of_the_rows_does_not_matter_and_the_seed_does() -> None:
    manifest = _manifest(20, {"crack": 10})
    backwards = Manifest(manifest.root, manifest.parts[::-1])
    assert _sides(_split(manifest)) == _sides(_split(backwards))
    assert _sides(_split(manifest)) != _sides(_split(manifest, seed=2))


def test_a_given_test_part_is_untouched_and_validation_comes_out_of_train() -> None:
    train, test = _manifest(20, {"crack": 10}, split="train"), _manifest(5, {"pit": 3}, split="test")
    after = _split(Manifest(train.root, train.parts + test.parts))
    assert {p.image for p in after.split("test").parts} == {p.image for p in test.parts}
    assert len(after.split("val").parts) == 3 * (4 + 2)


def test_a_given_validation_part_is_untouched() -> None:
    parts = sum((_manifest(4, {"crack": 4}, split=s).parts for s in ("train", "val", "test")), ())
    manifest = Manifest(Path("/d"), parts)
    assert _split(manifest) == manifest


def test_a_named_training_part_is_never_chosen_for_validation_or_test() -> None:
    """The rest is split among its own 20 + 10 groups: a quarter for the test, then a fifth for validation."""
    named, left = _manifest(8, {"crack": 6}, split="train"), _manifest(20, {"crack": 10})
    after = _split(Manifest(named.root, named.parts + left.parts))
    assert all(part.split == "train" for part in after.parts[: len(named.parts)])
    sizes = Counter(part.split for part in after.parts[len(named.parts) :])
    assert sizes == {"test": 3 * (5 + 2), "val": 3 * (3 + 2), "train": 3 * (12 + 6)}


@pytest.mark.parametrize("named", ["train", "val", "test"])
def test_an_image_without_a_split_goes_where_its_part_is_named(named: Split) -> None:
    others = _manifest(20, {"crack": 10})
    known = Part(Path("/d/a-1.png"), Label.OK, group="a", split=named)
    stray = Part(Path("/d/a-2.png"), Label.OK, group="a")
    defect = Part(Path("/d/b.png"), Label.NG, group="b", split=named)
    after = _split(Manifest(others.root, (stray, known, defect, *others.parts)))
    assert [part.split for part in after.parts[:3]] == [named] * 3


def test_what_no_part_is_named_comes_out_of_the_named_training_part() -> None:
    """As if nothing were named: a quarter of the groups for the test, a fifth of the rest for validation."""
    named = _manifest(20, {"crack": 10}, split="train")
    after = _split(named)
    assert Counter(part.split for part in after.parts) == {
        "test": 3 * (5 + 2),
        "val": 3 * (3 + 2),
        "train": 3 * (12 + 6),
    }
    bare = replace(named, parts=tuple(replace(part, split=None) for part in named.parts))
    assert _split(bare) == after


def test_a_test_part_comes_out_of_the_training_part_beside_a_named_validation_part() -> None:
    train, val = _manifest(20, {"crack": 10}, split="train"), _manifest(5, {"pit": 3}, split="val")
    after = _split(Manifest(train.root, train.parts + val.parts))
    assert {p.image for p in after.split("val").parts} == {p.image for p in val.parts}
    assert len(after.split("test").parts) == 3 * (5 + 2)
    assert all(len(sides) == 1 for sides in _sides(after).values())


@pytest.mark.parametrize("named", ["val", "test"])
def test_without_a_part_to_train_on_that_is_an_error(named: Split) -> None:
    with pytest.raises(GainspectError, match=r"no part is named train.*--import resplit=yes"):
        _split(_manifest(20, {"crack": 10}, split=named))


def test_kinds_with_one_part_each_are_drawn_together() -> None:
    after = _split(_manifest(20, dict.fromkeys("abcdefghij", 1)))
    assert [len({p.group for p in after.split(s).parts if p.defect_type}) for s in ("test", "val")] == [2, 2]


def test_a_group_named_on_two_sides_is_refused() -> None:
    train, test = _manifest(20, {"crack": 10}, split="train"), _manifest(5, {"pit": 3}, split="test")
    stray = Part(Path("/d/again.png"), Label.OK, group="trainok7", split="test")
    with pytest.raises(GainspectError, match=r"part 'trainok7' has images in (train|val) and in test"):
        _split(Manifest(train.root, (*train.parts, *test.parts, stray)))


def test_too_few_ng_groups_is_a_clear_error() -> None:
    with pytest.raises(GainspectError, match=r"the (val|test) part has no NG images"):
        _split(_manifest(20, {"crack": 1}))


@given(count=st.integers(2, 5), ok=st.integers(5, 12), ng=st.integers(5, 12), seed=st.integers(0, 99))
def test_each_group_is_held_out_by_one_fold_and_the_test_part_stays(
    count: int, ok: int, ng: int, seed: int
) -> None:
    known = _manifest(ok, {"crack": ng, "pit": 1})
    fixed = _manifest(2, {"crack": 2}, split="test")
    manifest = Manifest(known.root, tuple(replace(p, split="train") for p in known.parts) + fixed.parts)
    divided = folds(manifest, count, seed)
    held = Counter(
        part.group for fold in divided for part in fold.split("val").parts if part.image.stem[-1] == "0"
    )
    assert held == Counter({part.group: 1 for part in known.parts})
    sizes = [len({part.group for part in fold.split("val").parts}) for fold in divided]
    assert max(sizes) - min(sizes) <= 1
    for fold in divided:
        assert fold.split("test").parts == fixed.parts
        assert all(len(side) == 1 for side in _sides(fold).values())
    assert divided == folds(manifest, count, seed)


@given(ok=st.integers(5, 20), crack=st.integers(3, 9), pit=st.integers(1, 6), count=st.integers(2, 4))
def test_each_group_is_held_out_once_and_the_test_part_never(
    ok: int, crack: int, pit: int, count: int
) -> None:
    known = _manifest(ok, {"crack": crack, "pit": pit}, split="train")
    test = _manifest(3, {"crack": 2}, split="test")
    whole = Manifest(known.root, (*known.parts, *test.parts))
    divisions = folds(whole, count, seed=1)
    held_out = [{part.group for part in division.split("val").parts} for division in divisions]
    assert Counter(group for held in held_out for group in held) == Counter(
        {part.group: 1 for part in known.parts}
    )
    assert all(division.split("test") == whole.split("test") for division in divisions)
    validated = Manifest(
        whole.root, tuple(replace(p, split="val") if "ok" in p.group else p for p in known.parts)
    )
    again = folds(Manifest(whole.root, (*validated.parts, *test.parts)), count, seed=1)
    assert again == divisions  # what was the validation part before does not matter


def test_more_folds_than_groups_of_a_class_are_refused_with_the_numbers() -> None:
    with pytest.raises(
        GainspectError, match="5 folds need 5 NG groups, and training and validation part have 4"
    ):
        folds(_manifest(20, {"crack": 4}, split="train"), 5, seed=1)
    with pytest.raises(
        GainspectError, match="5 folds need 5 OK groups, and training and validation part have 2"
    ):
        folds(_manifest(2, {"crack": 9}, split="train"), 5, seed=1)


@settings(deadline=None)
@given(ok=st.integers(1, 20), crack=st.integers(1, 20), old=st.integers(0, 6), seed=st.integers(0, 99))
def test_new_groups_are_divided_without_a_test_and_named_ones_stay(
    ok: int, crack: int, old: int, seed: int
) -> None:
    new, tested = _manifest(ok, {"crack": crack}), _manifest(old, {"pit": old}, split="test")
    view = Part(Path("/d/late.png"), Label.NG, group="valpit0")
    validated = _manifest(0, {"pit": 1}, split="val")
    before = replace(new, parts=tested.parts + validated.parts + new.parts + (view,))
    after = with_validation(before, fraction=0.25, seed=seed)
    assert after.split("test").parts == tested.parts
    assert all(len(sides) == 1 for sides in _sides(after).values())
    assert after.parts[-1].split == "val"  # where its group is
    drawn = {p.group for p in after.split("val").parts} - {"valpit0"}
    for kind, count in (("ok", ok), ("crack", crack)):
        share = sum(group.startswith(kind) for group in drawn)
        assert share == min(count - 1, max(1, round(0.25 * count)))
    assert after == with_validation(before, fraction=0.25, seed=seed)


def test_a_group_that_is_named_in_two_splits_is_refused() -> None:
    torn = [Part(Path(f"/d/{split}.png"), Label.OK, group="g", split=split) for split in ("train", "test")]
    with pytest.raises(GainspectError, match="has images in train and in test"):
        with_validation(Manifest(Path("/d"), tuple(torn)), fraction=0.2, seed=1)

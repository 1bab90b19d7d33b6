"""Dividing an imported set anew, by group and defect type."""

from collections.abc import Sequence
from dataclasses import replace

from gainspect.data.importers.leaks import same_files
from gainspect.data.manifest import Manifest, Part, checked
from gainspect.data.splits import PUBLISHED, assign_splits
from gainspect.types import Label

VAL_FRACTION, TEST_FRACTION, SEED = 0.2, 0.25, 1
"""Those of `config.DataConfig` and `config.Config`."""


def resplit(manifest: Manifest) -> Manifest:
    """The same parts with new splits, their old ones in the column `PUBLISHED`; equal files share a split.

    Raises:
        GainspectError: see `data.splits.assign_splits`: a split would have no OK or no NG images.
    """
    bare = replace(manifest, parts=tuple(replace(part, split=None) for part in manifest.parts))
    grouped = _with_copies_together(checked(bare, where=manifest.root))
    divided = assign_splits(grouped, val_fraction=VAL_FRACTION, test_fraction=TEST_FRACTION, seed=SEED)
    pairs = zip(manifest.parts, divided.parts, strict=True)
    return replace(manifest, parts=tuple(_with_split(old, new) for old, new in pairs))


def _with_copies_together(manifest: Manifest) -> Manifest:
    """The same parts, with one group for groups that share a file."""
    same: dict[str, str] = {}

    def first(group: str) -> str:
        while group in same:
            group = same[group]
        return group

    for places in same_files(manifest.parts):
        for place in places[1:]:
            one, other = first(manifest.parts[places[0]].group), first(manifest.parts[place].group)
            if one != other:
                same[other] = one
    parts = (replace(part, group=first(part.group), part="") for part in manifest.parts)
    return replace(manifest, parts=tuple(parts))


def _with_split(old: Part, new: Part) -> Part:
    # Divided anew once more, it keeps the first one.
    extra = {PUBLISHED: old.split, **old.extra} if old.split else old.extra
    return replace(old, split=new.split, extra=extra)


def keeps_ng_for_the_test(parts: Sequence[Part]) -> bool:
    """Whether there are images for training, and all NG images are in the test."""
    splits = {part.split for part in parts}
    return "train" in splits and {part.split for part in parts if part.label is Label.NG} == {"test"}

"""Splits by physical part: all images of a group are in the same split."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from gainspect.data.manifest import Manifest, Split, require_both_classes
from gainspect.errors import GainspectError
from gainspect.types import Label

PUBLISHED = "published_split"
"""The free column that keeps the split that a set came with, if it was divided anew (`importers.resplit`)."""


def assign_splits(manifest: Manifest, *, val_fraction: float, test_fraction: float, seed: int) -> Manifest:
    """Complete the split: a test part if none is named, then a validation part; what is left is for training.

    A named split is never overruled: both are chosen from the parts that have none. Only if every part is
    named, what is missing is taken out of the training part: data sets that name just training and test mean
    all that is not the test, and those that name just training and validation come without a test. An image
    without a split goes where other images of its group are named.

    Groups are drawn per stratum (OK, or the group's most common defect type), so that each split gets its
    share of every kind. The draw depends only on the group names and the seed, not on the order of the rows.

    Raises:
        GainspectError: a group has images in several splits, no part is left for the training, or train,
            val or test would have no OK or no NG images.
    """
    done = _with_their_groups(manifest)
    fractions: dict[Split, float] = {"test": test_fraction, "val": val_fraction}
    if not {part.split for part in done.parts} & {None, "train"}:
        raise GainspectError(
            "no part is named train, and none is left without a split",
            where=manifest.root,
            hint="Name some parts train, or leave their split empty (labels of a tool: `--import "
            "resplit=yes`, or --resplit of `gainspect data import`).",
        )
    for name, fraction in fractions.items():
        if not done.split(name).parts:
            unnamed = any(part.split is None for part in done.parts)
            done = _carve(done, None if unnamed else "train", name, fraction, seed)
    done = replace(done, parts=tuple(replace(part, split=part.split or "train") for part in done.parts))
    _refuse_crossing_groups(done)
    for name in ("train", "val", "test"):
        require_both_classes(done.split(name), what=f"the {name} part")
    return done


def with_validation(manifest: Manifest, *, fraction: float, seed: int) -> Manifest:
    """Name parts without a split: a share of the groups of each kind for validation, the rest for training.

    An image goes where other images of its group are named. No test part is drawn.

    Raises:
        GainspectError: a group has images in several splits.
    """
    done = _carve(_with_their_groups(manifest), None, "val", fraction, seed)
    done = replace(done, parts=tuple(replace(part, split=part.split or "train") for part in done.parts))
    _refuse_crossing_groups(done)
    return done


def divided_anew(manifest: Manifest) -> bool:
    """Whether parts came with another split, so that figures on them do not compare with published ones."""
    return any(part.extra.get(PUBLISHED) for part in manifest.parts)


def folds(manifest: Manifest, count: int, seed: int) -> list[Manifest]:
    """Divide training and validation parts anew, so that each group is in validation exactly once.

    Groups are dealt out per stratum, as in `assign_splits`. The test part stays as it is.

    Args:
        manifest: parts with a split each.
        count: number of folds, at least 2.
        seed: determines the division, together with the names of the groups.

    Raises:
        GainspectError: there are fewer OK or NG groups than folds, or one would have none of a class.
    """
    known = replace(manifest, parts=tuple(part for part in manifest.parts if part.split != "test"))
    for label in (Label.NG, Label.OK):
        groups_of = len({part.group for part in known.parts if part.label is label})
        if groups_of < count:
            raise GainspectError(
                f"{count} folds need {count} {label.name} groups, and training and validation part have "
                f"{groups_of}",
                where=manifest.root,
                hint="Choose fewer folds, or add parts.",
            )
    fold_of: dict[str, int] = {}
    for index, (_, groups) in enumerate(sorted(_strata(known).items())):
        drawn = np.random.default_rng((seed, index, count)).permutation(sorted(groups)).tolist()
        fold_of |= {group: (len(fold_of) + place) % count for place, group in enumerate(drawn)}
    divided = [
        replace(
            manifest,
            parts=tuple(
                part
                if part.split == "test"
                else replace(part, split="val" if fold_of[part.group] == fold else "train")
                for part in manifest.parts
            ),
        )
        for fold in range(count)
    ]
    for fold, division in enumerate(divided, start=1):
        for name in ("train", "val"):
            require_both_classes(division.split(name), what=f"the {name} part of fold {fold} of {count}")
    return divided


def _refuse_crossing_groups(manifest: Manifest) -> None:
    side: dict[str, Split | None] = {}
    for part in manifest.parts:
        if side.setdefault(part.group, part.split) != part.split:
            raise GainspectError(
                f"part {part.group!r} has images in {side[part.group]} and in {part.split}",
                where=manifest.root,
                hint="Move all images of a part to the same split: the test must not contain training parts.",
            )


def _with_their_groups(manifest: Manifest) -> Manifest:
    """Give images without a split that of other images of their group, if those have one."""
    named = {part.group: part.split for part in manifest.parts if part.split is not None}
    parts = (replace(part, split=part.split or named.get(part.group)) for part in manifest.parts)
    return replace(manifest, parts=tuple(parts))


def _carve(manifest: Manifest, out_of: Split | None, name: Split, fraction: float, seed: int) -> Manifest:
    """Move a share of the groups of each stratum from one split to another; the only group of one stays."""
    chosen: set[str] = set()
    source = tuple(part for part in manifest.parts if part.split == out_of)
    strata = _strata(replace(manifest, parts=source))
    for index, (_, groups) in enumerate(sorted(strata.items())):
        rng = np.random.default_rng((seed, index, len(name)))
        count = min(len(groups) - 1, max(1, round(fraction * len(groups))))
        chosen.update(rng.permutation(sorted(groups))[:count].tolist())
    return replace(
        manifest,
        parts=tuple(
            replace(part, split=name) if part.split == out_of and part.group in chosen else part
            for part in manifest.parts
        ),
    )


def _strata(manifest: Manifest) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = defaultdict(list)
    for part in manifest.parts:
        kinds[part.group].append(f"ng {part.defect_type or ''}" if part.label is Label.NG else "ok")
    strata: dict[str, list[str]] = defaultdict(list)
    for group, seen in kinds.items():
        defects = sorted(kind for kind in seen if kind != "ok")
        strata[max(defects, key=defects.count) if defects else "ok"].append(group)
    # Kinds with a single part each are drawn together, because a stratum of one part gives none away.
    single = [kind for kind, groups in strata.items() if len(groups) == 1 and kind != "ok"]
    if len(single) > 1:
        strata["ng (single parts)"] = [strata.pop(kind)[0] for kind in single]
    return strata

"""Splits by physical part: all images of a group are in the same split."""

from collections import defaultdict
from dataclasses import replace

import numpy as np

from gainspect.data.manifest import Manifest, Split, require_both_classes
from gainspect.errors import GainspectError
from gainspect.types import Label


def assign_splits(manifest: Manifest, *, val_fraction: float, test_fraction: float, seed: int) -> Manifest:
    """Complete the split: a test part if there is none, then a validation part, both from the training part.

    Groups are drawn per stratum (OK, or the group's most common defect type), so that each split gets its
    share of every kind. The draw depends only on the group names and the seed, not on the order of the rows.

    Raises:
        GainspectError: a group has images in several splits, or train, val or test would have no OK or no NG
            images.
    """
    parts = [replace(part, split=part.split or "train") for part in manifest.parts]
    done = replace(manifest, parts=tuple(parts))
    fractions: dict[Split, float] = {"test": test_fraction, "val": val_fraction}
    for name, fraction in fractions.items():
        if not done.split(name).parts:
            done = _carve(done, name, fraction, seed)
    _refuse_crossing_groups(done)
    for name in ("train", "val", "test"):
        require_both_classes(done.split(name), what=f"the {name} part")
    return done


def _refuse_crossing_groups(manifest: Manifest) -> None:
    side: dict[str, Split | None] = {}
    for part in manifest.parts:
        if side.setdefault(part.group, part.split) != part.split:
            raise GainspectError(
                f"part {part.group!r} has images in {side[part.group]} and in {part.split}",
                where=manifest.root,
                hint="Move all images of a part to the same split: the test must not contain training parts.",
            )


def _carve(manifest: Manifest, name: Split, fraction: float, seed: int) -> Manifest:
    """Move a share of the training groups of each stratum to split `name`; the only group of one stays."""
    chosen: set[str] = set()
    strata = _strata(manifest.split("train"))
    for index, (_, groups) in enumerate(sorted(strata.items())):
        rng = np.random.default_rng((seed, index, len(name)))
        count = min(len(groups) - 1, max(1, round(fraction * len(groups))))
        chosen.update(rng.permutation(sorted(groups))[:count].tolist())
    return replace(
        manifest,
        parts=tuple(
            replace(part, split=name) if part.split == "train" and part.group in chosen else part
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

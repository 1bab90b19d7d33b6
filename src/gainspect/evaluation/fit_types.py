"""Learns the types of defects that a bundle tells apart, and counts how well on the validation part."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gainspect.data.manifest import Manifest, Part
from gainspect.data.tiles import Tiling
from gainspect.evaluation.truth import Truth, truth_of
from gainspect.inspection.backends.backend import Backend
from gainspect.inspection.inspector import Inspector
from gainspect.inspection.regions.defect_types import DefectTypes, features_of
from gainspect.inspection.regions.found import window_of
from gainspect.inspection.tiled import Grid
from gainspect.policy import Policy
from gainspect.region_rules import UNKNOWN, RegionRules
from gainspect.types import Evidence, FloatMap, Label, Region, RuleFindings

LEAST_PARTS = 5
"""A type with fewer physical parts in the training is not learned."""
KNOWN_SHARE = 0.95
"""Of the defects that were learned from, so many are near enough to their own type."""
_LEAST_SCALE = 1e-3
"""Of the largest scale; a feature that hardly varies within the types must not outweigh all others."""

_Features = NDArray[np.float64]


class Sample(NamedTuple):
    """The features of one defect."""

    type: str
    group: str
    features: _Features
    """(C,)"""


def fit_types(
    backend: Backend,
    manifest: Manifest,
    policy: Policy,
    tiling: Tiling | None = None,
    on_step: Callable[[str], None] = lambda step: None,
) -> DefectTypes:
    """Learn from the defective images of the training part, and try on those of the validation part.

    Of an image, the largest region (by its share of the contributions) that touches the marked defect counts;
    without a mask, the largest of all.

    Args:
        backend: runs the network, and gives its features.
        manifest: all parts.
        policy: its thresholds say where regions are.
        tiling: how images are cut into tiles; None: the network sees them whole.
        on_step: called with a description of each step before it starts.

    Raises:
        GainspectError: an image or mask cannot be read.
    """
    named = [part for part in manifest.split("train").parts if _learnable(part)]
    groups = {
        part.defect_type: {p.group for p in named if p.defect_type == part.defect_type} for part in named
    }
    if sum(len(found) >= LEAST_PARTS for found in groups.values()) < 2:
        return DefectTypes(too_rare={str(name): len(groups[name]) for name in sorted(groups, key=str)})
    on_step("learn the types of defects")
    learned, _ = _samples(backend, manifest.split("train"), policy, tiling)
    tried, without = _samples(backend, manifest.split("val"), policy, tiling)
    return types_from(learned, tried, without)


def types_from(learned: Sequence[Sample], tried: Sequence[Sample], without_region: int = 0) -> DefectTypes:
    """The types of samples.

    Args:
        learned: from which means, scale and limit come.
        tried: that fill the confusion matrix.
        without_region: how many more there were that show no region.
    """
    groups = {name: len({s.group for s in learned if s.type == name}) for name in {s.type for s in learned}}
    names = sorted(name for name, count in groups.items() if count >= LEAST_PARTS)
    rare = {name: groups[name] for name in sorted(groups.keys() - set(names))}
    if len(names) < 2:
        return DefectTypes(too_rare={name: groups[name] for name in sorted(groups)})
    kept = [sample for sample in learned if sample.type in names]
    features = np.stack([sample.features for sample in kept])
    belongs = np.array([names.index(sample.type) for sample in kept])
    means = np.stack([features[belongs == index].mean(axis=0) for index in range(len(names))])
    within = ((features - means[belongs]) ** 2).sum(axis=0) / max(len(kept) - len(names), 1)
    scale = np.maximum(np.sqrt(within), max(float(np.sqrt(within).max()) * _LEAST_SCALE, 1e-9))
    distances = np.linalg.norm((features - means[belongs]) / scale, axis=1)
    counts = np.bincount(belongs)[belongs]
    # A defect pulls its own mean towards it; from the mean of the others it is n / (n − 1) times as far.
    limit = float(np.quantile(distances * counts / np.maximum(counts - 1, 1), KNOWN_SHARE))
    empty = ((0,) * (len(names) + 1),) * (len(names) + 1)
    types = DefectTypes(
        names=tuple(names),
        means=tuple(tuple(map(float, mean)) for mean in means / scale),
        scale=tuple(map(float, scale)),
        limit=limit,
        parts={name: groups[name] for name in names},
        too_rare=rare,
        confusion=empty,
        without_region=without_region,
    )
    return types.model_copy(update={"confusion": _confusion(types, tried)})


def _confusion(types: DefectTypes, tried: Sequence[Sample]) -> tuple[tuple[int, ...], ...]:
    rows, columns = (*types.names, None), (*types.names, UNKNOWN)
    counts = np.zeros((len(rows), len(columns)), int)
    for sample in tried:
        row = rows.index(sample.type) if sample.type in types.names else len(types.names)
        counts[row, columns.index(types.nearest(sample.features))] += 1
    return tuple(tuple(map(int, row)) for row in counts)


def _learnable(part: Part) -> bool:
    return part.label is Label.NG and bool(part.defect_type) and part.defect_type != UNKNOWN


def _samples(
    backend: Backend, manifest: Manifest, policy: Policy, tiling: Tiling | None
) -> tuple[list[Sample], int]:
    """The samples of the defective images that have a type, and how many of these show no region."""
    parts = [part for part in manifest.parts if part.label is Label.NG and part.defect_type]
    collector = _Collector()
    inspector = Inspector(
        backend,
        threshold=policy.threshold,
        review_from=policy.review_from,
        region_threshold=policy.region_threshold,
        tiling=tiling,
        regions=collector,
    )
    samples, without = [], 0
    for part, verdict in zip(parts, inspector.judge(map(manifest.image, parts)), strict=True):
        evidence, features = verdict.evidence.evidence, collector.found.pop(0)
        at = _of_defect(
            verdict.regions, evidence, policy.region_threshold, truth_of(manifest, part, evidence.shape)
        )
        found = None if at is None else features[at]
        if found is None:
            without += 1
        else:
            samples.append(Sample(str(part.defect_type), part.group, found))
    return samples, without


def _of_defect(
    regions: Sequence[Region], evidence: FloatMap, threshold: float, truth: Truth | None
) -> int | None:
    """The index of the first region that touches the marked defect; None: there is none."""
    for index, region in enumerate(regions):
        x, y, width, height = region.box
        window = window_of(evidence, threshold, region)
        if truth is None or (truth.mask[y : y + height, x : x + width] & window).any():
            return index
    return None


class _Collector:
    """Keeps the features of the regions of each image, in the order in which they are read."""

    rules: RegionRules | None = None

    def __init__(self) -> None:
        self.found: list[list[_Features | None]] = []

    def read(
        self, regions: Sequence[Region], evidence: Evidence, threshold: float, grids: Sequence[Grid]
    ) -> tuple[tuple[Region, ...], RuleFindings | None]:
        """See `RegionReader.read`; nothing is said."""
        found: list[_Features | None] = []
        for region in regions:
            drawn = evidence.evidence
            found.append(features_of(region, window_of(drawn, threshold, region), drawn, grids))
        self.found.append(found)
        return tuple(regions), None

"""Applies rules on regions: measures each region, names its type, and finds the rule that takes it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gainspect.errors import GainspectError
from gainspect.inspection.backends.backend import Precision
from gainspect.inspection.bundle import Bundle
from gainspect.inspection.regions.defect_types import DefectTypes, features_of, require_types, types_of
from gainspect.inspection.regions.found import MAX_REGIONS, window_of
from gainspect.inspection.regions.measures import length_and_width
from gainspect.inspection.regions.rest import Head, Window, rest_of
from gainspect.inspection.tiled import Grid
from gainspect.policy import HeatScale
from gainspect.region_rules import Corner, RegionRule, RegionRules
from gainspect.strategies import strategy
from gainspect.types import BoolMask, Evidence, FloatMap, Measures, Region, RegionAction, RuleFindings


class ReadsRegions(Protocol):
    """Looks at the regions of an image more closely; `RegionReader` does."""

    @property
    def rules(self) -> RegionRules | None:
        """The rules that are applied."""
        ...

    def read(
        self, regions: Sequence[Region], evidence: Evidence, threshold: float, grids: Sequence[Grid]
    ) -> tuple[tuple[Region, ...], RuleFindings | None]:
        """See `RegionReader.read`."""
        ...


@dataclass(frozen=True)
class RegionReader:
    """What is said of regions besides where they are."""

    rules: RegionRules | None
    types: DefectTypes | None
    heat: HeatScale
    head: Head | None
    """None: what is left without regions is not known, so that nothing is accepted."""

    def read(
        self, regions: Sequence[Region], evidence: Evidence, threshold: float, grids: Sequence[Grid]
    ) -> tuple[tuple[Region, ...], RuleFindings | None]:
        """The regions with types, measures and the rules that took them; and what these rules say together.

        Args:
            regions: of one image, as `regions_of` found them.
            evidence: of this image; its map is looked at if there are regions.
            threshold: from which regions were found.
            grids: of the image, or of each of its tiles whose score counts.
        """
        if not regions:
            return (), None if self.rules is None else RuleFindings()
        drawn = evidence.evidence
        windows = [window_of(drawn, threshold, region) for region in regions]
        if self.types is not None and self.types.names:
            regions = [
                replace(region, type=self._type(region, window, drawn, grids))
                for region, window in zip(regions, windows, strict=True)
            ]
        if self.rules is None:
            return tuple(regions), None
        regions = [
            replace(region, measures=self._measures(region, window))
            for region, window in zip(regions, windows, strict=True)
        ]
        shape = drawn.shape[0], drawn.shape[1]
        found = taken(regions, windows, shape, self.rules)
        regions = [
            region if rule is None else replace(region, rule=rule.name, action=rule.action)
            for region, rule in zip(regions, found, strict=True)
        ]
        return tuple(regions), self._findings(regions, windows, grids)

    def _type(
        self, region: Region, window: BoolMask, evidence: FloatMap, grids: Sequence[Grid]
    ) -> str | None:
        """Its type; None if no frame with features shows all of it."""
        assert self.types is not None
        features = features_of(region, window, evidence, grids)
        return None if features is None else self.types.nearest(features)

    def _measures(self, region: Region, window: BoolMask) -> Measures:
        assert self.rules is not None
        length, width = length_and_width(window)
        mm = self.rules.mm_per_px
        span = max(self.heat.hot - self.heat.cold, 1e-9)
        return Measures(
            length_px=length,
            width_px=width,
            severity=max(0.0, (region.peak - self.heat.cold) / span),
            length_mm=None if mm is None else length * mm,
            width_mm=None if mm is None else width * mm,
            area_mm2=None if mm is None else region.area * mm**2,
        )

    def _findings(
        self, regions: Sequence[Region], windows: Sequence[BoolMask], grids: Sequence[Grid]
    ) -> RuleFindings:
        assert self.rules is not None
        all_measured = len(regions) < MAX_REGIONS
        stopping = self.rules.has(RegionAction.NG, RegionAction.REVIEW)
        rest = None
        if all_measured and all(region.action is RegionAction.ACCEPT for region in regions):
            accepted = [
                Window(window.astype(np.float32), region.box[1], region.box[0])
                for region, window in zip(regions, windows, strict=True)
            ]
            rest = None if self.head is None else rest_of(grids, accepted, self.head)
        return RuleFindings(
            ng=any(region.action is RegionAction.NG for region in regions),
            review=any(region.action is RegionAction.REVIEW for region in regions)
            or (stopping and not all_measured),
            rest=rest,
        )


def reader_of(bundle: Bundle, precision: Precision) -> RegionReader | None:
    """How a bundle's regions are read; None: it has no rules on regions and tells no types apart.

    Raises:
        GainspectError: its rules are on types that it does not tell apart well enough, or at all in this
            precision.
    """
    description = bundle.description
    rules, types = description.policy.region_rules, types_of(bundle)
    if rules is not None:
        require_types(rules, bundle)
    if precision == "int8":  # the means are of features in float32
        if rules is not None and any(rule.when.type is not None for rule in rules.rules):
            raise GainspectError(
                "its policy has rules on types of defects, which are not told apart in INT8",
                where=bundle.path,
                hint="Choose precision f32 or bf16, or leave these rules out.",
            )
        types = None
    if rules is None and (types is None or not types.names):
        return None
    weighted = strategy(description.strategy).decides == "evidence"
    head = Head("weighted mean" if weighted else "sum", description.graph.evidence_bias)
    return RegionReader(rules, types, description.policy.heat_scale(), head)


def taken(
    regions: Sequence[Region], windows: Sequence[BoolMask], shape: tuple[int, int], rules: RegionRules
) -> list[RegionRule | None]:
    """For each region the rule that takes it; None: none does.

    Of several rules, one that says `ng` comes before one that says `review` before one that says `accept`;
    of several that say the same, the first by name is named.

    Args:
        regions: all regions of one image, measured.
        windows: where in its box each of them lies.
        shape: (H, W) of the image.
        rules: the rules.
    """
    claims: list[list[RegionRule]] = [[] for _ in regions]
    for rule in rules.rules:
        matched = [
            index
            for index, (region, window) in enumerate(zip(regions, windows, strict=True))
            if _meets(region, window, shape, rule, rules.mm_per_px)
        ]
        if rule.when.count is None or rule.when.count.holds(len(matched)):
            for index in matched:
                claims[index].append(rule)
    return [min(claim, key=lambda rule: rule.rank) if claim else None for claim in claims]


def inside_polygon(points: NDArray[np.float64], corners: Sequence[Corner]) -> BoolMask:
    """(N,): which points (N, 2) lie inside a polygon, by the number of its edges to their right."""
    x, y = points.T
    inside = np.zeros(len(points), np.bool_)
    for (ax, ay), (bx, by) in zip(corners, [*corners[1:], corners[0]], strict=True):
        between = (ay > y) != (by > y)
        if ay != by:
            inside ^= between & (x < ax + (y - ay) * (bx - ax) / (by - ay))
    return inside


def _meets(
    region: Region, window: BoolMask, shape: tuple[int, int], rule: RegionRule, mm_per_px: float | None
) -> bool:
    """Whether a region meets the conditions of a rule, but for the count."""
    assert region.measures is not None
    values = {
        "length": region.measures.length_px,
        "width": region.measures.width_px,
        "area": float(region.area),
        "severity": region.measures.severity,
    }
    when = rule.when
    if not all(within.holds(values[measure]) for measure, within in when.ranges(mm_per_px).items()):
        return False
    if when.type is not None and region.type != when.type:
        return False
    if when.zone is None:
        return True
    rows, columns = np.nonzero(window)
    points = np.column_stack(
        [(columns + region.box[0] + 0.5) / shape[1], (rows + region.box[1] + 0.5) / shape[0]]
    )
    inside = inside_polygon(points, when.zone)
    return bool(inside.all() if rule.action is RegionAction.ACCEPT else inside.any())

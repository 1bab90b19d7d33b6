"""Rules on regions, as a policy holds them: conditions on what is measured in a region, and what follows.

Which rule takes a region is found in `inspection.regions.apply_rules`. Nothing here reads files or images.
"""

import math
from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from gainspect.types import RegionAction

UNKNOWN = "unknown"
"""The type of a region that is like no type of defect that the model has learned."""
_MOST_RULES, _MOST_CORNERS = 100, 200
_PRECEDENCE = (RegionAction.NG, RegionAction.REVIEW, RegionAction.ACCEPT)
_UNITS = {
    "length_px": ("length", 0),
    "length_mm": ("length", 1),
    "width_px": ("width", 0),
    "width_mm": ("width", 1),
    "area_px": ("area", 0),
    "area_mm2": ("area", 2),
    "severity": ("severity", 0),
}
"""For each condition on a measure, what is measured, and the power of the scale that its unit has."""

_Share = Annotated[float, Field(ge=0, le=1, strict=True)]  # strict: `yes` is no number
Corner = tuple[_Share, _Share]
Name = Annotated[str, Field(min_length=1, max_length=80)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Range(_Section):
    """What a value must be over, under, or both; a bound itself is neither over nor under itself."""

    over: float | None = Field(default=None, ge=0, strict=True)
    under: float | None = Field(default=None, gt=0, strict=True)

    @model_validator(mode="after")
    def _not_empty(self) -> "Range":
        if self.over is None and self.under is None:
            raise ValueError("a range has over, under, or both")
        if self.over is not None and self.under is not None and self.over >= self.under:
            raise ValueError(f"no value is over {self.over:g} and under {self.under:g}")
        return self

    def holds(self, value: float) -> bool:
        """Whether a value lies within."""
        return (self.over is None or value > self.over) and (self.under is None or value < self.under)

    def lies_in(self, other: "Range") -> bool:
        """Whether each value of this range lies in the other.

        >>> Range(over=1, under=2).lies_in(Range(over=1)), Range(over=1).lies_in(Range(under=2))
        (True, False)
        """
        above = other.over is None or (self.over is not None and self.over >= other.over)
        return above and (other.under is None or (self.under is not None and self.under <= other.under))

    def scaled(self, factor: float) -> "Range":
        """The range in a unit of which there are `factor` in one of this."""
        over, under = (None if bound is None else bound * factor for bound in (self.over, self.under))
        return Range(over=over, under=under)


class Count(Range):
    """How many regions: whole numbers from 1 on."""

    @model_validator(mode="after")
    def _some_number(self) -> "Count":
        least = 1 if self.over is None else math.floor(self.over) + 1
        if not self.holds(least):
            raise ValueError("there is no such number of regions")
        return self


class Conditions(_Section):
    """What must hold of a region, all of it."""

    length_px: Range | None = None
    length_mm: Range | None = None
    width_px: Range | None = None
    width_mm: Range | None = None
    area_px: Range | None = None
    area_mm2: Range | None = None
    severity: Range | None = None
    """On the bundle's color scale: 0 is cold, 1 hot (`types.Measures`)."""
    count: Count | None = None
    """How many regions of the image meet the other conditions of the rule."""
    zone: tuple[Corner, ...] | None = Field(default=None, min_length=3, max_length=_MOST_CORNERS)
    """Corners (x, y) of a polygon, as shares of the image's width and height from its top left corner. For
    `accept` the whole region must lie in it, for the other actions some of it."""
    type: Name | None = None
    """A type of defect, or "unknown"."""

    @model_validator(mode="after")
    def _meaningful(self) -> "Conditions":
        if not self.model_fields_set or all(value is None for _, value in self):
            raise ValueError("a rule needs a condition: without one it would take every region")
        named = [measure for name, (measure, _) in _UNITS.items() if getattr(self, name) is not None]
        if twice := next((measure for measure in named if named.count(measure) > 1), None):
            raise ValueError(f"the {twice} is given in two units")
        if self.zone is not None:
            if _area(self.zone) < 1e-9:
                raise ValueError("the zone has no area")
            if _crosses_itself(self.zone):
                raise ValueError("the outline of the zone crosses itself")
        return self

    @property
    def needs_scale(self) -> bool:
        """Whether a condition is in mm."""
        return any(power and getattr(self, name) is not None for name, (_, power) in _UNITS.items())

    def ranges(self, mm_per_px: float | None) -> dict[str, Range]:
        """For each measure (length, width, area, severity) with a condition, its range in pixels."""
        found = {}
        for name, (measure, power) in _UNITS.items():
            given: Range | None = getattr(self, name)
            if given is not None:
                assert mm_per_px is not None or not power
                found[measure] = given.scaled((mm_per_px or 1.0) ** -power) if power else given
        return found


class RegionRule(_Section):
    """What follows for regions that meet conditions."""

    name: Name
    when: Conditions
    action: RegionAction
    min_accuracy: float | None = Field(default=None, gt=0, le=1, strict=True)
    """How well the type must be told apart on the validation part (`inspection.regions.defect_types`)."""

    @model_validator(mode="after")
    def _types_with_accuracy(self) -> "RegionRule":
        known = self.when.type not in (None, UNKNOWN)
        if known and self.min_accuracy is None:
            raise ValueError("a rule on a type needs min_accuracy: how well the type must be told apart")
        if not known and self.min_accuracy is not None:
            raise ValueError("min_accuracy belongs to a rule on a type of defect")
        if self.when.type == UNKNOWN and self.action is RegionAction.ACCEPT:
            raise ValueError("what is of no known type cannot be accepted for its type")
        if not self.name.isprintable():
            raise ValueError("a name has printable letters only")
        return self

    @property
    def rank(self) -> tuple[int, str]:
        """Of several rules that take a region, the one of the lowest rank counts."""
        return _PRECEDENCE.index(self.action), self.name


class RegionRules(_Section):
    """The rules of a policy. Their order does not matter: `ng` comes before `review` before `accept`."""

    rules: tuple[RegionRule, ...] = Field(min_length=1, max_length=_MOST_RULES)
    mm_per_px: float | None = Field(default=None, gt=0, strict=True)
    """Size of a pixel of the original image; None: not known, and nothing is measured in mm."""

    @model_validator(mode="after")
    def _without_contradictions(self) -> "RegionRules":
        names = [rule.name for rule in self.rules]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two rules are called {twice!r}")
        for rule in self.rules:
            if rule.when.needs_scale and self.mm_per_px is None:
                raise ValueError(f"the rule {rule.name!r} is in mm, but no scale is given (mm_per_px)")
        for one, other in permutations(self.rules, 2):
            if self._hides(one, other):
                raise ValueError(
                    f"the rules {one.name!r} and {other.name!r} contradict: whatever {other.name!r} "
                    f"({other.action}) takes, {one.name!r} ({one.action}) takes first"
                )
            if one.action is other.action and self._same(one, other):
                raise ValueError(f"the rules {one.name!r} and {other.name!r} are the same")
        return self

    def _same(self, one: RegionRule, other: RegionRule) -> bool:
        return self._hidden_by(one, other) and self._hidden_by(other, one)

    def _hides(self, one: RegionRule, other: RegionRule) -> bool:
        """Whether `one` takes before `other` whatever `other` could take."""
        return _PRECEDENCE.index(one.action) < _PRECEDENCE.index(other.action) and self._hidden_by(other, one)

    def _hidden_by(self, other: RegionRule, one: RegionRule) -> bool:
        """Whether each region that meets the conditions of `other` meets those of `one`."""
        narrow, wide = (rule.when.ranges(self.mm_per_px) for rule in (other, one))
        inside = all(measure in narrow and narrow[measure].lies_in(wide[measure]) for measure in wide)
        a, b = other.when, one.when
        placed = b.zone is None or a.zone == b.zone
        typed = b.type is None or a.type == b.type
        counted = b.count is None or (
            a.count is not None
            and a.count.lies_in(b.count)
            and (narrow, a.zone, a.type) == (wide, b.zone, b.type)
            and (
                a.zone is None or (one.action is RegionAction.ACCEPT) == (other.action is RegionAction.ACCEPT)
            )
        )
        return inside and placed and typed and counted

    @property
    def types(self) -> dict[str, float]:
        """The types of defects that rules name, with the accuracy that each must have."""
        named: dict[str, float] = {}
        for rule in self.rules:
            if rule.when.type is not None and rule.min_accuracy is not None:
                named[rule.when.type] = max(named.get(rule.when.type, 0.0), rule.min_accuracy)
        return named

    def has(self, *actions: RegionAction) -> bool:
        """Whether some rule has one of these actions."""
        return any(rule.action in actions for rule in self.rules)


def _area(corners: Sequence[Corner]) -> float:
    """The area of a polygon by the shoelace formula."""
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in _edges(corners))) / 2


def _edges(corners: Sequence[Corner]) -> Iterator[tuple[Corner, Corner]]:
    return zip(corners, [*corners[1:], corners[0]], strict=True)


def _crosses_itself(corners: Sequence[Corner]) -> bool:
    """Whether two edges that are no neighbors cross."""

    def side(a: Corner, b: Corner, c: Corner) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    edges = list(_edges(corners))
    return any(
        side(*one, other[0]) * side(*one, other[1]) < 0 and side(*other, one[0]) * side(*other, one[1]) < 0
        for index, one in enumerate(edges)
        for other in edges[index + 2 :]
    )

"""What a policy is chosen for (`Goal`), and what it gives (`OperatingPoint`); needs no SciPy."""

import json
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_serializer,
    model_serializer,
    model_validator,
)

from gainspect.errors import GainspectError
from gainspect.inspection.bundle import Bundle, section_of
from gainspect.metrics.decisions import Costs, Outcome

POINT = "operating_point.json"
"""The name of the file in a bundle."""
MOST_STOPPED, MOST_ESCAPES = 0.5, 0.5
"""A policy that stops (NG or REVIEW) a larger share of the OK parts, or lets a larger one of the NG parts
escape, is marked unusable."""
_COSTS = ("miss", "false_alarm", "review")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


_Share = Annotated[float, Field(gt=0, lt=1)]
_Price = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class LeastCost(_Section):
    """Two thresholds of the least expected cost; never in the noise of parts without evidence."""

    kind: Literal["cost"] = "cost"
    miss: _Price = 20.0
    false_alarm: _Price = 1.0
    review: _Price = 0.5
    """Costs of one part, in any unit."""
    prevalence: _Share | None = None
    """Share of NG parts on the line; None: as in the data."""

    @property
    def costs(self) -> Costs:
        """The costs of one part."""
        return Costs(self.miss, self.false_alarm, self.review)


class EscapeBound(_Section):
    """The highest threshold whose escape rate is proven to be below a bound."""

    kind: Literal["escape"] = "escape"
    rate: _Share
    confidence: _Share = 0.95


class Recall(_Section):
    """The highest threshold that catches this share of the NG parts by their score, whatever it costs."""

    kind: Literal["recall"] = "recall"
    recall: Annotated[float, Field(gt=0, le=1)]


class FalseAlarms(_Section):
    """The lowest threshold with at most this share of false alarms; never in the noise."""

    kind: Literal["false_alarms"] = "false_alarms"
    rate: Annotated[float, Field(ge=0, lt=1)]


class ByHand(_Section):
    """Thresholds set by hand."""

    kind: Literal["hand"] = "hand"
    threshold: Annotated[float, Field(ge=0, le=1)]
    review_from: Annotated[float, Field(ge=0, le=1)] | None = None
    """Where the band for REVIEW begins; None: there is none."""

    @model_validator(mode="after")
    def _in_order(self) -> "ByHand":
        if self.review_from is not None and self.review_from > self.threshold:
            raise ValueError("a band for REVIEW ends at the threshold")
        return self

    @model_serializer(mode="wrap")
    def _readable_by_older_versions(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what older versions do not know, if it says nothing."""
        stored: dict[str, Any] = dump(self)
        return {name: value for name, value in stored.items() if value is not None}


Goal = Annotated[LeastCost | EscapeBound | Recall | FalseAlarms | ByHand, Field(discriminator="kind")]


class ScoreMap(_Section):
    """An increasing map from logit to calibrated logit (`metrics.calibration.Increasing`)."""

    x: tuple[float, ...]
    y: tuple[float, ...]
    below: float
    above: float


class Carried(_Section):
    """How scores of the networks of all folds were carried over to the one that inspects."""

    folds: int
    """Number of folds."""
    method: Literal["none", "platt", "isotonic"]
    """The score calibration; "none": scores stay as they are."""
    losses: dict[Literal["none", "platt", "isotonic"], float]
    """Mean log loss with which each method foretells the scores of a fold that is left out; empty with two
    folds, where no method can be told from another."""
    maps: tuple[ScoreMap, ...]
    """That of each fold; scores are carried over by it and the inverse of the mean. "none" has none."""


class Procedure(_Section):
    """What choosing out of fold gives where thresholds are chosen on all folds but one, and applied to it."""

    carried: Carried
    counted: Outcome | None
    """Decisions on the parts of all folds; None: the goal cannot be had on all folds but one."""
    groups: int
    escaped_groups: int
    """Number of independent NG parts (groups), and of those of which an image is decided OK."""
    escape_bound: float
    """Exact upper bound (95 %) of the escape rate: a bound of the procedure, not of the last network."""

    @field_serializer("counted")
    def _by_name(self, counted: Outcome | None) -> dict[str, int] | None:
        return None if counted is None else counted._asdict()


class Attainable(NamedTuple):
    """How many NG parts show evidence, and what the others would cost."""

    ng: int
    """Number of NG parts."""
    blind: tuple[str, ...]
    """Those whose P(NG) is below the floor, so that they show no evidence; worst first."""
    price: float | None
    """Share of the OK parts that would be false alarms in addition if these were caught by a lower threshold;
    None where there are none, or no OK parts."""


class OperatingPoint(_Section):
    """What a policy gives on the parts that it was chosen on. It is told, never applied."""

    goal: Goal
    split: str
    """The part of the data."""
    counted: Outcome
    """After the check of reasons."""
    prevalence: float
    """Share of NG parts that the cost is told for: of the goal, else of the data."""
    cost: float | None
    cost_at_1_percent: float | None
    """Per 1,000 parts, at the goal's costs, else at those of `LeastCost`; None without parts of a class."""
    floor: float | None
    """NG parts below this P(NG) show no evidence; None without parts of a class."""
    blind: tuple[str, ...]
    """The NG parts that show no evidence, worst first."""
    price: float | None
    """Share of the OK parts that would be false alarms in addition, if the blind ones were caught by a lower
    threshold; None where there are none."""
    groups: int
    escaped_groups: int
    """Number of independent NG parts (groups), and of those of which an image is decided OK."""
    escape_bound: float
    """Exact upper bound (95 %) of the escape rate of such parts."""
    needed: tuple[tuple[float, int], ...]
    """How many NG parts, none of them missed, prove an escape rate below each of these."""
    unusable: str | None
    """Why no plant should use the policy; None: nothing speaks against it."""
    procedure: Procedure | None = None
    """What the procedure gives, if the policy was chosen out of fold."""

    @model_serializer(mode="wrap")
    def _readable_by_older_versions(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        stored: dict[str, Any] = dump(self)
        return {name: value for name, value in stored.items() if name != "procedure" or value is not None}

    @field_serializer("counted")
    def _by_name(self, counted: Outcome) -> dict[str, int]:
        return counted._asdict()


def point_of(bundle: Bundle) -> OperatingPoint | None:
    """What the policy of a bundle gave where it was chosen; None: an older version wrote the bundle.

    Raises:
        GainspectError: it cannot be read.
    """
    return section_of(bundle, POINT, OperatingPoint)


def content_of(point: OperatingPoint) -> bytes:
    """The content of `operating_point.json`."""
    return (json.dumps(point.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n").encode()


def goal_of(
    *,
    cost: str | None = None,
    prevalence: float | None = None,
    escape: float | None = None,
    confidence: float | None = None,
    recall: float | None = None,
    false_alarms: float | None = None,
    threshold: float | None = None,
    review_from: float | None = None,
) -> LeastCost | EscapeBound | Recall | FalseAlarms | ByHand | None:
    """The goal that options state; None: none is stated.

    Args:
        cost: as "miss=20,false_alarm=1,review=0.5".
        prevalence: share of NG parts on the line; belongs to the cost.
        escape: bound on the escape rate.
        confidence: of that bound; 0.95 if not given.
        recall: the share of NG parts to catch.
        false_alarms: the largest share of OK parts that may be false alarms.
        threshold: on P(NG), by hand.
        review_from: where the band for REVIEW below that threshold begins.

    Raises:
        GainspectError: two goals are stated, or a number is missing or out of its range.
    """
    by_cost = None if cost is None and prevalence is None else "--cost"
    others = {
        "--escape": escape,
        "--target-recall": recall,
        "--false-alarms": false_alarms,
        "--threshold": threshold,
    }
    stated = [*([by_cost] if by_cost else []), *(name for name, value in others.items() if value is not None)]
    if len(stated) > 1:
        raise GainspectError(f"{' and '.join(stated)} are two goals", hint="Choose one.")
    if confidence is not None and escape is None:
        raise GainspectError("--confidence belongs to --escape", hint="Add --escape, or leave it out.")
    if review_from is not None and threshold is None:
        raise GainspectError("--review-from belongs to --threshold", hint="Add --threshold, or leave it out.")
    if review_from is not None and threshold is not None and review_from > threshold:
        raise GainspectError(
            f"--review-from {review_from:g} is above --threshold {threshold:g}",
            hint="The band for REVIEW lies below the threshold: swap them.",
        )
    try:
        if by_cost:
            return LeastCost.model_validate({**_costs(cost), "prevalence": prevalence})
        if escape is not None:
            return EscapeBound(rate=escape, confidence=0.95 if confidence is None else confidence)
        if recall is not None:
            return Recall(recall=recall)
        if false_alarms is not None:
            return FalseAlarms(rate=false_alarms)
        return None if threshold is None else ByHand(threshold=threshold, review_from=review_from)
    except ValidationError as error:
        fault = error.errors()[0]
        name = ".".join(map(str, fault["loc"])).replace("_", " ")
        raise GainspectError(
            f"the {name} {fault['input']} is out of its range ({fault['msg'].lower()})",
            hint="Costs are at least 0; shares are between 0 and 1.",
        ) from error


def _costs(text: str | None) -> dict[str, float]:
    if text is None:
        return {}
    found: dict[str, float] = {}
    for piece in filter(None, map(str.strip, text.split(","))):
        name, _, value = (side.strip() for side in piece.partition("="))
        if name not in _COSTS or name in found:
            raise _bad_costs(f"--cost has {'two of' if name in found else 'an unknown'} {name!r}")
        try:
            found[name] = float(value)
        except ValueError as error:
            raise _bad_costs(f"the cost {piece!r} is not a number") from error
    if missing := [name for name in _COSTS if name not in found]:
        raise _bad_costs(f"--cost lacks {', '.join(missing)}")
    return found


def _bad_costs(what: str) -> GainspectError:
    return GainspectError(what, hint="Write --cost miss=20,false_alarm=1,review=0.5.")

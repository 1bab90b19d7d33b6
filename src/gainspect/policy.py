"""The policy of a bundle: when a part is OK, NG or REVIEW. It is chosen in `evaluation.operating_point`."""

import hashlib
import json
import math
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from gainspect.region_rules import RegionRules
from gainspect.types import (
    CHECK_REASONS,
    AcceptReason,
    Decision,
    Fill,
    Fired,
    InputStatistics,
    Label,
    MapName,
    NgReason,
    ReviewReason,
    StatisticName,
    Unlike,
)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HeatScale(_Section):
    """The one color scale for all evidence of a bundle, in the evidence's own units."""

    cold: float = Field(ge=0)
    """Evidence up to this value is drawn without color; that of nearly all OK parts stays below it."""
    hot: float = Field(gt=0)
    """Evidence from this value on is drawn in the hottest color; that of half of the NG parts reaches it."""


class ReasonPolicy(_Section):
    """How the reason of an NG verdict is checked, and when it fails so that a person must decide.

    A limit that is None is not applied.
    """

    controls: int = Field(default=2, ge=1, le=16)
    """Control regions per image. Checking one NG verdict costs 1 + `controls` additional images."""
    seed: int = Field(default=0, ge=0)
    """Together with the image's own pixels, it determines where the control regions are placed."""
    fill: Fill | None = None
    """What a repair fills a region with; None in bundles written before this field existed: "diffused"."""
    good_parts: bool | None = None
    """Whether repairs may come from the good parts of the bundle too; None: from the image itself only."""
    min_drop: float | None = None
    """Repairing the evidence must lower P(NG) by at least this share of it."""
    max_control_drop: float | None = None
    """Repairing the controls must not lower P(NG) by more than this share of it."""
    min_agreement: float | None = None
    """Attention and localization must have at least this cosine similarity."""
    share: float | None = Field(default=None, ge=0, le=1)
    """Of these verdicts, the share that was allowed to become REVIEW."""
    split: str | None = None
    """The part of the data that the limits were fitted on."""
    verdicts: int = Field(default=0, ge=0)
    """Number of right NG verdicts in that part that the limits were fitted on: without those whose evidence
    lies beside their marked defect."""
    marked: int | None = Field(default=None, ge=0)
    """How many of these have a marked defect, so that their reason is known to be right; None in bundles
    written before this field existed."""
    reviewed: int = Field(default=0, ge=0)
    """How many of these become REVIEW because they break one of the fitted limits."""
    unchecked: int = Field(default=0, ge=0)
    """How many of these become REVIEW only because their reason could not be checked in full."""

    @property
    def filled_with(self) -> Fill:
        """What a repair fills a region with."""
        return self.fill or "diffused"


class UsualRange(_Section):
    """Between which values a figure of an image lies, in the figure's own units; None: it has no such end."""

    low: float | None = None
    high: float | None = None

    def holds(self, value: float) -> bool:
        """Whether the value lies in the range, ends included; NaN does not."""
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)


class InputPolicy(_Section):
    """Which images count as like those of the training; `evaluation.input_limits` fits it."""

    ranges: dict[StatisticName, UsualRange]
    """The figures that are looked at, and their usual ranges."""
    share: float = Field(gt=0, lt=1)
    """Of new OK images, the share that was allowed to lie outside of some range."""
    split: str
    """The part of the data that the ranges were fitted on, besides the images of the training."""
    images: int = Field(ge=0)
    """Number of OK images in that part."""
    training: int = Field(default=0, ge=0)
    """Number of OK images of the training that were looked at."""
    outside: int = Field(default=0, ge=0)
    """How many of the OK images in that part lie outside of some range."""

    def unlike(self, inputs: InputStatistics) -> tuple[Unlike, ...]:
        """The figures of an image that lie outside of their usual range; one that is not known does not."""
        return tuple(
            Unlike(name, inputs[name], usual.low, usual.high)
            for name, usual in self.ranges.items()
            if name in inputs and not usual.holds(inputs[name])
        )


class ViewRule(_Section):
    """How the scores of a part's images become the one score that thresholds apply to."""

    kind: Literal["max", "mean", "k_of_n"] = "max"
    """The largest; the mean on the logit scale; the k-th largest (of fewer than k images, the smallest)."""
    k: int | None = Field(default=None, ge=2, le=16)
    """Only of k_of_n: so many images must reach a threshold."""

    @model_validator(mode="after")
    def _k_where_it_counts(self) -> "ViewRule":
        if (self.kind == "k_of_n") != (self.k is not None):
            raise ValueError("k belongs to k_of_n, and to it alone")
        return self

    def __str__(self) -> str:
        return {"max": "the largest score", "mean": "the mean of the logits"}.get(
            self.kind, f"{self.k} images over the threshold"
        )


class Rules(_Section):
    """What `decide` applies."""

    threshold: float = Field(ge=0, le=1)
    """From this P(NG) on, the decision is NG."""
    review_from: float | None = Field(default=None, ge=0, le=1)
    """From this P(NG) on, and below the threshold, the decision is REVIEW; None: there is no such band."""
    views: ViewRule | None = None
    """How the images of a part become one score; None: the largest counts."""

    @property
    def least_stopped(self) -> float:
        """The least P(NG) of a part that is not OK by its score."""
        return self.threshold if self.review_from is None else self.review_from

    @model_validator(mode="after")
    def _in_order(self) -> "Rules":
        if self.review_from is not None and self.review_from > self.threshold:
            raise ValueError(f"review_from, {self.review_from}, is above the threshold, {self.threshold}")
        return self


class Policy(Rules):
    """When a part is NG, and on which data this was chosen."""

    kind: Literal["threshold"] = "threshold"
    target_recall: float | None = Field(default=None, gt=0, le=1)
    """The recall that the threshold was chosen for; None: the threshold was set by hand."""
    split: str
    """What of the data the threshold was chosen on (or, if it was set by hand, tried on)."""
    ng: int = Field(ge=0)
    ok: int = Field(ge=0)
    """Number of NG and OK parts in it."""
    recall: float | None = None
    false_alarm_rate: float | None = None
    """Recall and false-alarm rate of these parts at this threshold."""
    region_threshold: float = Field(ge=0)
    """Regions are where the evidence reaches this value, in the evidence's own units."""
    map_thresholds: dict[MapName, float] = {}
    """For each map, the threshold at which it fits the masks best; empty without masks."""
    heat: HeatScale | None = None
    """How evidence is drawn; None in bundles written before this field existed."""
    reason: ReasonPolicy | None = None
    """How reasons are checked; None: they are not checked."""
    region_rules: RegionRules | None = None
    """What follows from single regions; None: there are no such rules."""
    inputs: InputPolicy | None = None
    """Which images are like those of the training; None: this is not checked."""

    @property
    def rules(self) -> Rules:
        """What `decide` applies of it."""
        return Rules(**{name: getattr(self, name) for name in Rules.model_fields})

    def heat_scale(self) -> HeatScale:
        """The scale to draw with; if the policy has none, from 0 to twice the region threshold."""
        return self.heat or HeatScale(cold=0, hot=max(2 * self.region_threshold, 1e-9))

    @property
    def policy_id(self) -> str:
        """SHA-256, hexadecimal, of the policy's canonical JSON: sorted keys, no blanks, no empty fields.

        Since fields that are None are left out, a field that a later version adds changes no id.
        """
        canonical = json.dumps(
            self.model_dump(mode="json", exclude_none=True),
            sort_keys=True,
            separators=(",", ":"),
            ensure_ascii=False,
            allow_nan=False,
        )
        return hashlib.sha256(canonical.encode()).hexdigest()

    @model_serializer(mode="wrap")
    def _readable_by_older_versions(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what older versions do not know, if it says nothing."""
        stored: dict[str, Any] = dump(self)
        return {name: value for name, value in stored.items() if name not in _LATER or value is not None}


_LATER = ("review_from", "views", "region_rules", "inputs")
"""Fields that older versions do not know."""
_NEAR_0 = 1e-7
"""Logits are of scores this far from 0 and 1 at least, the resolution of float32 near 1."""


class View(NamedTuple):
    """What a policy looks at in one image of a part."""

    score: float | None
    """P(NG), 0…1; None: the image could not be read."""
    doubts: tuple[ReviewReason, ...] = ()
    """What the check of its reason found, if its score is NG and its reason was checked."""
    region_ng: bool = False
    region_review: bool = False
    """Whether a rule on regions calls one of its regions NG, or sends it to a person."""
    rest: float | None = None
    """P(NG) without its regions, if rules accept every one of them; None: they do not."""
    unlike: bool = False
    """Whether the image is unlike those of the training."""


def part_score(scores: Sequence[float], rule: ViewRule | None = None) -> float:
    """The one P(NG), 0…1, of a part with these scores of its images, in any order.

    >>> part_score([0.5, 0.9]), round(part_score([0.5, 0.9], ViewRule(kind="mean")), 6)
    (0.9, 0.75)
    >>> part_score([0.2, 0.8, 0.5], ViewRule(kind="k_of_n", k=2))
    0.5
    """
    rising = sorted(scores)
    if rule is None or rule.kind == "max":
        return rising[-1]
    if rule.k is not None:
        return rising[max(0, len(rising) - rule.k)]
    logits = [math.log(score / (1 - score)) for score in (_inside(score) for score in rising)]
    mean = 1 / (1 + math.exp(-math.fsum(logits) / len(logits)))
    return min(max(mean, rising[0]), rising[-1])  # one image, or equal ones: exactly theirs


def _inside(score: float) -> float:
    return min(max(score, _NEAR_0), 1 - _NEAR_0)


def decide(views: Sequence[View], rules: Rules) -> Decision:
    """The decision on one part, with every rule that fired. The order of its images does not matter.

    `docs/decision.md` has the tables of what fires and of what then is decided.

    Args:
        views: the images of the part, at least one.
        rules: the policy.

    Raises:
        ValueError: there is no image, or a score is not within 0…1 (NaN would otherwise pass as OK).
    """
    read = [view for view in views if view.score is not None]
    scores = [score for view in views for score in (view.score, view.rest) if score is not None]
    if not views or not all(0 <= score <= 1 for score in scores):
        raise ValueError(f"no decision on a part with the scores {scores}")
    fired: list[Fired] = []
    if len(read) < len(views):
        fired.append(ReviewReason.UNREADABLE)
    if any(view.region_ng for view in read):
        fired.append(NgReason.REGION_NG)
    if read:
        fired += _by_score(read, rules)
    if any(view.region_review for view in read):
        fired.append(ReviewReason.REGION_REVIEW)
    if any(view.unlike for view in read):
        fired.append(ReviewReason.UNLIKE_TRAINING)
    return Decision(_label(fired), tuple(fired))


def _label(fired: Sequence[Fired]) -> Label:
    """What is decided if these rules fired."""
    if any(rule is ReviewReason.UNREADABLE or rule in CHECK_REASONS for rule in fired):
        return Label.REVIEW
    if any(isinstance(rule, NgReason) for rule in fired):
        return Label.NG
    return Label.REVIEW if any(isinstance(rule, ReviewReason) for rule in fired) else Label.OK


def _by_score(views: Sequence[View], rules: Rules) -> list[Fired]:
    """What fires by the score of the part, without what is accepted, and by the check of its reason."""
    left = [counted_score(view) for view in views]
    score = part_score(left, rules.views)
    whole = part_score([view.score for view in views if view.score is not None], rules.views)
    accepted = [AcceptReason.REGION_ACCEPTED] if score < whole and whole >= rules.least_stopped else []
    if score >= rules.threshold:
        over = [view for view, value in zip(views, left, strict=True) if value >= rules.threshold]
        return [NgReason.SCORE, *accepted, *_doubts(over)]
    return [*([ReviewReason.BORDERLINE] if score >= rules.least_stopped else []), *accepted]


def counted_score(view: View) -> float:
    """The P(NG) of an image, which could be read, that counts: without its regions, if they are accepted."""
    assert view.score is not None
    return view.score if view.rest is None else min(view.rest, view.score)


def _doubts(defective: Sequence[View]) -> list[ReviewReason]:
    """What was found against every one of these images; nothing if the reason of one of them holds."""
    if not all(view.doubts for view in defective):
        return []
    found = {doubt for view in defective for doubt in view.doubts}
    return [reason for reason in ReviewReason if reason in found]

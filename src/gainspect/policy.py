"""The policy of a bundle: when a part is OK, NG or REVIEW. It is chosen in `evaluation.operating_point`."""

import hashlib
import json
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

from gainspect.types import Decision, Label, MapName, NgReason, ReviewReason


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


class Rules(_Section):
    """What `decide` applies."""

    threshold: float = Field(ge=0, le=1)
    """From this P(NG) on, the decision is NG."""
    review_from: float | None = Field(default=None, ge=0, le=1)
    """From this P(NG) on, and below the threshold, the decision is REVIEW; None: there is no such band."""

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
    """The part of the data that the threshold was chosen on (or, if it was set by hand, tried on)."""
    ng: int = Field(ge=0)
    ok: int = Field(ge=0)
    """Number of NG and OK images in that part."""
    recall: float | None = None
    false_alarm_rate: float | None = None
    """Recall and false-alarm rate on that part at this threshold."""
    region_threshold: float = Field(ge=0)
    """Regions are where the evidence reaches this value, in the evidence's own units."""
    map_thresholds: dict[MapName, float] = {}
    """For each map, the threshold at which it fits the masks best; empty without masks."""
    heat: HeatScale | None = None
    """How evidence is drawn; None in bundles written before this field existed."""
    reason: ReasonPolicy | None = None
    """How reasons are checked; None: they are not checked."""

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
        if stored.get("review_from") is None:
            stored.pop("review_from", None)
        return stored


class View(NamedTuple):
    """What a policy looks at in one image of a part."""

    score: float | None
    """P(NG), 0…1; None: the image could not be read."""
    doubts: tuple[ReviewReason, ...] = ()
    """What the check of its reason found, if its score is NG and its reason was checked."""


def decide(views: Sequence[View], rules: Rules) -> Decision:
    """The decision on one part, with every rule that fired. The order of its images does not matter.

    The part is NG if one of its images is, and its reason is confirmed if that of one such image is.
    `docs/decision.md` has the table of all outcomes. Rules stand in the order of precedence: those that make
    a part NG by its regions belong before the score, those that accept regions between the score and the
    doubts on its reason, and doubts on an input that turn OK into REVIEW at the end.

    Args:
        views: the images of the part, at least one.
        rules: the policy.

    Raises:
        ValueError: there is no image, or a score is not within 0…1 (NaN would otherwise pass as OK).
    """
    scores = [view.score for view in views if view.score is not None]
    if not views or not all(0 <= score <= 1 for score in scores):
        raise ValueError(f"no decision on a part with the scores {scores}")
    fired: list[NgReason | ReviewReason] = []
    if len(scores) < len(views):
        fired.append(ReviewReason.UNREADABLE)
    if scores:
        fired += _by_score(max(scores), rules)
    if NgReason.SCORE in fired:
        fired += _doubts([v for v in views if v.score is not None and v.score >= rules.threshold])
    if any(isinstance(rule, ReviewReason) for rule in fired):
        return Decision(Label.REVIEW, tuple(fired))
    return Decision(Label.NG if fired else Label.OK, tuple(fired))


def _by_score(score: float, rules: Rules) -> list[NgReason | ReviewReason]:
    if score >= rules.threshold:
        return [NgReason.SCORE]
    borderline = rules.review_from is not None and score >= rules.review_from
    return [ReviewReason.BORDERLINE] if borderline else []


def _doubts(defective: Sequence[View]) -> list[ReviewReason]:
    """What was found against every one of these images; nothing if the reason of one of them holds."""
    if not all(view.doubts for view in defective):
        return []
    found = {doubt for view in defective for doubt in view.doubts}
    return [reason for reason in ReviewReason if reason in found]
